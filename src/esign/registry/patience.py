"""Connections to PostgreSQL that do not wait for ever.

The server ends statements that take too long by itself; a server that hangs, or a network that swallows packets, ends
nothing. So every wait for an answer has an end on this side as well, and the connection is closed with it: what the
server still does with it is rolled back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection

from esign.registry.database_url import DatabaseURL

if TYPE_CHECKING:
    from psycopg.abc import PQGen

__all__ = ["ANSWER_S", "PatientConnection", "connect", "unhurried"]

CONNECT_S = 5
STATEMENT_S = 15
LOCK_S = 10
ANSWER_S = 20
"""Longer than the server's own limits, whose answers say more."""

_TOLD = {
    "connect_timeout": str(CONNECT_S),
    "application_name": "esign",
    # A peer that is gone is noticed on both sides within 15 seconds; its locks are free then.
    "keepalives_idle": "5",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
_SET = {
    "statement_timeout": f"{STATEMENT_S}s",
    "lock_timeout": f"{LOCK_S}s",
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "3",
    "tcp_keepalives_count": "3",
    "timezone": "UTC",
    "synchronous_commit": "on",  # also where somebody traded durability for speed
}


class PatientConnection(psycopg.Connection[Any]):
    """A connection that fails with OperationalError, and is closed, when an answer takes longer than `patience`."""

    patience: float | None = ANSWER_S

    def wait(self, gen: "PQGen[Any]", interval: float = 0.1, timeout: float | None = None) -> Any:
        """See psycopg."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.patience)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()  # the answer would be taken for that of the next question
            raise


def connect(
    url: DatabaseURL, *, read_only: bool = False, autocommit: bool = True, wait_s: float | None = None
) -> PatientConnection:
    """A connection with our limits; `wait_s` is for one that waits for its turn.

    Raises:
        psycopg.Error: There is none to be had.
        RegistryError: `registry-password-unreadable`.
    """
    given = url.to_connect()
    settings = _SET | ({"default_transaction_read_only": "on"} if read_only else {})
    if wait_s is not None:
        settings = settings | {"statement_timeout": f"{wait_s}s", "lock_timeout": f"{wait_s}s"}
    options = " ".join([given.pop("options", ""), *(f"-c {name}={value}" for name, value in settings.items())])
    made = PatientConnection.connect(make_conninfo(**_TOLD | given, options=options.strip()), autocommit=autocommit)
    if wait_s is not None:
        made.patience = wait_s + ANSWER_S - STATEMENT_S
    return made


@contextmanager
def unhurried(connection: Connection) -> Iterator[None]:
    """Let statements on `connection` take as long as they take: a migration of many rows."""
    ours = connection.connection.driver_connection
    assert isinstance(ours, PatientConnection)
    ours.patience = None
    try:
        yield
    finally:
        ours.patience = ANSWER_S
