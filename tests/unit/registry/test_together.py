"""Many threads, many processes, and processes that are killed: still every number once."""

import contextlib
import multiprocessing
import random
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from esign.errors import RegistryError, RequestInFlight
from esign.registry import Intent, IntentState, Registry
from tests.support.waiting import until
from tests.unit.registry.making import WARD, Clock, file_of, new_intent, prepare

ROOT = Path(__file__).parents[3]


def reserve_many(place: Path | str, worker: int, count: int) -> list[int]:
    """In a process of its own."""
    with Registry.open(place, now=Clock()) as registry:
        intents = [registry.reserve(new_intent(f"{worker}-{n}")) for n in range(count)]
    return [i.number.number for i in intents if i.number]


def test_eight_processes_share_a_book_that_none_of_them_made(empty_place: Path | str) -> None:
    """All open the register at the same moment, so its making is raced as well."""
    with multiprocessing.get_context("spawn").Pool(8) as pool:
        numbers = pool.starmap(reserve_many, [(empty_place, worker, 40) for worker in range(8)], chunksize=1)
        pool.close()
        pool.join()
    assert all(found == sorted(found) for found in numbers)
    assert sorted(n for found in numbers for n in found) == list(range(1, 321))
    with Registry.open(empty_place, now=Clock()) as registry:
        registry.check()
        book = registry.book(WARD, year=2026, symbol="QĐ-UBND")
        assert book.last == 320
        entries = registry.listing(limit=1000).entries
        assert len({i.status_number for i in entries}) == len({i.idempotency_key for i in entries}) == 320


def test_registers_are_opened_at_the_same_moment(tmp_path: Path) -> None:
    """Making a file, switching it to WAL and Alembic's global context are all raced, on one file and on several."""
    for attempt in range(4):
        barrier = threading.Barrier(12)

        def start(which: int, folder: Path, barrier: threading.Barrier) -> None:
            barrier.wait()
            with Registry.open(folder / str(which % 4) / "register.sqlite", now=Clock()) as registry:
                registry.reserve(new_intent())

        with ThreadPoolExecutor(12) as pool:
            folder = tmp_path / str(attempt)
            for future in [pool.submit(start, which, folder, barrier) for which in range(12)]:
                future.result()
        for which in range(4):
            with Registry.open(folder / str(which) / "register.sqlite", now=Clock()) as registry:
                assert len(registry.listing().entries) == 3
                registry.check()


def test_200_threads_with_one_key_make_one_intent(registry: Registry) -> None:
    new = new_intent("the same")
    barrier = threading.Barrier(200)

    def reserve() -> Intent:
        barrier.wait()
        return registry.reserve(new)

    with ThreadPoolExecutor(200) as pool:
        futures = [pool.submit(reserve) for _ in range(200)]
        intents = {f.result() for f in futures}
    assert len(intents) == 1
    assert registry.listing().entries == tuple(intents)
    assert registry.book(WARD, year=2026, symbol="QĐ-UBND").last == 1


def test_one_of_many_takes_each_step(registry: Registry) -> None:
    intent = registry.reserve(new_intent())
    barrier = threading.Barrier(16)

    def step() -> bool:
        barrier.wait()
        try:
            prepare(registry, intent)
        except RegistryError as e:
            assert e.code == "intent-state"  # noqa: PT017  # it happens to all but one
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        futures = [pool.submit(step) for _ in range(16)]
        assert sum(f.result() for f in futures) == 1
    assert registry.get(intent.id).state is IntentState.PREPARED


def test_a_claim_is_exclusive_among_threads(registry: Registry) -> None:
    intent = registry.reserve(new_intent())
    inside, most, refused = 0, 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most, refused
        for _ in range(40):
            try:
                with registry.claim(intent.id):
                    with lock:
                        inside += 1
                        most = max(most, inside)
                    time.sleep(0.0005)
                    with lock:
                        inside -= 1
            except RequestInFlight as e:
                assert e.code == "request-in-flight"  # noqa: PT017  # it happens to some
                with lock:
                    refused += 1

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work) for _ in range(8)]:
            future.result()
    assert most == 1
    assert 0 < refused < 320
    # Nothing is left behind, and nothing is held.
    if isinstance(registry.place, Path) and sys.platform != "win32":
        assert not list((registry.place.parent / "claims").glob(f"{intent.id}*"))
    with registry.claim(intent.id):
        pass


def test_a_claim_is_not_reentrant_and_survives_an_error(registry: Registry) -> None:
    intent, other = registry.reserve(new_intent()), registry.reserve(new_intent())
    with contextlib.suppress(KeyError), registry.claim(intent.id):
        with pytest.raises(RequestInFlight), registry.claim(intent.id):
            pytest.fail("claimed twice")
        with registry.claim(other.id):
            raise KeyError
    with registry.claim(intent.id):
        pass


def test_of_several_those_are_claimed_that_nobody_holds(registry: Registry) -> None:
    mine, theirs = registry.reserve(new_intent()), registry.reserve(new_intent())
    with registry.claim(theirs.id):
        with registry.claim_all([mine.id, theirs.id]) as claimed:
            assert claimed == registry.all_still_claimed([mine.id]) == {mine.id}
            with pytest.raises(RequestInFlight), registry.claim(mine.id):
                pytest.fail("claimed twice")
        with registry.claim(mine.id), pytest.raises(RequestInFlight), registry.claim(theirs.id):
            pytest.fail("given back by who did not hold it")
    with registry.claim_all([mine.id, theirs.id]) as claimed:
        assert claimed == {mine.id, theirs.id}
    with registry.claim_all([]) as nothing:
        assert nothing == frozenset()


@contextlib.contextmanager
def program(text: str, *arguments: object) -> "Iterator[subprocess.Popen[str]]":
    started = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        assert started.stdout is not None
        started.stdout.close()


def test_a_killed_process_frees_its_claim(registry: Registry) -> None:
    intent = registry.reserve(new_intent())
    with program(
        """
        import sys, time
        from esign.codes import ResultId
        from esign.registry import Registry
        from tests.unit.registry.making import Clock, place
        registry = Registry.open(place(sys.argv[1]), now=Clock())
        with registry.claim(ResultId.parse(sys.argv[2])):
            print("claimed", flush=True)
            time.sleep(600)
        """,
        registry.place,
        intent.id,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "claimed\n"
        with pytest.raises(RequestInFlight), registry.claim(intent.id):
            pytest.fail("claimed by two processes")
        other.kill()
        other.wait()

        def claimed() -> bool:
            """A server learns a little later that nobody is at the other end any more."""
            with contextlib.suppress(RequestInFlight), registry.claim(intent.id):
                return True
            return False

        until(claimed)


def test_kill_9_in_the_middle_of_transactions(empty_place: Path | str) -> None:
    """What was acknowledged is there; what was not has left no trace or all of it; no number twice."""
    Registry.open(empty_place, now=Clock()).close()
    chance = random.Random(20261121)
    acknowledged: list[list[str]] = []
    for round_ in range(6):
        with contextlib.ExitStack() as stack:
            workers = [
                stack.enter_context(
                    program(
                        """
                        import sys
                        from esign.registry import Registry
                        from tests.unit.registry.making import *
                        registry = Registry.open(place(sys.argv[1]), now=Clock())
                        for n in range(1_000_000):
                            key = f"{sys.argv[2]}-{n}"
                            intent = registry.reserve(new_intent(key))
                            print(key, intent.id, intent.number.number, "reserved", flush=True)
                            prepare(registry, intent)
                            print(key, intent.id, intent.number.number, "prepared", flush=True)
                            facts = registration(sha256=digest(key))
                            registry.signed(intent.id, sha256=facts.sha256)
                            registry.issued(intent.id, facts)
                            print(key, intent.id, intent.number.number, "issued", flush=True)
                        """,
                        empty_place,
                        f"{round_}-{worker}",
                    )
                )
                for worker in range(2)
            ]
            for worker in workers:
                assert worker.stdout is not None
                acknowledged.append(worker.stdout.readline().split())  # it is at work
            time.sleep(chance.uniform(0, 0.3))
            for worker in workers:
                worker.kill()  # SIGKILL
            for worker in workers:
                assert worker.stdout is not None
                # A line that was cut by the kill is no acknowledgement.
                lines = worker.stdout.read().splitlines(keepends=True)
                acknowledged += [line.split() for line in lines if line.endswith("\n")]
    order = list(IntentState)
    with Registry.open(empty_place, now=Clock()) as registry:
        registry.check()
        recorded = {str(i.id): i for i in registry.listing(limit=1_000_000).entries}
        for key, result, number, state in acknowledged:
            found = recorded[result]
            assert (found.idempotency_key, found.number and found.number.number) == (key, int(number))
            assert order.index(found.state) >= order.index(IntentState(state))
        book = registry.book(WARD, year=2026, symbol="QĐ-UBND")
        assert [e.number.number for e in book.entries] == list(range(1, book.last + 1))
        # At most one unacknowledged intent for each process that was killed.
        assert len(recorded) - len({line[1] for line in acknowledged}) <= 12
        assert all((i.registration is not None) == (i.state is IntentState.ISSUED) for i in recorded.values())
    assert len(acknowledged) > 12, "no process came far enough to say anything"


def test_a_busy_register_says_so(in_file: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    in_file.close()
    monkeypatch.setattr("esign.registry.sqlite.BUSY_TIMEOUT_S", 0.05)
    other = sqlite3.connect(file_of(in_file), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Registry.open(file_of(in_file), now=Clock()) as impatient:
        with pytest.raises(RegistryError) as e:
            impatient.reserve(new_intent())
        assert e.value.code == "registry-busy"
        # Who only reads does not wait for who writes.
        assert impatient.listing().entries == ()
        other.execute("ROLLBACK")
        other.close()
        impatient.reserve(new_intent())
