"""Waiting for something that happens elsewhere: as long as it takes, and an error only where it never comes."""

import time
from collections.abc import Callable

__all__ = ["LONG", "until"]

LONG = 120.0
"""Seconds that nothing takes, even where every process may stand still for some: only a defect reaches them."""


def until(is_so: Callable[[], object], *, seconds: float = LONG) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never came to be so"
        time.sleep(0.01)
