"""PostgreSQL's advisory locks: exclusive work on intents among hosts, and decisions that only one may take.

A claim is a lock of a session (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS) on a
connection of its own: the server frees it when the process ends, or its host, or the network between, and no lease
needs a clock. All claims of a process share that connection, and are lost with it while their holders live on. So
a claim only spares work that would be done twice; what is *right* rests on the register's own steps, each of which is
taken once, and on stored files that are never replaced.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
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

    def take(self, ids: Sequence[ResultId]) -> frozenset[ResultId]:
        """Hold those of the intents `ids` that nobody else holds; which they are.

        Raises:
            psycopg.Error: The database is away.
        """
        keys = _keys(ids)
        with self._lock:
            # What another thread holds is not asked for: a session may take its own locks again.
            connection, taken = self._try([key for key in keys if key not in self._held])
            self._held |= dict.fromkeys(taken, connection)
        return frozenset(keys[key] for key in taken)

    def give_back(self, ids: Iterable[ResultId]) -> None:
        """Free what `take` gave."""
        with self._lock:
            # A lock that was taken on a connection that is gone went with it, and may be somebody else's now.
            ours = [key for key in _keys(ids) if self._held.pop(key) is self._connection]
            if self._connection is None or not ours:
                return
            try:
                self._connection.execute("SELECT pg_advisory_unlock(key) FROM unnest(%s::bigint[]) AS key", [ours])
            except psycopg.Error:
                self._drop()

    def still_held(self, ids: Iterable[ResultId]) -> frozenset[ResultId]:
        """Those of `ids` that `take` gave and that are ours at this moment: the server says so, or they are not."""
        with self._lock:
            connection = self._connection
            ours = frozenset(each for key, each in _keys(ids).items() if self._held.get(key) is connection)
            if connection is None or not ours:
                return frozenset()
            try:
                connection.execute("SELECT")
            except psycopg.Error:
                self._drop()
                return frozenset()
            return ours

    def close(self) -> None:
        """Free everything."""
        with self._lock:
            self._drop()

    def _try(self, keys: list[int]) -> tuple[PatientConnection, list[int]]:
        if self._connection is not None:
            with suppress(psycopg.OperationalError):  # it died since it was used last
                return self._connection, self._locked(self._connection, keys)
        self._connection = self._connect()
        return self._connection, self._locked(self._connection, keys)

    def _locked(self, connection: PatientConnection, keys: list[int]) -> list[int]:
        asked = "SELECT key, pg_try_advisory_lock(key) FROM unnest(%s::bigint[]) AS key"
        try:
            return [key for key, taken in connection.execute(asked, [keys]) if taken]
        except psycopg.Error:
            self._drop()  # it may have been stopped half way: locks that nobody counts go with the connection
            raise

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _keys(ids: Iterable[ResultId]) -> dict[int, ResultId]:
    return {lock_key(f"claim {each}"): each for each in ids}
