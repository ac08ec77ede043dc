"""What a failure means for the next try: whose fault it is, how long to wait, and when to ask people."""

from datetime import timedelta
from enum import Enum

from esign.errors import ApprovalMissing, Error, InputError, KeyStoreError, RequestInFlight, TimestampError

__all__ = ["ASIDE_AFTER", "Cause", "backoff", "cause_of", "pause"]

ASIDE_AFTER = 5
"""As many tries in a row that fail for one reason say that another one will, too."""
_FIRST, _LONGEST = timedelta(seconds=1), timedelta(minutes=15)
_LONGEST_PAUSE = timedelta(seconds=30)
_FOR_PEOPLE = timedelta(seconds=30)


class Cause(Enum):
    """Whom a failure is about."""

    BUSY = "busy"
    """Somebody else works on it now."""
    PEOPLE = "people"
    """Somebody has to agree first."""
    SHARED = "shared"
    """The token, time-stamps, the register or the disk: the next intent would fail alike."""
    REQUEST = "request"
    """What was asked for cannot be, however often it is tried."""
    OWN = "own"
    """This intent alone; it may go better the next time."""


def cause_of(error: Error) -> Cause:
    """Whom `error` is about."""
    if isinstance(error, RequestInFlight):
        return Cause.BUSY
    if isinstance(error, ApprovalMissing):
        return Cause.PEOPLE
    if isinstance(error, KeyStoreError | TimestampError) and error.code != "prepared-for-other-key":
        return Cause.SHARED
    if error.code.startswith(("registry-", "disk-")):
        return Cause.SHARED
    if isinstance(error, InputError) or error.code in {"number-taken", "request-conflict"}:
        return Cause.REQUEST
    return Cause.OWN


def backoff(cause: Cause, tries: int) -> timedelta:
    """How long to wait after the `tries`-th try in vain: twice as long each time, and never for ever."""
    if cause is Cause.PEOPLE:
        return _FOR_PEOPLE
    return min(_FIRST * (1 << min(tries - 1, 20)), _LONGEST)


def pause(failures: int) -> timedelta:
    """How long an office stands still after what all its work needs failed so often in a row."""
    return min(_FIRST * (1 << min(failures - 1, 20)), _LONGEST_PAUSE)
