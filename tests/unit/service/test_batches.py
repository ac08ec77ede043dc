"""Batches over HTTP: handed in as lines, authorised by their root, followed row by row."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from esign.merkle import root_over
from esign.service.access import Role
from tests.support.office import Office
from tests.support.service import ServiceForTest, problem, service, wanted
from tests.support.waiting import until
from tests.support.work import Workroom, working

NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def here(office: Office) -> Iterator[ServiceForTest]:
    with service(office) as made:
        yield made


def lines(count: int, **changes: Any) -> bytes:
    rows = (json.dumps(wanted(subject=f"Việc {n}", **changes)) for n in range(count))
    return "\n".join(rows).encode() + b"\n"


def hand_in(here: ServiceForTest, content: bytes, *, key: str = "batch-1") -> dict[str, Any]:
    answer = here.post("batches", key=key, content=content, headers=NDJSON)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == here.url(f"batches/{found['id']}")
    return found


def test_a_batch_from_its_lines_to_its_documents(here: ServiceForTest) -> None:
    batch = hand_in(here, lines(5))
    assert (batch["state"], batch["size"], batch["rows"]["waiting"]) == ("waiting", 5, 5)
    assert here.get("results").json()["results"] == []
    path = f"batches/{batch['id']}"
    answer = here.post(f"{path}/authorisation", json={"root": batch["root"]})
    assert (answer.status_code, answer.json()["state"]) == (200, "authorised")
    with working(Workroom(here.office).worker()):
        until(lambda: here.get(path).json()["state"] == "finished")
    assert here.get(path).json()["rows"]["issued"] == 5
    first = here.get(f"{path}/rows?limit=3").json()
    rest = here.get(f"{path}/rows?limit=3&after={first['next']}").json()
    rows = [*first["rows"], *rest["rows"]]
    assert [r["position"] for r in rows] == [1, 2, 3, 4, 5]
    assert rest["next"] is None
    for row in rows:
        pdf = here.get(f"results/{row['result']}/document").content
        assert hashlib.sha256(pdf).hexdigest() == row["sha256"]
    proof = here.get(f"{path}/rows/4/proof").json()
    beside = [bytes.fromhex(h) for h in proof["path"]]
    assert root_over(bytes.fromhex(proof["digest"]), 3, 5, beside) == bytes.fromhex(batch["root"])
    assert proof["digest"] == rows[3]["digest"]


def test_the_same_batch_again_is_the_same_and_another_is_refused(here: ServiceForTest) -> None:
    batch = hand_in(here, lines(2))
    assert hand_in(here, lines(2)) == batch
    problem(here.post("batches", key="batch-1", content=lines(3), headers=NDJSON), 422, "batch-conflict")
    other = hand_in(here, lines(2), key="batch-2")
    assert other["id"] != batch["id"]
    listed = here.get("batches?limit=1").json()
    assert [b["id"] for b in listed["batches"]] == [other["id"]]
    assert [b["id"] for b in here.get(f"batches?after={listed['next']}").json()["batches"]] == [batch["id"]]


def test_every_line_that_cannot_be_is_named_and_nothing_is_kept(here: ServiceForTest) -> None:
    bad = [b"{", b"[]", b'{"no": "such"}', json.dumps(wanted(symbol=None)).encode(), b"\xff"]
    found = problem(here.post("batches", content=lines(1) + b"\n".join(bad), headers=NDJSON), 422, "batch-rows-invalid")
    assert [f["code"] for f in found["findings"]] == ["batch-row-invalid"] * 5
    assert found["facts"]["count"] == 5
    assert here.get("batches").json()["batches"] == []
    spool = here.office.folder / "spool"
    assert not spool.exists() or list(spool.iterdir()) == []


def test_nothing_of_a_line_is_repeated(here: ServiceForTest) -> None:
    bad = json.dumps(wanted() | {"Canary-Name": "x", "holder": ["Nguyễn Thị Canary"]}).encode()
    answer = here.post("batches", content=bad, headers=NDJSON)
    assert answer.status_code == 422
    assert "Canary" not in answer.text


def test_only_who_may_and_only_what_was_shown(here: ServiceForTest) -> None:
    batch = hand_in(here, lines(2))
    path = f"batches/{batch['id']}/authorisation"
    problem(here.post(path, json={"root": "00" * 32}), 409, "batch-root-differs")
    here.name = Role.AUDITOR.value
    problem(here.post(path, json={"root": batch["root"]}), 403, "not-permitted")
    assert here.get(f"batches/{batch['id']}").status_code == 200
    here.name = Role.OPERATOR.value
    problem(here.get(f"batches/{batch['id']}"), 403, "not-permitted")


def test_a_batch_can_be_cancelled(here: ServiceForTest) -> None:
    batch = hand_in(here, lines(2))
    path = f"batches/{batch['id']}"
    assert here.post(f"{path}/cancellation").json()["state"] == "cancelled"
    assert here.get(path).json()["rows"]["cancelled"] == 2
    problem(here.post(f"{path}/authorisation", json={"root": batch["root"]}), 409, "batch-cancelled")
    problem(here.post(f"{path}/rows/1/retry"), 409, "batch-finished")


def test_what_is_not_there(here: ServiceForTest) -> None:
    missing = "ABCD-EFGH-JKMN-PQRS"
    problem(here.get(f"batches/{missing}"), 404, "batch-unknown")
    problem(here.get(f"batches/{missing}/rows"), 404, "batch-unknown")
    batch = hand_in(here, lines(1))
    problem(here.get(f"batches/{batch['id']}/rows/2/proof"), 404, "batch-row-unknown")
    problem(here.post("batches", content=b"", headers=NDJSON), 422, "batch-empty")
    problem(here.post("batches", content=b"x", headers={"Content-Type": "text/csv"}), 415, "unsupported-media-type")
    problem(here.post("batches", key=None, content=lines(1), headers=NDJSON), 400, "idempotency-key-missing")


def test_work_is_seen_and_what_was_set_aside_is_put_back(here: ServiceForTest) -> None:
    from datetime import timedelta

    from esign.reasons import Reason
    from tests.support.office import request

    registry = here.office.registry
    intent = here.office.issuer().accept(request("a"))
    for _ in range(5):
        registry.tasks.failed(
            intent.id, Reason("not-issued", {"id": "-", "state": "-"}), again=lambda _: timedelta(0), aside_after=5
        )
    status = here.get("work").json()
    assert status["unfinished"] == 1
    (aside,) = status["set_aside"]
    assert (aside["id"], aside["tries"], aside["problem"]["code"]) == (str(intent.id), 5, "not-issued")
    answer = here.post(f"results/{intent.id}/retry")
    assert (answer.status_code, answer.json()["tries"]) == (200, 0)
    assert here.get("work").json()["set_aside"] == []
    problem(here.post(f"results/{intent.id}/retry"), 409, "task-not-set-aside")
