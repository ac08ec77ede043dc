"""Names to addresses, by the system's resolver, within a deadline that the system itself does not keep."""

import socket
import threading
from collections.abc import Sequence
from typing import Protocol

from esign.errors import NetworkError
from esign.net.addresses import Address, parse
from esign.net.deadline import Deadline

__all__ = ["Resolver", "SystemResolver"]

_MOST_AT_ONCE = 32
"""Threads that may hang in the system's resolver; further names fail at once."""


class Resolver(Protocol):
    """Finds the addresses of a name; called once for each request, and its answer is what is connected to."""

    def resolve(self, host: str, port: int, deadline: Deadline) -> Sequence[Address]:
        """All addresses, in the order in which they should be tried.

        Raises:
            NetworkError: `host-unknown`, `network-timeout`.
        """


class SystemResolver:
    """Implements `Resolver` with getaddrinfo."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(_MOST_AT_ONCE)

    def resolve(self, host: str, port: int, deadline: Deadline) -> Sequence[Address]:
        """Ask in a thread of its own: getaddrinfo cannot be interrupted, so a late answer is left to itself."""
        if not self._free.acquire(timeout=deadline.remaining()):
            raise deadline.passed()
        found: list[Address] = []
        done = threading.Event()

        def ask() -> None:
            try:
                for *_, (text, *_) in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                    address = parse(str(text))
                    if address is not None and address not in found:
                        found.append(address)
            except (OSError, UnicodeError):
                pass  # no addresses: what the caller says then
            finally:
                self._free.release()
                done.set()

        threading.Thread(target=ask, name="esign-resolver", daemon=True).start()
        if not done.wait(deadline.remaining()):
            raise deadline.passed()
        if not found:
            raise NetworkError("host-unknown", host=host)
        return found
