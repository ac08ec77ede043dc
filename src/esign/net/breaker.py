"""Hosts that fail are left alone for a while, and hosts that answer get only so many requests at once.

A closed breaker lets requests through; after some failures in a row it opens and refuses without asking; when its
rest is over it lets one request try (half-open), which closes it or opens it for twice as long.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from esign.errors import Error, NetworkError
from esign.net.deadline import Deadline, Monotonic

__all__ = ["BreakerState", "Gate", "Health"]

_FAILURES = 3
_MOST_HOSTS = 1000
_REST_S, _LONGEST_REST_S = 30.0, 600.0


class BreakerState(Enum):
    """Whether a host is asked."""

    CLOSED = "closed"
    """It is."""
    OPEN = "open"
    """It failed and is left alone."""
    HALF_OPEN = "half-open"
    """The next request is a trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a host does."""

    state: BreakerState = BreakerState.CLOSED
    """Whether it is asked."""
    failures: int = 0
    """In a row."""
    latency: float | None = None
    """Seconds of the last answer; None where there was none."""


class _Host:
    """What is known of one host; its lock is the gate's."""

    def __init__(self, at_once: int) -> None:
        self.places = threading.BoundedSemaphore(at_once)
        self.failures = 0
        self.rest = _REST_S
        self.open_until: float | None = None
        self.on_trial = False
        self.latency: float | None = None


class Gate:
    """Lets requests through to hosts; one for all threads."""

    def __init__(self, *, at_once: int, monotonic: Monotonic = time.monotonic) -> None:
        self._at_once = at_once
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}

    @contextmanager
    def through(self, host: str, deadline: Deadline) -> Iterator[None]:
        """Wait for a place, and learn from how the block ends: an error of ours is a failure of the host.

        Raises:
            NetworkError: `host-resting`, or `host-busy`: no place until the deadline.
        """
        known = self._known(host)
        with self._lock:
            self._refuse(host, known)
        if not known.places.acquire(timeout=max(deadline.left, 0)):
            raise NetworkError("host-busy", host=host, count=self._at_once)
        try:
            trial = self._enter(host, known)
            started = self._monotonic()
            try:
                yield
            except Error as e:
                if e.code not in _NO_FAULT:
                    self._failed(known)
                raise
            else:
                self._answered(known, self._monotonic() - started)
            finally:
                if trial:
                    known.on_trial = False
        finally:
            known.places.release()

    def health(self, host: str) -> Health:
        """How `host` does now."""
        with self._lock:
            known = self._hosts.get(host)
            if known is None:
                return Health()
            state = BreakerState.CLOSED
            if known.open_until is not None:
                resting = self._monotonic() < known.open_until
                state = BreakerState.OPEN if resting else BreakerState.HALF_OPEN
            return Health(state=state, failures=known.failures, latency=known.latency)

    def _known(self, host: str) -> _Host:
        with self._lock:
            if len(self._hosts) >= _MOST_HOSTS and host not in self._hosts:
                del self._hosts[next(iter(self._hosts))]  # documents name hosts, so somebody may name very many
            return self._hosts.setdefault(host, _Host(self._at_once))

    def _refuse(self, host: str, known: _Host) -> None:
        if known.open_until is None:
            return
        left = known.open_until - self._monotonic()
        if left > 0 or known.on_trial:
            raise NetworkError("host-resting", host=host, seconds=max(round(left), 1))

    def _enter(self, host: str, known: _Host) -> bool:
        """Whether this request is the trial of a half-open breaker; it may have opened while we waited."""
        with self._lock:
            self._refuse(host, known)
            known.on_trial = known.open_until is not None
            return known.on_trial

    def _failed(self, known: _Host) -> None:
        with self._lock:
            known.failures += 1
            again = known.open_until is not None
            if again or known.failures >= _FAILURES:
                known.rest = min(known.rest * 2, _LONGEST_REST_S) if again else _REST_S
                known.open_until = self._monotonic() + known.rest

    def _answered(self, known: _Host, seconds: float) -> None:
        with self._lock:
            known.failures, known.rest, known.open_until, known.latency = 0, _REST_S, None, seconds


# The host did what it should, or was not asked: these say nothing about whether it works.
_NO_FAULT = frozenset({"answer-not-found", "address-forbidden"})
