"""A real service under load, broken from outside again and again; then an independent checker counts.

`python -m tests.support.torture_service [--minutes 2] [--seed N] [--database sqlite|postgresql] [--key rsa|ecdsa]`

A portal hands in results and retries blindly. Meanwhile faults come in an order that the seed fixes: kill -9 at every
named step and at random times, the signer killed and hung, the token pulled, the database stopped and its COMMIT
answers cut, the disk full, the audit not writable. Each must be over within 30 s. In the end nothing may be lost,
nothing may be there twice, and nothing may be without its audit.
"""

import argparse
import errno
import itertools
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from tests.support.breaking import RECONCILED_WITHIN, STEPS, bench, figures, settle
from tests.support.torture_keys import Figures

__all__ = ["break_everything", "fill_disk_at_each_write", "kill_among_many"]


def break_everything(
    place: Path,
    *,
    database: str,
    key: str,
    seed: int,
    seconds: float,
    servers: int = 1,
    workers: int = 0,
    only: Collection[str] = (),
) -> Figures:
    """Every fault once, or `only` some, in an order that the seed fixes, then again until the time is over."""
    with bench(place, database=database, key=key, seed=seed, servers=servers, workers=workers) as b:
        b.portal.hand_in(1_000_000)
        end = time.monotonic() + seconds
        first = True
        while first or time.monotonic() < end:
            names = sorted(only or b.faults)
            b.chance.shuffle(names)
            for name in names:
                if not first and time.monotonic() > end:
                    break
                with suppress(TimeoutError):
                    b.suffer(name)
            first = False
        b.portal.give_out_no_more()
        found = settle(b)
    return figures(f"a service that is broken ({database}, {key}, seed {seed})", b, found)


def kill_among_many(place: Path, *, key: str, seed: int, results: int, lasting: bool = False) -> Figures:
    """Two APIs and two workers on one PostgreSQL, one of them killed every few seconds; half is issued for later."""
    processes = {"servers": 2, "workers": 2, "threads": 8}
    with bench(place, database="postgresql", key=key, seed=seed, lasting=lasting, **processes) as b:
        b.portal.later = lambda number: number % 2 == 0
        b.portal.hand_in(results)
        while not b.portal.wait(1 + 4 * b.chance.random()):
            with suppress(TimeoutError):
                b.suffer(b.chance.choice(["kill at random 1", f"kill at {b.chance.choice(STEPS)}"]))
            print(f"{b.portal.done} of {results}", file=sys.stderr, flush=True)
        found = settle(b, expected=results)
    return figures(f"two APIs and two workers, killed at random ({key}, seed {seed})", b, found)


def fill_disk_at_each_write(place: Path, *, key: str, seed: int, stride: int = 1) -> Figures:
    """The disk is full, or broken, from each write of a result on; once there is room again it is issued, once."""
    with bench(place, database="sqlite", key=key, seed=seed, threads=1) as b:
        b.portal.hand_in(1)  # what is written once is written
        b.portal.wait()
        first = refused = 0
        for write in itertools.count(1, stride):
            number = write + 1
            b.disk.fail_from(write, (errno.ENOSPC, errno.EIO)[write % 2])
            b.portal.hand_in(1, first=number)
            b.portal.wait(2)
            hits = b.disk.mend()
            b.portal.wait(RECONCILED_WITHIN)
            b.fleet.heal()
            b.portal.wait()
            refused += hits
            first = write
            if not hits:
                break
        found = settle(b, expected=b.portal.done)
    statuses = ", ".join(f"{n}× {status}" for status, n in sorted(b.portal.statuses.items()))
    reached = f"{first - 1} writes, {refused} refused; {found}; answers: {statuses}"
    return Figures(f"a disk that is full at each write ({key}, seed {seed})", reached, tuple(found.failures))


def main() -> None:
    """Run it at full size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2, help="for each database and kind of key")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--key", choices=["rsa", "ecdsa"], action="append")
    parser.add_argument("--servers", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--results", type=int, default=500, help="of the campaign with two APIs and two workers")
    parser.add_argument("--only", choices=["everything", "disk", "many"], help="one of the campaigns")
    parser.add_argument("--folder", type=Path, help="keep everything here, and go on with what is here")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))  # whoever stops it leaves no process behind
    failed = False
    for name, run in _campaigns(given):
        place = given.folder / name if given.folder else Path(tempfile.mkdtemp(prefix="esign-broken-"))
        reached = run(place)
        print(reached, *reached.failures[1:], sep="\n", flush=True)
        failed |= bool(reached.failures)
        if not given.folder:
            shutil.rmtree(place)
    sys.exit(failed)


def _campaigns(given: argparse.Namespace) -> Iterator[tuple[str, Callable[[Path], Figures]]]:
    for key in given.key or ["rsa", "ecdsa"]:
        common = {"key": key, "seed": given.seed}
        if given.only in {None, "everything"}:
            processes = {"servers": given.servers, "workers": given.workers}
            for database in given.database or ["sqlite", "postgresql"]:
                run = partial(break_everything, database=database, seconds=60 * given.minutes, **processes, **common)
                yield f"everything-{database}-{key}", run
        if given.only in {None, "disk"}:
            yield f"disk-{key}", partial(fill_disk_at_each_write, **common)
        if given.only in {None, "many"}:
            yield f"many-{key}", partial(kill_among_many, results=given.results, lasting=bool(given.folder), **common)


if __name__ == "__main__":
    main()
