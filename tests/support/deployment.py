"""A deployment as an operator would have it: a folder from `esign init`, a token, and `esign serve` as real processes.

The token is SoftHSM behind the counting shim; the register is a file or a database on a server. Whoever breaks things
does so from outside: signals, the shim, the database, the disk.
"""

import http.client
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import tomlkit

from tests.scripts.script import ESIGN, environment
from tests.support import shim as shims

__all__ = ["AGENCY", "Deployment", "Server"]

ROOT = Path(__file__).parents[2]
AGENCY = "H26.1.2"
_ROLES = ("signer", "registrar", "auditor", "operator")
_CERTIFY = """
from datetime import UTC, datetime
from pathlib import Path
from esign_cli.config import Config
from esign_cli.demo import certify_for_trial
from esign_cli.wiring import Workplace

now = lambda: datetime.now(UTC)
with Workplace(Config.load(Path("esign.toml")), now=now) as workplace:
    certify_for_trial(workplace, now=now())
"""
_names = itertools.count(1)


@dataclass
class Server:
    """One process of the deployment."""

    process: "subprocess.Popen[bytes]"
    log: Path
    port: int = 0
    _written: IO[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def wait_until_ready(self, seconds: float = 60) -> float:
        """Wait until it answers that it can issue; how long that took."""
        begun = time.monotonic()
        while True:
            with suppress(OSError, http.client.HTTPException):
                if self._status_of("/readyz") == 200:
                    return time.monotonic() - begun
            if not self.alive or time.monotonic() - begun > seconds:
                raise RuntimeError(self.log.read_text("utf-8", errors="replace")[-3000:])
            time.sleep(0.05)

    def _status_of(self, path: str) -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("GET", path)
            return connection.getresponse().status

    def signers(self) -> list[int]:
        """The signer processes below it."""
        found = subprocess.run(
            ["pgrep", "-P", str(self.process.pid), "-f", "esign_hsm.signer"],
            capture_output=True,
            text=True,
            check=False,
        )
        return [int(line) for line in found.stdout.split()]

    def kill(self) -> None:
        """SIGKILL, as a power cut."""
        self.process.kill()
        self.process.wait()
        self._close()

    def end(self, seconds: float = 40) -> int:
        """SIGTERM, as systemd; its exit code."""
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        self._close()
        return code

    def _close(self) -> None:
        if self._written is not None:
            self._written.close()
            self._written = None


@dataclass
class Deployment:
    """One agency in a folder, and its processes."""

    folder: Path
    environ: dict[str, str]
    shim: shims.Shim
    doom: Path
    database: str
    key: str = field(repr=False)
    servers: list[Server] = field(default_factory=list)

    @classmethod
    def make(cls, place: Path, *, kind: str = "rsa-2048", database: str | None = None, **service: Any) -> "Deployment":
        """In the folder `place`, which must not be there; with a register of its own, or in `database`.

        `service` goes into [service] of esign.toml.
        """
        place.mkdir(parents=True)
        folder = place / "office"
        (place / "doom").mkdir()
        environ = environment(place / "state")
        _esign(["init", str(folder), "--softhsm", "--sample"], place, environ)
        configuration = folder / "esign.toml"
        if kind != "rsa-2048":
            _esign(["key", "generate", "con-dau-2", "--kind", kind], folder, environ)
            _configure(configuration, {"key": {"uri": "pkcs11:token=van-thu;object=con-dau-2"}})
        _run([sys.executable, "-c", _CERTIFY], folder, environ)
        shim = shims.Shim(place / "shim", shims.build(place))
        shim.record()
        paths = {"registry": database} if database else {}
        told = {"metrics_port": 0, "lookups_per_minute": 1_000_000, "lookups_at_once": 1_000_000, **service}
        _configure(configuration, {"key": {"module": str(shim.module)}, "paths": paths, "service": told})
        environ = environ | shim.environment
        roles = [word for role in _ROLES for word in ("--role", role)]
        _esign(["access", "issue", "portal", *roles, "--key-file", str(place / "key")], folder, environ)
        return cls.open(place, database=database)

    @classmethod
    def open(cls, place: Path, *, database: str | None = None) -> "Deployment":
        """What `make` made in `place`; `database` may answer at another port by now."""
        folder, doom = place / "office", place / "doom"
        if database is not None:
            _configure(folder / "esign.toml", {"paths": {"registry": database}})
        shim = shims.Shim(place / "shim", place / "shim.so")
        environ = environment(place / "state") | shim.environment | {"ESIGN_DOOM": str(doom)}
        key = (place / "key").read_text("ascii").strip()
        return cls(folder, environ, shim, doom, database or str(folder / "register.sqlite"), key)

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    def serve(self, *options: str, ready: bool = True, **environ: str) -> Server:
        """`esign serve` on a free port."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        server = self._start(["serve", *options, "--port", str(port)], environ, port=port)
        if ready:
            server.wait_until_ready()
        return server

    def work(self, **environ: str) -> Server:
        """`esign work`."""
        return self._start(["work"], environ)

    def esign(self, *arguments: str) -> str:
        """Run one command in the folder; what it printed."""
        return _esign(list(arguments), self.folder, self.environ)

    def headers(self, key: str | None = None) -> dict[str, str]:
        """What a request carries."""
        said = {"Authorization": f"Bearer {self.key}"}
        return said | ({"Idempotency-Key": key} if key is not None else {})

    def die_at(self, step: str) -> None:
        """Whoever finishes this step next dies."""
        (self.doom / f"die-at-{step}").touch()

    def spare(self, step: str) -> bool:
        """Nobody has to die at this step any more; whether nobody did."""
        try:
            (self.doom / f"die-at-{step}").unlink()
        except FileNotFoundError:
            return False
        return True

    def unblock(self) -> None:
        """What an operator does after a process died while it tried a PIN."""
        self.esign("token", "unblock", "--yes")

    @contextmanager
    def running(self) -> Iterator["Deployment"]:
        """At the end no process is left."""
        try:
            yield self
        finally:
            for server in self.servers:
                if server.alive:
                    server.kill()
                server._close()

    def _start(self, arguments: list[str], environ: Mapping[str, str], *, port: int = 0) -> Server:
        log = self.folder.parent / f"log-{next(_names)}-{arguments[0]}"
        written = log.open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.doomed", "--config", str(self.folder / "esign.toml"), *arguments],
            cwd=ROOT,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
        )
        server = Server(process, log, port, written)
        self.servers.append(server)
        return server


def _esign(arguments: list[str], folder: Path, environ: Mapping[str, str]) -> str:
    return _run([str(ESIGN), *arguments], folder, environ)


def _run(command: list[str], folder: Path, environ: Mapping[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])}: {done.stderr[-2000:]}")
    return done.stdout


def _configure(path: Path, changes: Mapping[str, Mapping[str, Any]]) -> None:
    document = tomlkit.parse(path.read_text("utf-8"))
    for section, values in changes.items():
        for name, value in values.items():
            document[section][name] = value
    path.write_text(tomlkit.dumps(document), "utf-8")
    if sys.platform != "win32":
        os.sync()
