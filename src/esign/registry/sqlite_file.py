"""Opening a database file: what it is, whether this program knows its schema, and bringing it up to date."""

import sqlite3
from pathlib import Path

from filelock import Timeout
from sqlalchemy import Connection

from esign.errors import RegistryError
from esign.reasons import system_problem
from esign.registry import schema
from esign.registry.claims import claims_folder, host_lock
from esign.registry.filesystem import network_file_system
from esign.registry.sqlite import BUSY_TIMEOUT_S, SQLiteStore

__all__ = ["APPLICATION_ID", "open_file", "open_file_to_read"]

APPLICATION_ID = 0x6573_676E
"""`esgn` in the file's header (https://www.sqlite.org/fileformat2.html#application_id)."""
_MAGIC = b"SQLite format 3\0"


def open_file(path: Path) -> SQLiteStore:
    """The database at `path`, created or migrated where that is needed.

    Raises:
        RegistryError: `registry-network`, `registry-foreign`, `registry-newer`, `registry-damaged`,
            `registry-busy` or `registry-not-writable`.
    """
    _refuse_what_cannot_work(path)
    store = SQLiteStore(path)
    try:
        if not _is_ready(store):
            _set_up(store)
    except BaseException:
        store.close()
        raise
    return store


def open_file_to_read(path: Path) -> SQLiteStore:
    """The database at `path` for reading alone: nothing is made, migrated or locked, on any medium.

    Raises:
        RegistryError: as `open_file`, and `registry-older`: opening it for work migrates it.
    """
    if not path.is_file():
        raise RegistryError("registry-not-writable", path=str(path), detail="SQLITE_CANTOPEN")
    last: RegistryError | None = None
    for options in ({"mode": "ro"}, {"mode": "ro", "immutable": "1"}):
        if "immutable" in options and _has_journal(path):
            break  # SQLite would leave out what stands in it: a withdrawal, perhaps
        store = SQLiteStore(path, options=options)
        try:
            _refuse_other_schemas(store)
        except RegistryError as e:
            store.close()
            last = e
            if e.code != "registry-not-writable":
                raise
        else:
            return store
    assert last is not None
    raise last


def _refuse_other_schemas(store: SQLiteStore) -> None:
    with store.connect() as connection:
        _refuse_foreign(connection, store.path)
        if schema.revision_of(connection) != schema.HEAD:
            raise RegistryError("registry-older", path=str(store.path))


def _has_journal(path: Path) -> bool:
    """Whether changes wait in the write-ahead log (https://www.sqlite.org/walformat.html)."""
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _refuse_what_cannot_work(path: Path) -> None:
    kind = network_file_system(path)
    if kind:
        raise RegistryError("registry-network", path=str(path), kind=kind)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except FileNotFoundError:
        # Titles, dossiers, masked holders: nobody else's business. SQLite gives its own files the same mode.
        path.touch(0o600)
        return
    except OSError as e:
        raise RegistryError("registry-not-writable", path=str(path), detail=system_problem(e)) from e
    if start and start != _MAGIC:
        raise RegistryError("registry-damaged", path=str(path), detail="SQLITE_NOTADB")


def _is_ready(store: SQLiteStore) -> bool:
    """Whether nothing needs doing; most starts end here, without a lock and without loading Alembic."""
    with store.connect() as connection:
        _refuse_foreign(connection, store.path)
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        return mode == "wal" and schema.revision_of(connection) == schema.HEAD


def _set_up(store: SQLiteStore) -> None:
    # One process at a time: of 640 that switched to WAL at the same moment, 2 got SQLITE_BUSY at once, although
    # they were willing to wait (tried with SQLite 3.40.1).
    lock = claims_folder(store.path) / "setup.lock"
    try:
        with host_lock(lock, timeout=BUSY_TIMEOUT_S):
            _enter_wal(store.path)
            with store.connect(writing=True) as connection, connection.begin():
                _refuse_foreign(connection, store.path)
                if schema.revision_of(connection) != schema.HEAD:
                    schema.upgrade(connection)
                    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    except Timeout as e:
        raise RegistryError("registry-busy", path=store.name, detail="setup") from e


def _enter_wal(path: Path) -> None:
    """Switch the file to write-ahead logging, which it keeps; this works only outside a transaction."""
    try:
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        finally:
            connection.close()
    except sqlite3.OperationalError as e:
        raise RegistryError("registry-not-writable", path=str(path), detail=e.sqlite_errorname) from e
    except sqlite3.DatabaseError as e:
        raise RegistryError("registry-damaged", path=str(path), detail=e.sqlite_errorname) from e
    if mode != "wal":
        raise RegistryError("registry-not-writable", path=str(path), detail=f"journal_mode is {mode}")


def _refuse_foreign(connection: Connection, path: Path) -> None:
    """Refuse another program's database, and a register that a newer esign has migrated."""
    application = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
    if application != APPLICATION_ID and tables:
        raise RegistryError("registry-foreign", path=str(path))
    schema.refuse_newer(connection, path=str(path))
