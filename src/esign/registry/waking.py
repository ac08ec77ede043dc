"""Waking workers: a transaction that leaves work for them says so, and whoever waits hears of it once it is durable.

A wake-up is a hint and nothing more. It may be lost with a connection, so workers look for themselves every few
seconds; what there is to do stands in the rows.
"""

import threading
from datetime import timedelta

from sqlalchemy.orm import Session

__all__ = ["Bell", "leave_work", "leaves_work"]

_LEFT = "esign.work"


def leave_work(session: Session) -> None:
    """Let the transaction of `session` wake workers when it commits."""
    session.info[_LEFT] = True


def leaves_work(session: Session) -> bool:
    """Whether the transaction of `session` left work."""
    return _LEFT in session.info


class Bell:
    """Wakes the threads of this process that wait; one that was busy while it rang does not sleep the next time."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rung = 0
        self._heard = threading.local()

    def ring(self) -> None:
        """Wake whoever waits."""
        with self._condition:
            self._rung += 1
            self._condition.notify_all()

    def wait(self, timeout: timedelta) -> bool:
        """Sleep until it rings, or has rung since this thread waited last; False when `timeout` is over first."""
        with self._condition:
            heard = getattr(self._heard, "rung", 0)
            rang = self._condition.wait_for(lambda: self._rung != heard, timeout.total_seconds())
            self._heard.rung = self._rung
            return rang
