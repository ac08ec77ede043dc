"""How long something takes on a machine that may be busy with something else, or stand still for seconds.

A machine that is busy makes anything slow now and then; a defect makes it slow every time. What has to be quick is
therefore tried again where it was not, and counts by its shortest time. And time is counted in heartbeats of this
process: while the process stands still its heart does not beat, so waiting too long shows and a stalled machine does
not.
"""

import threading
import time
from collections.abc import Callable

__all__ = ["cpu_seconds_of", "seconds_of", "shortest"]

_TRIES = 6
_BEAT_S = 0.005
_LONGEST_S = 0.05
"""A gap between two beats that is longer was not a wait of what is measured: nothing ran here."""


def seconds_of(action: Callable[[], object]) -> float:
    """How long one run of `action` takes, in seconds in which this process ran."""
    done, beaten = threading.Event(), [0.0]

    def beat() -> None:
        before = started
        while not done.wait(_BEAT_S):
            now = time.monotonic()
            beaten[0] += min(now - before, _LONGEST_S)
            before = now

    started = time.monotonic()
    heart = threading.Thread(target=beat)
    heart.start()
    try:
        action()
    finally:
        took = time.monotonic() - started
        done.set()
        heart.join()
    return min(took, beaten[0] + _LONGEST_S)


def cpu_seconds_of(action: Callable[[], object]) -> float:
    """How much processor time one run of `action` takes; whatever else this process does counts as well."""
    started = time.process_time()
    action()
    return time.process_time() - started


def shortest(measured: Callable[[], float], *, enough: float) -> float:
    """The shortest that `measured` tells, which is asked until it is at most `enough`, and a few times at most."""
    found = measured()
    for _ in range(_TRIES - 1):
        if found <= enough:
            break
        found = min(found, measured())
    return found
