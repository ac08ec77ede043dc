"""How long something takes on a machine that may be busy with something else.

A machine that is busy makes anything slow now and then; a defect makes it slow every time. What has to be quick is
therefore tried again where it was not, and counts by its shortest time.
"""

import time
from collections.abc import Callable

__all__ = ["seconds_of", "shortest"]

_TRIES = 6


def seconds_of(action: Callable[[], object]) -> float:
    """How long one run of `action` takes."""
    started = time.monotonic()
    action()
    return time.monotonic() - started


def shortest(measured: Callable[[], float], *, enough: float) -> float:
    """The shortest that `measured` tells, which is asked until it is at most `enough`, and a few times at most."""
    found = measured()
    for _ in range(_TRIES - 1):
        if found <= enough:
            break
        found = min(found, measured())
    return found
