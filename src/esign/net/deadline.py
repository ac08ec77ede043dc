"""A point in time by which all of something must be done, however many steps it takes."""

import time
from collections.abc import Callable
from datetime import timedelta

from esign.errors import NetworkError

__all__ = ["Deadline", "Monotonic"]

Monotonic = Callable[[], float]
"""Seconds of a clock that never steps back."""


class Deadline:
    """Counts from when it is made; every wait asks how much is left."""

    def __init__(self, within: timedelta, *, host: str, monotonic: Monotonic = time.monotonic) -> None:
        self._within = within
        self._host = host
        self._monotonic = monotonic
        self._end = monotonic() + within.total_seconds()

    @property
    def left(self) -> float:
        """Seconds; negative once it has passed."""
        return self._end - self._monotonic()

    @property
    def elapsed(self) -> timedelta:
        """Since it was made."""
        return self._within - timedelta(seconds=self.left)

    def remaining(self) -> float:
        """Seconds for the next step.

        Raises:
            NetworkError: `network-timeout`.
        """
        left = self.left
        if left <= 0:
            raise self.passed()
        return left

    def passed(self) -> NetworkError:
        """What to raise when a step took all that was left."""
        return NetworkError("network-timeout", host=self._host, seconds=f"{self._within.total_seconds():g}")
