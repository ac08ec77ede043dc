"""A desk: so many threads work, so many requests wait, and who comes then is asked to come back.

The signer, the page renderer and the database block; the event loop must not. A queue without an end would take in
more than it can ever answer in time, so a full desk refuses before anything was recorded.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from esign.errors import ServiceError

__all__ = ["Desk"]

P = ParamSpec("P")
T = TypeVar("T")


class Desk:
    """Threads for one kind of blocking work."""

    def __init__(self, name: str, *, threads: int, waiting: int) -> None:
        """`threads` work at once, `waiting` more may wait for one."""
        self.name = name
        self.threads = threads
        self._most = threads + waiting
        self._taken = 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"esign-{name}")

    @property
    def taken(self) -> int:
        """How many requests it works on, or has waiting."""
        return self._taken

    async def run(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` returns; whoever waits for it may give up, the work goes on to its end.

        Raises:
            ServiceError: `service-busy`: the desk is full; nothing was begun.
        """
        context = contextvars.copy_context()
        return await self.seat(lambda: self._pool.submit(lambda: context.run(work, *args, **kwargs)))

    async def seat(self, begin: Callable[[], "Future[T]"]) -> T:
        """What comes of work that `begin` gives to threads elsewhere; it has a place at this desk all the same.

        Raises:
            ServiceError: `service-busy`: as `run`.
        """
        with self._lock:
            if self._taken >= self._most:
                raise ServiceError("service-busy", seconds=2)
            self._taken += 1
        try:
            future = begin()
        except BaseException:
            self._left(None)
            raise
        future.add_done_callback(self._left)
        return await asyncio.wrap_future(future)

    def _left(self, _future: "Future[T] | None") -> None:
        with self._lock:
            self._taken -= 1

    def close(self) -> None:
        """Let what is being worked on come to its end, and forget what waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)
