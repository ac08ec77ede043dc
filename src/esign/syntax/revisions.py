"""The revisions of a file: its cross-reference sections, followed from the last to the first (ISO 32000-2 §7.5.6).

A linearized file has two sections, of which the newer stands first in the file; they are one revision (Annex F.3.4).
A hybrid section points to a stream that says more (§7.5.8.4); it is part of the same revision.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import Final

from esign.reasons import Reason
from esign.syntax.objects import Dict, Object, Ref, Stream
from esign.syntax.parser import SPACE
from esign.syntax.problems import SyntaxProblem
from esign.syntax.source import Source
from esign.syntax.xref import Entry, Section, SectionKind, read_table, stream_section

__all__ = ["History", "Marker", "Revision", "read_revisions", "section_at"]

_MARKER: Final = re.compile(rb"startxref" + SPACE + rb"*+(\d{1,12})(?:" + SPACE + rb"*+(%%EOF))?")
_SPACE: Final = re.compile(SPACE + rb"*+")
_XREF: Final = re.compile(SPACE + rb"*+(?=xref)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """`startxref`, the offset, `%%EOF`: how an update ends (§7.5.5)."""

    start: int
    """Of the word itself."""
    offset: int
    """Where it leads: what it says, moved by what stands before the header and past white space."""
    end: int
    """Behind `%%EOF`, or behind the offset where that is missing."""
    complete: bool
    """Whether `%%EOF` follows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Revision:
    """One state that the document was saved in."""

    index: int
    """0 for the oldest."""
    start: int
    """Where its bytes begin: behind the revision before."""
    end: int
    """Behind its `%%EOF`."""
    end_of_line: int
    """Behind the one end of line that may follow `%%EOF` and belongs to it."""
    startxref: int
    """Where its first section begins."""
    trailer: Dict
    """Of its newest section (§7.5.5)."""
    kind: SectionKind
    """Of its first section."""
    sections: tuple[Section, ...]
    """Newest first. Several where the file is linearized, or a writer made one update with two sections."""

    @property
    def hybrid(self) -> bool:
        """Whether a part is for newer readers only: older ones see another document (§7.5.8.4)."""
        return any(section.hidden for section in self.sections)

    @property
    def linearized(self) -> bool:
        """Whether its newest section stands first in the file (Annex F)."""
        return self.sections[0].start < self.sections[-1].start

    def entry(self, num: int) -> Entry | None:
        """What this revision says of the object number `num`; None where it says nothing."""
        for section in self.sections:
            entry = section.find(num)
            if entry is not None:
                return entry
        return None

    @property
    def next(self) -> int:
        """The number behind the last that it says something of."""
        return max(section.next for section in self.sections)

    @property
    def numbers(self) -> frozenset[int]:
        """The object numbers that it says something of."""
        return frozenset(num for section in self.sections for num in section)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The revisions, oldest first, and what was odd about them."""

    revisions: tuple[Revision, ...]
    """At least one."""
    markers: tuple[Marker, ...]
    """Every end that the bytes mark, in their order; those in streams too."""
    shift: int
    """How many bytes stand before the header; offsets count from there."""
    problems: tuple[Reason, ...]
    """What was odd on the way along the chain."""
    rebuilt: bool = False
    """Whether there is no usable chain, and the one revision was made by searching for objects."""


def read_revisions(source: Source, shift: int) -> History:
    """Follow the sections from the last `startxref`; `shift` is where the header stands.

    Raises:
        SyntaxProblem: a section of the chain cannot be read.
    """
    shift, markers = _markers(source, shift)
    if not markers:
        raise SyntaxProblem("syntax-startxref-missing")
    chain, problems = _chain(source, markers[-1].offset, shift)
    return History(
        revisions=tuple(_revisions(source.data, chain, markers)),
        markers=markers,
        shift=shift,
        problems=tuple(problems),
    )


def _markers(source: Source, shift: int) -> tuple[int, tuple[Marker, ...]]:
    """Every `startxref`; offsets count from the header, except where that leads nowhere (readers try both)."""
    found = list(_MARKER.finditer(source.data))
    source.meter.parsed(len(source.data))
    if shift and found and not _is_section(source, int(found[-1][1]) + shift):
        shift = 0
    return shift, tuple(
        Marker(start=m.start(), offset=_past_space(source.data, int(m[1]) + shift), end=m.end(), complete=bool(m[2]))
        for m in found
    )


def _past_space(data: bytes, offset: int) -> int:
    space = _SPACE.match(data, offset)
    return space.end() if space else offset


def _is_section(source: Source, offset: int) -> bool:
    return _XREF.match(source.data, offset) is not None or source.header(offset) is not None


def _chain(source: Source, offset: int, shift: int) -> tuple[list[Section], list[Reason]]:
    """The sections, newest first."""
    chain: list[Section] = []
    problems: list[Reason] = []
    seen: set[int] = set()
    following: int | None = offset
    while following is not None:
        section = section_at(source, following)
        if section.start in seen:
            problems.append(Reason("syntax-xref-loop", {"offset": section.start}))
            break
        seen.add(section.start)
        if len(seen) > source.meter.limits.revisions:
            raise SyntaxProblem("syntax-too-many-revisions")
        stream = section.trailer.get("XRefStm")
        if section.kind is SectionKind.TABLE and isinstance(stream, int):
            section = replace(section, hidden=section_at(source, stream + shift))
        chain.append(section)
        following = _previous(section.trailer, shift)
    return chain, problems


def _previous(trailer: Dict, shift: int) -> int | None:
    """/Prev; some writers give 0 for none."""
    previous = trailer.get("Prev")
    if isinstance(previous, float) and previous.is_integer():
        previous = int(previous)
    return previous + shift if type(previous) is int and previous > 0 else None


def section_at(source: Source, offset: int) -> Section:
    """The section at `offset`: a table or a stream.

    Raises:
        SyntaxProblem: there is none, or it cannot be read.
    """
    table = _XREF.match(source.data, offset) if 0 <= offset < len(source.data) else None
    if table is not None:
        return read_table(source.data, table.end(), source.meter)
    found = source.indirect(offset)
    stream = found.value
    if not isinstance(stream, Stream) or stream.dictionary.get("Type") != "XRef":
        raise SyntaxProblem("syntax-xref-broken", offset=offset)
    unpacked = source.decoded(stream, _direct, encrypted=False)
    return stream_section(stream, found.start, found.end, unpacked, source.meter)


def _direct(value: Object) -> Object:
    """Entries of a cross-reference stream may not be references (§7.5.8.2)."""
    return None if isinstance(value, Ref) else value


def _revisions(data: bytes, chain: list[Section], markers: tuple[Marker, ...]) -> list[Revision]:
    """The sections in revisions, oldest first: what no end stands between was written at once."""
    groups: list[list[Section]] = []
    starts = [marker.start for marker in markers]
    for section in reversed(chain):
        older = groups[-1] if groups else []
        behind = max((s.end for s in older), default=0)
        if older and (section.start < behind or bisect_left(starts, behind) == bisect_left(starts, section.start)):
            older.insert(0, section)
        else:
            groups.append([section])
    named: dict[int, list[Marker]] = {}
    for marker in markers:
        named.setdefault(marker.offset, []).append(marker)
    result: list[Revision] = []
    for index, sections in enumerate(groups):
        last = max(section.end for section in sections)
        following = markers[bisect_left(starts, last) :][:1]
        own = [marker for marker in named.get(sections[0].start, ()) if marker.start >= last]
        end = next((marker.end for marker in (*own, *following)), last)
        result.append(
            Revision(
                index=index,
                start=result[-1].end_of_line if result else 0,
                end=end,
                end_of_line=_behind_end_of_line(data, end),
                startxref=sections[0].start,
                trailer=sections[0].trailer,
                kind=sections[0].kind,
                sections=tuple(sections),
            )
        )
    return result


def _behind_end_of_line(data: bytes, at: int) -> int:
    if data[at : at + 2] == b"\r\n":
        return at + 2
    return at + 1 if data[at : at + 1] in {b"\r", b"\n"} else at
