"""One cross-reference section: where the objects of an update stand (ISO 32000-2 §7.5.4, §7.5.8).

Entries are kept as the rows of the file and read when asked for: a table of a million entries costs nothing until then.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Final, NamedTuple, Protocol

from esign.syntax.objects import Dict, Object, Stream
from esign.syntax.parser import SPACE, Parser
from esign.syntax.problems import Meter, SyntaxProblem

__all__ = ["Entry", "EntryKind", "Section", "SectionKind", "read_table", "section_of", "stream_section"]

_HEADER: Final = re.compile(SPACE + rb"*+(\d{1,10})" + SPACE + rb"++(\d{1,10})" + SPACE + rb"*+")
_ROWS: Final = re.compile(rb"(?:\d{10} \d{5} [nf](?: \r| \n|\r\n))*+")
_LOOSE_ROW: Final = re.compile(SPACE + rb"*+(\d{1,20})" + SPACE + rb"++(\d{1,10})" + SPACE + rb"++([nf])")
_TRAILER: Final = re.compile(SPACE + rb"*+trailer")
_ROW: Final = 20


class EntryKind(Enum):
    """What an entry says of an object number (Table 18)."""

    FREE = 0
    IN_FILE = 1
    IN_STREAM = 2


class Entry(NamedTuple):
    """One object number's entry."""

    kind: EntryKind
    where: int
    """The offset, or the number of the object stream; of a free one the next free number."""
    minor: int
    """The generation number, or the index within the object stream."""


class SectionKind(Enum):
    """How a section is written."""

    TABLE = "table"
    STREAM = "stream"


class _Rows(Protocol):
    """The entries `first`, `first` + 1, … of one subsection."""

    @property
    def first(self) -> int: ...
    @property
    def count(self) -> int: ...
    def entry(self, row: int) -> Entry: ...


@dataclass(frozen=True, slots=True)
class _TableRows:
    """Rows of twenty bytes (§7.5.4)."""

    first: int
    count: int
    data: bytes
    start: int

    def entry(self, row: int) -> Entry:
        at = self.start + _ROW * row
        return _entry(self.data[at : at + 10], self.data[at + 11 : at + 16], self.data[at + 17 : at + 18])


@dataclass(frozen=True, slots=True)
class _LooseRows:
    """Rows whose length is not as it must be; most readers take them."""

    first: int
    entries: tuple[Entry, ...]

    @property
    def count(self) -> int:
        return len(self.entries)

    def entry(self, row: int) -> Entry:
        return self.entries[row]


@dataclass(frozen=True, slots=True)
class _StreamRows:
    """Rows of a cross-reference stream (§7.5.8.3)."""

    first: int
    count: int
    data: bytes
    start: int
    widths: tuple[int, int, int]

    def entry(self, row: int) -> Entry:
        one, two, three = self.widths
        at = self.start + row * (one + two + three)
        fields = self.data[at : at + one + two + three]
        kind = int.from_bytes(fields[:one], "big") if one else 1
        where, minor = int.from_bytes(fields[one : one + two], "big"), int.from_bytes(fields[one + two :], "big")
        # Any other type is a reference to null (§7.5.8.3).
        return Entry(EntryKind(kind) if kind <= 2 else EntryKind.FREE, where, minor)


def _entry(where: bytes, minor: bytes, kind: bytes) -> Entry:
    return Entry(EntryKind.IN_FILE if kind == b"n" else EntryKind.FREE, int(where), int(minor))


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """One cross-reference section with its trailer."""

    kind: SectionKind
    """How it is written."""
    start: int
    """Where it begins: `xref`, or the object that is the stream."""
    end: int
    """Behind its trailer dictionary, or `endobj`."""
    trailer: Dict
    """What stands with it (§7.5.5); of a stream its dictionary."""
    rows: tuple[_Rows, ...]
    """In ascending order of their first number; none overlap."""
    repeated: frozenset[int]
    """Object numbers that stand twice; the first entry counts, as in most readers."""
    loose: bool
    """Whether a table is not written as it must be."""
    hidden: "Section | None" = None
    """The stream that a hybrid table points to, with what older readers are not to see (§7.5.8.4)."""

    @property
    def size(self) -> int:
        """How many entries there are."""
        return sum(rows.count for rows in self.rows) + (self.hidden.size if self.hidden else 0)

    @property
    def next(self) -> int:
        """The number behind the last; 0 where there is none."""
        own = self.rows[-1].first + self.rows[-1].count if self.rows else 0
        return max(own, self.hidden.next) if self.hidden else own

    def __iter__(self) -> Iterator[int]:
        """The object numbers; those of a hybrid section perhaps twice."""
        for rows in self.rows:
            yield from range(rows.first, rows.first + rows.count)
        if self.hidden:
            yield from self.hidden

    def items(self) -> Iterator[tuple[int, Entry]]:
        """Every object number with its entry; those of a hybrid section perhaps with two."""
        for rows in self.rows:
            for row in range(rows.count):
                yield rows.first + row, rows.entry(row)
        if self.hidden:
            yield from self.hidden.items()

    def find(self, num: int) -> Entry | None:
        """The entry of the object number `num`; what is free only for older readers is not."""
        own = self._own(num)
        if self.hidden is None or (own is not None and own.kind is not EntryKind.FREE):
            return own
        return self.hidden.find(num) or own

    def _own(self, num: int) -> Entry | None:
        at = bisect_right(self.rows, num, key=_first) - 1
        if at < 0:
            return None
        rows = self.rows[at]
        return rows.entry(num - rows.first) if num < rows.first + rows.count else None


def _first(rows: _Rows) -> int:
    return rows.first


def read_table(data: bytes, start: int, meter: Meter) -> Section:
    """The table whose `xref` stands at `start`.

    Raises:
        SyntaxProblem: it is no table, or its trailer cannot be read.
    """
    at = start + len(b"xref")
    found: list[_Rows] = []
    loose = False
    while header := _HEADER.match(data, at):
        first, count = int(header[1]), int(header[2])
        at = header.end()
        end = at + _ROW * count
        meter.entries(1)
        if end <= len(data) and _ROWS.fullmatch(data, at, end):
            rows: _Rows = _TableRows(first, count, data, at)
        else:
            loose = True
            rows, end = _loose_rows(data, at, first, count)
        if first == 1 and rows.count and rows.entry(0) == Entry(EntryKind.FREE, 0, 65535):
            # Known writers number the head of the free list 1; every reader moves the table.
            loose = True
            rows = _LooseRows(0, tuple(rows.entry(i) for i in range(rows.count)))
        meter.entries(rows.count)
        meter.parsed(end - at)
        found.append(rows)
        at = end
    keyword = _TRAILER.match(data, at)
    if keyword is None:
        raise SyntaxProblem("syntax-xref-broken", offset=start)
    trailer, end = Parser(data, meter).object_at(keyword.end())
    if not isinstance(trailer, Dict):
        raise SyntaxProblem("syntax-xref-broken", offset=start)
    return _section(SectionKind.TABLE, start, end, trailer, found, loose=loose)


def _loose_rows(data: bytes, at: int, first: int, count: int) -> tuple[_LooseRows, int]:
    entries: list[Entry] = []
    while len(entries) < count and (row := _LOOSE_ROW.match(data, at)):
        entries.append(_entry(row[1], row[2], row[3]))
        at = row.end()
    return _LooseRows(first, tuple(entries)), at


def stream_section(stream: Stream, start: int, end: int, unpacked: bytes, meter: Meter) -> Section:
    """The section that a cross-reference stream, the object from `start` to `end`, is.

    Raises:
        SyntaxProblem: its /W or /Index are not what they must be.
    """
    trailer = stream.dictionary
    widths = _widths(trailer.get("W"), start)
    width = sum(widths)
    index = trailer.get("Index", [0, trailer.get("Size")])
    found: list[_Rows] = []
    if not isinstance(index, list) or len(index) % 2:
        raise SyntaxProblem("syntax-xref-broken", offset=start)
    at = 0
    for first, count in zip(index[::2], index[1::2], strict=True):
        if type(first) is not int or type(count) is not int or first < 0 or count < 0:
            raise SyntaxProblem("syntax-xref-broken", offset=start)
        present = min(count, (len(unpacked) - at) // width)
        meter.entries(present + 1)
        found.append(_StreamRows(first, present, unpacked, at, widths))
        at += width * present
    return _section(SectionKind.STREAM, start, end, trailer, found, loose=False)


def _widths(value: Object, start: int) -> tuple[int, int, int]:
    widths = [w for w in value[:3] if type(w) is int and 0 <= w <= 8] if isinstance(value, list) else []
    if len(widths) != 3 or not sum(widths):
        raise SyntaxProblem("syntax-xref-broken", offset=start)
    return widths[0], widths[1], widths[2]


def _section(kind: SectionKind, start: int, end: int, trailer: Dict, found: list[_Rows], *, loose: bool) -> Section:
    rows = sorted((r for r in found if r.count), key=_first)
    repeated: frozenset[int] = frozenset()
    if any(a.first + a.count > b.first for a, b in pairwise(rows)):
        rows, repeated = _untangled(r for r in found if r.count)
    return Section(kind, start, end, trailer, tuple(rows), repeated, loose)


def _untangled(found: Iterable[_Rows]) -> tuple[list[_Rows], frozenset[int]]:
    """Subsections that overlap, as one entry for each number; and the numbers that stood twice."""
    entries: dict[int, Entry] = {}
    repeated: set[int] = set()
    for rows in found:
        for row in range(rows.count):
            if rows.first + row in entries:
                repeated.add(rows.first + row)
            else:
                entries[rows.first + row] = rows.entry(row)
    return [_LooseRows(num, (entries[num],)) for num in sorted(entries)], frozenset(repeated)


def section_of(entries: Mapping[int, Entry], trailer: Dict, end: int) -> Section:
    """A section that no file has, made of `entries`."""
    rows: list[_Rows] = [_LooseRows(num, (entries[num],)) for num in sorted(entries)]
    return _section(SectionKind.TABLE, end, end, trailer, rows, loose=True)
