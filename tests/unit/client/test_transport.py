"""The client against a server that answers as scripted: real sockets, an invented clock for the pauses."""

import hashlib
import itertools
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from esign.api.results import IssueRequest, ResultDetails
from esign.client import Client, Refused, Retrying
from esign.client.results import Results
from esign.client.transport import Transport
from esign.errors import (
    DuplicateNumber,
    InputError,
    NetworkError,
    PINError,
    PreflightError,
    RequestConflict,
    ServiceError,
    SigningError,
)
from esign.reasons import Reason
from tests.unit.client.scripted import Reply, answer, cut, drip, problem, serving

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 4000
TAG = f'"{hashlib.sha256(PDF).hexdigest()}"'
REQUEST = IssueRequest(
    procedure="1.004222", symbol="XN-UBND", template="xac-nhan-cu-tru", data={"ho_ten": "Nguyễn Văn An"}
)
RESULT = {
    "id": "7K3M-9XQ2-4RTB-0ZWA",
    "state": "issued",
    "kind": "result",
    "agency": "H26.1.2",
    "number": "01/XN-UBND",
    "issue_date": "2026-11-22",
    "procedure": "1.004222",
    "title": "Xác nhận",
    "subject": "",
    "dossier": None,
    "result_code": None,
    "expires": None,
    "main": None,
    "reserved_at": "2026-11-22T03:00:00Z",
    "issued_at": "2026-11-22T03:00:01Z",
    "void": None,
    "void_why": None,
    "file": None,
    "links": {"self": "/v1/agencies/H26.1.2/results/7K3M-9XQ2-4RTB-0ZWA"},
    "of a newer service": True,
}
DETAILS: dict[str, object] = RESULT | {"versions": [], "promised": None, "standing": "in-force"}
BUSY = problem(503, "service-busy", "ServiceError", {"seconds": 2}, Retry_After="2")


class Time:
    """A clock that only pauses move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def results(http: httpx.Client, time: Time, *, within: float = 60) -> Results:
    transport = Transport(
        http,
        retrying=Retrying(within=timedelta(seconds=within)),
        clock=time.clock,
        sleep=time.sleep,
        chance=lambda: 1.0,
    )
    return Results(transport, "/v1/agencies/H26.1.2", clock=time.clock, sleep=time.sleep)


@pytest.mark.parametrize(
    "trouble",
    [
        BUSY,
        problem(429, "lookup-too-often", "RegistryError", Retry_After="1"),
        problem(409, "request-is-in-flight", "RequestInFlight", Retry_After="1"),
        answer(502, b"<html>", kind="text/html"),
        answer(504, b""),
        cut(),
        cut(10, body=b'{"id": "7K3M-9XQ2-4RTB-0ZWA"}', kind="application/json"),
    ],
    ids=["busy", "too often", "in flight", "bad gateway", "gateway timeout", "cut before", "cut within"],
)
@pytest.mark.parametrize("how", ["json", "file", "bytes"])
def test_sent_again_unchanged_until_it_is_answered(trouble: Reply, how: str, tmp_path: Path) -> None:
    (tmp_path / "given.pdf").write_bytes(PDF)
    pdf = {"json": None, "file": tmp_path / "given.pdf", "bytes": PDF}[how]
    time = Time()
    with serving(trouble, trouble, answer(201, RESULT)) as script, httpx.Client(base_url=script.url) as http:
        found = results(http, time).issue(REQUEST, pdf=pdf)
    assert found.number == "01/XN-UBND"
    first, *others = script.asked
    keys = {asked.headers["Idempotency-Key"] for asked in script.asked}
    assert len(keys) == 1
    assert len(keys.pop()) == 32
    assert len(others) == 2
    if how == "json":
        assert {asked.body for asked in others} == {first.body}
        assert "Nguyễn Văn An" in first.body.decode()
    else:
        assert all(PDF in asked.body and b'name="request"' in asked.body for asked in script.asked)
    assert len(time.pauses) == 2


def test_each_call_has_a_key_of_its_own_and_the_callers_goes_first() -> None:
    time = Time()
    with serving(answer(201, RESULT)) as script, httpx.Client(base_url=script.url) as http:
        for key in (None, None, "dossier-17"):
            results(http, time).issue(REQUEST, key=key)
    one, two, own = (asked.headers["Idempotency-Key"] for asked in script.asked)
    assert one != two
    assert own == "dossier-17"


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (problem(422, "request-conflict", "RequestConflict"), RequestConflict, "request-conflict"),
        (problem(409, "number-taken", "DuplicateNumber"), DuplicateNumber, "number-taken"),
        (problem(422, "dossier-code-invalid", "InputError"), InputError, "dossier-code-invalid"),
        (problem(422, "preflight-failed", "PreflightError"), PreflightError, "preflight-failed"),
        (problem(403, "not-permitted", "ServiceError"), ServiceError, "not-permitted"),
        (problem(500, "service-failed", "ServiceError"), ServiceError, "service-failed"),
        (problem(400, "of-a-newer-service", "OfANewerService"), ServiceError, "of-a-newer-service"),
        (answer(200, b"<html>", kind="text/html"), NetworkError, "service-answer-unexpected"),
        (answer(302, b"", Location="http://127.0.0.1:1/"), NetworkError, "service-answer-unexpected"),
        (answer(400, b"{}", kind="application/problem+json"), NetworkError, "service-answer-unexpected"),
    ],
)
def test_what_does_not_change_is_said_at_once(reply: Reply, kind: type[Exception], code: str) -> None:
    time = Time()
    with serving(reply) as script, httpx.Client(base_url=script.url) as http, pytest.raises(kind) as caught:
        results(http, time).issue(REQUEST)
    assert caught.value.code == code  # type: ignore[attr-defined]
    assert len(script.asked) == 1
    assert time.pauses == []


def test_a_refusal_is_the_librarys_own_error_with_its_facts() -> None:
    facts = {"number": "01/XN-UBND", "agency": "H26.1.2", "year": 2026, "other": {"code": "request-lost", "facts": {}}}
    refusing = serving(problem(409, "number-taken", "DuplicateNumber", facts))
    with refusing as script, httpx.Client(base_url=script.url) as http, pytest.raises(DuplicateNumber) as caught:
        results(http, Time()).issue(REQUEST)
    error = caught.value
    assert error.reason.facts["year"] == 2026
    assert isinstance(error.reason.facts["other"], Reason)
    assert "01/XN-UBND" in error.diagnostics("vi").what
    assert isinstance(error.__cause__, Refused)
    assert error.__cause__.problem.vi.next == "…"


def test_the_deadline_is_for_all_attempts_together() -> None:
    time = Time()
    with serving(BUSY) as script, httpx.Client(base_url=script.url) as http, pytest.raises(ServiceError) as caught:
        results(http, time, within=10).issue(REQUEST)
    assert caught.value.code == "service-busy"
    assert time.now < 10
    assert time.pauses == [2.5] * 3  # what was asked for, and a quarter
    assert len(script.asked) == 4


def test_nobody_there() -> None:
    time = Time()
    with httpx.Client(base_url="http://127.0.0.1:1") as http, pytest.raises(NetworkError) as caught:
        results(http, time, within=5).issue(REQUEST)
    assert caught.value.code == "service-unreachable"
    assert caught.value.reason.facts["host"] == "127.0.0.1"
    assert all(later >= before for before, later in pairwise(time.pauses))
    assert sum(time.pauses) < 5


def test_an_answer_that_only_drips_does_not_outlast_the_deadline() -> None:
    late = itertools.count(0, 100)  # seconds, from one look at the clock to the next
    with serving(drip(b" " * 1000, every=0.05)) as script, httpx.Client(base_url=script.url) as http:
        transport = Transport(http, retrying=Retrying(within=timedelta(seconds=500)), clock=late.__next__)
        with pytest.raises(NetworkError, match="TimeoutError"):
            Results(transport, "/v1/agencies/H26.1.2").get("7K3M-9XQ2-4RTB-0ZWA")
    assert len(script.asked) == 1


def test_a_document_is_fetched_whole_and_compared(tmp_path: Path) -> None:
    whole = answer(200, PDF, kind="application/pdf", ETag=TAG)
    broken = cut(50_000, body=PDF, ETag=TAG)
    target = tmp_path / "result.pdf"
    with serving(broken, whole, broken, whole) as script, httpx.Client(base_url=script.url) as http:
        asked = results(http, Time())
        assert asked.save("7K3M-9XQ2-4RTB-0ZWA", target) == TAG.strip('"')
        assert asked.document("7K3M-9XQ2-4RTB-0ZWA", version=0) == PDF
    assert target.read_bytes() == PDF
    assert [p.name for p in tmp_path.iterdir()] == ["result.pdf"]
    assert script.asked[-1].path.endswith("/document?version=0")


def test_a_document_that_was_changed_on_the_way_is_not_kept(tmp_path: Path) -> None:
    changing = serving(answer(200, PDF + b"!", kind="application/pdf", ETag=TAG))
    with changing as script, httpx.Client(base_url=script.url) as http, pytest.raises(NetworkError, match="announced"):
        results(http, Time()).save("7K3M-9XQ2-4RTB-0ZWA", tmp_path / "result.pdf")
    assert list(tmp_path.iterdir()) == []


def test_pages_are_fetched_as_they_are_needed() -> None:
    pages = [
        answer(200, {"results": [RESULT, RESULT], "next": "AAAA"}),
        answer(200, {"results": [RESULT], "next": None}),
    ]
    with serving(*pages) as script, httpx.Client(base_url=script.url) as http:
        found = results(http, Time()).find(state="issued")
        assert next(found).id == RESULT["id"]
        assert len(script.asked) == 1
        assert len(list(found)) == 2
    assert [asked.path.partition("?")[2] for asked in script.asked] == ["state=issued", "state=issued&after=AAAA"]


def test_waiting_for_what_was_accepted() -> None:
    later = answer(200, DETAILS | {"state": "signed", "issued_at": None})
    time = Time()
    with serving(later, later, answer(200, DETAILS)) as script, httpx.Client(base_url=script.url) as http:
        assert isinstance(results(http, time).wait("7K3M-9XQ2-4RTB-0ZWA"), ResultDetails)
    assert len(script.asked) == 3
    said = {"what": "…", "next": ""}
    void = DETAILS | {"state": "void", "void": {"code": "taken-back", "vi": said, "en": said}}
    given_up = serving(answer(200, void))
    with given_up as script, httpx.Client(base_url=script.url) as http, pytest.raises(SigningError) as caught:
        results(http, time).wait("7K3M-9XQ2-4RTB-0ZWA")
    assert caught.value.code == "request-voided"
    with serving(later) as script, httpx.Client(base_url=script.url) as http, pytest.raises(NetworkError) as late:
        results(http, time).wait("7K3M-9XQ2-4RTB-0ZWA", within=timedelta(seconds=30))
    assert late.value.code == "result-not-yet"


def test_a_file_that_cannot_be_read_is_not_retried(tmp_path: Path) -> None:
    time = Time()
    with httpx.Client(base_url="http://127.0.0.1:1") as http, pytest.raises(InputError, match="cannot be read"):
        results(http, time).issue(REQUEST, pdf=tmp_path / "missing.pdf")
    assert time.pauses == []


def test_a_token_is_not_sent_in_the_clear() -> None:
    with pytest.raises(InputError) as caught:
        Client("http://esign.example.gov.vn", agency="H26.1.2", token="secret")
    assert caught.value.code == "service-url-insecure"
    with serving(answer(200, DETAILS)) as script, Client(script.url, agency="H26.1.2", token="secret\n") as client:
        client.results.get("7K3M-9XQ2-4RTB-0ZWA")
    (asked,) = script.asked
    assert asked.headers["Authorization"] == "Bearer secret"
    assert asked.headers["Accept-Language"] == "vi"
    assert asked.path == "/v1/agencies/H26.1.2/results/7K3M-9XQ2-4RTB-0ZWA"


def test_a_pin_that_is_blocked_over_there_is_a_pin_error_here() -> None:
    blocked = problem(503, "pin-blocked", "PINError", {"serial": "1"}, Retry_After="5")
    with serving(blocked) as script, httpx.Client(base_url=script.url) as http, pytest.raises(PINError):
        results(http, Time(), within=3).issue(REQUEST)
    assert len(script.asked) == 1
