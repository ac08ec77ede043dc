"""Ranges that leave out more than their signature, and signatures that are none: wrapping and universal forgery.

"1 Trillion Dollar Refund" (Mladenov et al., CCS 2019): some readers took a missing or senseless /ByteRange for nothing
to check, and searched the signature elsewhere than in the gap.
"""

from collections.abc import Iterator

from tests.support.raw_pdf import RawPDF
from tests.vectors.changes.document import (
    CATALOG,
    FIELD,
    OBJECTS,
    RESERVED,
    TRAILER,
    VALUE,
    approved,
    fill,
    more,
    signature,
    signed,
    unsigned,
    updated,
)
from tests.vectors.changes.vector import Vector, altered

__all__ = ["vectors"]

PLACEHOLDER = b"/ByteRange[0 %010d %010d %010d]" % (0, 0, 0)
ZEROS = b"/Contents<" + b"0" * 2 * RESERVED + b">"
SHAPE, GAP, OTHER, EXTENT, SPELLING = (
    "byte-range-shape",
    "byte-range-gap",
    "byte-range-other-contents",
    "byte-range-coverage",
    "contents-not-canonical",
)


def vectors() -> Iterator[Vector]:
    yield from _senseless()
    yield from _wrapped()
    yield from _contents()
    yield from _extents()


def waiting(value: bytes) -> RawPDF:
    """The document with a signature dictionary that nobody filled."""
    return updated(unsigned(), more(FIELD, b"/V 20 0 R") | {VALUE: value})


def _senseless() -> Iterator[Vector]:
    for name, ranges in (
        ("absent", b""),
        ("null", b"/ByteRange null"),
        ("empty", b"/ByteRange[]"),
        ("zeros", b"/ByteRange[0 0 0 0]"),
        ("two-numbers", b"/ByteRange[0 100]"),
        ("five-numbers", b"/ByteRange[0 100 200 300 400]"),
        ("negative", b"/ByteRange[0 -100 200 300]"),
        ("not-from-zero", b"/ByteRange[10 100 200 300]"),
        ("backwards", b"/ByteRange[0 300 200 100]"),
        ("real", b"/ByteRange[0 100.5 200 300]"),
        ("beyond-the-file", b"/ByteRange[0 100 200 99999999]"),
        ("huge", b"/ByteRange[0 100 200 99999999999999999999999999]"),
        ("a-name", b"/ByteRange/None"),
    ):
        pdf = waiting(signature(ranges=ranges, contents=ZEROS))
        yield altered(f"range-{name}", pdf, "universal forgery: a range that is none", SHAPE)
    twice = waiting(signature(ranges=PLACEHOLDER + b"/ByteRange[0 1 2 3]"))
    yield altered("range-twice", twice, "two ranges: readers differ on which counts", SHAPE, "structure-ambiguous")


def _wrapped() -> Iterator[Vector]:
    zeros = 2 * RESERVED + 2

    def gap(name: str, contents: bytes, before: int, behind: int, code: str, comment: str) -> Vector:
        pdf = waiting(signature(contents=contents))
        at = bytes(pdf).rindex(b"<" + b"0" * 2 * RESERVED + b">")
        return altered(name, fill(pdf, span=(at - before, at + zeros + behind)), comment, code)

    yield gap("gap-with-key", ZEROS, 9, 0, GAP, "the key is not signed either")
    yield gap("gap-with-space", b"/Contents " + ZEROS[9:], 1, 0, GAP, "white space that nothing signs")
    yield gap("gap-with-more", ZEROS + b"/Reason(unsigned)", 0, 17, GAP, "a reason that nothing signs")
    yield gap("gap-with-comment", ZEROS + b"%unsigned\n", 0, 10, GAP, "a comment that nothing signs")
    yield gap("gap-too-small", ZEROS, -1, -1, GAP, "the delimiters are signed")
    elsewhere = waiting(signature(contents=b"/Contents<3003020101>/Other" + ZEROS[9:]))
    yield altered("gap-elsewhere", fill(elsewhere), "wrapping: the gap holds another value", OTHER)
    twice = waiting(signature(contents=b"/Contents<3003020101>" + ZEROS))
    yield altered("contents-twice", fill(twice), "two signatures in one dictionary", OTHER)
    twice = waiting(signature(contents=ZEROS + b"/Contents<3003020101>"))
    yield altered("contents-twice-last", fill(twice), "two signatures in one dictionary, the other way round", OTHER)
    indirect = updated(
        unsigned(),
        more(FIELD, b"/V 20 0 R")
        | {VALUE: signature(contents=b"/Contents 31 0 R"), 31: b"<" + b"0" * 2 * RESERVED + b">"},
    )
    yield Vector(
        "contents-indirect",
        "INTACT",
        frozenset(),
        "/Contents is an object of its own, which the gap holds: all else is signed",
        bytes(fill(indirect)),
    )


def _contents() -> Iterator[Vector]:
    for name, contents in (
        ("absent", b""),
        ("null", b"/Contents null"),
        ("a-name", b"/Contents/None"),
        ("literal", b"/Contents(0)"),
    ):
        pdf = waiting(signature(ranges=b"/ByteRange[0 100 200 300]", contents=contents))
        yield altered(f"contents-{name}", pdf, "universal forgery: a signature that is none", GAP)
    data = bytes(approved())
    digits = data.rindex(b"/Contents<") + 10
    end = digits + 2 * RESERVED
    mixed = bytearray(data)
    position = next(i for i in range(digits, end) if 97 <= mixed[i] <= 102)
    mixed[position] -= 32
    yield _spelled(mixed, "contents-mixed-case", "one digit is a capital: bytes that nothing signs carry a message")
    padded = bytearray(data)
    padded[end - 2 : end] = b"ff"
    yield _spelled(padded, "contents-padding", "bytes behind the container, which nothing signs")
    odd = waiting(signature(contents=b"/Contents<" + b"0" * (2 * RESERVED - 1) + b">"))
    text = bytes(odd)
    start = text.rindex(b"/Contents<") + 9
    stop = start + 2 * RESERVED + 1
    written = b"/ByteRange[0 %010d %010d %010d]" % (start, stop, len(text) - stop)
    odd.data = bytearray(text.replace(PLACEHOLDER, written))
    yield altered("contents-odd", odd, "half a byte", SPELLING)


def _spelled(data: bytearray, name: str, comment: str) -> Vector:
    return Vector(name, "ALTERED", frozenset({SPELLING}), comment, bytes(data))


def _extents() -> Iterator[Vector]:
    pdf = waiting(signature())
    short = fill(pdf, end=len(pdf.data) - 20)
    yield altered("extent-short", short, "the end of the revision is not covered", EXTENT)
    first = waiting(signature())
    ends = bytes(first).index(b"%%EOF") + 6
    text = bytes(first)
    inside = text.replace(PLACEHOLDER, b"/ByteRange[0 %010d %010d %010d]" % (100, 200, ends - 200))
    first.data = bytearray(inside)
    yield altered("extent-of-another-revision", first, "it speaks for the revision before its own", GAP)
    later = approved().update({CATALOG: OBJECTS[CATALOG]}, trailer=TRAILER)
    grown = bytes(later)
    at = grown.index(b"/ByteRange[")
    numbers = grown[at + 11 : grown.index(b"]", at)].split()
    numbers[3] = b"%010d" % (int(numbers[3]) + 30)
    later.data = bytearray(grown[: at + 11] + b" ".join(numbers) + grown[grown.index(b"]", at) :])
    yield altered("extent-into-the-next", later, "it ends within a later revision", EXTENT)
    one = signed(unsigned(), value=signature(entries=b"/Type/Sig/SubFilter/adbe.pkcs7.detached"))
    trailing = RawPDF()
    trailing.data = bytearray(bytes(one) + b"%PDF-1.7 another document")
    yield altered("extent-bytes-behind", trailing, "bytes behind the end of the file", "structure-ambiguous")
    twice = RawPDF()
    twice.data = bytearray(bytes(one) + b"% another document\n" + bytes(one)[bytes(one).rindex(b"startxref") :])
    yield altered("extent-ends-twice", twice, "a comment and the same end once more", "structure-ambiguous")
