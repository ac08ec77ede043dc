"""What a signature covers: the file up to the end of its revision, all but the value of its own /Contents.

ISO 32000-2 §12.8.1: /ByteRange is `[0 a b c]`, the gap from `a` to `b` holds `<…>` of this /Contents and nothing else,
and `b + c` is the end of the revision. Whatever else a range leaves out, nothing speaks for: wrapping and universal
forgery ("1 Trillion Dollar Refund", Mladenov et al., CCS 2019) live in ranges that readers interpret kindly.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from esign.cms import ber
from esign.pades.signed_fields import SignedField
from esign.reasons import Reason
from esign.report import Block, Check, Outcome
from esign.syntax import File

__all__ = ["Coverage", "coverage"]

_CLAUSE: Final = "ISO 32000-2 §12.8.1"
_SPACES: Final = b"\x00\t\n\x0c\r "
_DIGITS: Final = re.compile(rb"<[0-9A-Fa-f]*+>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The extent of one signature."""

    parts: tuple[tuple[int, int], tuple[int, int]] | None
    """The two ranges of bytes that it signs, from and to; None where they make no sense."""
    revision: int | None
    """The revision that it ends, from 0; None where it ends none."""
    whole_file: bool
    """Whether nothing but white space follows."""
    checks: tuple[Check, ...]
    """`byte-range` and `contents`."""

    @property
    def end(self) -> int:
        """How many bytes from the start it speaks for, the gap aside; 0 where its range makes no sense."""
        return self.parts[1][1] if self.parts else 0

    @property
    def sound(self) -> bool:
        """Whether it covers all of its revision."""
        return all(check.outcome is not Outcome.FAILED for check in self.checks)

    def signed_bytes(self, file: File) -> tuple[bytes, bytes]:
        """What is signed, in two pieces."""
        (a, b), (c, d) = self.parts or ((0, 0), (0, 0))
        return file.data[a:b], file.data[c:d]


def coverage(file: File, signed: SignedField) -> Coverage:
    """What `signed` covers, and what is wrong with that."""
    parts = _parts(file, signed)
    if parts is None:
        return Coverage(parts=None, revision=None, whole_file=False, checks=(_failed("byte-range-shape"),))
    end = parts[1][1]
    revision = _ends(file, end)
    checks = (_range_check(file, signed, parts, revision), *_spelling_checks(file, signed, parts))
    whole = revision is not None and not file.data[end:].strip(_SPACES)
    return Coverage(parts=parts, revision=revision, whole_file=whole, checks=checks)


def _parts(file: File, signed: SignedField) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The ranges, where they are four integers that lie in the file one behind the other."""
    items = signed.reader.entry(signed.value, "ByteRange")
    values = [signed.reader.resolve(v) for v in items] if isinstance(items, list) and len(items) == 4 else []
    if "ByteRange" in signed.value.duplicates or not all(type(v) is int for v in values):
        return None
    numbers = [v for v in values if type(v) is int]
    if len(numbers) != 4:
        return None
    start, length, second, rest = numbers
    if start != 0 or length <= 0 or second <= length or rest < 0 or second + rest > len(file.data):
        return None
    return (0, length), (second, second + rest)


def _range_check(
    file: File, signed: SignedField, parts: tuple[tuple[int, int], tuple[int, int]], revision: int | None
) -> Check:
    (_, start), (end, _) = parts
    contents = signed.contents
    if not _DIGITS.fullmatch(file.data, start, end):
        return _failed("byte-range-gap")
    if contents is None or contents.span != (start, end) or "Contents" in signed.value.duplicates:
        return _failed("byte-range-other-contents")
    if revision is None or revision < signed.revision:
        return _failed("byte-range-coverage")
    return Check(name="byte-range", outcome=Outcome.PASSED, clause=_CLAUSE, block=Block.FORMAT)


def _ends(file: File, end: int) -> int | None:
    """The revision that ends at a byte, give or take the end of its last line."""
    for revision in reversed(file.revisions):
        if revision.end <= end:
            return revision.index if not file.data[revision.end : end].strip(_SPACES) else None
    return None


def _spelling_checks(
    file: File, signed: SignedField, parts: tuple[tuple[int, int], tuple[int, int]]
) -> Iterator[Check]:
    """The digits are the only bytes that nothing signs: one value in one case, with zeros behind it."""
    (_, start), (end, _) = parts
    digits = file.data[start + 1 : end - 1]
    if signed.contents is None or not _DIGITS.fullmatch(file.data, start, end):
        return
    if len(digits) % 2:
        yield _failed("contents-not-canonical", problem="odd number of digits")
        return
    if digits not in {digits.lower(), digits.upper()}:
        yield _failed("contents-not-canonical", problem="mixed case")
        return
    if _padding(bytes.fromhex(digits.decode())).strip(b"\x00"):
        yield _failed("contents-not-canonical", problem="padding")
        return
    yield Check(name="contents", outcome=Outcome.PASSED, clause=_CLAUSE, block=Block.FORMAT)


def _padding(raw: bytes) -> bytes:
    """What stands behind the container; whether it is one at all is for those to say who read it."""
    try:
        return raw[ber.read(raw).end :]
    except ber.IndefiniteLength:
        pass
    except ber.Malformed:
        return b""
    try:
        return raw[ber.definite(raw)[1] :]
    except ber.Malformed:
        return b""


def _failed(code: str, **facts: object) -> Check:
    name = "contents" if code.startswith("contents") else "byte-range"
    return Check(name=name, outcome=Outcome.FAILED, clause=_CLAUSE, reason=Reason(code, facts), block=Block.FORMAT)
