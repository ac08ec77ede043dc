"""Somebody who takes webhooks, on loopback: checks every signature, and answers as it is told to."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str]]


@dataclass(frozen=True)
class Delivery:
    """One request that came in."""

    path: str
    id: str
    timestamp: int
    signature: str
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """What came in, and what is answered: by default it is taken."""

    port: int = 0
    deliveries: list[Delivery] = field(default_factory=list)
    answer: Callable[[Delivery], Answer] = lambda _delivery: (204, {})
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ids(self) -> list[str]:
        with self.lock:
            return [d.id for d in self.deliveries]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that is gone afterwards."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            delivery = Delivery(
                self.path,
                self.headers["webhook-id"],
                int(self.headers["webhook-timestamp"]),
                self.headers["webhook-signature"],
                body,
            )
            with receiver.lock:
                receiver.deliveries.append(delivery)
            status, headers = receiver.answer(delivery)
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def slow(seconds: float) -> Callable[[Delivery], Answer]:
    """Takes it after a while."""

    def answer(_delivery: Delivery) -> Answer:
        time.sleep(seconds)
        return 200, {}

    return answer
