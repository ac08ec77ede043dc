"""Lets a wrong PIN be sent at most once on a host: one small file per token (DESIGN law 2).

The file is written before `C_Login` and says that a PIN is being tried; a process that dies there leaves it, and the
next one reads it as a refusal. Nothing in it comes from a PIN.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from esign.errors import PINError
from esign.keys import PinAttempt
from esign.reasons import system_problem
from esign_hsm.state import hashed, lock, state_dir

__all__ = ["FilePinGuard"]

_ATTENDED = "attended"
_UNATTENDED = "unattended"


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What is known of the PINs that were tried with one token."""

    trying: str = ""
    """Who is trying right now, or died trying: `attended`, `unattended`, or nobody."""
    attended: bool = False
    """A PIN that a person typed was refused, and none accepted since."""
    unattended: bool = False
    """A PIN that came from a file was refused; that file may still hold it."""

    @property
    def refused(self) -> bool:
        return self.attended or self.unattended

    def settled(self) -> "_State":
        """The state in which nobody is trying: who began and did not finish was refused."""
        return replace(
            self,
            trying="",
            attended=self.attended or self.trying == _ATTENDED,
            unattended=self.unattended or self.trying == _UNATTENDED,
        )


class _Attempt:
    """Implements `PinAttempt`: notes the outcome; a refusal until told otherwise."""

    def __init__(self, before: _State, *, attended: bool) -> None:
        self._before = before
        self._attended = attended
        self.outcome = replace(before, trying=_ATTENDED if attended else _UNATTENDED).settled()

    def accepted(self) -> None:
        # What a person typed is right now; a file that was refused may still hold the wrong PIN.
        self.outcome = replace(self._before, attended=False) if self._attended else self._before

    def refused(self) -> None:
        self.outcome = replace(self._before, trying=_ATTENDED if self._attended else _UNATTENDED).settled()

    def not_sent(self) -> None:
        self.outcome = self._before


class FilePinGuard:
    """Implements `esign.keys.PinGuard` for the processes of one host, in files of `directory`.

    Several hosts that use one network HSM need a guard in their shared database instead.
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
            _write(path, replace(before, trying=_ATTENDED if attended else _UNATTENDED))
            attempt = _Attempt(before, attended=attended)
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
            _write(path, _State())

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


def _read(path: Path) -> _State:
    try:
        found = json.loads(path.read_bytes())
        return _State(trying=found["trying"], attended=found["attended"], unattended=found["unattended"])
    except FileNotFoundError:
        return _State()
    except (ValueError, KeyError, TypeError):
        # Something else wrote here: unknown is never taken for good.
        return _State(attended=True, unattended=True)


def _write(path: Path, state: _State) -> None:
    """Make `state` durable: it is on the disk, under its name, when this returns."""
    content = json.dumps({"trying": state.trying, "attended": state.attended, "unattended": state.unattended})
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
