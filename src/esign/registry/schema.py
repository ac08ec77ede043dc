"""Opening a database file: what it is, whether this program knows its schema, and bringing it up to date."""

import logging
import sqlite3
import threading
from importlib.resources import files
from pathlib import Path

from filelock import Timeout
from sqlalchemy import Connection

from esign.errors import RegistryError
from esign.reasons import system_problem
from esign.registry.claims import claims_folder, host_lock
from esign.registry.filesystem import network_file_system
from esign.registry.store import BUSY_TIMEOUT_S, Store

__all__ = ["APPLICATION_ID", "HEAD", "open_store", "open_store_to_read", "revision_of", "upgrade"]

HEAD = "0008"
"""The newest revision that this program knows; a test compares it with the migrations."""
APPLICATION_ID = 0x6573_676E
"""`esgn` in the file's header (https://www.sqlite.org/fileformat2.html#application_id)."""
_MAGIC = b"SQLite format 3\0"

_logger = logging.getLogger(__name__)
# Alembic's `context` and `op` are global in a process; two registers may be opened at the same moment.
_alembic = threading.Lock()


def open_store(path: Path) -> Store:
    """The database at `path`, created or migrated where that is needed.

    Raises:
        RegistryError: `registry-network`, `registry-foreign`, `registry-newer`, `registry-damaged`,
            `registry-busy` or `registry-not-writable`.
    """
    _refuse_what_cannot_work(path)
    store = Store(path)
    try:
        if not _is_ready(store):
            _set_up(store)
    except BaseException:
        store.close()
        raise
    return store


def open_store_to_read(path: Path) -> Store:
    """The database at `path` for reading alone: nothing is made, migrated or locked, on any medium.

    Raises:
        RegistryError: as `open_store`, and `registry-older`: opening it for work migrates it.
    """
    if not path.is_file():
        raise RegistryError("registry-not-writable", path=str(path), detail="SQLITE_CANTOPEN")
    last: RegistryError | None = None
    for options in ({"mode": "ro"}, {"mode": "ro", "immutable": "1"}):
        if "immutable" in options and _has_journal(path):
            break  # SQLite would leave out what stands in it: a withdrawal, perhaps
        store = Store(path, options=options)
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


def _refuse_other_schemas(store: Store) -> None:
    with store.connect() as connection:
        _refuse_foreign(connection, store.path)
        if revision_of(connection) != HEAD:
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


def _is_ready(store: Store) -> bool:
    """Whether nothing needs doing; most starts end here, without a lock and without loading Alembic."""
    with store.connect() as connection:
        _refuse_foreign(connection, store.path)
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        return mode == "wal" and revision_of(connection) == HEAD


def _set_up(store: Store) -> None:
    # One process at a time: of 640 that switched to WAL at the same moment, 2 got SQLITE_BUSY at once, although
    # they were willing to wait (tried with SQLite 3.40.1).
    lock = claims_folder(store.path) / "setup.lock"
    try:
        with host_lock(lock, timeout=BUSY_TIMEOUT_S):
            _enter_wal(store.path)
            with store.connect(writing=True) as connection, connection.begin():
                _refuse_foreign(connection, store.path)
                if revision_of(connection) != HEAD:
                    upgrade(connection)
                    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    except Timeout as e:
        raise RegistryError("registry-busy", path=store.path.name, detail="setup") from e


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
    found = revision_of(connection)
    if found is not None and found != HEAD and found not in _known_revisions():
        raise RegistryError("registry-newer", path=str(path), found=found, known=HEAD)


def revision_of(connection: Connection) -> str | None:
    """The revision of the schema; None in an empty database."""
    present = connection.exec_driver_sql(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    ).scalar_one()
    if not present:
        return None
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
    return None if revision is None else str(revision)


def _known_revisions() -> set[str]:
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # late: only migrations need Alembic

    return {script.revision for script in ScriptDirectory(str(_migrations())).walk_revisions()}


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, inside the transaction of `connection`: all of them, or none."""
    from alembic import command  # noqa: PLC0415  # late: only migrations need Alembic
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_migrations()).replace("%", "%%"))
    config.attributes["connection"] = connection
    _logger.debug("migrating a register from %s to %s", revision_of(connection), HEAD)
    with _alembic:
        command.upgrade(config, "head")


def _migrations() -> Path:
    return Path(str(files("esign.registry").joinpath("migrations")))
