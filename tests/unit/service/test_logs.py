"""The log: a line of JSON for each request, without anybody's data, and no text can begin a line of its own."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from esign.service.logs import write_json
from tests.support.plain_pdf import plain_pdf
from tests.support.service import ServiceForTest, b64, wanted
from tests.support.waiting import until

CANARY = "CANARYnguyen-thi-bi-mat-079099001234"
FORGED = 'x\r\n{"event": "forged"}\x1b[31m\u2028\u202e'


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    write_json(stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("esign", "esign_hsm", "esign_cli"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


def lines(log: io.StringIO, *, least: int = 0) -> list[dict[str, object]]:
    """A line is written when its answer is gone: the last one may still be on its way."""
    until(lambda: log.getvalue().count("\n") >= least)
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_line_for_each_request(log: io.StringIO, here: ServiceForTest) -> None:
    issued = here.issue()
    answer = here.get(f"results/{issued['id']}")
    found = [line for line in lines(log, least=2) if line["logger"] == "esign.service.requests"]
    assert [(line["method"], line["route"], line["status"]) for line in found] == [
        ("POST", "/v1/agencies/{agency}/results", 201),
        ("GET", "/v1/agencies/{agency}/results/{result}", 200),
    ]
    assert found[1]["request"] == answer.headers["x-request-id"]
    assert (found[1]["principal"], found[1]["agency"]) == ("key:all-roles", "H26.18.01")
    assert issued["id"] not in log.getvalue()


def test_no_data_of_anybody_is_in_it(log: io.StringIO, here: ServiceForTest) -> None:
    """Canaries in every place of a request."""
    headers = {"User-Agent": CANARY, "Referer": CANARY, "Cookie": CANARY, "X-Forwarded-For": CANARY, "Prefer": CANARY}
    secret = {"Authorization": f"Bearer {CANARY}"}
    here.post("results", key=CANARY, json=wanted(holder=CANARY, subject=CANARY), headers=headers)
    here.post("results", json=wanted(**dict.fromkeys(wanted(), CANARY)))
    here.post("results", json=wanted(data={CANARY: CANARY}))
    here.post("results", content=CANARY.encode(), headers={"Content-Type": "application/json"})
    here.post("results", content=CANARY.encode(), headers={"Content-Type": f"text/{CANARY}"})
    here.post(f"results/{CANARY}/standing", json={"standing": CANARY, "why": CANARY, "by": CANARY})
    here.post("submissions", json=wanted(person={"certificates": [b64(CANARY.encode())]}))
    here.post("signatures", files={CANARY: (CANARY, plain_pdf(), f"a/{CANARY}")})
    here.post("verifications", files={"file": (CANARY, CANARY.encode(), "application/pdf")})
    here.get(f"results/{CANARY}?{CANARY}={CANARY}", headers=headers)
    here.get("results", params={"number": CANARY, "dossier": CANARY, "after": CANARY, "state": CANARY})
    here.get("results", headers=secret)
    here.get(f"/{CANARY}", headers=secret)
    here.client.request(CANARY, "/")
    here.client.get(f"/v1/agencies/{CANARY}/results", headers=secret)
    assert len(lines(log, least=15)) >= 15
    assert CANARY.lower() not in log.getvalue().lower()


def test_no_text_begins_a_line_of_its_own(log: io.StringIO, here: ServiceForTest) -> None:
    logging.getLogger("esign.anything").warning("said %s", FORGED)
    structlog.get_logger("esign.anything").warning("said", what=FORGED, code=FORGED * 100)
    before = len(lines(log))
    assert before == 2
    here.get("results", params={"number": FORGED})
    assert len(lines(log, least=before + 1)) == before + 1
    for line in lines(log):
        assert line["event"] != "forged"
    for character in "\x1b\u2028\u202e\r":
        assert character not in log.getvalue()


def test_what_other_libraries_say_is_not_repeated(log: io.StringIO) -> None:
    try:
        raise ValueError(CANARY)  # noqa: TRY301
    except ValueError:
        logging.getLogger("sqlalchemy.pool").exception("failed with %s", CANARY)
        logging.getLogger("esign.anything").exception("failed")
    assert [line["event"] for line in lines(log)] == ["sqlalchemy.pool error", "failed"]
    assert CANARY not in log.getvalue()
