"""A deployment at work and everything that can break it from outside: what the campaigns are made of.

    with bench(place, database="postgresql", key="rsa", seed=7) as b:
        b.portal.hand_in(1000)
        b.suffer("token pulled")           # until what was under way is finished
        found = settle(b, expected=1000)   # the independent checker counts

In a `place` that is there already a campaign that was stopped goes on.
"""

import os
import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
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

__all__ = ["RECONCILED_WITHIN", "STEPS", "Bench", "asked_for", "bench", "figures", "settle"]

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
        self.reconcile(left, name)

    def reconcile(self, left: set[str], name: str, *, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait until what the fault `name` left unfinished is finished; `meanwhile` is done again and again."""

        def finished() -> bool:
            meanwhile()
            return not left & checker.unfinished(self.direct)

        begun = time.monotonic()
        self._until(finished, f"{name}: not reconciled", seconds=120)
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
    place: Path,
    *,
    database: str,
    key: str,
    seed: int,
    servers: int = 1,
    workers: int = 0,
    threads: int = 4,
    lasting: bool = False,
) -> Iterator[Bench]:
    """A deployment in `place` with everything that breaks it; what is there already goes on.

    `lasting`: the database's server keeps its files there as well, on whatever disk that is.
    """
    with _stored(database, place / "postgresql" if lasting else None) as (server, proxy, url, direct):
        if (place / "deployment/key").exists():
            deployment = Deployment.open(place / "deployment", database=url)
        else:
            shutil.rmtree(place / "deployment", ignore_errors=True)  # stopped before it was complete
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
def _stored(
    database: str, folder: Path | None
) -> Iterator[tuple[PostgresServer | None, Proxy | None, str | None, str]]:
    if database == "sqlite":
        yield None, None, None, ""
        return
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.parent.chmod(0o711)  # the server runs under another account
    with postgres_server(folder) as server, Proxy(server.port) as proxy:
        name = server.remembered() or server.register()
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


def figures(name: str, b: Bench, found: checker.Checked) -> Figures:
    """What a campaign reached: the checker's counts, the faults, the answers, how long it took to be repaired."""
    statuses = ", ".join(f"{n}× {status}" for status, n in sorted(b.portal.statuses.items()))
    faults = ", ".join(f"{n}× {what}" for what, n in sorted((b.happened + b.fleet.events).items()))
    slowest = sorted(b.recovered.items(), key=lambda each: -each[1])[:4]
    slow = ", ".join(f"{seconds:.1f} s ({what})" for what, seconds in slowest)
    reached = f"{found}; faults: {faults}; answers: {statuses}; reconciled within {slow}"
    reached += f"; processes were back within {b.away:.1f} s"
    return Figures(name, reached, tuple(found.failures))
