"""Where published files go: a folder that a web server serves, or an object store.

Each file is whole or not there. A store's names are paths below its root: `s/9.cwt`.
"""

from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Protocol

from esign.files import Folder, write_durably

__all__ = ["IMMUTABLE", "LIVE", "PAGE", "SLOW", "FolderStore", "Store", "caching", "media_type"]

LIVE = "public, max-age=15, s-maxage=15, stale-if-error=86400"
"""Shards and manifests: two caches and the reader's ttl still stay below 60 s."""
IMMUTABLE = "public, max-age=31536000, immutable"
"""Detail files, whose names are their digests."""
SLOW = "public, max-age=300, stale-if-error=604800"
"""The trust list."""
PAGE = "public, max-age=300"
"""The page."""


_TYPES = {
    ".cwt": "application/cwt",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
}


def media_type(name: str) -> str:
    """The Content-Type of a published file; the page has no suffix."""
    path = PurePosixPath(name)
    if path.suffix == ".cwt" and path.stem.isdigit():
        return "application/statuslist+cwt"
    return _TYPES.get(path.suffix, "text/html; charset=utf-8")


def caching(name: str) -> str:
    """Its Cache-Control."""
    path = PurePosixPath(name)
    if path.parts[0] == "t":
        return SLOW
    if path.parts[0] == "s":
        return IMMUTABLE if "-" in path.stem else LIVE
    return PAGE


class Store(Protocol):
    """Keeps published files.

    `put` returns when readers get the new file; before that they get the old one, whole. Names with a digest in them
    may be put again with the same bytes.
    """

    def get(self, name: str) -> bytes | None:
        """The file as readers would get it, or None."""

    def put(self, name: str, data: bytes) -> None:
        """Publish a file in the place of the one that is there."""

    def discard(self, name: str) -> None:
        """Take a file away; nothing happens where there is none."""

    def ages(self, folder: str) -> dict[str, timedelta]:
        """What stands directly in a folder, with the time since it was put there."""


class FolderStore:
    """A folder below which a web server serves files; others may read it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get(self, name: str) -> bytes | None:
        """Read it."""
        path = self.root / name
        return Folder(path.parent).get(path.name)

    def put(self, name: str, data: bytes) -> None:
        """Write it aside, flush it, rename it."""
        write_durably(self.root / name, data, private=False)

    def discard(self, name: str) -> None:
        """Unlink it."""
        path = self.root / name
        Folder(path.parent).discard(path.name)

    def ages(self, folder: str) -> dict[str, timedelta]:
        """By the file system's own clock; parts that a crash left behind are swept first."""
        place = Folder(self.root / folder)
        place.sweep_parts()
        return {f"{folder}/{name}": place.age(name) for name in place.names()}
