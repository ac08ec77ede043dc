"""Callers that hold a server up (F24): heads and bodies that come byte by byte, bodies without an end or too large.

`python -m tests.support.attackers URL` is a process of its own, so that what it computes slows down nobody who is
measured; the key of access comes on its standard input, it works until that is closed, and then prints its answers.
"""

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.deployment import AGENCY, Deployment, Server

__all__ = ["SLOW_HEADS", "attackers_at_work"]

ROOT = Path(__file__).parents[2]
SLOW_HEADS = 200
_SLOW_BODIES = 8
_PATH = f"/v1/agencies/{AGENCY}/results"
_HEAD = f"POST {_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n"


@contextmanager
def attackers_at_work(deployment: Deployment, server: Server, answers: Counter[str]) -> Iterator[None]:
    """All of them, at once and again and again, until the block is left; then `answers` has what they were told."""
    command = [sys.executable, "-m", "tests.support.attackers", server.url]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        process.stdin.write(f"{deployment.key}\n")
        process.stdin.flush()
        try:
            yield
        finally:
            said, _ = process.communicate()
    answers.update(json.loads(said))


class _Attack:
    """Each way to hold a server up that is tried."""

    def __init__(self, url: str, key: str) -> None:
        self._place = urlsplit(url)
        self._known = f"{_HEAD}Authorization: Bearer {key}\r\n"
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.answers: Counter[str] = Counter()

    def slow_head(self, line: socket.socket) -> None:
        """The head comes byte by byte."""
        self._drip(line, _HEAD.encode())

    def slow_body(self, line: socket.socket) -> None:
        """The body does."""
        line.sendall(f"{self._known}Content-Length: 100000\r\n\r\n".encode())
        self._drip(line, b"x" * 100_000)

    def endless(self, line: socket.socket) -> None:
        """The body has no end."""
        line.sendall(f"{self._known}Transfer-Encoding: chunked\r\n\r\n".encode())
        while not self._stop.is_set():
            line.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    def too_large(self, line: socket.socket) -> None:
        """10 GB are announced."""
        line.sendall(f"{self._known}Content-Length: 10000000000\r\n\r\n".encode())
        line.sendall(b"x" * 100_000)

    def parts(self, line: socket.socket) -> None:
        """A form has 5,000 parts."""
        body = b"".join(b'--b\r\nContent-Disposition: form-data; name="%d"\r\n\r\n\r\n' % n for n in range(5000))
        asked = self._known.replace("application/json", "multipart/form-data; boundary=b")
        line.sendall(f"{asked}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def go_on_until(self, end: Callable[[], object]) -> None:
        """All of them, until `end` returns."""
        kinds = [self.slow_head] * SLOW_HEADS + [self.slow_body] * _SLOW_BODIES
        kinds += [self.endless, self.too_large, self.parts]
        running = [threading.Thread(target=self._again_and_again, args=(kind,)) for kind in kinds]
        for thread in running:
            thread.start()
        end()
        self._stop.set()
        for thread in running:
            thread.join()

    def _again_and_again(self, do: Callable[[socket.socket], None]) -> None:
        while not self._stop.is_set():
            with (
                contextlib.suppress(OSError),
                socket.create_connection((self._place.hostname, self._place.port), 5) as line,
            ):
                with contextlib.suppress(OSError):
                    do(line)
                line.settimeout(1)
                answer = line.recv(65536)
                with self._lock:
                    self.answers[answer[9:12].decode("latin-1") or "closed"] += 1
            self._stop.wait(0.05)

    def _drip(self, line: socket.socket, data: bytes) -> None:
        for position in range(len(data)):
            if self._stop.wait(0.5):
                return
            line.sendall(data[position : position + 1])


def main() -> None:
    """Attack until the standard input is closed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    given = parser.parse_args()
    if sys.platform != "win32":
        os.nice(9)  # attackers have machines of their own
    attack = _Attack(given.url, sys.stdin.readline().strip())
    attack.go_on_until(sys.stdin.read)
    print(json.dumps(attack.answers))


if __name__ == "__main__":
    main()
