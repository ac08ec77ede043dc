"""The worker's side: take a task, put itself under its limits, answer, wait for the next.

Started by `esign.sandbox.pool` as a fresh interpreter; its standard input and output are the channel. It has no
secrets: its environment is empty, and a task carries nothing but public keys and certificates.
"""

import gc
import importlib
import os
import pickle
from collections.abc import Callable
from typing import IO, Final

from esign.sandbox.budget import Budget, harden, limit, unlimit
from esign.sandbox.messages import packed, receive, send

__all__ = ["FAILED", "OUT_OF_MEMORY", "RETURNED", "UNKNOWN", "main"]

RETURNED: Final = b"r"
OUT_OF_MEMORY: Final = b"m"
FAILED: Final = b"f"
UNKNOWN: Final = b"u"
"""The task could not be loaded; the worker ends, so that nobody takes its last task for this one."""


def main(preload: list[str]) -> None:
    """Serve until the parent goes; `preload` are modules that tasks need."""
    incoming, outgoing = _channels()
    harden()  # first: a process with threads, which libraries start, can no longer leave its network
    for module in preload:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # what every task shares is not looked through again and again
    task: Callable[..., object] = _nothing
    while (request := receive(incoming)) is not None:
        definition, arguments, budget = pickle.loads(request)  # noqa: S301 - from our own parent
        del request
        try:
            if definition is not None:  # else it is the task of last time
                task = pickle.loads(definition)  # noqa: S301 - from our own parent
        except Exception as e:  # noqa: BLE001 - a task of a script, whose module this process does not have
            send(outgoing, UNKNOWN + type(e).__name__.encode())
            return
        answer = _answer(task, arguments, budget)
        del arguments
        send(outgoing, answer)
        if answer[:1] == OUT_OF_MEMORY:
            return  # who knows what a failed allocation left behind


def _nothing(*_arguments: object) -> None:
    """Before the first task."""


def _answer(task: Callable[..., object], arguments: tuple[object, ...], budget: Budget) -> bytes:
    limit(budget)
    try:
        answer = RETURNED + packed(task(*arguments))
    except MemoryError:
        answer = OUT_OF_MEMORY
    except Exception as e:  # noqa: BLE001 - whatever it is, the parent has to be told
        answer = FAILED + type(e).__name__.encode()
    finally:
        unlimit()
    return answer


def _channels() -> tuple[IO[bytes], IO[bytes]]:
    """Our end of both pipes, out of reach of libraries that print."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.close(nowhere)
    return incoming, outgoing
