"""Where a PIN comes from, and a value that never shows it.

A PIN comes from a prompt, a file, a file descriptor or a systemd credential; never from argv or a URI, which end up
in `ps` and in logs.

>>> Pin(bytearray(b"123456"))
Pin(…)
"""

import contextlib
import ctypes
import getpass
import os
import stat
import sys
import warnings as warnings_module
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol
from urllib.parse import unquote, urlsplit

from esign.errors import PINError
from esign.reasons import Reason, system_problem

__all__ = [
    "CredentialPin",
    "DescriptorPin",
    "FilePin",
    "Pin",
    "PinPad",
    "PinPrompt",
    "PinSource",
    "pin_source",
    "protect_process",
]

# PINs of PKCS#11 tokens have 4 to 255 bytes; more is a file given by mistake.
_MAX_BYTES = 255
_PR_SET_DUMPABLE = 4


class Pin:
    """A PIN in memory: printing, formatting, comparing by text and pickling never reveal it."""

    __slots__ = ("_value",)

    def __init__(self, value: bytearray) -> None:
        self._value = value

    @classmethod
    def from_line(cls, line: bytearray, *, source: str) -> "Pin":
        """The PIN in `line`, without the end of the line.

        Raises:
            PINError: `pin-missing` or `pin-unusable`.
        """
        while line.endswith((b"\n", b"\r")):
            del line[-1]
        if not line:
            raise PINError("pin-missing", source=source)
        if len(line) > _MAX_BYTES or b"\n" in line or b"\0" in line:
            line.clear()  # crash reporters print the local variables of a traceback
            raise PINError("pin-unusable", source=source)
        return cls(line)

    def buffer(self) -> "ctypes.Array[ctypes.c_char]":
        """A copy for C, without a trailing zero; `wipe` it after use."""
        return (ctypes.c_char * len(self._value)).from_buffer_copy(self._value)

    def __repr__(self) -> str:
        return "Pin(…)"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a PIN does not leave its process")


def wipe(buffer: "ctypes.Array[ctypes.c_char]") -> None:
    """Overwrite `buffer`."""
    ctypes.memset(buffer, 0, len(buffer))


class PinSource(Protocol):
    """Gives the PIN of a token when it is needed, and again when the token comes back."""

    @property
    def attended(self) -> bool:
        """Whether a person types it now; only then may a PIN be tried after another was refused."""

    def read(self, token: str, *, warnings: Sequence[Reason] = ()) -> Pin:
        """The PIN of the token labelled `token`; `warnings` are for the person who types it.

        Raises:
            PINError: There is none, or its file can be read by others.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PinPrompt:
    """A person types it."""

    ask: Callable[[str, Sequence[Reason]], str] | None = None
    """Asks for the PIN of a token, with warnings to show first; None asks on the terminal."""
    attended: bool = True
    """A person is there."""

    def read(self, token: str, *, warnings: Sequence[Reason] = ()) -> Pin:
        """Ask; see `PinSource.read`."""
        try:
            ask = self.ask or _ask_on_terminal
            return Pin.from_line(bytearray(ask(token, warnings).encode()), source="prompt")
        except (EOFError, OSError, getpass.GetPassWarning) as e:
            raise PINError("pin-missing", source="prompt") from e


def _ask_on_terminal(token: str, warnings: Sequence[Reason]) -> str:
    for warning in warnings:
        told = warning.explain("vi")
        sys.stderr.write(f"{told.what}\n{told.next_step}\n")
    with warnings_module.catch_warnings():
        # Without a terminal getpass warns and then shows what is typed: refuse instead.
        warnings_module.simplefilter("error", getpass.GetPassWarning)
        return getpass.getpass(f"PIN ({token}): ")


@dataclass(frozen=True, slots=True)
class FilePin:
    """The first line of a file that only its owner (or root) can read."""

    path: Path
    """The file; it is read each time the PIN is needed."""
    attended: bool = False
    """Nobody is there."""

    def read(self, token: str, *, warnings: Sequence[Reason] = ()) -> Pin:  # noqa: ARG002  # nobody to warn
        """Read the file; see `PinSource.read`."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError as e:
            raise PINError("pin-file-unreadable", path=self.path, detail=system_problem(e)) from e
        try:
            _refuse_open_modes(descriptor, self.path)
            return Pin.from_line(_read_line(descriptor), source=str(self.path))
        finally:
            os.close(descriptor)


@dataclass(slots=True)
class DescriptorPin:
    """What stands in a file descriptor that the parent process left open (`--pin-fd 3`)."""

    descriptor: int
    """It is read once, to its end, and stays open: its owner closes it."""
    attended: bool = False
    """Nobody is there."""
    _pin: Pin | None = None

    def read(self, token: str, *, warnings: Sequence[Reason] = ()) -> Pin:  # noqa: ARG002  # nobody to warn
        """Read the descriptor, at the first call; see `PinSource.read`."""
        if self._pin is None:
            try:
                line = _read_line(self.descriptor)
            except OSError as e:
                raise PINError("pin-file-unreadable", path=f"fd {self.descriptor}", detail=system_problem(e)) from e
            self._pin = Pin.from_line(line, source=f"fd {self.descriptor}")
        return self._pin


@dataclass(frozen=True, slots=True)
class CredentialPin:
    """A systemd credential (systemd.exec(5), LoadCredential=): a file of $CREDENTIALS_DIRECTORY."""

    name: str
    """The credential's name."""
    attended: bool = False
    """Nobody is there."""

    @property
    def path(self) -> Path:
        """The file.

        Raises:
            PINError: `pin-credential-missing`.
        """
        directory = os.environ.get("CREDENTIALS_DIRECTORY")
        if not directory or Path(self.name).name != self.name:
            raise PINError("pin-credential-missing", name=self.name)
        return Path(directory, self.name)

    def read(self, token: str, *, warnings: Sequence[Reason] = ()) -> Pin:
        """Read the credential; see `PinSource.read`."""
        return FilePin(self.path).read(token, warnings=warnings)


@dataclass(frozen=True, slots=True)
class PinPad:
    """The PIN is typed on the token or its reader (CKF_PROTECTED_AUTHENTICATION_PATH); it is never in this process."""

    attended: bool = True
    """A person is there."""

    def read(self, token: str, *, warnings: Sequence[Reason] = ()) -> Pin:  # noqa: ARG002  # PinSource's signature
        """There is nothing to read.

        Raises:
            PINError: `pin-pad-missing`.
        """
        raise PINError("pin-pad-missing", token=token)


def pin_source(value: str) -> FilePin:
    """The source that `pin-source` of a pkcs11: URI names: a path or a file: URI (RFC 7512 §2.4).

    Raises:
        PINError: `pin-source-unsupported`: a command (`|…`) or another scheme.
    """
    parts = urlsplit(value)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        path = unquote(parts.path)
        # file:///C:/pin.txt
        return FilePin(Path(path[1:] if sys.platform == "win32" and path[2:3] == ":" else path))
    # A drive letter is not a scheme.
    if value.startswith("|") or len(parts.scheme) > 1:
        raise PINError("pin-source-unsupported", scheme=parts.scheme or "|")
    return FilePin(Path(value))


def protect_process() -> None:
    """Keep PINs out of core dumps, and other processes of the same user from reading this one's memory.

    POSIX: RLIMIT_CORE 0; Linux also PR_SET_DUMPABLE 0 (prctl(2)). Elsewhere it does nothing.
    """
    if sys.platform != "win32":
        import resource  # noqa: PLC0415  # POSIX only

        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _read_line(descriptor: int) -> bytearray:
    line = bytearray()
    while len(line) <= _MAX_BYTES + 2:
        # A piece is not kept: the bytes of a PIN should not be spread over the heap more than needed.
        piece = os.read(descriptor, _MAX_BYTES + 3)
        if not piece:
            break
        line += piece
    return line


def _refuse_open_modes(descriptor: int, path: Path) -> None:
    """Refuse a file that others can read; a pipe (`<(pass show token)`) is read by nobody else."""
    found = os.fstat(descriptor)
    mode = stat.S_IMODE(found.st_mode)
    # The modes that Windows reports do not say who may read.
    if sys.platform != "win32" and stat.S_ISREG(found.st_mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        # systemd shows credentials as 0440 root:root or with an ACL mask; others still cannot read them.
        if mode == stat.S_IRUSR | stat.S_IRGRP and found.st_uid == found.st_gid == 0:
            return
        raise PINError("pin-file-open", path=path, mode=f"{mode:04o}")
