"""A web server on localhost that serves a published site with the documented headers, and remembers what was asked."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from esign.citizen import Page

__all__ = ["HOST", "Web", "serving"]

HOST = "q.localhost"
"""Two labels, as seals want; browsers resolve it by themselves and treat it as if it had https."""

_TYPES = {".js": "text/javascript", ".json": "application/json", ".cwt": "application/cwt", ".css": "text/css"}
_CACHING = {"/s/": "public, max-age=15, s-maxage=15, stale-if-error=86400", "/t/": "public, max-age=300"}


@dataclass(kw_only=True)
class Web:
    """What is served, and what was asked for."""

    files: MutableMapping[str, bytes]
    """By path; tests change it while it is served."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """With everything."""
    answers: MutableMapping[str, Callable[[dict[str, Any]], tuple[int, object]]] = field(default_factory=dict)
    """What a service beside the files answers to the JSON that is posted to a path."""
    port: int = 0
    requests: list[str] = field(default_factory=list)
    """Request lines with all their headers."""
    paths: list[str] = field(default_factory=list)
    """What was asked for, in order."""
    sent: int = 0
    """Bytes of all bodies."""
    date: str = ""
    """What the server says that the time is; empty: the time that it is."""
    is_down: bool = False
    """Whether connections are refused an answer, as where there is no network."""

    def url(self, path: str, *, host: str = HOST) -> str:
        """The address of `path` here, under a host's name."""
        return f"http://{host}:{self.port}{path}"

    def here(self, seal_url: str) -> str:
        """Where a seal's address leads in this test."""
        return self.url("/" + seal_url.split("/", 3)[3])


@contextmanager
def serving(files: MutableMapping[str, bytes], page: Page | None = None) -> Iterator[Web]:
    """Serve `files`, and the page with its headers."""
    web = Web(files={**files, **(page.files() if page else {})}, headers=page.headers() if page else {})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if web.is_down:
                self.close_connection = True
                return
            path = self.path.partition("?")[0]
            web.paths.append(path)
            web.requests.append(f"{self.requestline}\n{self.headers}")
            body = web.files.get(path)
            self.send_response(200 if body is not None else 404)
            body = body or b""
            web.sent += len(body)
            suffix = path[path.rfind(".") :] if "." in path else ""
            self.send_header("Content-Type", _TYPES.get(suffix, "text/html; charset=utf-8"))
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", _CACHING.get(path[:3], "public, max-age=300"))
            for name, value in web.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            question = self.rfile.read(int(self.headers["Content-Length"]))
            web.requests.append(f"{self.requestline}\n{self.headers}")
            status, answer = web.answers[self.path](json.loads(question))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return web.date or super().date_time_string(timestamp)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    web.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
