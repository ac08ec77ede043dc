"""What is structurally odd about a file: where two readers may see two documents, and what none of them looks at.

The bytes of a well-formed file are its header, its objects, its cross-reference sections and what ends them, with
nothing but white space and comments between. These are laid side by side here, to tell what is left over, what lies
over something else, and which entries lead elsewhere. Nothing is decided: some of it is common and harmless.
"""

import re
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

from esign.reasons import Reason
from esign.syntax.objects import Dict, Ref, Stream
from esign.syntax.parser import SPACE
from esign.syntax.problems import SyntaxProblem
from esign.syntax.recovery import object_offsets
from esign.syntax.xref import EntryKind

if TYPE_CHECKING:
    from esign.syntax.file import File

__all__ = ["find_problems"]

_MOST: Final = 100  # of each kind; more tell nothing new
_HEADER: Final = re.compile(rb"%PDF-[^\r\n]*+")
_BETWEEN: Final = re.compile(rb"(?:startxref" + SPACE + rb"*+\d++|" + SPACE + rb"++|%[^\r\n]*+)*+")
_ENDS: Final = re.compile(rb"startxref" + SPACE + rb"*+(\d{1,12})")
_SPACES: Final = b"\x00\t\n\x0c\r "


def find_problems(file: "File") -> tuple[Reason, ...]:
    """Everything odd about `file`; where there is too much of it, what came last, for signatures cover what is older.

    Parses every object once.
    """
    found = [*file.history.problems, *_of_ends(file)]
    if file.rebuilt:
        return tuple(found)  # there is no structure to compare with
    spans: list[tuple[int, int]] = []
    found += islice(_of_sections(file), _MOST)
    entries = _of_entries(file, spans)
    found += islice(entries, _MOST)
    deque(entries, maxlen=0)  # those that are not told are still needed, for where they lead
    found += deque(_of_bytes(file, spans), maxlen=_MOST)
    return tuple(found)


def _of_ends(file: "File") -> Iterator[Reason]:
    """What stands before the header and behind the newest revision's `%%EOF` (§7.5.2, §7.5.5)."""
    header = file.data.find(b"%PDF-", 0, 1024)
    if header < 0:
        yield Reason("syntax-header-missing")
    elif header:
        yield Reason("syntax-header-late", {"count": header})
    for last in file.history.markers[-1:]:
        # Another end that leads to the same section ends nothing: what stands before it is no update.
        end = last.end if file.rebuilt else file.revisions[-1].end
        behind = len(file.data[end:].strip(_SPACES))
        if behind:
            yield Reason("syntax-trailing-bytes", {"count": behind})
        if not last.complete:
            yield Reason("syntax-eof-missing")


def _of_sections(file: "File") -> Iterator[Reason]:
    """What the cross-reference sections and their trailers say (§7.5.4, §7.5.5, §7.5.8.4)."""
    for revision in reversed(file.revisions):
        if revision.linearized and not _is_linearized(file):
            yield Reason("syntax-sections-out-of-order", {"offset": revision.startxref})
        if revision.hybrid:
            yield Reason("syntax-hybrid", {"offset": revision.startxref})
        for section in revision.sections:
            if section.loose:
                yield Reason("syntax-xref-loose", {"offset": section.start})
            for num in sorted(section.repeated):
                yield Reason("syntax-entry-repeated", {"number": num})
            for key in section.trailer.duplicates:
                yield Reason("syntax-key-repeated", {"key": key[:40], "offset": section.start})


def _is_linearized(file: "File") -> bool:
    """Whether the first object says so (Annex F.3.3)."""
    for offset in object_offsets(file.data[:1024])[:1]:
        try:
            first = file.source.indirect(offset).value
        except SyntaxProblem:
            return False
        return isinstance(first, Dict) and "Linearized" in first
    return False


def _of_entries(file: "File", spans: list[tuple[int, int]]) -> Iterator[Reason]:
    """Where the entries lead; what is found there is added to `spans`."""
    seen: set[tuple[int, int]] = set()
    for revision in reversed(file.revisions):
        for section in revision.sections:
            for num, entry in section.items():
                if entry.kind is not EntryKind.IN_FILE or not entry.where or (num, entry.where) in seen:
                    continue
                seen.add((num, entry.where))
                yield from _of_entry(file, Ref(num, entry.minor), entry.where + file.history.shift, spans)


def _of_entry(file: "File", ref: Ref, offset: int, spans: list[tuple[int, int]]) -> Iterator[Reason]:
    try:
        found = file.source.indirect(offset)
    except SyntaxProblem as e:
        yield Reason("syntax-entry-astray", {"number": ref.num, "problem": e.reason})
        return
    spans.append((found.start, found.end))
    if found.ref.num != ref.num:
        yield Reason("syntax-entry-other", {"number": ref.num, "other": found.ref.num})
    elif found.ref.gen != ref.gen:
        yield Reason("syntax-entry-generation", {"number": ref.num, "generation": ref.gen, "other": found.ref.gen})
    value = found.value
    if isinstance(value, Stream):
        if value.length_wrong:
            yield Reason("syntax-stream-length", {"number": ref.num})
        value = value.dictionary
    if isinstance(value, Dict):
        for key in value.duplicates:
            yield Reason("syntax-key-repeated", {"key": key[:40], "offset": found.start})


def _of_bytes(file: "File", spans: list[tuple[int, int]]) -> Iterator[Reason]:
    """What nothing accounts for, and what two things do."""
    sections = [s for r in file.revisions for section in r.sections for s in (section, section.hidden) if s]
    spans += ((section.start, section.end) for section in sections)
    header = _HEADER.search(file.data, 0, 1024)
    if header:
        spans.append(header.span())
    beginnings = {section.start for section in sections}
    ends = {m.start: m.offset for m in file.history.markers}
    last = file.history.markers[-1].end
    at = header.start() if header else 0
    for start, end in [*sorted(set(spans)), (last, last)]:
        if start < at:
            yield Reason("syntax-objects-overlap", {"offset": start})
        elif _BETWEEN.fullmatch(file.data, at, start):
            for end_mark in _ENDS.finditer(file.data, at, start):
                leads_to = ends.get(end_mark.start())
                if leads_to not in beginnings and int(end_mark[1]):  # the first part of a linearized file says 0
                    yield Reason("syntax-startxref-astray", {"offset": end_mark.start()})
        else:
            between = _BETWEEN.match(file.data, at, start)  # what stands there by right is no part of it
            yield from _of_gap(file.data, between.end() if between else at, start)
        at = max(at, end)


def _of_gap(data: bytes, start: int, end: int) -> Iterator[Reason]:
    offsets = object_offsets(data[start:end])
    for offset in offsets:
        yield Reason("syntax-object-unlisted", {"offset": start + offset})
    if not offsets:
        yield Reason("syntax-stray-bytes", {"offset": start, "count": end - start})
