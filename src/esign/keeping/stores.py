"""Where kept documents are: anything that lists, reads and replaces them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from esign.errors import InputError
from esign.files import write_durably
from esign.reasons import system_problem

__all__ = ["DocumentStore", "FolderStore"]


class DocumentStore(Protocol):
    """What a keeper needs of a store; used from several threads, each document by one at a time."""

    def documents(self) -> Iterator[tuple[str, str]]:
        """The name of every document, and a stamp that changes whenever it does; reads none of them."""

    def read(self, name: str) -> bytes:
        """One document.

        Raises:
            Error: It cannot be read now.
        """

    def replace(self, name: str, longer: bytes) -> str:
        """Put the renewed document in the place of what it begins with, durably; its new stamp.

        Raises:
            Error: It was not replaced.
        """


@dataclass(frozen=True, slots=True)
class FolderStore:
    """PDFs in folders, or by their names; a renewed one takes the place of the file that it begins with."""

    places: Sequence[Path]
    """Folders, looked through to the bottom, and files."""

    def documents(self) -> Iterator[tuple[str, str]]:
        """See `DocumentStore.documents`: the stamp is size and time of change."""
        seen: set[Path] = set()
        for place in self.places:
            below = sorted(place.rglob("*")) if place.is_dir() else [place]
            for path in below:
                if path.suffix.lower() == ".pdf" and path.is_file() and not path.is_symlink() and path not in seen:
                    seen.add(path)
                    yield str(path), _stamp(path)

    def read(self, name: str) -> bytes:
        """See `DocumentStore.read`."""
        try:
            return Path(name).read_bytes()
        except OSError as e:
            raise InputError("file-unreadable", file=name, problem=system_problem(e)) from e

    def replace(self, name: str, longer: bytes) -> str:
        """See `DocumentStore.replace`: whole or not at all, also when the power goes."""
        write_durably(Path(name), longer, private=False)
        return _stamp(Path(name))


def _stamp(path: Path) -> str:
    found = path.stat()
    return f"{found.st_size}-{found.st_mtime_ns}"
