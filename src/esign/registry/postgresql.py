"""PostgreSQL under the register, where one machine is not enough.

Transactions write beside each other (READ COMMITTED). What a transaction decides from what it read is locked until it
commits: a row (`lock_row`), or, where there is no row yet, a name (`alone`), in this order, so that nobody waits in a
circle: names, then intents (a main result before its attachments), then status shards, then the audit chain's head.
Where two still do, PostgreSQL ends one of them, and that one is asked to try again.

Readers see one moment (REPEATABLE READ). Pools are bounded, and nothing waits for ever.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event, func, literal_column, select, text
from sqlalchemy import table as sql_table
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from esign.codes import ResultId
from esign.errors import RegistryError
from esign.registry.advisory import AdvisoryClaims
from esign.registry.database_url import DatabaseURL
from esign.registry.listening import CHANNEL, Listener
from esign.registry.patience import PatientConnection, connect
from esign.registry.store import Store
from esign.registry.waking import Bell, leaves_work

__all__ = ["PostgreSQLStore"]

POOL_SIZE = 16
"""Connections of one process at most, beside one for claims and one for listening."""
POOL_TIMEOUT_S = 10

# https://www.postgresql.org/docs/current/errcodes-appendix.html, by code or by its class, the first two characters.
_UNREACHABLE = {"08", "53300", "57P01", "57P02", "57P03", "57P05", "25P03"}
_LOGIN = {"28", "3D000", "42501"}
_NOT_WRITABLE = {"25006", "53100", "58030"}
_BUSY = {"40001", "40P01", "55P03", "57014", "53200"}
_DAMAGED = {"XX001", "XX002"}
# RAISE of a trigger speaks of tables and states, never of values.
_TRIGGER = {"23001", "P0001"}

# What a server that comes or goes says to new connections.
_PASSING = ("starting up", "shutting down", "recovery", "too many clients", "remaining connection slots")
_DISABLED_TRIGGERS = text(
    "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
    " WHERE NOT tgisinternal AND tgenabled NOT IN ('O', 'A') AND relnamespace = current_schema()::regnamespace"
)
_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename")


class PostgreSQLStore(Store):
    """A database on a server."""

    def __init__(self, url: DatabaseURL, *, read_only: bool = False) -> None:
        """`read_only` is for processes that must not write, and for servers that follow another one."""
        self.url = url
        engine = _engine(lambda: connect(url, read_only=read_only, autocommit=False))
        snapshots = engine.execution_options(isolation_level="REPEATABLE READ")
        super().__init__(name=url.name, reading=snapshots, writing=engine)
        self._claims = AdvisoryClaims(lambda: connect(url))
        self._bell = Bell()
        self._listener: Listener | None = None
        self._starting = Lock()

    @property
    def place(self) -> str:
        """The URL."""
        return self.url.text

    def close(self) -> None:
        """See `Store.close`."""
        with self._starting:
            if self._listener is not None:
                self._listener.close()
                self._listener = None
        self._claims.close()
        super().close()

    @contextmanager
    def claim(self, ids: Sequence[ResultId]) -> Iterator[frozenset[ResultId]]:
        """See `Store.claim`; among the processes of all hosts."""
        with self.translated():
            taken = self._claims.take(ids)
        try:
            yield taken
        finally:
            self._claims.give_back(taken)

    def still_claims(self, ids: Sequence[ResultId]) -> frozenset[ResultId]:
        """See `Store.still_claims`: the connection may be gone, and the claims with it."""
        return self._claims.still_held(ids)

    def wait_for_work(self, timeout: timedelta) -> bool:
        """See `Store.wait_for_work`; hears of other hosts as well."""
        with self._starting:
            if self._listener is None:
                self._listener = Listener(lambda: connect(self.url), self._bell)
        return self._bell.wait(timeout)

    def check(self) -> None:
        """See `Store.check`; the server compares its pages with their checksums where it keeps them."""
        with self.connect() as connection:
            disabled = connection.execute(_DISABLED_TRIGGERS).scalars().first()
            if disabled is not None:
                raise RegistryError("registry-damaged", path=self.name, detail=f"trigger {disabled} is disabled")
            for table in connection.execute(_TABLES).scalars().all():
                connection.execute(
                    select(func.count(func.row_to_json(literal_column(f'"{table}"')))).select_from(sql_table(table))
                )

    def _before_commit(self, session: Session) -> None:
        if leaves_work(session):
            session.execute(select(func.pg_notify(CHANNEL, "")))  # sent by the server once it has committed

    def _after_commit(self, session: Session) -> None:
        pass

    @contextmanager
    def translated(self) -> Iterator[None]:
        """See `Store.translated`; also what comes from connections of our own."""
        try:
            with super().translated():
                yield
        except psycopg.Error as e:
            raise self._as_ours(e) from e

    def _as_ours(self, error: BaseException | None) -> RegistryError:
        state = getattr(error, "sqlstate", None) or ""

        def is_of(codes: set[str]) -> bool:
            return state in codes or state[:2] in codes

        if is_of(_LOGIN) or (not state and _is_refusal(error)):
            return RegistryError("registry-login-refused", path=self.name, detail=state or _first_line(error))
        if is_of(_UNREACHABLE) or (not state and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)):
            return RegistryError("registry-unreachable", path=self.name, detail=state or _first_line(error))
        if is_of(_NOT_WRITABLE):
            return RegistryError("registry-not-writable", path=self.name, detail=state)
        if is_of(_BUSY):
            return RegistryError("registry-busy", path=self.name, detail=state)
        if is_of(_DAMAGED):
            return RegistryError("registry-damaged", path=self.name, detail=state)
        detail = state or type(error).__name__
        if isinstance(error, psycopg.Error):
            # A constraint's name says which rule; what it was broken with stays out.
            detail = error.diag.constraint_name or (error.diag.message_primary if is_of(_TRIGGER) else None) or detail
        return RegistryError("registry-refused", path=self.name, detail=detail)


def _is_refusal(error: BaseException | None) -> bool:
    """Whether the server answered a new connection and let nobody in; libpq hands no code out for that."""
    said = str(error)
    return "FATAL" in said and not any(passing in said for passing in _PASSING)


def _first_line(error: BaseException | None) -> str:
    """The last part of what libpq says of a connection that failed: names of hosts and users, no secrets."""
    return (str(error).splitlines() or [type(error).__name__])[0].rsplit("failed: ", 1)[-1][:200]


def _engine(connect: Callable[[], PatientConnection]) -> Engine:
    engine = create_engine(
        "postgresql+psycopg://",
        isolation_level="READ COMMITTED",
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        pool_use_lifo=True,
        pool_pre_ping=True,  # the first request after the server was away shall not be the one that notices
    )

    def do_connect(
        _dialect: object, _record: ConnectionPoolEntry, _arguments: object, _parameters: dict[str, Any]
    ) -> DBAPIConnection:
        return connect()  # type: ignore[return-value]  # psycopg's connection is one

    event.listen(engine, "do_connect", do_connect)
    return engine
