"""Several things at once, in the order in which they were asked for."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

__all__ = ["in_parallel"]

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(work: Callable[[T], R], items: Iterable[T], *, at_once: int) -> Iterator[R]:
    """What `work` makes of each of `items`, in their order, `at_once` at a time.

    No more are begun than are waited for, so that whoever listens can stop.
    """
    with ThreadPoolExecutor(at_once) as pool:
        rest = iter(items)
        running = [pool.submit(work, item) for item in islice(rest, at_once)]
        while running:
            result = running.pop(0).result()
            running += [pool.submit(work, item) for item in islice(rest, 1)]
            yield result
