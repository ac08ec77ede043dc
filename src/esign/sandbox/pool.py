"""The parent's side: workers that wait, one for each task at a time, replaced when they are gone.

A worker is a fresh interpreter (spawned, never forked: the parent may hold tokens, threads and a database), started
ahead of the task and used again as long as it behaves.
"""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import cache, cached_property
from typing import Final

from esign.errors import ConfigurationError, Error
from esign.sandbox.budget import Budget
from esign.sandbox.messages import Unexpected, packed, receive, send, unpacked
from esign.sandbox.worker import FAILED, OUT_OF_MEMORY, RETURNED, UNKNOWN

__all__ = ["Sandbox", "Task", "TaskStopped", "shared"]

_START: Final = (
    "import sys; sys.path[:] = sys.argv[1].split('\\n'); from esign.sandbox.worker import main; main(sys.argv[2:])"
)
_TIME: Final = frozenset({"SIGPROF", "SIGXCPU"})
_KEPT_ENVIRONMENT: Final = ("SYSTEMROOT", "LANG", "LC_ALL", "TZ")
_TRIES: Final = 3
_ENDING: Final = 5.0  # seconds


class TaskStopped(Error):
    """A task did not end well: over its budget, or its worker broke; the code says which."""


class Task:
    """A function for workers, with what it needs; a worker that is asked again is not sent it again."""

    def __init__(self, function: Callable[..., object], *, answers: Collection[str]) -> None:
        """`function` is picklable and of a module, not of a script; `answers` are the modules of what it returns."""
        self.function = function
        self.answers = frozenset(answers) | {"datetime"}

    @cached_property
    def definition(self) -> bytes:
        """What a worker makes the function of."""
        return packed(self.function)

    @cached_property
    def key(self) -> bytes:
        """Equal for equal definitions."""
        return hashlib.sha256(self.definition).digest()


class Sandbox:
    """Workers for tasks; any number of threads may call it."""

    def __init__(self, *, preload: Sequence[str] = (), workers: int = 1) -> None:
        """At most `workers` tasks run at a time; `preload` are modules that they need."""
        self._preload = tuple(preload)
        self._turn = threading.Semaphore(workers)
        self._idle: list[_Worker] = []

    def start(self) -> None:
        """Have a worker ready before the first task comes."""
        if not self._idle:
            self._idle.append(_Worker(self._preload))

    def run(self, task: Task, *arguments: object, budget: Budget) -> object:
        """What `task` returns.

        Raises:
            TaskStopped: it needed more than `budget`, broke its worker, or raised.
            ConfigurationError: no worker can be started on this machine.
        """
        with self._turn:
            worker, reply = self._asked(task, arguments, budget)
            if reply is not None and reply[:1] == RETURNED:
                try:
                    value = unpacked(reply[1:], modules=task.answers)
                except Unexpected as e:
                    worker.stop()
                    raise TaskStopped("sandbox-broken", problem="?") from e
                self._idle.append(worker)
                return value
            if reply is not None and reply[:1] in {FAILED, UNKNOWN}:
                if reply[:1] == FAILED:
                    self._idle.append(worker)
                else:  # it is about to end: whoever came next would write to it in vain
                    worker.stop()
                raise TaskStopped("sandbox-failed", problem=reply[1:60].decode("ascii", "replace"))
            ending = worker.ending()
            self.start()
        if worker.late or ending in _TIME:
            raise TaskStopped("sandbox-time", seconds=budget.cpu)
        if reply is not None and reply[:1] == OUT_OF_MEMORY:
            raise TaskStopped("sandbox-memory", mebibytes=budget.memory >> 20)
        raise TaskStopped("sandbox-broken", problem=ending)

    def _asked(self, task: Task, arguments: tuple[object, ...], budget: Budget) -> "tuple[_Worker, bytes | None]":
        """The answer of a worker that took the task; a worker may have ended while it was idle."""
        for _ in range(_TRIES):
            worker = self._idle.pop() if self._idle else _Worker(self._preload)
            try:
                worker.ask(task, arguments, budget)
            except OSError:
                worker.stop()
                continue
            return worker, worker.answer(budget)
        raise ConfigurationError("sandbox-unavailable")

    def close(self) -> None:
        """End the workers that wait."""
        while self._idle:
            self._idle.pop().stop()


class _Worker:
    """One process."""

    def __init__(self, preload: Sequence[str]) -> None:
        environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _START, "\n".join(sys.path), *preload],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        except OSError as e:
            raise ConfigurationError("sandbox-unavailable") from e
        self._task = b""
        self.late = False
        # When nobody holds this worker any more, or the interpreter ends.
        self._end = weakref.finalize(self, _end, self._process)

    def ask(self, task: Task, arguments: tuple[object, ...], budget: Budget) -> None:
        """Send the task."""
        assert self._process.stdin is not None
        definition = None if task.key == self._task else task.definition
        send(self._process.stdin, packed((definition, arguments, budget)))
        self._task = task.key

    def answer(self, budget: Budget) -> bytes | None:
        """What it says; None where it ended without a word."""
        assert self._process.stdout is not None
        alarm = threading.Timer(budget.wall, self._give_up)
        alarm.daemon = True
        alarm.start()
        try:
            return receive(self._process.stdout)
        except Unexpected:
            return None
        finally:
            alarm.cancel()

    def _give_up(self) -> None:
        self.late = True
        self._process.kill()

    def ending(self) -> str:
        """How it ended after it broke off: the name of a signal, or a number."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_ENDING)
        self.stop()
        return _ending(self._process.returncode)

    def stop(self) -> None:
        """End it."""
        self._end()


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # what was still to be written has no reader
            if pipe is not None:
                pipe.close()


def _ending(code: int) -> str:
    with suppress(ValueError):
        return signal.Signals(-code).name
    return str(code)


def shared(*preload: str) -> Sandbox:
    """The sandbox of this process for tasks that need `preload`; a fork's child has its own, pipes are not shared."""
    return _shared(os.getpid(), preload)


@cache
def _shared(_process: int, preload: tuple[str, ...]) -> Sandbox:
    return Sandbox(preload=preload)
