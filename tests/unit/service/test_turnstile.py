"""Many small questions are answered together, at evenly spaced moments."""

import asyncio
import math
import threading
from collections.abc import Iterator, Sequence

import pytest

from esign.errors import ServiceError
from esign.service.desk import Desk
from esign.service.turnstile import Turnstile


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk("turnstile", threads=1, waiting=10)
    yield made
    made.close()


class Register:
    """Answers with the double, and keeps which batches it was asked; the first one waits to be let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, questions: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(questions))
        self.begun.set()
        self.go.wait()
        if -13 in questions:
            message = "thirteen"
            raise ValueError(message)
        return [2 * each for each in questions]


def test_what_comes_while_a_batch_is_answered_is_the_next_batch(desk: Desk) -> None:
    register = Register()

    async def ask() -> list[int]:
        turnstile = Turnstile(register, desk=desk)
        first = asyncio.create_task(turnstile.ask(0))
        await asyncio.to_thread(register.begun.wait)
        others = [asyncio.create_task(turnstile.ask(n)) for n in range(1, 600)]
        await asyncio.sleep(0)
        register.go.set()
        return [await first, *(await asyncio.gather(*others))]

    assert asyncio.run(ask()) == [2 * n for n in range(600)]
    assert [len(batch) for batch in register.batches] == [1, 256, 256, 87]


def test_a_failure_is_told_to_those_who_asked_and_to_nobody_else(desk: Desk) -> None:
    register = Register()
    register.go.set()

    async def ask() -> list[object]:
        turnstile = Turnstile(register, desk=desk)
        together = await asyncio.gather(turnstile.ask(12), turnstile.ask(-13), return_exceptions=True)
        return [*together, await turnstile.ask(14)]

    first, second, third = asyncio.run(ask())
    assert isinstance(first, ValueError)
    assert isinstance(second, ValueError)
    assert third == 28


def test_who_gives_up_keeps_nobody_from_an_answer(desk: Desk) -> None:
    register = Register()

    async def ask() -> int:
        turnstile = Turnstile(register, desk=desk)
        first, second = asyncio.create_task(turnstile.ask(1)), asyncio.create_task(turnstile.ask(2))
        await asyncio.to_thread(register.begun.wait)
        first.cancel()
        register.go.set()
        return await second

    assert asyncio.run(ask()) == 4


def test_when_too_many_wait_the_next_one_comes_back_later(desk: Desk) -> None:
    register = Register()

    async def ask() -> None:
        turnstile = Turnstile(register, desk=desk, most=2)
        first = asyncio.create_task(turnstile.ask(0))
        await asyncio.to_thread(register.begun.wait)
        others = [asyncio.create_task(turnstile.ask(n)) for n in (1, 2)]
        await asyncio.sleep(0)
        with pytest.raises(ServiceError) as e:
            await turnstile.ask(3)
        assert e.value.code == "service-busy"
        register.go.set()
        assert await asyncio.gather(first, *others) == [0, 2, 4]

    asyncio.run(ask())


def test_no_answer_leaves_before_the_next_moment(desk: Desk) -> None:
    register, quantum = Register(), 0.1
    register.go.set()

    async def ask() -> list[tuple[float, float]]:
        turnstile, clock, found = Turnstile(register, desk=desk, quantum=quantum), asyncio.get_running_loop().time, []
        for n in range(3):
            asked = clock()
            await turnstile.ask(n)
            found.append((asked, clock()))
        return found

    for asked, answered in asyncio.run(ask()):
        assert answered >= math.ceil(asked / quantum) * quantum - 0.001  # the clock's own grain
