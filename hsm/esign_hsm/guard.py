"""Lets a wrong PIN be sent at most once on a host: one small file per token (DESIGN law 2).

The file is written before `C_Login` and says that a PIN is being tried; a process that dies there leaves it, and the
next one reads it as a refusal. Nothing in it comes from a PIN.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from esign.errors import PINError
from esign.keys import PinAttempt
from esign.pin_state import Attempt, PinState, Trying
from esign.reasons import system_problem
from esign_hsm.state import hashed, lock, state_dir

__all__ = ["FilePinGuard"]


class FilePinGuard:
    """Implements `esign.keys.PinGuard` for the processes of one host, in files of `directory`.

    Several hosts that use one network HSM need a guard in their shared database instead: `esign.registry.pin_guard`.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory or state_dir()

    @contextlib.contextmanager
    def attempt(self, serial: str, *, attended: bool) -> Iterator[PinAttempt]:
        """See `PinGuard.attempt`."""
        with self._locked(serial) as path:
            before = _read(path).settled()
            if before.refused and not attended:
                raise PINError("pin-blocked", serial=serial)
            _write(path, before.begun(attended=attended))
            attempt = Attempt(before, attended=attended)
            try:
                yield attempt
            finally:
                _write(path, attempt.outcome)

    def blocked(self, serial: str) -> bool:
        """See `PinGuard.blocked`; waits for an attempt that is under way."""
        with self._locked(serial) as path:
            return _read(path).settled().refused

    def clear(self, serial: str) -> None:
        """See `PinGuard.clear`."""
        with self._locked(serial) as path:
            _write(path, PinState())

    @contextlib.contextmanager
    def _locked(self, serial: str) -> Iterator[Path]:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._directory / f"pin-{hashed(serial)}.json"
            with lock(path.with_suffix(".lock")):
                yield path
        except OSError as e:
            # Without the file nobody knows whether a PIN was refused before, so none is tried.
            raise PINError("pin-guard-unusable", path=self._directory, detail=system_problem(e)) from e


def _read(path: Path) -> PinState:
    try:
        found = json.loads(path.read_bytes())
        return PinState(trying=Trying(found["trying"]), attended=found["attended"], unattended=found["unattended"])
    except FileNotFoundError:
        return PinState()
    except (ValueError, KeyError, TypeError):
        # Something else wrote here: unknown is never taken for good.
        return PinState(attended=True, unattended=True)


def _write(path: Path, state: PinState) -> None:
    """Make `state` durable: it is on the disk, under its name, when this returns."""
    content = json.dumps({"trying": state.trying.value, "attended": state.attended, "unattended": state.unattended})
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)  # another user's, from a crash
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660)
    try:
        os.write(descriptor, content.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    if sys.platform != "win32":  # Windows cannot open a directory, and its rename is journalled
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
