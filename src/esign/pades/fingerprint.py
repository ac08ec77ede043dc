"""A digest of what an object of a PDF says, with everything that it refers to, in one revision of the file.

Object numbers and the way a number is written do not count; what a reader would see or read does.
"""

import hashlib
from collections.abc import Collection
from typing import NamedTuple

from esign.pades.reading import Reader
from esign.syntax import Dict, Keyword, Name, Object, Ref, Stream, String

__all__ = ["fingerprint"]

# A widget with its picture and fonts has some hundred objects; hostile files are not followed further than this.
_MOST_OBJECTS = 50_000


def fingerprint(reader: Reader, value: Object, *, without: Collection[str] = ()) -> bytes:
    """SHA-256 over `value`; of the dictionary itself the keys `without` are left out.

    Raises:
        ValueError: It is larger than anything that is drawn on a page.
    """
    resolved = reader.resolve(value)
    if isinstance(resolved, Dict):
        value = Dict({k: v for k, v in resolved.items() if k not in without})
    walk = _Walk(reader)
    walk.add(value)
    return walk.digest.digest()


class _Key(NamedTuple):
    """The name of an entry, before its value."""

    name: str


class _Walk:
    """One walk over a graph of objects; what was met before is named by when it was met."""

    def __init__(self, reader: Reader) -> None:
        self.digest = hashlib.sha256()
        self._reader = reader
        self._met: dict[int, int] = {}
        self._count = 0

    def add(self, value: Object) -> None:
        stack: list[Object | _Key] = [value]
        while stack:
            item = stack.pop()
            if isinstance(item, _Key):
                self._put(b"name", item.name.encode())
                continue
            self._count += 1
            if self._count > _MOST_OBJECTS:
                message = "too many objects"
                raise ValueError(message)
            stack += reversed(self._open(item))

    def _open(self, value: Object) -> "list[Object | _Key]":
        """What is inside a value, behind what is put for the value itself."""
        if type(value) is Ref:
            if value.num in self._met:
                self._put(b"met", b"%d" % self._met[value.num])
                return []
            self._met[value.num] = len(self._met)
            return [self._reader.resolve(value)]
        if isinstance(value, Stream):
            self._put(b"stream", self._reader.raw(value))
            return [value.dictionary]
        if isinstance(value, Dict):
            self._put(b"dictionary", b"%d" % len(value))
            return [part for name in sorted(value) for part in (_Key(name), value[name])]
        if isinstance(value, list):
            self._put(b"array", b"%d" % len(value))
            return list(value)
        self._put(*_simple(value))
        return []

    def _put(self, kind: bytes, content: bytes) -> None:
        self.digest.update(b"%s %d " % (kind, len(content)))
        self.digest.update(content)


def _simple(value: Object) -> tuple[bytes, bytes]:
    if isinstance(value, String):
        return b"string", bytes(value)
    if isinstance(value, Keyword):
        return b"keyword", bytes(value)
    if isinstance(value, Name):
        return b"name", value.encode()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return b"number", f"{value:.6f}".encode()
    return b"other", repr(value).encode()
