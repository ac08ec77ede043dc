"""One connection for one request: to addresses that were checked, under one deadline, reading so many bytes.

httpcore speaks HTTP over it; the sockets are ours, because only here is it certain that what was checked is what is
connected to (a name that is resolved a second time may have another answer: DNS rebinding).
"""

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpcore

from esign.errors import NetworkError
from esign.net.addresses import Address
from esign.net.deadline import Deadline

__all__ = ["Backend", "Connector", "connect"]

Connector = Callable[[Address, int, float], socket.socket]
"""Opens a TCP connection to an address and port within so many seconds."""


def connect(address: Address, port: int, timeout: float) -> socket.socket:
    """The ordinary `Connector`; an address is all it takes, so nothing is resolved here."""
    return socket.create_connection((str(address), port), timeout)


class Backend(httpcore.NetworkBackend):
    """Implements httpcore's backend for one request."""

    def __init__(
        self,
        addresses: Sequence[Address],
        *,
        host: str,
        deadline: Deadline,
        most_bytes: int,
        connector: Connector = connect,
    ) -> None:
        """`addresses` are tried in order; `most_bytes` bounds what is read from the wire, until `allow` adds to it."""
        self._addresses = tuple(addresses)
        self._host = host
        self._deadline = deadline
        self._most_bytes = most_bytes
        self._connector = connector
        self._stream: _Stream | None = None

    def allow(self, more: int) -> None:
        """So many bytes more may be read: the headers were good."""
        if self._stream is not None:
            self._stream.left += more

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the name has been resolved
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline says how long
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers; each has its share of the time that is left."""
        for position, address in enumerate(self._addresses):
            share = self._deadline.remaining() / (len(self._addresses) - position)
            try:
                opened = self._connector(address, port, share)
            except OSError:
                continue
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._stream = _Stream(opened, host=self._host, deadline=self._deadline, most_bytes=self._most_bytes)
            return self._stream
        self._deadline.remaining()  # the last one may have taken all of it
        raise NetworkError("connection-failed", host=self._host, count=len(self._addresses))


class _Stream(httpcore.NetworkStream):
    """A socket whose every wait ends with the deadline, and which stops reading at its limit."""

    def __init__(self, opened: socket.socket, *, host: str, deadline: Deadline, most_bytes: int) -> None:
        self._socket = opened
        self._host = host
        self._deadline = deadline
        self.left = most_bytes

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        if self.left <= 0:
            raise NetworkError("answer-too-large", host=self._host)
        with self._waiting():
            data = self._socket.recv(min(max_bytes, self.left))
        self.left -= len(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        rest = memoryview(buffer)
        while rest:
            with self._waiting():
                rest = rest[self._socket.send(rest) :]

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        with self._waiting():
            # CPython keeps the timeout for the handshake as a whole, not for each record.
            self._socket = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        return self

    def close(self) -> None:
        self._socket.close()

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        self._socket.settimeout(self._deadline.remaining())
        try:
            yield
        except TimeoutError as e:
            raise self._deadline.passed() from e
        except ssl.SSLError as e:
            raise NetworkError("tls-failed", host=self._host, problem=e.reason or type(e).__name__) from e
        except OSError as e:
            self._deadline.remaining()
            raise NetworkError("connection-broken", host=self._host) from e
