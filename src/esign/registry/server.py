"""Opening a database on a server: what it is, whether this program knows its schema, and bringing it up to date."""

from functools import partial

from sqlalchemy import Connection, func, inspect, select, text

from esign.errors import RegistryError
from esign.registry import schema
from esign.registry.database_url import DatabaseURL
from esign.registry.locking import lock_key
from esign.registry.patience import connect, unhurried
from esign.registry.postgresql import PostgreSQLStore
from esign.registry.sessions import refuse_pooler

__all__ = ["open_database", "open_database_to_read"]


def open_database(url: DatabaseURL) -> PostgreSQLStore:
    """The database at `url`, its tables made or migrated where that is needed.

    Raises:
        RegistryError: `registry-unreachable`, `registry-login-refused`, `registry-foreign`, `registry-newer`,
            `registry-busy`, `registry-not-writable`, `registry-pooled` or `registry-pooler-settings`.
    """
    store = PostgreSQLStore(url)
    try:
        with store.translated():
            refuse_pooler(partial(connect, url), path=url.name, read_only=False)
        if not _is_ready(store):
            _set_up(store)
    except BaseException:
        store.close()
        raise
    return store


def open_database_to_read(url: DatabaseURL) -> PostgreSQLStore:
    """The database at `url` for reading alone.

    Raises:
        RegistryError: as `open_database`, and `registry-older`: opening it for work migrates it.
    """
    store = PostgreSQLStore(url, read_only=True)
    try:
        with store.translated():
            refuse_pooler(partial(connect, url, read_only=True), path=url.name, read_only=True)
        is_ready = _is_ready(store)
    except BaseException:
        store.close()
        raise
    if not is_ready:
        store.close()
        raise RegistryError("registry-older", path=store.name)
    return store


def _is_ready(store: PostgreSQLStore) -> bool:
    """Whether nothing needs doing; most starts end here, without a lock and without loading Alembic."""
    with store.connect() as connection:
        _refuse_foreign(connection, store.name)
        return schema.revision_of(connection) == schema.HEAD


def _set_up(store: PostgreSQLStore) -> None:
    # One process at a time, however long a big register takes.
    with store.connect(writing=True) as connection, unhurried(connection), connection.begin():
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(select(func.pg_advisory_xact_lock(lock_key("set up"))))
        _refuse_foreign(connection, store.name)
        if schema.revision_of(connection) != schema.HEAD:
            schema.upgrade(connection)


def _refuse_foreign(connection: Connection, name: str) -> None:
    """Refuse another program's database, and a register that a newer esign has migrated."""
    tables = set(inspect(connection).get_table_names()) - {"alembic_version"}  # which stays where all else was undone
    if tables and "intent" not in tables:
        raise RegistryError("registry-foreign", path=name)
    schema.refuse_newer(connection, path=name)
