"""A server on loopback that gives one scripted answer after the other, and keeps what it was asked."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Asked:
    """One request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Script:
    """The answers, in order; the last is given again and again."""

    replies: list[Reply]
    asked: list[Asked] = field(default_factory=list)
    url: str = ""


def answer(status: int, body: Any = b"", *, kind: str = "application/json", **headers: str) -> Reply:
    """An ordinary answer; anything but bytes is written as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return reply


def problem(status: int, code: str, kind: str, facts: dict[str, Any] | None = None, **headers: str) -> Reply:
    """A refusal as the service words it."""
    said = {"what": code, "next": "…"}
    body = {"type": f"/problems/{code}", "title": code, "status": status, "detail": code, "code": code, "kind": kind}
    more = {"next": "…", "vi": said, "en": said, "facts": facts or {}, "added-later": 1}
    return answer(status, {**body, **more}, kind="application/problem+json", **headers)


def cut(after: int = 0, *, body: bytes = b"", kind: str = "application/pdf", **headers: str) -> Reply:
    """Promise `body`, send its first `after` bytes, and reset the connection; nothing at all where it is empty."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        if body:
            answer(200, body, kind=kind, **headers)(_First(handler, after))  # type: ignore[arg-type]
            handler.wfile.flush()
            time.sleep(0.05)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True
        handler.connection.close()

    return reply


class _First:
    """A handler that sends only the beginning of a body."""

    def __init__(self, handler: BaseHTTPRequestHandler, after: int) -> None:
        self._handler = handler
        self._after = after
        self.wfile = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handler, name)

    def write(self, data: bytes) -> None:
        self._handler.wfile.write(data[: self._after])


def drip(body: bytes, *, every: float) -> Reply:
    """A byte now and then."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        try:
            for byte in body:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                time.sleep(every)
        except OSError:
            handler.close_connection = True

    return reply


@contextmanager
def serving(*replies: Reply) -> Iterator[Script]:
    """A server that gives `replies`."""
    script = Script(list(replies))
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                script.asked.append(Asked(self.command, self.path, dict(self.headers), body))
                reply = script.replies.pop(0) if len(script.replies) > 1 else script.replies[0]
            reply(self)

        do_GET = do_POST = _any  # noqa: N815 - as http.server calls them

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

        def finish(self) -> None:
            with suppress(OSError, ValueError):  # it was cut on purpose
                super().finish()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
