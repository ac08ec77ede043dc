"""Files that are whole or not there: written aside, flushed to the disk, then renamed.

The parent folder is flushed too, so that a rename survives a power cut (POSIX; Windows keeps its own journal).
"""

import os
import re
import secrets
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from esign.errors import RegistryError
from esign.reasons import system_problem

__all__ = ["Files", "Folder", "add_durably", "write_durably"]

_PART = re.compile(r"\..+\.[0-9a-f]{8}\.part")
_ABANDONED = timedelta(hours=1)
"""No write takes so long: a part that is older was left by a process that was killed."""


def write_durably(path: Path, *parts: bytes, private: bool = True) -> None:
    """Put `parts`, one behind the other, at `path`, durably; readers see the old file or the new one, never a part.

    Raises:
        RegistryError: `disk-not-writable`: full, read-only, or without permission.
    """
    with _changing(path.parent):
        with _written_aside(path, parts, private=private) as aside:
            os.replace(aside, path)  # noqa: PTH105  # pathlib takes longer than the system
        _flush_folder(path.parent)


def add_durably(folder: Path, contents: Mapping[str, bytes]) -> frozenset[str]:
    """Put each of `contents` into `folder`, durably, where its name is free; the names that were. Others stay.

    Raises:
        RegistryError: `disk-not-writable`.
    """
    with _changing(folder):
        placed = frozenset(name for name, data in contents.items() if _add(folder / name, data))
        if contents:  # also where all were there: whoever put them may not have come so far
            _flush_folder(folder)
    return placed


def _add(path: Path, data: bytes) -> bool:
    """Give the file its name, which must be free: a link is made or not, unlike a rename, which replaces."""
    with _written_aside(path, (data,), private=True) as aside:
        try:
            os.link(aside, path)
        except FileExistsError:
            return False
        except OSError:
            # FAT and some network drives have no links; of two processes at the same moment the later would win there.
            if path.exists():
                return False
            os.replace(aside, path)  # noqa: PTH105
    return True


@contextmanager
def _written_aside(path: Path, parts: Iterable[bytes], *, private: bool) -> Iterator[str]:
    """A file beside `path` that holds `parts` whatever becomes of the machine; whoever wants it gives it a name."""
    aside = os.path.join(path.parent, f".{path.name}.{secrets.token_hex(4)}.part")  # noqa: PTH118
    try:
        with os.fdopen(_new_file(aside, private=private), "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        yield aside
    finally:
        with suppress(FileNotFoundError):
            os.unlink(aside)  # noqa: PTH108


def _new_file(path: str, *, private: bool) -> int:
    flags, mode = os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o644
    try:
        return os.open(path, flags, mode)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o755)
        return os.open(path, flags, mode)


@contextmanager
def _changing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise RegistryError("disk-not-writable", folder=folder.name, problem=system_problem(e)) from e


def _flush_folder(folder: Path) -> None:
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Files(Protocol):
    """Named byte strings: a folder of this host, or a store that several hosts share (`esign.objects`).

    Names are ids and digests, never personal data. What was stored is durable when the call returns, and whole for
    every reader from then on.
    """

    def put(self, name: str, *parts: bytes) -> None:
        """Store `parts`, one behind the other; storing the same name again replaces it.

        Raises:
            RegistryError: `disk-not-writable`, or `store-not-writable`. The same holds for what follows.
        """

    def put_new(self, contents: Mapping[str, bytes]) -> frozenset[str]:
        """Store each of `contents` whose name is free, and give the names that were; nothing happens to the others."""

    def get(self, name: str) -> bytes | None:
        """What was stored, or None.

        Raises:
            RegistryError: `disk-not-readable`, or `store-not-readable`.
        """

    def discard(self, name: str) -> None:
        """Remove it; nothing happens where it is not there."""

    def age(self, name: str) -> timedelta:
        """How long ago it was stored; zero where it is not there."""

    def names(self) -> Iterator[str]:
        """What is stored."""

    def sweep_parts(self, *, older_than: timedelta = _ABANDONED) -> int:
        """Remove what processes that were killed left half written; return how many files that were."""


class Folder:
    """Implements `Files` in one private folder of this host."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, name: str, *parts: bytes) -> None:
        """Store durably; storing the same name again replaces it."""
        write_durably(self.path / name, *parts)

    def put_new(self, contents: Mapping[str, bytes]) -> frozenset[str]:
        """See `Files.put_new`; the folder is flushed once for all of them."""
        return add_durably(self.path, contents)

    def get(self, name: str) -> bytes | None:
        """What was stored, or None.

        Raises:
            RegistryError: `disk-not-readable`.
        """
        with self._reading():
            try:
                return (self.path / name).read_bytes()
            except FileNotFoundError:
                return None

    def discard(self, name: str) -> None:
        """Remove it; nothing happens where it is not there.

        Raises:
            RegistryError: `disk-not-writable`.
        """
        with _changing(self.path):
            (self.path / name).unlink(missing_ok=True)

    def age(self, name: str) -> timedelta:
        """How long ago it was stored, by the file system's own clock; zero where it is not there.

        Raises:
            RegistryError: `disk-not-readable`.
        """
        with self._reading():
            try:
                return timedelta(seconds=time.time() - (self.path / name).stat().st_mtime)
            except FileNotFoundError:
                return timedelta(0)

    def names(self) -> Iterator[str]:
        """What is stored, without what a crash left half written.

        Raises:
            RegistryError: `disk-not-readable`.
        """
        yield from (name for name in self._all() if not name.startswith("."))

    def sweep_parts(self, *, older_than: timedelta = _ABANDONED) -> int:
        """Remove what processes that were killed left half written; return how many files that were.

        A part that is younger may belong to somebody who is writing it now.

        Raises:
            RegistryError: `disk-not-readable`, `disk-not-writable`.
        """
        abandoned = [n for n in self._all() if _PART.fullmatch(n) and self.age(n) > older_than]
        for name in abandoned:
            self.discard(name)
        return len(abandoned)

    def _all(self) -> list[str]:
        """Every name in the folder, sorted; none where the folder was not made yet."""
        with self._reading(), suppress(FileNotFoundError):
            return sorted(p.name for p in self.path.iterdir())
        return []

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            raise RegistryError("disk-not-readable", folder=self.path.name, problem=system_problem(e)) from e
