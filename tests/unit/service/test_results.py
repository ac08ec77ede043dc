"""Issue, find and fetch over HTTP."""

import hashlib
import json
from typing import Any

import pytest

from esign.errors import TokenUnavailable
from esign.keys import Mechanism, SigningKey
from esign.registry import IntentState
from tests.support.office import Office
from tests.support.plain_pdf import plain_pdf
from tests.support.service import ServiceForTest, b64, problem, service, wanted


def test_a_result_is_issued_and_fetched(here: ServiceForTest) -> None:
    answer = here.post("results", key="portal-1", json=wanted(dossier="H26.18.01-261120-0001"))
    assert answer.status_code == 201, answer.text
    issued = answer.json()
    assert answer.headers["location"] == issued["links"]["self"]
    assert answer.headers["cache-control"] == "no-store"
    assert issued["state"] == "issued"
    assert issued["number"] == "01/QĐ-UBND"
    assert issued["result_code"] == "H26.18.01-261120-0001-KQ1"
    document = here.get(issued["links"]["document"])
    assert document.headers["content-type"] == "application/pdf"
    assert hashlib.sha256(document.content).hexdigest() == issued["file"]["sha256"]
    assert document.headers["etag"] == f'"{issued["file"]["sha256"]}"'
    again = here.get(issued["links"]["document"], headers={"If-None-Match": document.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    details = here.get(issued["links"]["self"]).json()
    assert details["standing"] == "in-force"
    assert details["versions"][0]["sha256"] == issued["file"]["sha256"]
    first = here.get(issued["links"]["document"], params={"version": 0})
    assert first.content == document.content
    problem(here.get(issued["links"]["document"], params={"version": 1}), 404, "version-unknown")


@pytest.mark.parametrize("form", ["base64", "multipart"])
def test_a_pdf_is_sealed_signed_and_never_rewritten(here: ServiceForTest, form: str) -> None:
    pdf = plain_pdf()
    asked = {"procedure": "1.012345", "title": "Giấy phép", "number": "15/GP-UBND"}
    if form == "base64":
        answer = here.post("results", json={**asked, "pdf": b64(pdf)})
    else:
        parts = {"request": (None, json.dumps(asked), "application/json"), "pdf": ("a.pdf", pdf, "application/pdf")}
        answer = here.post("results", files=parts)
    assert answer.status_code == 201, answer.text
    issued = answer.json()
    assert issued["number"] == "15/GP-UBND"
    assert here.get(issued["links"]["document"]).content.startswith(pdf)


def test_what_is_recorded_for_later_is_issued_by_whoever_goes_on(here: ServiceForTest) -> None:
    answers = [
        here.post("results", key="later", json=wanted(), headers={"Prefer": "respond-async, wait=10"}) for _ in range(2)
    ]
    assert [a.status_code for a in answers] == [202, 202]
    assert answers[0].text == answers[1].text
    assert answers[0].headers["preference-applied"] == "respond-async"
    where = answers[0].headers["location"]
    assert here.get(where).json()["state"] == "reserved"
    problem(here.get(f"{where}/document"), 404, "not-issued")
    (unfinished,) = here.office.registry.unfinished()
    here.office.issuer(delivery=None).go_on(unfinished.id)
    assert here.get(where).json()["state"] == "issued"
    assert here.get(f"{where}/document").status_code == 200
    now = here.post("results", key="later", json=wanted())
    assert (now.status_code, now.json()["id"]) == (201, answers[0].json()["id"])


def test_results_are_found_by_number_dossier_state_and_page(here: ServiceForTest) -> None:
    made = [here.issue(dossier=f"H26.18.01-261120-000{n % 2}", ordinal=n + 1) for n in range(5)]
    everything, after = [], None
    for _ in range(3):
        page = here.get("results", params={"limit": 2, **({"after": after} if after else {})}).json()
        everything += [r["id"] for r in page["results"]]
        after = page["next"]
    assert everything == [r["id"] for r in reversed(made)]
    assert after is None

    def found(**params: object) -> list[str]:
        answer = here.get("results", params=params)
        assert answer.status_code == 200, answer.text
        return [r["id"] for r in answer.json()["results"]]

    assert found(dossier="H26.18.01-261120-0001") == [made[3]["id"], made[1]["id"]]
    assert found(number="03/QĐ-UBND") == [made[2]["id"]]
    assert found(number="03/QĐ-UBND", year=2025) == []
    assert found(state="void") == []
    assert len(found(state=["issued", "void"])) == 5


def test_templates_say_what_they_want(here: ServiceForTest) -> None:
    templates = {t["name"]: t for t in here.get("templates").json()["templates"]}
    assert {"quyet-dinh", "xac-nhan-cu-tru"} <= set(templates)
    one = templates["xac-nhan-cu-tru"]
    issued = here.issue(template=one["name"], data=one["sample"])
    assert issued["title"] == one["title"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"template": "../../etc"}, 400, "request-invalid"),
        ({"template": "khong-co"}, 422, "template-not-found"),
        ({"template": "/etc"}, 400, "request-invalid"),
        ({"data": {}}, 422, "template-data-invalid"),
        ({"procedure": "x"}, 422, "procedure-code-invalid"),
        ({"symbol": None}, 422, "number-or-symbol-needed"),
        ({"number": "1/QĐ-UBND"}, 422, "number-or-symbol-needed"),
        ({"pdf": b64(b"%PDF-")}, 422, "template-or-pdf-needed"),
        ({"template": None, "data": None, "pdf": b64(b"no pdf"), "symbol": None, "number": "1/A"}, 422, None),
        ({"dossier": "x"}, 422, "dossier-code-invalid"),
        ({"unknown": 1}, 400, "request-invalid"),
        ({"expires": "2027-01-01T00:00:00"}, 400, "request-invalid"),
    ],
    ids=str,
)
def test_what_cannot_be_issued_is_refused_and_nothing_is_recorded(
    here: ServiceForTest, changes: dict[str, object], status: int, code: str | None
) -> None:
    answer = here.post("results", json=wanted(**changes))
    problem(answer, status, code or answer.json()["code"])
    assert here.office.registry.listing().entries == ()


class Sometimes:
    """A key that can be away."""

    def __init__(self, key: SigningKey) -> None:
        self.key = key
        self.away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.key, name)

    def sign(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        if self.away:
            raise TokenUnavailable("signer-lost")
        return self.key.sign(data, mechanism=mechanism)


def test_a_token_that_is_away_is_not_the_callers_fault(office: Office) -> None:
    office.key = key = Sometimes(office.key)
    with service(office) as here:
        key.away = True
        refused = here.post("results", key="k", json=wanted())
        assert problem(refused, 503, "signer-lost")["retry_after"] == int(refused.headers["retry-after"])
        key.away = False
        assert here.post("results", key="k", json=wanted()).status_code == 201
    assert [e.state for e in office.registry.listing().entries] == [IntentState.ISSUED]


def test_appendices_copies_and_files_that_are_only_signed(here: ServiceForTest) -> None:
    main = here.issue()
    attached = here.post(f"results/{main['id']}/attachments", json={"pdf": b64(plain_pdf())})
    assert attached.status_code == 201, attached.text
    assert (attached.json()["kind"], attached.json()["number"]) == ("attachment", main["number"])
    signed = here.post("signatures", files={"request": (None, "{}"), "pdf": ("a.pdf", plain_pdf())})
    assert (signed.status_code, signed.json()["kind"], signed.json()["number"]) == (201, "signature", None)
    problem(here.post("signatures", json={}), 422, "pdf-missing")
    copy = here.post("copies", json={"pdf": b64(plain_pdf()), "form": "SAO_Y", "scanned": False})
    assert (copy.status_code, copy.json()["kind"]) == (201, "copy")


@pytest.mark.parametrize("id_", ["0123-4567-89AB-CDEF", "0123456789ABCDEF"])
def test_what_is_not_there_is_not_found(here: ServiceForTest, id_: str) -> None:
    for path in ("", "/document", "/standing", "/pending"):
        problem(here.get(f"results/{id_}{path}"), 404, "not-registered")
    problem(here.get("results/UUUUUUUUUUUUUUUU"), 400, "result-id-invalid")
    problem(here.get("results/short"), 400, "request-invalid")


def test_nothing_is_issued_that_is_over_or_whose_end_no_seal_can_say(here: ServiceForTest) -> None:
    for expires in ("2020-01-01T00:00:00Z", "2106-02-07T06:28:16Z", "2999-01-01T00:00:00Z"):
        problem(here.post("results", json=wanted(expires=expires)), 422, "expiry-invalid")
    assert here.get("results").json()["results"] == []
    assert here.issue(expires="2105-12-31T00:00:00Z")["expires"] == "2105-12-31T00:00:00Z"
