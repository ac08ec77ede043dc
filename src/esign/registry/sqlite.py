"""SQLite under the register, with safe settings.

Every write is one `BEGIN IMMEDIATE` transaction (https://www.sqlite.org/lang_transaction.html): it takes the
write lock before it reads, so what it read stays true until it commits. `synchronous=FULL` makes a commit
durable when it returns, also in WAL mode (https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from esign.codes import ResultId
from esign.errors import RegistryError
from esign.registry.claims import claim
from esign.registry.store import Store
from esign.registry.waking import Bell, leaves_work

__all__ = ["SQLiteStore"]

BUSY_TIMEOUT_S = 60
"""How long a write waits for other processes."""

# https://www.sqlite.org/rescode.html: the primary code is the low byte.
_NOT_WRITABLE = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}


class SQLiteStore(Store):
    """A database file."""

    def __init__(self, path: Path, *, options: Mapping[str, str] | None = None) -> None:
        """`options` are those of SQLite's URI (https://www.sqlite.org/uri.html): `mode=ro` for reading alone."""
        engine = _engine(path, options or {})
        super().__init__(name=path.name, reading=engine, writing=engine.execution_options(esign_begin="IMMEDIATE"))
        self.path = path
        # Threads of one process queue here, in order; SQLite's own waiting is by sleeping and retrying.
        self._writer = threading.Lock()
        self._bell = Bell()

    @property
    def place(self) -> Path:
        """The file."""
        return self.path

    def claim(self, ids: Sequence[ResultId]) -> AbstractContextManager[frozenset[ResultId]]:
        """See `Store.claim`; among the processes of this host, which are all that may open the file."""
        return claim(self.path, ids)

    def still_claims(self, ids: Sequence[ResultId]) -> frozenset[ResultId]:
        """See `Store.still_claims`: the system takes no lock away from a process that lives."""
        return frozenset(ids)

    def wait_for_work(self, timeout: timedelta) -> bool:
        """See `Store.wait_for_work`; what other processes leave is found when the time is over."""
        return self._bell.wait(timeout)

    def check(self) -> None:
        """See `Store.check`."""
        with self.connect() as connection:
            (first, *_) = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalars()
            orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if first != "ok" or orphans is not None:
            detail = "integrity_check" if first != "ok" else "foreign_key_check"
            raise RegistryError("registry-damaged", path=str(self.path), detail=detail)

    def _turn(self) -> AbstractContextManager[object]:
        return self._writer

    def _before_commit(self, session: Session) -> None:
        pass

    def _after_commit(self, session: Session) -> None:
        if leaves_work(session):
            self._bell.ring()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """See `Store.translated`; also what `_configure` raises, past SQLAlchemy."""
        try:
            with super().translated():
                yield
        except sqlite3.Error as e:
            raise self._as_ours(e) from e

    def _as_ours(self, error: BaseException | None) -> RegistryError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        if code in _NOT_WRITABLE:
            return RegistryError("registry-not-writable", path=str(self.path), detail=name)
        if code in _BUSY:
            return RegistryError("registry-busy", path=self.name, detail=name)
        if code in _DAMAGED:
            return RegistryError("registry-damaged", path=str(self.path), detail=name)
        # RAISE(ABORT, …) of a trigger speaks of tables and states, never of values.
        detail = str(error) if name == "SQLITE_CONSTRAINT_TRIGGER" else name
        return RegistryError("registry-refused", path=self.name, detail=detail)


def _engine(path: Path, options: Mapping[str, str]) -> Engine:
    database = f"file:{quote(str(path.resolve()))}" if options else str(path)
    query = {**options, "uri": "true"} if options else {}
    engine = create_engine(
        URL.create("sqlite", database=database, query=query),
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=28,
        pool_timeout=BUSY_TIMEOUT_S,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # sqlite3 would begin by itself, late and DEFERRED
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_S * 1000}",
        "foreign_keys = ON",
        "recursive_triggers = ON",  # REPLACE runs delete triggers only then
        "synchronous = FULL",
        "fullfsync = ON",  # macOS: fsync alone leaves data in the drive's cache
        "checkpoint_fullfsync = ON",
        "trusted_schema = OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get("esign_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")
