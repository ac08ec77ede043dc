"""What is due by the clock rather than by the register: promised levels, webhooks, anchors of the audit, status lists.

>>> Chore(name="upgrades", every=timedelta(minutes=1), work=lambda stop: None)
"""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta

from esign.errors import Error, RequestInFlight
from esign.reasons import Reason

__all__ = ["Chore", "ChoreThread"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """Something that is done again and again."""

    name: str
    """What the log and the health call it."""
    every: timedelta
    """How long it rests in between."""
    work: Callable[[threading.Event], object] = field(repr=False)
    """Does it once, and returns soon after the event is set."""
    alone: Callable[[], AbstractContextManager[object]] = nullcontext
    """Held meanwhile; it raises RequestInFlight where another process does the same now."""
    wait: Callable[[timedelta], object] | None = None
    """Rests for so long, or less where there is something to do; None just rests."""


class ChoreThread(threading.Thread):
    """Does one chore until it is told to stop; what fails is told, and tried again after the next rest."""

    def __init__(self, chore: Chore, stop: threading.Event) -> None:
        super().__init__(name=f"esign-{chore.name}", daemon=True)
        self.chore = chore
        self.problem: Reason | None = None
        self._stop_wanted = stop

    def run(self) -> None:
        """Do it, rest, and do it again."""
        while not self._stop_wanted.is_set():
            self._once()
            if self.chore.wait is not None and self.problem is None:
                self.chore.wait(self.chore.every)
            else:
                self._stop_wanted.wait(self.chore.every.total_seconds())

    def _once(self) -> None:
        try:
            with self.chore.alone():
                self.chore.work(self._stop_wanted)
        except RequestInFlight:
            pass  # another process does it
        except Error as e:
            _logger.warning("%s: %s", self.chore.name, e)
            self.problem = e.reason
            return
        except Exception as e:
            # A chore that ended its thread would be missed days later.
            _logger.exception("%s failed", self.chore.name)
            self.problem = Reason("work-unexpected", {"problem": type(e).__name__})
            return
        self.problem = None
