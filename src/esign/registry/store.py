"""The database under the register: connections with SQLite's safe settings, transactions, errors translated.

Every write is one `BEGIN IMMEDIATE` transaction (https://www.sqlite.org/lang_transaction.html): it takes the
write lock before it reads, so what it read stays true until it commits. `synchronous=FULL` makes a commit
durable when it returns, also in WAL mode (https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from esign.errors import Error, RegistryError
from esign.registry.audit import write_noted

__all__ = ["Store", "translated"]

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


class Store:
    """An open database: `read()` and `write()` give sessions in a transaction of their own."""

    def __init__(self, path: Path, *, options: Mapping[str, str] | None = None) -> None:
        """`options` are those of SQLite's URI (https://www.sqlite.org/uri.html): `mode=ro` for reading alone."""
        self.path = path
        self._engine = _engine(path, options or {})
        self._writing = self._engine.execution_options(esign_begin="IMMEDIATE")
        # Threads of one process queue here, in order; SQLite's own waiting is by sleeping and retrying.
        self._writer = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view of the register; nothing is written."""
        with translated(self.path), Session(self._engine) as session, session.begin():
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that alone writes; it is durable when the block is left, or has left no trace."""
        with self._writer, translated(self.path), Session(self._writing) as session, session.begin():
            session.connection()  # a session begins late, at its first statement; the lock is wanted now
            yield session
            write_noted(session)

    @contextmanager
    def connect(self, *, writing: bool = False) -> Iterator[Connection]:
        """A connection for migrations and checks."""
        with translated(self.path), (self._writing if writing else self._engine).connect() as connection:
            yield connection

    def close(self) -> None:
        """Give all connections back to the system."""
        self._engine.dispose()


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


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLAlchemy and SQLite raise into errors with a next step."""
    try:
        yield
    except DBAPIError as e:
        raise _as_ours(e.orig, path) from e
    except StatementError as e:
        # A column type refused its value; SQLAlchemy wraps also what is ours.
        if isinstance(e.orig, Error):
            raise e.orig from e
        raise RegistryError("registry-refused", path=path.name, detail=type(e.orig).__name__) from e
    except sqlite3.Error as e:  # from `_configure`
        raise _as_ours(e, path) from e
    except PoolTimeout as e:
        raise RegistryError("registry-busy", path=path.name, detail="all connections are in use") from e
    except SQLAlchemyError as e:
        raise RegistryError("registry-refused", path=path.name, detail=type(e).__name__) from e


def _as_ours(error: BaseException | None, path: Path) -> RegistryError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if code in _NOT_WRITABLE:
        return RegistryError("registry-not-writable", path=str(path), detail=name)
    if code in _BUSY:
        return RegistryError("registry-busy", path=path.name, detail=name)
    if code in _DAMAGED:
        return RegistryError("registry-damaged", path=str(path), detail=name)
    # RAISE(ABORT, …) of a trigger speaks of tables and states, never of values.
    detail = str(error) if name == "SQLITE_CONSTRAINT_TRIGGER" else name
    return RegistryError("registry-refused", path=path.name, detail=detail)
