"""A digest of what an object of a PDF says, with everything that it refers to, in one revision of the file.

Object numbers and the way a number is written do not count; what a reader would see or read does.
"""

import hashlib
from collections.abc import Collection
from typing import Any

from pyhanko.pdf_utils import generic

__all__ = ["fingerprint"]

# A widget with its picture and fonts has some hundred objects; hostile files are not followed further than this.
_MOST_OBJECTS = 50_000


def fingerprint(value: Any, *, without: Collection[str] = ()) -> bytes:
    """SHA-256 over `value`; of the dictionary itself the keys `without` are left out.

    Raises:
        ValueError: It is larger than anything that is drawn on a page.
    """
    walk = _Walk()
    if isinstance(value, generic.DictionaryObject):
        value = generic.DictionaryObject({k: value.raw_get(k) for k in value if k not in without})
    walk.add(value)
    return walk.digest.digest()


class _Walk:
    """One walk over a graph of objects; what was met before is named by when it was met."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self._met: dict[Any, int] = {}
        self._count = 0

    def add(self, value: Any) -> None:
        self._count += 1
        if self._count > _MOST_OBJECTS:
            message = "too many objects"
            raise ValueError(message)
        if isinstance(value, generic.IndirectObject):
            key = value.reference
            if key in self._met:
                self._put(b"met", b"%d" % self._met[key])
                return
            self._met[key] = len(self._met)
            value = value.get_object()
        if isinstance(value, generic.DecryptedObjectProxy):
            value = value.decrypted
        if isinstance(value, generic.DictionaryObject):
            self._put(b"dictionary", b"%d" % len(value))
            for name in sorted(value):
                self._put(b"name", str(name).encode())
                self.add(value.raw_get(name))
            if isinstance(value, generic.StreamObject):
                self._put(b"stream", value.encoded_data)
        elif isinstance(value, generic.ArrayObject):
            self._put(b"array", b"%d" % len(value))
            for item in value:
                self.add(item)
        else:
            self._put(*_simple(value))

    def _put(self, kind: bytes, content: bytes) -> None:
        self.digest.update(b"%s %d " % (kind, len(content)))
        self.digest.update(content)


def _simple(value: Any) -> tuple[bytes, bytes]:
    if isinstance(value, generic.TextStringObject | generic.ByteStringObject):
        return b"string", value.original_bytes
    if isinstance(value, generic.FloatObject | generic.NumberObject):
        return b"number", b"%.6f" % float(value)
    return type(value).__name__.encode(), str(value).encode("utf-8", "surrogateescape")
