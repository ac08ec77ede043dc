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
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from tests.support import checker
from tests.support.deployment import AGENCY, Deployment
from tests.support.fleet import Fleet
from tests.support.full_disk import FullDisk
from tests.support.portal import Portal
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.proxy import Proxy
from tests.support.service import wanted
from tests.support.signals import SIGSTOP
from tests.support.torture_keys import Figures

__all__ = ["Bench", "bench", "break_everything", "settle"]

SIGKILL = 9  # its name is missing on Windows, for which types are checked too
RECONCILED_WITHIN = 30.0
STEPS = (
    "checked",
    "reserved",
    "laid-out",
    "sealed",
    "prepared",
    "key-used",
    "signed",
    "read-back",
    "issued",
    "delivered",
)
_KINDS = {"rsa": "rsa-2048", "ecdsa": "p-256"}


@dataclass
class Bench:
    """A deployment at work, and everything that can break it."""

    deployment: Deployment
    fleet: Fleet
    portal: Portal
    disk: FullDisk
    chance: random.Random
    server: PostgresServer | None = None
    proxy: Proxy | None = None
    direct: str = ""
    """The database, past the proxy."""
    happened: Counter[str] = field(default_factory=Counter)
    recovered: dict[str, float] = field(default_factory=dict)
    """The longest that it took after each fault, in seconds from when every process was there again."""
    away: float = 0.0
    """The longest that it took until every process was there again, in seconds."""
    failures: list[str] = field(default_factory=list)

    # --- faults ----------------------------------------------------------------------------------------------------

    def kill_at(self, step: str) -> None:
        """Whoever finishes this step next dies."""
        self.deployment.die_at(step)
        self._until(lambda: not all(p.alive for p in self.fleet.processes), f"nobody came to {step}", seconds=60)

    def kill_at_random(self) -> None:
        """One process of the fleet dies in the middle of whatever it does."""
        time.sleep(self.chance.random() * 2)
        self.chance.choice(self.fleet.processes).kill()

    def kill_signer(self) -> None:
        """The vendor's module crashes: another signer is there at once, the service lives."""
        victim = self.chance.choice(self.fleet.processes)
        for pid in victim.signers():
            os.kill(pid, SIGKILL)
        time.sleep(0.2)
        if not victim.alive:
            self.failures.append("a crash of the signer took the service with it")

    def hang_signer(self) -> None:
        """The vendor's module hangs for ever in the middle of whatever it does."""
        victim = self.chance.choice(self.fleet.processes)
        hung = victim.signers()
        for pid in hung:
            os.kill(pid, SIGSTOP)
        self._until(lambda: not set(hung) & set(victim.signers()), "a signer that hangs was not replaced", seconds=60)

    def pull_token(self) -> None:
        """The token is out for a moment."""
        self.deployment.shim.pull()
        time.sleep(0.5 + self.chance.random())
        self.deployment.shim.plug()

    def fill_disk(self) -> None:
        """No room any more, from some write on, for a moment."""
        self.disk.fail_from(self.chance.randint(1, 60))
        time.sleep(0.5 + self.chance.random())
        self.happened["writes that failed"] += self.disk.mend()

    def refuse_audit(self) -> None:
        """The audit takes no entries for a moment: nothing may be signed without them."""
        record = self.deployment.shim.signatures
        with self._audit_refused():
            before = len(checker.signed(record))
            # A crash or a refusal may have left these with their entry written: they may be signed, and signed again.
            allowed = checker.prepared(self.direct)
            time.sleep(0.8 + self.chance.random())
            made = checker.signed(record)
        keys = {key for key, digest in made if digest in allowed}
        if any(key in keys and digest not in allowed for key, digest in made[before:]):
            self.failures.append("the key signed what the audit had no entry of")

    def stop_database(self) -> None:
        """As `pg_ctl stop -m immediate`: like a crash of its machine."""
        assert self.server is not None
        self.server.stop()
        time.sleep(0.3)
        before = self._signed()
        time.sleep(0.5 + self.chance.random())
        if self._signed() != before:
            self.failures.append("the key signed while there was no database")
        self.server.start()

    def lose_commits(self) -> None:
        """The server commits, and nobody hears of it."""
        assert self.proxy is not None
        lost = self.proxy.lost
        self.proxy.lose_answers_to(b"COMMIT\0", times=self.chance.randint(1, 5))
        with suppress(TimeoutError):
            self._until(lambda: self.proxy is not None and self.proxy.lost > lost, "", seconds=10)
        self.proxy.lose_answers_to(b"", times=0)
        self.happened["COMMIT answers lost"] += self.proxy.lost - lost

    @property
    def faults(self) -> dict[str, Callable[[], None]]:
        """By their names."""
        found: dict[str, Callable[[], None]] = {f"kill at {s}": lambda s=s: self.kill_at(s) for s in STEPS}  # type: ignore[misc]
        found |= {f"kill at random {n}": self.kill_at_random for n in range(1, 6)}
        found |= {
            "signer killed": self.kill_signer,
            "signer hung": self.hang_signer,
            "token pulled": self.pull_token,
            "disk full": self.fill_disk,
            "audit not writable": self.refuse_audit,
        }
        if self.server is not None:
            found |= {"database stopped": self.stop_database}
            found |= {f"COMMIT answers cut {n}": self.lose_commits for n in range(1, 4)}
        return found

    # --- around a fault --------------------------------------------------------------------------------------------

    def suffer(self, name: str) -> None:
        """One fault, and how long it takes until everything that was under way is finished."""
        self.faults[name]()
        self.happened[name.rstrip(" 0123456789")] += 1
        left = checker.unfinished(self.direct)
        begun = time.monotonic()
        self.fleet.heal()
        self.away = max(self.away, time.monotonic() - begun)
        begun = time.monotonic()
        self._until(lambda: not left & checker.unfinished(self.direct), f"{name}: not reconciled", seconds=120)
        seconds = time.monotonic() - begun
        self.recovered[name] = max(seconds, self.recovered.get(name, 0.0))
        if seconds > RECONCILED_WITHIN:
            self.failures.append(f"{name}: {len(left)} were reconciled after {seconds:.0f} s")

    def _until(self, is_so: Callable[[], object], otherwise: str, *, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > end:
                if otherwise:
                    self.failures.append(otherwise)
                raise TimeoutError(otherwise)
            time.sleep(0.05)

    def _signed(self) -> int:
        path = self.deployment.shim.signatures
        return path.stat().st_size if path.exists() else 0

    @contextmanager
    def _audit_refused(self) -> Iterator[None]:
        if self.server is None:
            _on_file(
                self.direct,
                "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'the audit is full'); END",
            )
            try:
                yield
            finally:
                _on_file(self.direct, "DROP TRIGGER full")
            return
        with psycopg.connect(self.direct, autocommit=True) as connection:
            connection.execute(
                "CREATE FUNCTION full_audit() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE disk_full; END $$;"
                " CREATE TRIGGER full_audit BEFORE INSERT ON audit EXECUTE FUNCTION full_audit()"
            )
            try:
                yield
            finally:
                connection.execute("DROP FUNCTION full_audit CASCADE")


def _on_file(path: str, statement: str) -> None:
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        connection.execute(statement)


@contextmanager
def bench(
    place: Path, *, database: str, key: str, seed: int, servers: int = 1, workers: int = 0, threads: int = 4
) -> Iterator[Bench]:
    """A deployment in `place` with everything that breaks it."""
    with _stored(database) as (server, proxy, url, direct):
        deployment = Deployment.make(place / "deployment", kind=_KINDS[key], database=url)
        disk = FullDisk(place / "disk", deployment.folder)
        fleet = Fleet(deployment, servers=servers, workers=workers, environ=disk.environment)
        portal = Portal(fleet.urls, AGENCY, deployment.headers(), asked_for, threads=threads, seed=seed)
        with fleet.running():
            try:
                yield Bench(
                    deployment,
                    fleet,
                    portal,
                    disk,
                    random.Random(seed),
                    server,
                    proxy,
                    direct or deployment.database,
                )
            finally:
                portal.stop()


def asked_for(number: int) -> dict[str, Any]:
    """What a result is asked for with."""
    return wanted(title=f"Quyết định {number}")


@contextmanager
def _stored(database: str) -> Iterator[tuple[PostgresServer | None, Proxy | None, str | None, str]]:
    if database == "sqlite":
        yield None, None, None, ""
        return
    with postgres_server() as server, Proxy(server.port) as proxy:
        name = server.register()
        yield server, proxy, server.url(name, port=proxy.port), server.url(name)


def settle(b: Bench, *, expected: int | None = None) -> checker.Checked:
    """No more faults: everything comes to its end; then the checker counts."""
    b.portal.wait()
    b.fleet.heal()
    begun = time.monotonic()
    with suppress(TimeoutError):
        b._until(lambda: not checker.unfinished(b.direct), "not everything came to its end", seconds=60)
    b.recovered["the end"] = time.monotonic() - begun
    b.fleet.end()
    found = checker.check(
        b.direct,
        b.deployment.archive,
        told=b.portal.told,
        signatures=b.deployment.shim.signatures,
        expected=expected,
    )
    found.failures += [*b.failures, *b.portal.unforeseen]
    return found


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
    return _figures(f"a service that is broken ({database}, {key}, seed {seed})", b, found)


def kill_among_many(place: Path, *, key: str, seed: int, results: int) -> Figures:
    """Two APIs and two workers on one PostgreSQL, one of them killed every few seconds; half is issued for later."""
    with bench(place, database="postgresql", key=key, seed=seed, servers=2, workers=2, threads=8) as b:
        b.portal.later = lambda number: number % 2 == 0
        b.portal.hand_in(results)
        while not b.portal.wait(1 + 4 * b.chance.random()):
            with suppress(TimeoutError):
                b.suffer(b.chance.choice(["kill at random 1", f"kill at {b.chance.choice(STEPS)}"]))
            print(f"{b.portal.done} of {results}", file=sys.stderr, flush=True)
        found = settle(b, expected=results)
    return _figures(f"two APIs and two workers, killed at random ({key}, seed {seed})", b, found)


def _figures(name: str, b: Bench, found: checker.Checked) -> Figures:
    statuses = ", ".join(f"{n}× {status}" for status, n in sorted(b.portal.statuses.items()))
    faults = ", ".join(f"{n}× {what}" for what, n in sorted((b.happened + b.fleet.events).items()))
    slowest = sorted(b.recovered.items(), key=lambda each: -each[1])[:4]
    slow = ", ".join(f"{seconds:.1f} s ({what})" for what, seconds in slowest)
    reached = f"{found}; faults: {faults}; answers: {statuses}; reconciled within {slow}"
    reached += f"; processes were back within {b.away:.1f} s"
    return Figures(name, reached, tuple(found.failures))


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
    parser.add_argument("--keep", action="store_true", help="leave what was made, to look at")
    given = parser.parse_args()
    failed = False
    for run in _campaigns(given):
        place = Path(tempfile.mkdtemp(prefix="esign-broken-"))
        figures = run(place)
        print(figures, *figures.failures[1:], sep="\n", flush=True)
        failed |= bool(figures.failures)
        if given.keep:
            print(place)
        else:
            shutil.rmtree(place)
    sys.exit(failed)


def _campaigns(given: argparse.Namespace) -> Iterator[Callable[[Path], Figures]]:
    for key in given.key or ["rsa", "ecdsa"]:
        if given.only in {None, "everything"}:
            for database in given.database or ["sqlite", "postgresql"]:
                yield partial(
                    break_everything,
                    database=database,
                    key=key,
                    seed=given.seed,
                    seconds=60 * given.minutes,
                    servers=given.servers,
                    workers=given.workers,
                )
        if given.only in {None, "disk"}:
            yield partial(fill_disk_at_each_write, key=key, seed=given.seed)
        if given.only in {None, "many"}:
            yield partial(kill_among_many, key=key, seed=given.seed, results=given.results)


if __name__ == "__main__":
    main()
