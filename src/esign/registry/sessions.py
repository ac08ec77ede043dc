"""Whether a connection is one session of the server, for as long as it lives: claims and notifications rest on that.

A pooler in between may give each transaction another session (PgBouncer: `pool_mode = transaction`): a lock that was
taken is then somebody else's, and nothing says so. A pooler that keeps to one session for each client is fine
(https://www.pgbouncer.org/features.html).
"""

from collections.abc import Callable

import psycopg

from esign.errors import RegistryError
from esign.registry.patience import PatientConnection

__all__ = ["refuse_pooler"]

_ROUNDS = 3
"""Others may use the pool at the same moment, and a session that was given away may come back by chance."""
_PID = "SELECT pg_backend_pid()"
_LOST = (
    psycopg.errors.ProtocolViolation,  # `pool_mode = statement` knows no transactions
    psycopg.errors.InvalidSqlStatementName,  # what was prepared in a session is not there any more,
    psycopg.errors.DuplicatePreparedStatement,  # or somebody else's is
)


def refuse_pooler(connect: Callable[[], PatientConnection], *, path: str, read_only: bool) -> None:
    """Return if what `connect` gives is a session of its own, with the settings that it was asked for.

    Raises:
        RegistryError: `registry-pooled`; `registry-pooler-settings`: a pooler kept the settings to itself.
        psycopg.Error: The database is away.
    """
    with connect() as first:
        if _pid(first) == first.info.backend_pid:
            return  # the server itself has answered
        # Whoever only reads claims nothing, and loses nothing when its session is another one.
        if not read_only:
            with connect() as second:
                if any(_is_shared(first, second) for _ in range(_ROUNDS)):
                    raise RegistryError("registry-pooled", path=path)
        if read_only and _shown(first, "default_transaction_read_only") != "on":
            raise RegistryError("registry-pooler-settings", path=path, setting="default_transaction_read_only")
        if _shown(first, "synchronous_commit") in {"off", "local"}:
            raise RegistryError("registry-pooler-settings", path=path, setting="synchronous_commit")


def _is_shared(first: PatientConnection, second: PatientConnection) -> bool:
    """Whether a session that `first` does not use at the moment is given to `second`."""
    try:
        before = _pid(first)
        with second.transaction():
            # It is asked for a session while `first` rests, and keeps it: then `first` needs another one.
            return _pid(second) == before or _pid(first) != before
    except _LOST:
        return True


def _pid(connection: PatientConnection) -> int:
    found = connection.execute(_PID).fetchone()
    assert found is not None
    return int(found[0])


def _shown(connection: PatientConnection, setting: str) -> str:
    found = connection.execute("SELECT current_setting(%s)", [setting]).fetchone()
    assert found is not None
    return str(found[0])
