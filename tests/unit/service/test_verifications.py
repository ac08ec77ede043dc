"""Verify over HTTP: a document in, a report out; by its digest where it should not leave its owner."""

import jsonschema

from esign.reports.json import schema
from tests.support.plain_pdf import plain_pdf
from tests.support.service import ServiceForTest, problem

PDF = {"Content-Type": "application/pdf"}


def test_a_document_is_verified_as_json_and_as_a_page(here: ServiceForTest) -> None:
    issued = here.issue()
    pdf = here.get(issued["links"]["document"]).content
    answer = here.post("verifications", key=None, content=pdf, headers=PDF)
    report = answer.json()
    jsonschema.validate(report, schema())
    assert (report["integrity"], report["answer"]) == ("INTACT", "good")
    assert answer.headers["cache-control"] == "no-store"
    page = here.post("verifications", key=None, content=pdf, headers={**PDF, "Accept": "text/html, */*"})
    assert page.headers["content-type"].startswith("text/html")
    assert issued["number"] in page.text
    form = here.post("verifications", key=None, files={"file": ("a.pdf", pdf, "application/pdf")})
    assert form.json()["answer"] == "good"
    changed = here.post("verifications", key=None, content=pdf[:-3000] + b"x" + pdf[-2999:], headers=PDF)
    assert changed.json()["answer"] != "good"
    strict = here.post("verifications", key=None, content=pdf, headers=PDF, params={"original": "true"})
    assert strict.json()["answer"] == "bad"


def test_whatever_is_sent_ends_in_a_report(here: ServiceForTest) -> None:
    for data in (b"", b"%PDF-1.7", b"\x00" * 100_000, plain_pdf()):
        answer = here.post("verifications", key=None, content=data, headers=PDF)
        assert answer.status_code == 200, answer.text
        assert answer.json()["answer"] != "good"
    problem(here.post("verifications", key=None, files={"other": b"x"}), 400, "request-invalid")


def test_a_digest_says_whether_it_is_registered_and_what_holds(here: ServiceForTest) -> None:
    issued = here.issue()

    def asked(sha256: str) -> dict[str, object]:
        answer = here.post("verifications/by-hash", key=None, json={"sha256": sha256})
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        return found

    assert asked(issued["file"]["sha256"]) == {"registered": True, "standing": "in-force", "newest": True}
    assert asked("0" * 64) == {"registered": False, "standing": None, "newest": None}
    here.post(f"results/{issued['id']}/standing", json={"standing": "withdrawn", "why": "x"})
    assert asked(issued["file"]["sha256"])["standing"] == "withdrawn"
    problem(here.post("verifications/by-hash", json={"sha256": "A" * 64}), 400, "request-invalid")
