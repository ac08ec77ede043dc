"""Lets many small questions be answered together, and their answers leave at evenly spaced moments.

A batch is one round of queries, so a thousand look-ups cost little more than one. Since answers leave only at the next
of these moments, a clock says nothing of what was found.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from esign.errors import ServiceError
from esign.service.desk import Desk

__all__ = ["QUANTUM", "Turnstile"]

A = TypeVar("A")
B = TypeVar("B")
QUANTUM: Final = 0.003
"""Seconds between two moments."""
_BATCH: Final = 256
_WAITING: Final = 4096


class Turnstile(Generic[A, B]):
    """Answers questions in batches; used from one event loop."""

    def __init__(
        self,
        answer: Callable[[Sequence[A]], Sequence[B]],
        *,
        desk: Desk,
        quantum: float = QUANTUM,
        most: int = _WAITING,
    ) -> None:
        """`answer` is called in a thread of `desk`, with up to some hundred questions; it answers each in its place."""
        self._answer = answer
        self._desk = desk
        self._quantum = quantum
        self._most = most
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []
        self._turning: asyncio.Task[None] | None = None

    async def ask(self, question: A) -> B:
        """The answer, at one of the moments.

        Raises:
            ServiceError: `service-busy`: too many wait already.
        """
        if len(self._waiting) >= self._most:
            raise ServiceError("service-busy", seconds=1)
        future: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._turning is None:
            self._turning = asyncio.create_task(self._turn())
        return await future

    async def _turn(self) -> None:
        try:
            await self._until_next()
            while self._waiting:  # each batch begins where the answers of the one before left: at a moment
                batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
                try:
                    answers = await self._desk.run(self._answer, [question for question, _ in batch])
                except Exception as e:  # noqa: BLE001 - it belongs to whoever asked
                    await self._until_next()
                    for _, future in batch:
                        if not future.done():
                            future.set_exception(e)
                else:
                    await self._until_next()
                    for (_, future), answer in zip(batch, answers, strict=True):
                        if not future.done():
                            future.set_result(answer)
        finally:
            self._turning = None

    async def _until_next(self) -> None:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(math.ceil(now / self._quantum) * self._quantum - now)
