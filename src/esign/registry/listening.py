"""Hearing of work that other hosts left: LISTEN on a connection of its own, which rings this process's bell.

https://www.postgresql.org/docs/current/sql-notify.html: a notification arrives once its transaction has committed.
"""

import logging
import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import psycopg

from esign.errors import Error
from esign.registry.patience import PatientConnection
from esign.registry.waking import Bell

__all__ = ["CHANNEL", "Listener"]

CHANNEL = "esign_work"
_AGAIN_S = 1.0
"""So long after a connection was lost the next one is tried."""

_logger = logging.getLogger(__name__)


class Listener:
    """A thread that waits for the server's word."""

    def __init__(self, connect: Callable[[], PatientConnection], bell: Bell) -> None:
        """`connect` gives a connection of our own."""
        self._connect = connect
        self._bell = bell
        self._stopping = threading.Event()
        self._ours, self._its = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="esign-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._stopping.set()
        self._ours.close()  # wakes the thread
        self._thread.join()
        self._its.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._connect() as connection:
                    self._listen(connection)
            except (psycopg.Error, OSError, Error) as e:
                _logger.warning("not listening for work: %s", type(e).__name__)
                self._stopping.wait(_AGAIN_S)

    def _listen(self, connection: PatientConnection) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        self._bell.ring()  # for what was said while nobody listened
        while not self._stopping.is_set():
            select.select([connection.fileno(), self._its.fileno()], [], [])
            if self._stopping.is_set():
                return
            with suppress(StopIteration):
                next(connection.notifies(timeout=0))
                self._bell.ring()
