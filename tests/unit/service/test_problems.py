"""Every refusal is a problem with a code, a next step and both languages; nothing of a request comes back."""

import json
from pathlib import Path
from typing import Any

import pytest

from esign.errors import Error
from esign.service import problems
from esign.service.problems import problem_of
from tests.support.service import ServiceForTest, problem, wanted
from tests.unit.test_texts import USES

CANARY = "Nguyễn Thị Bí Mật 079099001234"


def test_addresses_methods_and_kinds_that_there_are_not(here: ServiceForTest) -> None:
    for path in (
        "/nix",
        "/v1",
        "/v1/agencies/H26.18.01/nix",
        "/v1/agencies/../../etc/passwd",
        "/docs/",
        "/problems/nix",
    ):
        problem(here.get(path), 404, "route-unknown")
    answer = here.client.delete(here.url("results"))
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, POST"
    wrong = here.post("results", content=b"<a/>", headers={"Content-Type": "text/xml"})
    problem(wrong, 415, "unsupported-media-type")
    html = here.post("verifications", content=b"", headers={"Content-Type": "application/pdf", "Accept": "image/png"})
    problem(html, 406, "not-acceptable")


@pytest.mark.parametrize(
    "body",
    [
        *[
            b"",
            b"{",
            b"[]",
            b"null",
            b'{"a": NaN}',
            b"\xff\xfe",
            b'"x"',
            b"[" * 100_000,
            b'{"pdf": "!"}',
            b'{"data": 1}',
        ],
        # Two programs could read these in two ways, or a database not at all.
        json.dumps(wanted()).encode("utf-16"),
        json.dumps(wanted())[:-1].encode() + b', "symbol": "X"}',
        json.dumps(wanted(subject="a\0b")).encode(),
        json.dumps(wanted(data={"a\ud800": 1})).encode(),
        *(json.dumps(wanted(data={"a": "@"})).encode().replace(b'"@"', b"[" * n + b"]" * n) for n in (70, 900)),
        json.dumps(wanted(data={"a": "@"})).encode().replace(b'"@"', b"1e999"),
        json.dumps(wanted(data={"a": "@"})).encode().replace(b'"@"', b"[" + b"0," * 300_000 + b"0]"),
    ],
    ids=lambda b: repr(b[:12]),
)
def test_bodies_that_are_no_such_json(here: ServiceForTest, body: bytes) -> None:
    answer = here.post("results", content=body, headers={"Content-Type": "application/json"})
    assert problem(answer, 400, "request-invalid")["violations"]


def test_a_mark_of_the_byte_order_and_escapes_are_read(here: ServiceForTest) -> None:
    """Some portals' libraries write both."""
    body = b"\xef\xbb\xbf" + json.dumps(wanted(subject="Cấp 🙂"), ensure_ascii=True).encode()
    answer = here.post("results", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["subject"]) == (201, "Cấp 🙂"), answer.text


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_moments_at_the_ends_of_the_calendar(here: ServiceForTest, at: str, accept: str) -> None:
    headers = {"Content-Type": "application/pdf", "Accept": accept}
    problem(here.post(f"verifications?at={at}", content=b"%PDF-1.7", headers=headers), 400, "request-invalid")


@pytest.mark.parametrize(
    "path", ["webhook-deliveries?after=9223372036854775808", "batches/0000-0000-0000-0000/rows?after=3000000000"]
)
def test_places_in_lists_that_no_database_has(here: ServiceForTest, path: str) -> None:
    problem(here.get(path), 400, "request-invalid")


def test_violations_name_places_and_never_values(here: ServiceForTest) -> None:
    bad = wanted(procedure=1, subject="x" * 501, holder=[CANARY], expires=CANARY, ordinal=CANARY, title={"a": CANARY})
    answer = here.post("results", json={**bad, CANARY: 1})
    found = problem(answer, 400, "request-invalid")
    assert {v["at"] for v in found["violations"]} >= {"/procedure", "/subject", "/holder", "/expires", "/ordinal"}
    assert "Mật" not in answer.text.replace("M\\u1eadt", "Mật")


def test_data_of_a_template_do_not_come_back(here: ServiceForTest) -> None:
    answer = here.post("results", json=wanted(data={"subject": CANARY, CANARY: 1}))
    problem(answer, 422, "template-data-invalid")
    assert CANARY not in answer.text


def test_the_language_follows_the_reader(here: ServiceForTest) -> None:
    for named, language in (
        ("en-GB, vi;q=0.5", "en"),
        ("fr, en", "en"),
        ("vi", "vi"),
        ("", "vi"),
        ("de", "vi"),
    ):
        found = problem(here.get("/nix", headers={"Accept-Language": named}), 404, "route-unknown")
        assert found["detail"] == found[language]["what"]


def test_what_nobody_foresaw_has_an_incident_and_no_trace(
    here: ServiceForTest, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        message = f"cannot read {CANARY}"
        raise ZeroDivisionError(message)

    monkeypatch.setattr(here.office.registry, "find", fail)
    answer = here.get("results", params={"number": "1/QĐ-UBND"})
    incident = problem(answer, 500, "service-failed")["incident"]
    assert "Traceback" not in answer.text
    assert "ZeroDivisionError" not in answer.text
    (record,) = [r for r in caplog.records if incident in r.getMessage()]
    assert "ZeroDivisionError" in record.getMessage()
    assert "test_problems.py" in record.places  # type: ignore[attr-defined]
    assert CANARY not in record.getMessage() + record.places  # type: ignore[attr-defined]


def test_every_problem_has_a_page_of_its_own(here: ServiceForTest) -> None:
    found = problem(here.get("/nix"), 404, "route-unknown")
    page = here.client.get(found["type"])
    assert page.status_code == 200
    assert "script" not in page.text
    assert found["vi"]["next"] in page.text


def test_every_error_has_a_status_of_a_refusal() -> None:
    known = {400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 422, 429, 431, 500, 503}
    for code in sorted({use.code for use in USES if use.raised}):
        kinds: list[Any] = [Error, *Error.__subclasses__()]
        for kind in kinds:
            said = problem_of(kind(code, seconds=3), "vi")
            assert said.status in known, code
            assert (said.retry_after is not None) >= (said.status in {429, 503})


def test_names_of_members_are_escaped_in_pointers() -> None:
    (found,) = problems.InvalidRequest([{"loc": ("body", "a/b~c", 0), "type": "missing"}]).violations
    assert (found.at, found.rule) == ("/a~1b~0c/0", "missing")


def test_pages_come_with_the_product() -> None:
    folder = Path(problems.__file__).parent / "pages"
    assert {p.name for p in folder.iterdir()} >= {"reference.html", "problem.html", "found.html", "style.css"}
