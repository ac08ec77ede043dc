"""The few places of a plainly written file that one more revision has to know, found without parsing the rest.

In the order in which a reader goes (ISO 32000-2 §7.5), from the last bytes to the first:

    startxref 64539 %%EOF          where the newest section is
    xref 0 74 …                    twenty bytes an object: where it begins
    trailer <</Root 73 0 R …>>     where the catalog is, and the section before (/Prev)
    73 0 obj <</Type/Catalog …>>   an object, as its writer spelt it

An object is never parsed. One regular expression walks over its entries and leaves each value as the bytes that it is:
enough to say it again with one entry more. Programs spell their catalogs and pages alike in one document after the
other, so what was found in the last ones is kept. What is not written plainly is `NotPlain`, and left to
`esign.syntax.read`, which knows the rest of the standard: streams of references, encryption, comments, odd spellings,
damage.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from mmap import mmap
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn, TypeAlias

from esign.syntax.parser import REGULAR, SPACE

__all__ = [
    "Buffer",
    "Entries",
    "NotPlain",
    "Outline",
    "Spelt",
    "array_of",
    "entries_of",
    "reference",
    "references",
    "spelt",
]

Buffer: TypeAlias = bytes | mmap
"""A file in memory, or one that is only looked into."""
Entries: TypeAlias = MappingProxyType[bytes, bytes]
"""A dictionary: keys without their slash, values as they are spelt."""

# --- values (§7.3) --------------------------------------------------------------------------------------------------
# Every quantifier is possessive: nothing makes an expression look twice at a byte. What it does not match is not
# plain: comments, parentheses within strings, keys with #xx.
_DEEPEST: Final = 8
_BLANK: Final = SPACE + rb"*+"
_STRING: Final = rb"\((?:[^()\\]++|\\.)*+\)|<[0-9A-Fa-f\x00\t\n\x0c\r ]*+>"
_PIECE: Final = rb"[^()<>\[\]{}%]++|" + _STRING
# A value is copied as it stands, so within it need not be told apart which bracket closes which; written as two
# alternatives the expression would double with each level. It stands in one expression only, because it takes longer to
# compile than most documents take to sign: dictionaries are walked by it, entry after entry.
_within = rb"(?:" + _PIECE + rb")*+"
for _ in range(_DEEPEST):
    _within = rb"(?:" + _PIECE + rb"|(?:\[|<<)" + _within + rb"(?:\]|>>))*+"
_KEY: Final = rb"[^\x00\t\n\x0c\r ()<>\[\]{}/%#]++(?!#)"
_BRACKETED: Final = rb"(?:(?P<array>\[)|<<)" + _within + rb"(?(array)\]|>>)"
_VALUE: Final = rb"\d++ \d++ R(?!%s)|/?+%s++|%s|%s" % (REGULAR, REGULAR, _BRACKETED, _STRING)  # a reference first
# The next value, with its key where it stands in a dictionary.
_ENTRY: Final = re.compile(rb"(?:/(?P<key>%s)%s)?+(?P<value>%s)%s" % (_KEY, _BLANK, _VALUE, _BLANK), re.DOTALL)

_WHITE: Final = b"\x00\t\n\x0c\r "
_OPENED: Final = re.compile(_BLANK + rb"<<" + _BLANK)
_REFERENCE: Final = re.compile(rb"(\d{1,10}) 0 R")
_REFERENCES: Final = re.compile(rb"\[%s(?:\d{1,10} 0 R%s)*+\]" % (_BLANK, _BLANK))
_STREAM: Final = re.compile(_BLANK + rb"stream")

# --- sections (§7.5.4, §7.5.5) --------------------------------------------------------------------------------------
_END: Final = re.compile(rb"startxref%s++(\d{1,10})%s++%%%%EOF" % (SPACE, SPACE))
_XREF: Final = re.compile(rb"xref%s++(?=\d)" % SPACE)
_SUBSECTION: Final = re.compile(rb"(\d{1,8}) (\d{1,8}) ?+(?:\r\n|\r|\n)")
_TRAILER: Final = re.compile(rb"trailer" + _BLANK)
_ROW: Final = 20
_AS_SHAPE: Final = bytes.maketrans(b"0123456789f", b"0000000000n")
_SHAPES: Final = {end: b"0000000000 00000 n" + end for end in (b"\r\n", b" \n", b" \r")}
_HEAD_OF_FREE: Final = b"0000000000 65535 f"
_MOST_SECTIONS: Final = 20_000
_MOST_SUBSECTIONS: Final = 100_000
_MOST_STEPS: Final = 10_000_000
"""Subsections that are passed by, for all objects together: a third of a second."""
_MOST_NODES: Final = 1_000_000
_LONGEST: Final = 1 << 24
_KEPT: Final = 4096
"""Bytes of an object, or of a section, that is kept."""


class NotPlain(Exception):
    """The file, or what is asked of it, is written in a way that only the general reader knows."""


def _not_plain(why: str) -> NoReturn:
    raise NotPlain(why)


class Spelt(NamedTuple):
    """An object as it stands in the file (§7.3.10)."""

    number: int
    """Its object number."""
    text: bytes
    """What is between `obj` and `endobj`."""

    @property
    def entries(self) -> Entries:
        """What it says as a dictionary.

        Raises:
            NotPlain: It is none, or not written plainly.
        """
        return entries_of(self.text)


class Outline:
    """A plainly written file."""

    def __init__(self, pdf: Buffer) -> None:
        """Raises: NotPlain."""
        if pdf[:5] != b"%PDF-":
            _not_plain("bytes before the header")
        self._pdf = pdf
        end = _END.match(pdf, max(0, pdf.rfind(b"startxref")))
        if end is None:
            _not_plain("end of file")
        self.startxref = int(end[1])
        """Where the newest section begins."""
        self.looked_at: list[Spelt] = []
        """The objects that were asked for, in their order: what depends on them is the same where they are."""
        self._sections: list[tuple[int, int, int]] = []
        """The subsections of all sections, where they are in the file; what counts comes first."""
        self._steps = 0
        self.trailer = self._section(self.startxref)
        """Of the newest section."""
        older, seen = self.trailer, {self.startxref}
        while previous := _previous(older):
            if previous in seen or len(seen) > _MOST_SECTIONS:
                _not_plain("sections in a circle")
            seen.add(previous)
            older = self._section(previous)
        self.catalog = self.object(_required(self.trailer, b"Root"))
        """The catalog (§7.7.2)."""
        self.next = max(behind for _, behind, _ in self._sections)
        """The first object number that nothing has."""
        if not self.trailer.get(b"Size", b"").isdigit() or int(self.trailer[b"Size"]) != self.next:
            _not_plain("/Size")

    def object(self, number: int) -> Spelt:
        """The object `number`.

        Raises:
            NotPlain: There is none, or it has no end.
        """
        _, start = self.place(number)
        end = self._pdf.find(b"endobj", start, start + _LONGEST)
        if end < 0:
            _not_plain(f"object {number}")
        found = Spelt(number, self._pdf[start:end])
        self.looked_at.append(found)
        return found

    def is_stream(self, number: int) -> bool:
        """Whether the object `number` is a stream (§7.3.8), of which only the dictionary is looked at.

        Raises:
            NotPlain: There is none, or it does not begin as a dictionary.
        """
        _, start = self.place(number)
        _, end = _dictionary(self._pdf, start)
        return _STREAM.match(self._pdf, end) is not None

    def page(self, index: int) -> Spelt:
        """Page `index`, from 0 (§7.7.3).

        Raises:
            NotPlain: There is none, or the tree is not as it must be.
        """
        waiting = [_required(self.catalog.entries, b"Pages")]
        met: set[int] = set()
        left = index
        while waiting:
            number = waiting.pop()
            if number in met or len(met) > _MOST_NODES:
                _not_plain("pages in a circle")
            met.add(number)
            found = self.object(number)
            node = found.entries
            kids = node.get(b"Kids")
            if node.get(b"Type") != (b"/Page" if kids is None else b"/Pages"):
                _not_plain("tree of pages")
            if kids is not None:
                waiting += reversed(references(kids))
            elif left:
                left -= 1
            else:
                return found
        _not_plain("no such page")

    def place(self, number: int) -> tuple[int, int]:
        """Where the object `number` begins, by the newest section that says something of it, and behind its header.

        Raises:
            NotPlain: There is none.
        """
        self._look_through()
        for first, behind, start in self._sections:
            if first <= number < behind:
                at = start + _ROW * (number - first)
                row = self._pdf[at : at + _ROW]
                if row[10:18] != b" 00000 n":
                    break
                header, at = b"%d 0 obj" % number, int(row[:10])
                if self._pdf[at : at + len(header)] != header:
                    break
                return at, at + len(header)
        _not_plain(f"object {number}")

    def is_updated(self, number: int) -> bool:
        """Whether several sections say something of the object `number`.

        Raises:
            NotPlain: Too much was looked for in too many.
        """
        self._look_through()
        return sum(first <= number < behind for first, behind, _ in self._sections) > 1

    def _look_through(self) -> None:
        # Every object may be looked for in every subsection, and strangers choose how many there are of both.
        self._steps += len(self._sections)
        if self._steps > _MOST_STEPS:
            _not_plain("very many objects in very many subsections")

    def _section(self, offset: int) -> Entries:
        """Note the section at `offset`; its trailer."""
        end = self._pdf.find(b"startxref", offset, offset + _KEPT)
        section = _kept_section(self._pdf[offset:end]) if end >= 0 else _section_at(self._pdf, offset)
        self._sections += [(first, behind, offset + start) for first, behind, start in section.subsections]
        if len(self._sections) > _MOST_SUBSECTIONS:
            _not_plain("very many subsections")
        return section.trailer


class _Section(NamedTuple):
    """A table of references (§7.5.4) and its trailer (§7.5.5)."""

    subsections: tuple[tuple[int, int, int], ...]
    """First object number, behind the last one, where the rows begin, counted from the beginning of the section."""
    trailer: Entries
    """What it says."""


def _section_at(pdf: Buffer, offset: int) -> _Section:
    head = _XREF.match(pdf, offset)
    if head is None:
        _not_plain("no table of references")
    at = head.end()
    subsections: list[tuple[int, int, int]] = []
    while found := _SUBSECTION.match(pdf, at):
        first, count, start = int(found[1]), int(found[2]), found.end()
        at = start + _ROW * count
        rows = pdf[start:at]
        if len(rows) != _ROW * count or (rows and rows.translate(_AS_SHAPE) != _SHAPES.get(rows[18:20], b"") * count):
            _not_plain("rows of another form")
        if first == 1 and rows.startswith(_HEAD_OF_FREE):
            _not_plain("rows counted from 1")
        subsections.append((first, first + count, start - offset))
        if len(subsections) > _MOST_SUBSECTIONS:
            _not_plain("very many subsections")
    tail = _TRAILER.match(pdf, at)
    if tail is None:
        _not_plain("trailer")
    entries, _ = _dictionary(pdf, tail.end())
    if b"Encrypt" in entries or b"XRefStm" in entries:
        _not_plain("encrypted, or with references for newer readers only")
    return _Section(tuple(subsections), entries)


@lru_cache(maxsize=1024)
def _kept_section(text: bytes) -> _Section:
    # Whoever updates a document again and again meets its older sections each time.
    return _section_at(text, 0)


def entries_of(text: bytes) -> Entries:
    """What a dictionary says, of which `text` is all.

    Raises:
        NotPlain: It is none, or not written plainly.
    """
    return _kept_entries(text) if len(text) <= _KEPT else _all_entries(text)


def _all_entries(text: bytes) -> Entries:
    entries, end = _dictionary(text, 0)
    if text[end:].strip(_WHITE):
        _not_plain("more than a dictionary")
    return entries


_kept_entries = lru_cache(maxsize=256)(_all_entries)


def _dictionary(pdf: Buffer, at: int) -> tuple[Entries, int]:
    """What the dictionary at `at` says, and where it ends."""
    opened = _OPENED.match(pdf, at)
    if opened is None:
        _not_plain("no dictionary")
    entries: dict[bytes, bytes] = {}
    at = opened.end()
    while (found := _ENTRY.match(pdf, at)) and (key := found["key"]) is not None:
        if key in entries:
            _not_plain("a key that stands twice")
        entries[key] = found["value"]
        at = found.end()
    if pdf[at : at + 2] != b">>":
        _not_plain("no dictionary")
    return MappingProxyType(entries), at + 2


def array_of(text: bytes) -> bytes:
    """The array that `text` is, without the blanks around it.

    Raises:
        NotPlain: It is none, or not written plainly.
    """
    found = _ENTRY.fullmatch(text.lstrip(_WHITE))
    if found is None or found["key"] is not None or found["array"] is None:
        _not_plain("no array")
    return found["value"]


def _previous(trailer: Entries) -> int:
    """Where the section before is; 0 where there is none."""
    value = trailer.get(b"Prev", b"0")
    if not value.isdigit():
        _not_plain("/Prev")
    return int(value)


def _required(entries: Entries, key: bytes) -> int:
    found = reference(entries.get(key, b""))
    if found is None:
        _not_plain(f"/{key.decode()}")
    return found


def references(array: bytes) -> list[int]:
    """The object numbers of an array of references.

    Raises:
        NotPlain: There is something else in it, or it is no array.
    """
    if _REFERENCES.fullmatch(array) is None:
        _not_plain("no array of references")
    return [int(number) for number in _REFERENCE.findall(array)]


def reference(value: bytes) -> int | None:
    """The object number that a reference names; None for any other value."""
    found = _REFERENCE.fullmatch(value)
    return int(found[1]) if found else None


def spelt(entries: Mapping[bytes, bytes]) -> bytes:
    """The dictionary, in bytes again."""
    return b"<<%s>>" % b"".join([b"/%s %s" % entry for entry in entries.items()])
