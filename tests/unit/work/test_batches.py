"""Batches: nothing before the authorisation of their root, then each row once, whatever happens meanwhile."""

import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from esign.document import Person
from esign.errors import Error, InputError, NotRegistered, RegistryError, RequestConflict
from esign.merkle import root_over
from esign.registry import Batch, BatchId, BatchState, EndpointId, Event, Intent, IntentState, RowState
from esign.request import Filled, Request
from esign.steps import Step
from tests.support.office import request
from tests.support.waiting import LONG, until
from tests.support.work import CHIEF, PORTAL, Workroom, working


def requests(count: int, *, start: int = 0) -> list[Request]:
    return [request(f"row-{n}") for n in range(start, start + count)]


def counts(room: Workroom, batch: Batch) -> dict[RowState, int]:
    return {state: n for state, n in room.office.registry.batches.counts(batch.id).items() if n}


def state(room: Workroom, batch: Batch) -> BatchState:
    return room.office.registry.batches.get(batch.id).state


def finished(room: Workroom, batch: Batch) -> None:
    until(lambda: room.office.registry.batches.get(batch.id).finished_at)


def test_nothing_is_begun_before_the_root_is_authorised_and_then_everything_once(any_room: Workroom) -> None:
    registry = any_room.office.registry
    batch = any_room.batch(requests(20))
    assert (batch.size, batch.state, batch.submitted_by) == (20, BatchState.WAITING, PORTAL)
    with working(any_room.worker()) as stop:
        assert registry.batches.progress.open(agency=batch.agency, profile=batch.profile) == ()
        assert registry.listing().entries == ()
        any_room.authorise(batch)
        finished(any_room, batch)
        stop.set()
    assert counts(any_room, batch) == {RowState.ISSUED: 20}
    entries = registry.listing(limit=100).entries
    assert sorted(e.number.number for e in entries if e.number) == list(range(1, 21))
    found = registry.batches.get(batch.id)
    assert (found.state, found.authorised_by) == (BatchState.FINISHED, CHIEF)
    # What was asked for is personal data, and nobody needs it any more.
    assert [p.name for p in (any_room.office.folder / "spool").iterdir() if p.name.endswith(".batch")] == []


def test_rows_come_in_pages_with_id_number_and_reason(room: Workroom) -> None:
    bad = replace(request("bad"), content=Filled(template="quyet-dinh", data={"no": "such"}))
    batch = room.batch([*requests(2), bad, *requests(2, start=2)])
    room.authorise(batch)
    with working(room.worker()):
        finished(room, batch)
    first = room.office.registry.batches.rows(batch.id, limit=3)
    rest = room.office.registry.batches.rows(batch.id, after=first.next or 0)
    assert rest.next is None
    rows = [*first.entries, *rest.entries]
    assert [r.position for r in rows] == [1, 2, 3, 4, 5]
    assert [r.state for r in rows] == [RowState.ISSUED] * 2 + [RowState.REFUSED] + [RowState.ISSUED] * 2
    for row in rows:
        if row.state is RowState.ISSUED:
            assert row.result is not None
            assert row.number == room.office.registry.get(row.result).number
            assert row.sha256 == room.office.issuer().document(row.result).sha256
    assert rows[2].result is None
    assert rows[2].problem is not None
    assert rows[2].problem.code.startswith("template-data")


def test_each_row_can_be_proved_to_be_under_the_root(room: Workroom) -> None:
    batch = room.batch(requests(11))
    for position in range(1, 12):
        proof = room.office.registry.batches.inclusion(batch.id, position)
        beside = [bytes.fromhex(h) for h in proof.path]
        assert root_over(bytes.fromhex(proof.digest), position - 1, 11, beside) == bytes.fromhex(batch.root)
        assert proof.digest == request(f"row-{position - 1}").digest(batch.profile)
    with pytest.raises(NotRegistered) as e:
        room.office.registry.batches.inclusion(batch.id, 12)
    assert e.value.code == "batch-row-unknown"


def test_only_the_shown_root_can_be_authorised_and_by_another_where_that_is_wanted(room: Workroom) -> None:
    batches, batch = room.office.registry.batches, room.batch(requests(2))

    def refused(**how: object) -> str:
        with pytest.raises(RegistryError) as e:
            batches.authorise(batch.id, **{"agency": batch.agency, "root": batch.root, "by": CHIEF} | how)  # type: ignore[arg-type]  # by tests
        return e.value.code

    assert refused(root="00" * 32) == "batch-root-differs"
    assert refused(by=PORTAL, four_eyes=True) == "batch-needs-another"
    assert refused(by=f"{PORTAL}+cb-017", four_eyes=True) == "batch-needs-another"
    assert refused(by=f"{CHIEF}+cb-017", four_eyes=True, persons=True) == "approval-person-missing"
    assert refused(agency=type(batch.agency).parse("H26.18.02")) == "batch-unknown"
    first = batches.authorise(batch.id, agency=batch.agency, root=batch.root.upper(), by=CHIEF, four_eyes=True)
    room.office.clock.advance(timedelta(hours=1))
    assert batches.authorise(batch.id, agency=batch.agency, root=batch.root, by=CHIEF) == first


def test_the_same_batch_again_is_the_same_batch(room: Workroom) -> None:
    batch = room.batch(requests(3))
    assert room.batch(requests(3)) == batch
    spool = room.office.folder / "spool"
    assert [p.name for p in spool.iterdir()] == [f"{batch.id}.1.batch"]
    with pytest.raises(RequestConflict) as e:
        room.batch(requests(4))
    assert e.value.code == "batch-conflict"


def test_what_cannot_be_a_batch(room: Workroom) -> None:
    def refused(rows: list[Request]) -> str:
        with pytest.raises(InputError) as e:
            room.batch(rows)
        return e.value.code

    assert refused([]) == "batch-empty"
    assert refused([*requests(2), request("row-0")]) == "batch-key-repeated"
    person = Person(certificates=room.office.person_key.certificates)
    assert refused([replace(request("p"), person=person)]) == "batch-person"
    spool = room.office.folder / "spool"
    assert not spool.exists() or list(spool.iterdir()) == []


def test_a_cancelled_batch_begins_nothing_more(room: Workroom) -> None:
    batches, batch = room.office.registry.batches, room.batch(requests(30))
    enough, cancelled = threading.Event(), threading.Event()

    def watch(step: Step, _intent: object) -> None:
        if step is Step.ISSUED and counts(room, batch).get(RowState.ISSUED, 0) >= 3:
            enough.set()
            assert cancelled.wait(LONG)

    room.authorise(batch)
    with working(room.worker(hands=1, issuer=room.office.issuer(watch))):
        assert enough.wait(LONG)
        batches.cancel(batch.id, agency=batch.agency, by=CHIEF)
        cancelled.set()
        finished(room, batch)
    found = counts(room, batch)
    assert set(found) == {RowState.ISSUED, RowState.CANCELLED}
    assert 3 <= found[RowState.ISSUED] < 30
    assert sum(found.values()) == 30
    assert len(room.office.registry.listing(limit=100).entries) == found[RowState.ISSUED]
    assert batches.cancel(batch.id, agency=batch.agency, by=CHIEF).state is BatchState.CANCELLED


def test_a_batch_that_waits_can_be_cancelled_and_never_authorised(room: Workroom) -> None:
    batches, batch = room.office.registry.batches, room.batch(requests(2))
    batches.cancel(batch.id, agency=batch.agency, by=PORTAL)
    with pytest.raises(RegistryError) as e:
        room.authorise(batch)
    assert e.value.code == "batch-cancelled"
    with working(room.worker()):
        finished(room, batch)
    assert counts(room, batch) == {RowState.CANCELLED: 2}


def test_what_somebody_changed_in_the_spool_is_not_signed(room: Workroom) -> None:
    batch = room.batch(requests(3))
    part = room.office.folder / "spool" / f"{batch.id}.1.batch"
    lines = part.read_bytes().split(b"\n")
    lines[1] = request("forged").to_bytes()
    part.write_bytes(b"\n".join(lines))
    room.authorise(batch)
    with working(room.worker()):
        finished(room, batch)
    rows = room.office.registry.batches.rows(batch.id).entries
    assert [r.state for r in rows] == [RowState.ISSUED, RowState.REFUSED, RowState.ISSUED]
    assert rows[1].problem is not None
    assert rows[1].problem.code == "batch-row-altered"
    assert room.office.registry.by_key("forged") is None


def test_a_row_that_was_lost_is_refused_and_can_be_put_back(room: Workroom) -> None:
    batch = room.batch(requests(6), rows_at_once=4)
    part = room.office.folder / "spool" / f"{batch.id}.2.batch"
    kept = part.read_bytes()
    part.unlink()
    room.authorise(batch)
    work = room.batch_work()
    second = next(found for found in work.parts() if found.number == 2)
    work.begin(second, stop=threading.Event(), failed=lambda _id, _error: None)
    assert counts(room, batch) == {RowState.WAITING: 4, RowState.REFUSED: 2}
    part.write_bytes(kept)
    for position in (5, 6):
        room.office.registry.batches.put_back(batch.id, position, agency=batch.agency)
    with working(room.worker()):
        finished(room, batch)
    assert counts(room, batch) == {RowState.ISSUED: 6}
    with pytest.raises(RegistryError) as e:
        room.office.registry.batches.put_back(batch.id, 1, agency=batch.agency)
    assert e.value.code == "batch-finished"


def test_rows_that_others_issued_are_found_and_conflicts_are_refused(room: Workroom) -> None:
    office = room.office
    known = office.issuer().issue(request("row-0"))
    office.issuer().issue(replace(request("row-1"), issue_date=office.clock().date()))
    batch = room.batch(requests(3))
    room.authorise(batch)
    with working(room.worker()):
        finished(room, batch)
    rows = office.registry.batches.rows(batch.id).entries
    assert [r.state for r in rows] == [RowState.ISSUED, RowState.REFUSED, RowState.ISSUED]
    assert rows[0].result == known.id
    assert rows[1].problem is not None
    assert rows[1].problem.code == "request-conflict"


def test_a_batch_whose_rows_were_changed_in_the_register_is_not_carried_out(room: Workroom) -> None:
    registry = room.office.registry
    batch = room.batch(requests(2))
    import sqlite3

    raw = sqlite3.connect(room.office.folder / "register.sqlite")
    raw.execute("DROP TRIGGER batch_item_update")
    raw.execute("UPDATE batch_item SET digest = ? WHERE position = 2", ("00" * 32,))
    raw.commit()
    raw.close()
    room.authorise(batch)
    with pytest.raises(RegistryError) as e:
        registry.batches.progress.check_root(batch.id)
    assert e.value.code == "batch-altered"
    with working(room.worker()):
        until(registry.workers.present)
        room.office.issuer().accept(request("other"))
        room.office.clock.advance(timedelta(seconds=11))
        until(lambda: registry.tasks.count() == 0)
    assert [e.idempotency_key for e in registry.listing().entries] == ["other"]


def test_the_register_forgets_and_changes_nothing_of_a_batch(any_room: Workroom) -> None:
    batch = any_room.batch(requests(2))
    any_room.authorise(batch)
    from sqlalchemy import text

    store, values = any_room.office.registry._store, f"('{batch.id}', 3, 'k', 'd', 1, 0)"
    for statement in (
        "UPDATE batch SET root = 'x'",
        "UPDATE batch SET authorised_by = 'me'",
        "DELETE FROM batch_item",
        "DELETE FROM batch",
        "UPDATE batch_item SET digest = 'x'",
        f"INSERT INTO batch_item (batch_id, position, idempotency_key, digest, part, tries) VALUES {values}",
    ):
        with pytest.raises(Error), store.write() as session:
            session.execute(text(statement))
    assert any_room.office.registry.batches.get(batch.id).authorised_by == CHIEF


def test_an_unknown_batch(room: Workroom) -> None:
    with pytest.raises(NotRegistered):
        room.office.registry.batches.get(BatchId.random())
    batch = room.batch(requests(1))
    assert room.office.registry.batches.listing(agency=batch.agency) == (batch,)
    newer = room.batch(requests(1, start=5), key="newer")
    assert room.office.registry.batches.listing(agency=batch.agency, limit=1) == (newer,)
    assert room.office.registry.batches.listing(agency=batch.agency, before=newer.id) == (batch,)


def test_the_end_of_a_batch_is_told_once(room: Workroom) -> None:
    registry = room.office.registry
    batch = room.batch(requests(3))
    endpoint = registry.endpoints.add(
        EndpointId.random(),
        agency=batch.agency,
        url="https://portal.example/hook",
        events=(Event.BATCH,),
        key_check="0",
        by=CHIEF,
    )
    room.authorise(batch)
    with working(room.worker()):
        finished(room, batch)
    (webhook,) = registry.outbox.listing(agency=batch.agency)
    assert webhook.endpoint == endpoint.id
    assert webhook.message.event is Event.BATCH
    assert webhook.message.data["rows"] == {"issued": 3}
    assert not registry.batches.progress.finish(batch.id)
    assert Counter(e.state for e in registry.listing().entries) == {IntentState.ISSUED: 3}


def test_a_row_that_nobody_foresaw_spoils_no_other(room: Workroom) -> None:
    batch = room.batch(requests(6))
    room.authorise(batch)

    class Broken:
        def check(self, intent: Intent) -> None:
            if intent.idempotency_key == "row-3":
                raise ZeroDivisionError

    room.changes["consent"] = Broken()
    with working(room.worker()):
        until(lambda: counts(room, batch) == {RowState.ISSUED: 5, RowState.BEGUN: 1})
        while not room.office.registry.tasks.set_aside():
            room.office.clock.advance(timedelta(seconds=20))
        finished(room, batch)
    assert counts(room, batch) == {RowState.ISSUED: 5, RowState.SET_ASIDE: 1}
    row = room.office.registry.batches.rows(batch.id, after=3, limit=1).entries[0]
    assert row.problem is not None
    assert (row.position, row.problem.code) == (4, "work-unexpected")
