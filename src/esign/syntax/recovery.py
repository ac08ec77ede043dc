"""Make a document of a file whose cross-reference sections are unusable, as most readers do: search for objects.

What comes out is one revision, the last definition of each object counts, and the history says that it was rebuilt.
Readers differ in what they find this way, so a signed file that needs it is nothing to rely on.
"""

import re
from collections.abc import Iterator
from typing import Final

from esign.reasons import Reason
from esign.syntax.objects import Dict, Object, Ref, Stream
from esign.syntax.parser import REGULAR, SPACE, Parser
from esign.syntax.problems import SyntaxProblem
from esign.syntax.revisions import History, Revision
from esign.syntax.source import Indirect, Source
from esign.syntax.xref import Entry, EntryKind, SectionKind, section_of

__all__ = ["object_offsets", "rebuild"]

_OBJ: Final = re.compile(SPACE + rb"obj(?!" + REGULAR + rb")")
_NUMBERS: Final = re.compile(rb"(?:^|[^0-9])(\d{1,10})" + SPACE + rb"{1,16}(\d{1,5})" + SPACE + rb"{0,16}$")
_TRAILER: Final = re.compile(rb"trailer(?=" + SPACE + rb"*+<<)")
_BEFORE: Final = 48


def object_offsets(data: bytes) -> list[int]:
    """Where `12 0 obj` stands, ascending; in streams too, for what a stream is takes parsing."""
    offsets: list[int] = []
    for keyword in _OBJ.finditer(data):
        from_ = max(0, keyword.start() - _BEFORE)
        numbers = _NUMBERS.search(data[from_ : keyword.start()])
        if numbers:
            offsets.append(from_ + numbers.start(1))
    return offsets


def rebuild(source: Source, why: Reason) -> History:
    """The document that searching finds; `why` says what is wrong with the sections.

    Raises:
        SyntaxProblem: nothing that is found is a catalog.
    """
    entries: dict[int, Entry] = {}
    catalogs: list[Ref] = []
    trailer: dict[str, Object] = {}
    for found in _objects(source):
        entries[found.ref.num] = Entry(EntryKind.IN_FILE, found.start, found.ref.gen)
        if isinstance(found.value, Stream):
            kind = found.value.dictionary.get("Type")
            if kind == "ObjStm":
                entries |= _contents(source, found)
            elif kind == "XRef":
                trailer |= found.value.dictionary
        elif isinstance(found.value, Dict) and found.value.get("Type") == "Catalog":
            catalogs.append(found.ref)
    for written in _trailers(source):
        trailer |= written
    if catalogs and trailer.get("Root") not in catalogs:
        trailer["Root"] = catalogs[-1]
    if "Root" not in trailer:
        raise SyntaxProblem("syntax-no-document")
    end = len(source.data)
    section = section_of(entries, Dict(trailer), end)
    revision = Revision(
        index=0,
        start=0,
        end=end,
        end_of_line=end,
        startxref=end,
        trailer=section.trailer,
        kind=SectionKind.TABLE,
        sections=(section,),
    )
    rebuilt = Reason("syntax-rebuilt", {"problem": why})
    return History(revisions=(revision,), markers=(), shift=0, problems=(rebuilt,), rebuilt=True)


def _objects(source: Source) -> Iterator[Indirect]:
    """Every object that can be read, in the order of the file."""
    end = 0
    for offset in object_offsets(source.data):
        if offset < end:
            continue  # within the object before: a stream may hold anything
        try:
            found = source.indirect(offset)
        except SyntaxProblem as e:
            if e.code == "syntax-too-much-work":
                return
            continue
        end = found.end
        yield found


def _trailers(source: Source) -> Iterator[Dict]:
    parser = Parser(source.data, source.meter)
    for keyword in _TRAILER.finditer(source.data):
        try:
            value, _ = parser.object_at(keyword.end())
        except SyntaxProblem:
            continue
        if isinstance(value, Dict):
            yield value


def _contents(source: Source, container: Indirect) -> dict[int, Entry]:
    """What an object stream holds; nothing where it cannot be read, as in an encrypted file."""
    try:
        pairs = source.object_stream(container.start).pairs
    except SyntaxProblem:
        return {}
    return {num: Entry(EntryKind.IN_STREAM, container.ref.num, index) for index, (num, _) in enumerate(pairs)}
