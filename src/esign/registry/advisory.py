"""PostgreSQL's advisory locks: exclusive work on an intent among hosts, and decisions that only one may take.

A claim is a lock of a session (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS) on a
connection of its own: the server frees it when the process ends, or its host, or the network between, and no lease
needs a clock. All claims of a process share that connection, and are lost with it while their holders live on. So
a claim only spares work that would be done twice; what is *right* rests on the register's own steps, each of which is
taken once, and on stored files that are never replaced.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

import psycopg

from esign.codes import ResultId
from esign.registry.locking import lock_key
from esign.registry.patience import PatientConnection

__all__ = ["AdvisoryClaims"]


class AdvisoryClaims:
    """The claims that this process holds."""

    def __init__(self, connect: Callable[[], PatientConnection]) -> None:
        """`connect` gives a connection of our own."""
        self._connect = connect
        self._lock = threading.Lock()
        self._connection: PatientConnection | None = None
        self._held: dict[int, PatientConnection] = {}

    def take(self, id: ResultId) -> bool:  # noqa: A002  # the register's word
        """Hold the intent `id`; False where somebody else does.

        Raises:
            psycopg.Error: The database is away.
        """
        key = lock_key(f"claim {id}")
        with self._lock:
            if key in self._held:
                return False  # by another thread; a session may take its own locks again
            connection, taken = self._try(key)
            if taken:
                self._held[key] = connection
            return taken

    def give_back(self, id: ResultId) -> None:  # noqa: A002
        """Free what `take` gave."""
        key = lock_key(f"claim {id}")
        with self._lock:
            # A lock that was taken on a connection that is gone went with it, and may be somebody else's now.
            if self._held.pop(key) is not self._connection or self._connection is None:
                return
            try:
                self._connection.execute("SELECT pg_advisory_unlock(%s)", [key])
            except psycopg.Error:
                self._drop()

    def still_held(self, id: ResultId) -> bool:  # noqa: A002
        """Whether what `take` gave is ours at this moment: the server says so, or it is not."""
        with self._lock:
            connection = self._held.get(lock_key(f"claim {id}"))
            if connection is None or connection is not self._connection:
                return False
            try:
                connection.execute("SELECT")
            except psycopg.Error:
                self._drop()
                return False
            return True

    def close(self) -> None:
        """Free everything."""
        with self._lock:
            self._drop()

    def _try(self, key: int) -> tuple[PatientConnection, bool]:
        if self._connection is not None:
            with suppress(psycopg.OperationalError):  # it died since it was used last
                return self._connection, _try_lock(self._connection, key)
            self._drop()
        self._connection = self._connect()
        return self._connection, _try_lock(self._connection, key)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _try_lock(connection: PatientConnection, key: int) -> bool:
    found = connection.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone()
    assert found is not None
    return bool(found[0])
