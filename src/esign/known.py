"""What a line has found out, and need not find out for each document again.

What one second cannot change is asked once a second; what is so of a kind of document is asked of one of each kind.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import TypeVar

from esign.reasons import Reason

__all__ = ["Known"]

T = TypeVar("T")
_JUDGED_FOR = timedelta(seconds=1)
_REMEMBERED = 1024
"""So many kinds of documents a line knows; each given page is one, and a line may run for months."""


class Known:
    """What a line knows; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kinds: OrderedDict[object, None] = OrderedDict()
        self._approvals: OrderedDict[object, tuple[datetime, tuple[Reason, ...]]] = OrderedDict()

    def is_read(self, kind: object) -> bool:
        """Whether a file made like this one was read as a stranger would."""
        with self._lock:
            return kind in self._kinds

    def add(self, kind: object) -> None:
        """One was, and it was as meant."""
        with self._lock:
            self._kinds[kind] = None
            _shorten(self._kinds)

    def approval(self, what: object, at: datetime, judge: Callable[[], tuple[Reason, ...]]) -> tuple[Reason, ...]:
        """What `judge` says of a person and a kind of document; certificates and grants speak in whole seconds."""
        with self._lock:
            known = self._approvals.get(what)
        if known is None or not timedelta(0) <= at - known[0] < _JUDGED_FOR:
            known = at.replace(microsecond=0), judge()
            with self._lock:
                self._approvals[what] = known
                _shorten(self._approvals)
        return known[1]


def _shorten(known: "OrderedDict[object, T]") -> None:
    """Forget what was learnt first."""
    while len(known) > _REMEMBERED:
        known.popitem(last=False)
