"""Keeps the audit of a register anchored: in the background, and once more before the process ends.

Of several processes one does it at a time: each would find the same anchor due.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from esign.errors import Error, RequestInFlight
from esign.registry import acting
from esign.work.chores import Chore, ChoreThread
from esign_cli.alone import alone

if TYPE_CHECKING:
    from esign_cli.wiring import Workplace

__all__ = ["kept_anchored"]

_logger = logging.getLogger(__name__)
_EVERY = timedelta(seconds=15)
_ACTOR = "service"


@contextmanager
def kept_anchored(workplace: "Workplace") -> Iterator[ChoreThread]:
    """Anchor whatever is due inside, and the rest at the end; what cannot be anchored now is anchored next time."""
    anchoring, by_itself = workplace.anchoring(), alone(workplace.registry, "anchors")

    def keep_up(_stop: threading.Event) -> None:
        with acting(_ACTOR):
            anchoring.keep_up()

    stop = threading.Event()
    thread = ChoreThread(Chore(name="audit-anchors", every=_EVERY, work=keep_up, alone=by_itself), stop)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join()
        try:
            with acting(_ACTOR), by_itself():
                anchoring.anchor()
        except RequestInFlight:
            pass  # another process does it, or will
        except Error as e:
            _logger.warning("the last anchor of the audit is not made: %s", e)
