"""Runs an application on a socket: connections that send nothing useful are closed, and SIGTERM ends it in order.

What is in flight when SIGTERM comes is finished, for at most 30 seconds (Kubernetes waits as long before it kills).
"""

import asyncio
import gc
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.h11_impl import H11Protocol

from esign.api.problems import MEDIA_TYPE
from esign.errors import ServiceError
from esign.service.bodies import LARGEST_HEAD
from esign.service.problems import problem_of

__all__ = ["Listening", "serve", "server"]

_GRACE = 25
"""Seconds for what is in flight; the rest of the thirty is for closing."""
_HEADERS_SECONDS = 10.0
_OBJECTS_UNTIL_COLLECTED = (700, 10, 10)
"""As Python has it: little at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where the service listens, and whom it believes."""

    host: str = "127.0.0.1"
    """An address of this machine."""
    port: int = 8000
    """TCP."""
    connections: int = 1000
    """At most so many at a time; those beyond are answered 503."""
    proxies: tuple[str, ...] = ()
    """Addresses of proxies whose X-Forwarded-For and -Proto are believed; nobody else's are."""


class _Connection(H11Protocol):
    """uvicorn's connection, with an end for clients that open one and send a head slowly, or none."""

    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._forget_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing() and self.conn.trailing_data[0]:
            self._await_head()  # the next head has begun already: keep-alive's timer does not run for it

    def data_received(self, data: bytes) -> None:
        cycle: Any = self.cycle  # None before the first request, whatever uvicorn's annotation says
        if self._head is None and (cycle is None or cycle.response_complete):
            self._await_head()
        super().data_received(data)

    def _await_head(self) -> None:
        self._forget_head()
        self._head = self.loop.call_later(_HEADERS_SECONDS, self._too_slow)

    def _forget_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _too_slow(self) -> None:
        self._head = None
        if not self.transport.is_closing():
            self._refuse(ServiceError("headers-too-slow", seconds=_HEADERS_SECONDS))

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's English sentence
        too_large = len(self.conn.trailing_data[0]) > LARGEST_HEAD
        self._refuse(
            ServiceError("headers-too-large", limit=LARGEST_HEAD) if too_large else ServiceError("http-invalid")
        )

    def _refuse(self, error: ServiceError) -> None:
        """Say it as a problem, and close."""
        problem = problem_of(error, "vi")
        body = problem.model_dump_json(exclude_none=True).encode()
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            headers = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body))), ("Connection", "close")]
            head = f"HTTP/1.1 {problem.status} {problem.title}\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
            self.transport.write(head.encode("ascii") + body)
        self.transport.close()


class _Peer:
    """Remembers whose socket it is before a header may say otherwise: client certificates are believed by it."""

    def __init__(self, app: Any, proxies: tuple[str, ...]) -> None:
        self._app = ProxyHeadersMiddleware(app, trusted_hosts=list(proxies)) if proxies else app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Go on, with the peer in the scope."""
        scope["esign.peer"] = scope.get("client")
        await self._app(scope, receive, send)


class _Server(uvicorn.Server):
    """uvicorn's server, after whose end the process goes on: signers are to be ended and the audit to be anchored."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals as requests to end; uvicorn would raise them again, and with that end the process at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {name: signal.signal(name, self.handle_exit) for name in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)


def server(app: ASGIApp, listening: Listening) -> uvicorn.Server:
    """A server that `run()` starts; `should_exit` ends it in order, as a signal does."""
    config = uvicorn.Config(
        _Peer(app, listening.proxies),
        host=listening.host,
        port=listening.port,
        http=_Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        limit_concurrency=listening.connections,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=_GRACE,
        h11_max_incomplete_event_size=LARGEST_HEAD,
    )
    return _Server(config)


def serve(app: ASGIApp, listening: Listening) -> None:
    """Answer until SIGTERM or SIGINT comes."""
    # What is loaded by now stays: looking through it again and again would hold all answers for a tenth of a second.
    # And what is looked through is little, for the same reason, whatever the command that starts us prefers.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_OBJECTS_UNTIL_COLLECTED)
    try:
        server(app, listening).run()
    finally:
        gc.unfreeze()
