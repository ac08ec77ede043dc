"""A signature dictionary whose value comes later: its bytes, where the value goes, and what it is over.

    12 0 obj
    <</Type/Sig … /ByteRange [0 1234 5678 910]        /Contents <000…000>>>
                              │  │    │    └ from there so many bytes, to the end of the file
                              │  │    └ behind the `>` of /Contents
                              │  └ up to its `<`
                              └ from the start

What is signed is all but `<000…000>` (ISO 32000-2 §12.8.1). The numbers are known only when everything is written, so
they have room for ten digits each, and spaces take what is left.
"""

import hashlib
from dataclasses import dataclass, field

from esign.syntax import Dict, Ref
from esign.syntax.outline import Buffer
from esign.syntax.update import Update
from esign.syntax.writing import Raw, written

__all__ = ["BEFORE_NUMBERS", "BEFORE_VALUE", "NUMBERS", "WithRoom", "add_placeholder", "byte_range", "finish"]

NUMBERS = 3 * 10 + 3
"""Bytes that the numbers have, with the bracket behind them."""
# With spaces as everybody writes them: simple tools look for these very bytes.
BEFORE_NUMBERS = b"/ByteRange [0 "
BEFORE_VALUE = b" /Contents "


@dataclass(frozen=True, slots=True, kw_only=True)
class WithRoom:
    """An updated file with room for a signature value."""

    before: Buffer = field(repr=False)
    """The file as it was."""
    appended: bytes = field(repr=False)
    """The update, with its byte range."""
    start: int
    """Where the `<` of /Contents stands, in the whole file."""
    end: int
    """Behind its `>`."""

    @property
    def document(self) -> bytes:
        """The whole file; `/Contents` is all zeros."""
        return b"".join((self.before, self.appended))

    def digest(self, algorithm: str) -> bytes:
        """The digest of everything but `<…>`, as hashlib names it."""
        return self.digest_after(hashlib.new(algorithm, self.before))

    def digest_after(self, before: "hashlib._Hash") -> bytes:
        """The same, where `before` has taken in the file as it was."""
        before.update(self._up_to(self.start))
        before.update(self._behind(self.end))
        return before.digest()

    def digests(self, algorithm: str) -> tuple[bytes, str]:
        """`digest`, and the SHA-256 of the whole file, hex; what is before the value is hashed once for both."""
        signed = self._up_to_value(algorithm)
        whole = signed.copy() if algorithm == "sha256" else self._up_to_value("sha256")
        signed.update(self._behind(self.end))
        whole.update(self._behind(self.start))
        return signed.digest(), whole.hexdigest()

    def _up_to_value(self, algorithm: str) -> "hashlib._Hash":
        hashed = hashlib.new(algorithm, self.before)
        hashed.update(self._up_to(self.start))
        return hashed

    def filled(self, digits: bytes) -> bytes:
        """The whole file, `digits` in /Contents."""
        return b"".join((self.before, *self._filled(digits)))

    def update(self, digits: bytes) -> bytes:
        """What goes behind the file as it was, `digits` in /Contents."""
        return b"".join(self._filled(digits))

    def _filled(self, digits: bytes) -> tuple[memoryview, bytes, memoryview]:
        start, end = self.start + 1, self.end - 1
        return self._up_to(start), digits.ljust(end - start, b"0"), self._behind(end)

    def _up_to(self, place: int) -> memoryview:
        """Of what was appended; `place` is one in the whole file."""
        return memoryview(self.appended)[: place - len(self.before)]

    def _behind(self, place: int) -> memoryview:
        """Likewise."""
        return memoryview(self.appended)[place - len(self.before) :]


def byte_range(start: int, end: int, size: int) -> bytes:
    """What follows `BEFORE_NUMBERS`, for a value from `start` to `end` in a file of `size` bytes."""
    return (b"%d %d %d]" % (start, end, size - end)).ljust(NUMBERS)


def add_placeholder(update: Update, dictionary: Dict, *, room: int) -> Ref:
    """Add the signature dictionary with room for a value of `room` bytes; of it nothing changes later."""
    head = written(dictionary)[:-2]
    numbers = BEFORE_NUMBERS + b" " * NUMBERS
    return update.add(Raw(b"%s%s%s<%s>>>" % (head, numbers, BEFORE_VALUE, b"0" * (2 * room))))


def finish(update: Update, signature: Ref, *, room: int) -> WithRoom:
    """Write everything, and say in the signature dictionary what it is over."""
    found = update.write()
    value = found.appended.index(BEFORE_VALUE + b"<" + b"0" * min(8, 2 * room), found.offsets[signature.num])
    before, size = len(found.before), len(found.appended)
    start = value + len(BEFORE_VALUE)
    end = start + 2 + 2 * room
    numbers = byte_range(before + start, before + end, before + size)
    place = value - NUMBERS
    appended = found.appended[:place] + numbers + found.appended[value:]
    return WithRoom(before=found.before, appended=appended, start=before + start, end=before + end)
