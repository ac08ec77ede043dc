"""Start the signer process, ask it, and start it again when it crashed or hung.

A request that was under way fails with `TokenUnavailable`, and nothing is lost by that: what was to be signed stands
in the register (DESIGN law 1), and resuming signs the same bytes. The PIN is not sent again and again to a module that
dies of it: that it is tried is recorded before (`PinGuard`), and a process that dies there leaves it refused.
"""

import json
import logging
import queue
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Client
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from esign.errors import KeyNotFound, TokenUnavailable
from esign.keys import KeyRef, KeyType, Mechanism, Protection, check_signature
from esign_hsm.signer.wire import Line, Purpose, decoded, encoded, error_from, receive, send

__all__ = ["GuardMaker", "KeyInUse", "ProcessKey", "SignerProcess"]

_logger = logging.getLogger(__name__)
_PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0)
"""Seconds before a start: the first at once, then longer while each process dies young."""
_YOUNG = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInUse:
    """A key that the process opens, and what it is for."""

    ref: KeyRef
    """Where it is; its `pin-source` is read by the process itself, so the PIN never passes through the caller."""
    purpose: Purpose
    """What it signs; other things are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardMaker:
    """A `PinGuard` that the process makes for itself, with a function of a package that this one does not know."""

    made_by: str
    """The function: `module:name`; it is given `place`."""
    place: str
    """Where the guard is kept, for instance the URL of a database; no secret."""


class SignerProcess:
    """The signer process of one token, seen from outside; safe to use from several threads."""

    def __init__(
        self,
        keys: Mapping[str, KeyInUse],
        *,
        guard: GuardMaker | None = None,
        seconds: float = 15.0,
        start_seconds: float = 30.0,
    ) -> None:
        """`seconds` is what one signature may take before the process counts as hung; then it is replaced.

        `guard`: `FilePinGuard()` where None.
        """
        self._wanted = dict(keys)
        self._guard = guard
        self._seconds = seconds
        self._start_seconds = start_seconds
        self._folder = tempfile.TemporaryDirectory(prefix="esign-signer-", ignore_cleanup_errors=True)
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._deaths = 0
        self._closed = False
        self._keys: dict[str, ProcessKey] = {}

    def key(self, name: str) -> "ProcessKey":
        """The key called `name`.

        Raises:
            KeyNotFound: `signer-key-unknown`; whatever opening the keys raises (`PINError`, …).
        """
        if name not in self._wanted:
            raise KeyNotFound("signer-key-unknown", key=name)
        if name not in self._keys:
            described = self._ask({"do": "keys"})[0]["keys"]
            self._keys |= {n: ProcessKey(self, n, d) for n, d in described.items() if n not in self._keys}
        return self._keys[name]

    def sign(self, name: str, data: bytes, mechanism: Mechanism) -> bytes:
        """A signature by the key called `name`.

        Raises:
            TokenUnavailable: `signer-lost` or `signer-hung`: the process died on the way and is being replaced.
            KeyStoreError: What the token said.
        """
        return self.sign_all(name, [data], mechanism)[0]

    def sign_all(self, name: str, data: Sequence[bytes], mechanism: Mechanism) -> list[bytes]:
        """The same for each of `data`, asked for at once: the process has the next one at hand when one is done.

        `seconds` holds for each signature. What was signed before a failure is lost.

        Raises:
            KeyStoreError: As `sign`.
        """
        if not data:
            return []
        asked = {"do": "sign", "key": name, "mechanism": mechanism.value, "data": [encoded(d) for d in data]}
        return [decoded(str(said["signature"])) for said in self._ask(asked, answers=len(data))]

    def check(self) -> None:
        """Find out whether the process answers, and its token has the keys; nothing is signed.

        Raises:
            TokenUnavailable, KeyStoreError: As `sign`; a process that does not answer is replaced, as there.
        """
        self._ask({"do": "check"})

    @property
    def pid(self) -> int | None:
        """The process' number, for monitoring; None where none runs."""
        running = self._running
        return running.process.pid if running is not None and running.process.poll() is None else None

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._closed = True
            if self._running is not None:
                self._running.end()
                self._running = None
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer process belongs to the process that started it")

    def _ask(self, message: Mapping[str, Any], *, answers: int = 1) -> list[dict[str, Any]]:
        running = self._started()
        try:
            said = running.ask(message, answers=answers, seconds=self._seconds)
        except TimeoutError as e:
            self._replace(running)
            raise TokenUnavailable("signer-hung", seconds=self._seconds) from e
        except (OSError, EOFError, ValueError) as e:
            self._replace(running)
            raise TokenUnavailable("signer-lost") from e
        if "error" in said[-1]:
            raise error_from(said[-1]["error"])
        return said

    def _started(self) -> "_Running":
        with self._lock:
            if self._closed:
                raise TokenUnavailable("signer-closed")
            if self._running is not None and self._running.process.poll() is not None:
                self._bury(self._running)
            if self._running is None:
                self._running = self._start()
            return self._running

    def _replace(self, running: "_Running") -> None:
        """Kill a process that is of no use any more, and have the next one ready before it is asked for."""
        with self._lock:
            if self._running is not running or self._closed:
                return
            self._bury(running)
        _logger.warning("the signer process ended, starting another")
        threading.Thread(target=self._warm, daemon=True).start()

    def _bury(self, running: "_Running") -> None:
        running.end()
        self._running = None
        self._deaths = self._deaths + 1 if time.monotonic() - running.since < _YOUNG else 0

    def _warm(self) -> None:
        with suppress(Exception):  # whoever asks next gets the failure itself
            self._started()

    def _start(self) -> "_Running":
        time.sleep(_PAUSES[min(self._deaths, len(_PAUSES) - 1)])
        name = secrets.token_hex(8)
        pipe = rf"\\.\pipe\esign-{name}"
        address = pipe if sys.platform == "win32" else str(Path(self._folder.name) / name)
        secret = secrets.token_bytes(32)
        process = subprocess.Popen(
            [sys.executable, "-m", "esign_hsm.signer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        keys = {n: {"ref": str(k.ref), "purpose": k.purpose.value} for n, k in self._wanted.items()}
        running = _Running(process, address, secret)
        guard = None if self._guard is None else {"made_by": self._guard.made_by, "place": self._guard.place}
        settings = {"address": address, "secret": encoded(secret), "keys": keys, "guard": guard}
        said = running.settle(settings, self._start_seconds)
        if "ready" not in said:
            running.end()
            if "error" in said:
                raise error_from(said["error"])
            raise TokenUnavailable("signer-not-started", seconds=self._start_seconds)
        return running


class _Running:
    """One life of the process, and connections to it that nobody uses right now."""

    def __init__(self, process: "subprocess.Popen[str]", address: str, secret: bytes) -> None:
        self.process = process
        self.since = time.monotonic()
        self._address = address
        self._secret = secret
        self._idle: list[Line] = []
        self._lock = threading.Lock()

    def settle(self, settings: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Hand over the settings; what the process says when it is ready, or {} where it says nothing in time."""
        said: queue.Queue[str] = queue.Queue()

        def read() -> None:
            assert self.process.stdout is not None
            said.put(self.process.stdout.readline())

        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.write(json.dumps(settings) + "\n")
            self.process.stdin.flush()
        threading.Thread(target=read, daemon=True).start()
        try:
            found = json.loads(said.get(timeout=seconds) or "{}")
        except (queue.Empty, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def ask(self, message: Mapping[str, Any], *, answers: int, seconds: float) -> list[dict[str, Any]]:
        """One question, and its answers up to the first error; a connection that failed is not used again."""
        connection = self._connection()
        said: list[dict[str, Any]] = []
        whole = False
        try:
            send(connection, message)
            while not whole:
                if not connection.poll(seconds):
                    raise TimeoutError
                said.append(receive(connection))
                whole = len(said) == answers or "error" in said[-1]
        finally:
            if not whole:
                connection.close()
        with self._lock:
            self._idle.append(connection)
        return said

    def end(self) -> None:
        """Kill it: a module that hangs answers nothing gentler."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        with self._lock:
            while self._idle:
                self._idle.pop().close()
        with suppress(OSError):
            Path(self._address).unlink()

    def _connection(self) -> Line:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        # No pickles cross this connection: both sides use send_bytes and recv_bytes alone.
        return Client(self._address, authkey=self._secret)


class ProcessKey:
    """Implements `esign.keys.SigningKey` for a key that the signer process holds."""

    def __init__(self, signer: SignerProcess, name: str, described: Mapping[str, Any]) -> None:
        self.ref = KeyRef.parse(str(described["ref"]))
        self.protection = Protection(described["protection"])
        self.key_type = KeyType(described["key_type"])
        self.public_key = decoded(described["public_key"])
        self.certificates = tuple(decoded(c) for c in described["certificates"])
        self.mechanisms = frozenset(Mechanism(m) for m in described["mechanisms"])
        self._signer = signer
        self._name = name

    def sign(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        """See `SigningKey.sign`; checked here again, with the key that was seen first: processes come and go."""
        return self.sign_all([data], mechanism=mechanism)[0]

    def sign_all(self, data: Sequence[bytes], *, mechanism: Mechanism) -> list[bytes]:
        """The same for each of `data`; the process never waits for the next one."""
        signatures = self._signer.sign_all(self._name, data, mechanism)
        for signature, each in zip(signatures, data, strict=True):
            if not check_signature(self.public_key, signature, each, mechanism=mechanism):
                raise TokenUnavailable("signer-other-key", key=self._name)
        return signatures

    def __repr__(self) -> str:
        return f"<ProcessKey {self._name} {self.ref}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key of a signer process belongs to the process that started it")
