"""The port inside: figures for Prometheus at `/metrics`, and at `/readyz` why results cannot be issued, and where.

It is for operators and their machines: nothing of it goes through the proxy, and nobody is asked who they are. A thread
of its own answers, so that it says what is the matter also where the service itself does not answer any more.
"""

import asyncio
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from esign.service.checkup import Checkup
from esign.service.metrics import Metrics

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["served_inside"]

_SLOWEST_S = 30
"""So long a connection may say nothing."""


@contextmanager
def served_inside(metrics: Metrics, checkup: Checkup, *, host: str, port: int) -> Iterator[int]:
    """Serve both at `port` of `host`; gives the port. `checkup` is this port's own: it looks in another thread."""
    server = make_server(host, port, _Inside(metrics, checkup), _server_of(host), _Handler)
    thread = threading.Thread(target=server.serve_forever, name="esign-inside", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Inside:
    def __init__(self, metrics: Metrics, checkup: Checkup) -> None:
        self._figures: WSGIApplication = make_wsgi_app(metrics.collected)
        self._checkup = checkup
        self._turn = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/readyz":
            return self._figures(environ, start_response)
        with self._turn:
            report = asyncio.run(self._checkup.look())
        status = "200 OK" if report.ready else "503 Service Unavailable"
        start_response(status, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
        return [report.model_dump_json().encode()]


class _Handler(WSGIRequestHandler):
    timeout = _SLOWEST_S

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Say nothing: these are asked for all the time."""


def _server_of(host: str) -> type[WSGIServer]:
    """A server for addresses of the kind of `host`."""

    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True  # a client that says nothing keeps nobody waiting, and does not keep us alive
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    return Server
