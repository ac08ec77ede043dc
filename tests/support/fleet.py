"""Several processes of one deployment, each started again when it dies, as systemd would."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.deployment import Deployment, Server

__all__ = ["Fleet"]


@dataclass
class Fleet:
    """`servers` times `esign serve` and `workers` times `esign work`."""

    deployment: Deployment
    servers: int = 1
    workers: int = 0
    environ: dict[str, str] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    """What happened to them."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: list[tuple[Callable[[], Server], Server]] = []

    @contextmanager
    def running(self) -> Iterator["Fleet"]:
        """All of them, until the block is left."""
        with self.deployment.running():
            starts: list[Callable[[], Server]] = [self._serve] * self.servers + [self._work] * self.workers
            for start in starts:
                self._slots.append((start, start()))
            self.wait_until_ready()
            yield self

    def urls(self) -> list[str]:
        """Of the servers that are up."""
        with self._lock:
            return [s.url for _, s in self._slots if s.port and s.alive]

    @property
    def processes(self) -> list[Server]:
        """All, dead or alive."""
        with self._lock:
            return [server for _, server in self._slots]

    def heal(self) -> None:
        """Start what is dead again, and wait until it can issue."""
        for position, (start, server) in enumerate(list(self._slots)):
            if server.alive:
                continue
            server.kill()  # gives its log back
            self.events["started again"] += 1
            with self._lock:
                self._slots[position] = (start, start())
        self.wait_until_ready()

    def wait_until_ready(self, seconds: float = 90) -> None:
        """Until every server says that it can issue; an operator helps where a process died over a PIN."""
        end = time.monotonic() + seconds
        for position, (start, server) in enumerate(list(self._slots)):
            current = server
            while current.port:
                try:
                    current.wait_until_ready(max(1.0, end - time.monotonic()))
                    break
                except RuntimeError as e:
                    if time.monotonic() > end:
                        raise
                    if "unblock" in str(e):  # law 2: a death while a PIN is tried counts as a refusal
                        self.events["PIN cleared by an operator"] += 1
                        self.deployment.unblock()
                    if not current.alive:
                        current.kill()
                        current = start()
                        with self._lock:
                            self._slots[position] = (start, current)

    def end(self) -> list[int]:
        """SIGTERM for all; their exit codes."""
        return [server.end() for server in self.processes]

    def _serve(self) -> Server:
        return self.deployment.serve(ready=False, **self.environ)

    def _work(self) -> Server:
        return self.deployment.work(**self.environ)
