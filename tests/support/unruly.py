"""Tasks for a worker that do what hostile files make parsers do."""

import ctypes
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Answer", "Evil", "Unruly"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a task may return."""

    value: object


class Evil:
    """Makes whoever reads its pickle call a function."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("true",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unruly:
    """Behaves as it is told."""

    name: str = "unruly"

    def __call__(self, what: str, argument: object = None) -> object:
        match what:
            case "echo":
                return Answer(value=argument)
            case "pid":
                return os.getpid()
            case "spin":
                while True:
                    pass
            case "spin in C":
                return sum(range(10**13))
            case "sleep":
                time.sleep(3600)
            case "eat":
                return len(bytearray(argument if isinstance(argument, int) else 1 << 40))
            case "eat slowly":
                hoard = []
                while True:
                    hoard.append(bytes(1 << 20))
            case "recurse":
                return self("recurse", argument)
            case "crash":
                ctypes.string_at(0)
            case "exit":
                os._exit(3)
            case "raise":
                raise ValueError(argument)
            case "print":
                print("noise")
                os.write(1, b"noise")
                return "quiet"
            case "evil":
                return Evil()
            case "foreign":
                return Path("/")
            case "write":
                try:
                    Path(str(argument)).write_text("written", "utf-8")
                except OSError as e:
                    return type(e).__name__
                return Path(str(argument)).stat().st_size
            case "connect":
                with socket.socket() as connection:
                    connection.settimeout(2)
                    try:
                        connection.connect(tuple(argument) if isinstance(argument, tuple) else ())
                    except OSError as e:
                        return type(e).__name__
                return "connected"
            case "environment":
                return dict(os.environ)
        return None
