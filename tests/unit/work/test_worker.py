"""A worker takes what is unfinished and due, once; what fails is tried later or set aside; a dead token pauses it."""

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from esign.codes import ResultId
from esign.errors import DeliveryFailed, KeyStoreError, PINError, RegistryError, SigningError, TokenUnavailable
from esign.keys import Mechanism, SigningKey
from esign.line import Line
from esign.registry import Intent, IntentState, Task
from esign.steps import Step
from esign.work import Chore
from esign.work.tries import ASIDE_AFTER
from tests.support.office import Office, request
from tests.support.waiting import LONG, until
from tests.support.work import Workroom, working


class Crash(BaseException):
    """As if the process had died."""


class CountingKey:
    """The office's key, which counts, and fails while it is told to."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        self.asked: Counter[bytes] = Counter()
        self.failing: Exception | None = None
        self.lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._key, name)

    def sign(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        with self.lock:
            self.asked[data] += 1
        if self.failing is not None:
            raise self.failing
        return self._key.sign(data, mechanism=mechanism)


def state(office: Office, id_: ResultId) -> IntentState:
    return office.registry.get(id_).state


def left_at(room: Workroom, step: Step, key: str) -> Intent:
    """An intent whose process died right after `step`."""

    def die(done: Step, _intent: Intent | None) -> None:
        if done is step:
            raise Crash

    with pytest.raises(Crash):
        room.office.issuer(die).issue(request(key))
    found = room.office.registry.by_key(key)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "step", [Step.RESERVED, Step.PREPARED, Step.KEY_USED, Step.SIGNED, Step.ISSUED], ids=lambda s: s.value
)
def test_what_a_crash_left_is_finished(any_room: Workroom, step: Step) -> None:
    office = any_room.office
    intent = left_at(any_room, step, "a")
    with working(any_room.worker()):
        # Somebody may still be at it: it is left alone until nobody can be.
        assert office.registry.tasks.due(agency=office.agency.code, profile=office.profile.name) == ()
        office.clock.advance(timedelta(seconds=11))
        until(lambda: office.registry.get(intent.id).delivered_at)
    assert state(office, intent.id) is IntentState.ISSUED
    assert len(list(office.out.iterdir())) == 1
    assert office.registry.tasks.count() == 0


def test_what_is_accepted_for_later_is_begun_at_once(any_room: Workroom) -> None:
    office = any_room.office
    with working(any_room.worker()):
        intents = [office.issuer().accept(request(f"k{n}")) for n in range(6)]
        for intent in intents:
            office.registry.tasks.ask(intent.id)
        until(lambda: all(office.registry.get(i.id).delivered_at for i in intents))
    numbers = [office.registry.get(i.id).number for i in intents]
    assert sorted(n.number for n in numbers if n) == [1, 2, 3, 4, 5, 6]


class RowKey(CountingKey):
    """Takes many orders at a time, and remembers how many each time; the first ones fail, if it is told so."""

    def __init__(self, key: SigningKey) -> None:
        super().__init__(key)
        self.rows: list[int] = []
        self.failures = 0

    def sign_all(self, data: Sequence[bytes], *, mechanism: Mechanism) -> list[bytes]:
        self.rows.append(len(data))
        if len(self.rows) <= self.failures:
            raise TokenUnavailable("signer-lost")
        return [self.sign(each, mechanism=mechanism) for each in data]


def test_what_was_accepted_walks_together(any_room: Workroom) -> None:
    office = any_room.office
    any_room.changes["key"] = key = RowKey(office.key)
    intents = [office.issuer().accept(request(f"k{n}")) for n in range(5)]
    altered = office.folder / "spool" / f"{intents[2].request_digest}.request"
    altered.write_bytes(request("forged").to_bytes())
    office.clock.advance(timedelta(seconds=11))
    with working(any_room.worker(hands=1)):
        until(lambda: office.registry.tasks.count() == 0)
    states = [state(office, i.id) for i in intents]
    assert states == [IntentState.ISSUED if n != 2 else IntentState.VOID for n in range(5)]
    assert key.rows == [4]
    acts = office.registry.audit.entries(object=str(intents[0].id))
    assert [(e.act, e.actor) for e in acts][-1] == ("intent.delivered", "worker")


def test_a_token_that_is_away_stops_a_group_once(room: Workroom) -> None:
    """They all fail alike; the office stands still as after one failure."""
    office = room.office
    room.changes["key"] = key = RowKey(office.key)
    key.failures = 1
    intents = [office.issuer().accept(request(f"k{n}")) for n in range(4)]
    office.clock.advance(timedelta(seconds=11))
    worker = room.worker(hands=1)
    with working(worker):
        until(lambda: bool(worker.health().paused))
        assert worker._places[0].failures == 1
        until(lambda: office.registry.tasks.count() == 0)
    assert [state(office, i.id) for i in intents] == [IntentState.ISSUED] * 4


def test_what_others_began_is_not_begun_again(room: Workroom) -> None:
    """Between looking and claiming, another worker may have finished one."""
    office = room.office
    intents = [office.issuer().accept(request(f"k{n}")) for n in range(3)]
    ids = [i.id for i in intents]
    stale = office.registry.accepted(ids)
    office.issuer().go_on(ids[1])
    room.changes["key"] = key = RowKey(office.key)
    with pytest.MonkeyPatch.context() as patch, Line(room.issuer()) as line:
        seen = iter([stale])
        accepted = office.registry.accepted
        patch.setattr(office.registry, "accepted", lambda asked: next(seen, None) or accepted(asked))
        assert list(line.go_on(ids)) == [None, None, None]
    assert key.rows == [2]
    assert [state(office, i) for i in ids] == [IntentState.ISSUED] * 3


def test_two_workers_use_the_key_once_for_each(any_room: Workroom) -> None:
    office = any_room.office
    key = CountingKey(office.key)
    any_room.changes["key"] = key
    intents = [office.issuer(key=key).accept(request(f"k{n}")) for n in range(8)]
    office.clock.advance(timedelta(seconds=11))
    with working(any_room.worker(hands=3)), working(any_room.worker(hands=3)):
        until(lambda: office.registry.tasks.count() == 0)
    assert [state(office, i.id) for i in intents] == [IntentState.ISSUED] * 8
    assert set(key.asked.values()) == {1}
    assert len(key.asked) == 8


def test_what_another_worker_left_comes_before_the_next_part(room: Workroom) -> None:
    left = left_at(room, Step.PREPARED, "left")
    issued: list[Intent] = []

    def listen(step: Step, intent: Intent | None) -> None:
        if step is Step.ISSUED and intent is not None:
            issued.append(intent)
            room.office.clock.advance(timedelta(seconds=15))  # it is due only now

    batch = room.batch([request(f"row-{n}") for n in range(6)], rows_at_once=1)
    room.authorise(batch)
    with working(room.worker(hands=1, issuer=room.office.issuer(listen))):
        until(lambda: room.office.registry.batches.get(batch.id).finished_at)
    assert [i.id for i in issued].index(left.id) == 1


def test_what_fails_again_and_again_is_set_aside_and_the_others_go_on(room: Workroom) -> None:
    office = room.office
    poison, fine = (office.issuer().accept(request(key)) for key in ("poison", "fine"))

    class Receiver:
        def deliver(self, *, result_id: ResultId, number: object, pdf: bytes) -> str:
            if result_id == poison.id and not healed.is_set():
                raise DeliveryFailed("delivery-failed", id=str(result_id), problem="Refused")
            return "somewhere"

    healed = threading.Event()
    room.changes["delivery"] = Receiver()
    office.clock.advance(timedelta(seconds=11))
    with working(room.worker()):
        until(lambda: office.registry.get(fine.id).delivered_at)
        for tries in range(1, ASIDE_AFTER + 1):
            until(lambda: any(t.tries == tries for t in troubles(office)))  # noqa: B023 - awaited in the loop
            (task,) = troubles(office)
            assert task.problem is not None
            assert task.problem.code == "delivery-failed"
            if tries < ASIDE_AFTER:
                assert task.next_at == office.clock() + timedelta(seconds=2 ** (tries - 1))
                office.clock.advance(timedelta(seconds=2 ** (tries - 1)))
        (aside,) = office.registry.tasks.set_aside()
        assert (aside.id, aside.repeats) == (poison.id, ASIDE_AFTER)
        office.clock.advance(timedelta(days=1))
        healed.set()
        assert office.registry.tasks.due(agency=office.agency.code, profile=office.profile.name) == ()
        office.registry.tasks.put_back(poison.id)
        until(lambda: office.registry.get(poison.id).delivered_at)
    assert troubles(office) == ()


def troubles(office: Office) -> tuple[Task, ...]:
    return (*office.registry.tasks.troubled(), *office.registry.tasks.set_aside())


def test_only_what_was_set_aside_is_put_back(room: Workroom) -> None:
    intent = room.office.issuer().accept(request("a"))
    with pytest.raises(RegistryError) as e:
        room.office.registry.tasks.put_back(intent.id)
    assert e.value.code == "task-not-set-aside"


def test_what_nobody_foresaw_stops_nobody(room: Workroom, caplog: pytest.LogCaptureFixture) -> None:
    office = room.office
    intents = [office.issuer().accept(request(f"k{n}")) for n in range(2)]

    class Broken:
        def check(self, intent: Intent) -> None:
            if intent.id == intents[0].id:
                raise ZeroDivisionError

    room.changes["consent"] = Broken()
    office.clock.advance(timedelta(seconds=11))
    with working(room.worker()):
        until(lambda: office.registry.get(intents[1].id).delivered_at)
        until(office.registry.tasks.troubled)
    (task,) = office.registry.tasks.troubled()
    assert task.problem is not None
    assert (task.id, task.problem.code) == (intents[0].id, "work-unexpected")
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    "error", [TokenUnavailable("token-unavailable", token="van-thu", problem="-"), PINError("pin-refused", token="t")]
)
def test_a_dead_token_pauses_the_agency_and_blames_no_intent(room: Workroom, error: KeyStoreError) -> None:
    office = room.office
    key = CountingKey(office.key)
    key.failing = error
    room.changes["key"] = key
    intents = [office.issuer(key=key).accept(request(f"k{n}")) for n in range(20)]
    office.clock.advance(timedelta(seconds=11))
    worker = room.worker(hands=4)
    with working(worker):
        until(lambda: worker.health().paused)
        # Each hand may have been on its way; then one goes ahead after each pause, which grows.
        until(lambda: sum(key.asked.values()) >= 2)
        assert sum(key.asked.values()) <= 8
        (problem,) = worker.health().paused.values() or [error.reason]
        assert problem.code == error.code
        key.failing = None
        until(lambda: office.registry.tasks.count() == 0)
        assert not worker.health().paused
    assert troubles(office) == ()
    assert {state(office, i.id) for i in intents} == {IntentState.ISSUED}


def test_what_is_issued_is_delivered_while_the_token_is_dead(room: Workroom) -> None:
    office = room.office
    key = CountingKey(office.key)
    key.failing = TokenUnavailable("token-unavailable", token="van-thu", problem="-")
    room.changes["key"] = key
    office.issuer(key=key).accept(request("waits"))
    issued = left_at(room, Step.ISSUED, "issued")
    office.clock.advance(timedelta(seconds=11))
    with working(room.worker(hands=1)):
        until(lambda: office.registry.get(issued.id).delivered_at)
    assert key.asked


def test_stopping_finishes_what_is_in_hand_and_begins_nothing_more(room: Workroom) -> None:
    office = room.office
    intents = [office.issuer().accept(request(f"k{n}")) for n in range(5)]
    office.clock.advance(timedelta(seconds=11))
    begun, go_on = threading.Event(), threading.Event()

    def wait(step: Step, _intent: Intent | None) -> None:
        if step is Step.KEY_USED:
            begun.set()
            go_on.wait(LONG)

    worker = room.worker(hands=1, together=2, issuer=office.issuer(wait))
    with working(worker) as stop:
        assert begun.wait(LONG)
        stop.set()
        go_on.set()
    states = Counter(state(office, i.id) for i in intents)
    assert states == {IntentState.ISSUED: 2, IntentState.RESERVED: 3}
    assert office.registry.workers.present() == ()


def test_a_worker_says_that_it_is_there(room: Workroom) -> None:
    with working(room.worker()):
        until(room.office.registry.workers.present)
        (present,) = room.office.registry.workers.present()
        assert present.problem is None
    assert room.office.registry.workers.present() == ()


def test_a_chore_that_fails_is_done_again(room: Workroom) -> None:
    done: list[str] = []

    def work(_stop: threading.Event) -> None:
        done.append("x")
        if len(done) == 1:
            raise SigningError("not-awaiting", id="-", state="-")
        if len(done) == 2:
            raise ZeroDivisionError

    chore = Chore(name="levels", every=timedelta(milliseconds=20), work=work)
    worker = room.worker(chores=(chore,))
    with working(worker):
        until(lambda: len(done) > 3)
        until(lambda: worker.health().chores["levels"] is None)


def test_a_chore_that_others_do_is_left_to_them(room: Workroom) -> None:
    done: list[str] = []
    office = room.office
    chore = Chore(
        name="status",
        every=timedelta(milliseconds=20),
        work=lambda _stop: done.append("x"),
        alone=lambda: office.registry.claim(ResultId(bytes(10))),
    )
    with office.registry.claim(ResultId(bytes(10))):
        worker = room.worker(chores=(chore,))
        with working(worker):
            until(lambda: worker.health().chores.get("status", 1) is None)
    assert done == []
