"""Keeps the audit of a served register anchored: in the background, and once more before the service ends."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from esign.auditing import Anchoring
from esign.errors import Error
from esign.registry import acting
from esign.work.chores import Chore, ChoreThread

__all__ = ["kept_anchored"]

_logger = logging.getLogger(__name__)
_EVERY = timedelta(seconds=15)
_ACTOR = "service"


@contextmanager
def kept_anchored(anchoring: Anchoring) -> Iterator[ChoreThread]:
    """Anchor whatever is due inside, and the rest at the end; what cannot be anchored now is anchored next time."""

    def keep_up(_stop: threading.Event) -> None:
        with acting(_ACTOR):
            anchoring.keep_up()

    stop = threading.Event()
    thread = ChoreThread(Chore(name="audit-anchors", every=_EVERY, work=keep_up), stop)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join()
        try:
            with acting(_ACTOR):
                anchoring.anchor()
        except Error as e:
            _logger.warning("the last anchor of the audit is not made: %s", e)
