"""A TCP proxy that a test stands between a program and its server, to cut, to swallow, or to slow what passes.

with Proxy(server.port) as proxy:
    registry = Registry.open(server.url(name, port=proxy.port), now=...)
    proxy.lose_answers_to(b"COMMIT\0", times=1)    # the server has committed; nobody hears of it
"""

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

__all__ = ["Proxy"]


class Proxy:
    """Listens on `port`, and passes on to `server` at localhost."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.lost = 0
        """How many answers were lost."""
        self.delay_s = 0.0
        """So long each piece waits, on its way to the server."""
        self._lock = threading.Lock()
        self._marker, self._times = b"", 0
        self._swallowing = False
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- faults ----------------------------------------------------------------------------------------------------

    def lose_answers_to(self, marker: bytes, *, times: int = 1) -> None:
        """The next `times` questions that hold `marker` reach the server; its answer does not, and the line is cut."""
        with self._lock:
            self._marker, self._times = marker, times

    def swallow(self, *, on: bool = True) -> None:
        """Pass nothing on any more, and say nothing, as a network does that drops packets."""
        self._swallowing = on

    def cut(self) -> None:
        """Close every connection."""
        with self._lock:
            for line in self._open:
                _shut(line)

    # --- passing on ------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Cut everything and stop."""
        _shut(self._listener)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._server), timeout=5)
            except OSError:
                near.close()  # the server is down, and so are we
                continue
            far.settimeout(None)
            with self._lock:
                self._open |= {near, far}
            self._start(self._serve, near, far)

    def _serve(self, near: socket.socket, far: socket.socket) -> None:
        losing = threading.Event()
        answers = threading.Thread(target=self._answers, args=(far, near, losing), daemon=True)
        answers.start()
        with suppress(OSError):
            while data := near.recv(65536):
                if self.delay_s:
                    time.sleep(self.delay_s)
                if self._is_marked(data):
                    losing.set()
                if not self._swallowing:
                    far.sendall(data)
        _shut(far)
        answers.join()
        with self._lock:
            self._open -= {near, far}
        near.close()
        far.close()

    def _answers(self, far: socket.socket, near: socket.socket, losing: threading.Event) -> None:
        with suppress(OSError):
            while data := far.recv(65536):
                if losing.is_set():
                    self.lost += 1
                    break
                if not self._swallowing:
                    near.sendall(data)
        _shut(near)

    def _is_marked(self, data: bytes) -> bool:
        with self._lock:
            if self._times and self._marker in data:
                self._times -= 1
                return True
            return False


def _shut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
