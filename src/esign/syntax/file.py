"""A PDF file with all its revisions, and the document as it was at each (ISO 32000-2 §7.5).

>>> file = read(pdf)
>>> [r.end for r in file.revisions]                     # oldest first
>>> before, after = file.at(0), file.latest
>>> after.entry(after.root, "AcroForm")                 # references are resolved
>>> before.location(7) == after.location(7)             # the same bytes: object 7 was not touched

Objects are read when asked for and shared between revisions: an object that an update did not touch is the very same
Python value in both views. What is structurally odd about a file is told (`File.problems`) and never judged here.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import Final, NamedTuple

from esign.reasons import Reason
from esign.syntax.encryption import Decryptor, decryptor
from esign.syntax.objects import Dict, Object, Ref, Stream, String
from esign.syntax.oddities import find_problems
from esign.syntax.problems import DEFAULT, Limits, SyntaxProblem
from esign.syntax.recovery import rebuild
from esign.syntax.revisions import History, Revision, read_revisions
from esign.syntax.source import Indirect, Source
from esign.syntax.xref import Entry, EntryKind, SectionKind

__all__ = ["File", "Location", "View", "read"]

_HEADER_WITHIN: Final = 1024
_LARGE: Final = 50_000
_REFERENCES: Final = 32
_NODES: Final = 1000
_FINAL: Final = frozenset({"syntax-password", "syntax-encryption-unknown"})


class Location(NamedTuple):
    """Where an object stands: at an offset, or in an object stream there, at an index. Equal means unchanged."""

    offset: int
    within: int | None = None


class File:
    """A file; made by `read`."""

    def __init__(self, pdf: bytes, limits: Limits) -> None:
        self.data = pdf
        self.source = Source(pdf, limits)
        self.source.length_of = self._length_of
        try:
            header = max(0, pdf.find(b"%PDF-", 0, _HEADER_WITHIN))
            self._open(read_revisions(self.source, header))
            _ = self.latest.root
        except SyntaxProblem as e:
            if e.code in _FINAL:
                raise
            self._open(rebuild(self.source, e.reason))
            _ = self.latest.root

    def _open(self, history: History) -> None:
        self.history = history
        """The revisions, the ends that the file marks, and what was odd on the way to them."""
        self._known, self._large = _index(history.revisions)
        self._views: dict[int, View] = {}
        self._ends = [r.end for r in history.revisions]
        self.source.decryptor = self._decryptor()

    def _decryptor(self) -> Decryptor | None:
        encryption = self.latest.entry(self.latest.trailer, "Encrypt")
        if encryption is None:
            return None
        plain = self.latest.direct(encryption)
        file_id = self.latest.direct(self.latest.trailer.get("ID"))
        first = file_id[0] if isinstance(file_id, list) and file_id else b""
        if not isinstance(plain, Dict):
            raise SyntaxProblem("syntax-encryption-unknown")
        return decryptor(plain, bytes(first) if isinstance(first, String) else b"")

    @property
    def revisions(self) -> tuple[Revision, ...]:
        """Oldest first; at least one."""
        return self.history.revisions

    @property
    def rebuilt(self) -> bool:
        """Whether the cross-reference sections are unusable, and objects were found by searching the bytes."""
        return self.history.rebuilt

    @cached_property
    def problems(self) -> tuple[Reason, ...]:
        """What is structurally odd, so that readers may see different documents; looks through the whole file."""
        return find_problems(self)

    @property
    def encrypted(self) -> bool:
        """Whether any revision says that the document is encrypted."""
        return any("Encrypt" in r.trailer for r in self.revisions)

    @property
    def latest(self) -> "View":
        """The document as it is now."""
        return self.at(len(self.revisions) - 1)

    def at(self, index: int) -> "View":
        """The document as of revision `index`."""
        view = self._views.get(index)
        if view is None:
            view = self._views[index] = View(self, index)
        return view

    def touched(self, index: int) -> frozenset[int]:
        """The objects that revision `index` added, replaced or freed; entries that change nothing are left out."""
        revision = self.revisions[index]
        now = self.at(index)
        if index == 0:
            return frozenset(num for num in revision.numbers if now.location(num) is not None)
        before = self.at(index - 1)
        numbers = revision.numbers | self._within(revision.numbers)
        return frozenset(num for num in numbers if now.location(num) != before.location(num))

    def _within(self, containers: frozenset[int]) -> frozenset[int]:
        """The objects that stand in one of `containers`: replacing an object stream replaces what it holds."""
        return frozenset(num for container in containers for num in self._contained.get(container, ()))

    @cached_property
    def _contained(self) -> dict[int, list[int]]:
        """Which objects any revision keeps in each object stream."""
        contained: dict[int, list[int]] = {}
        for revision in self.revisions:
            for section in revision.sections:
                for num, entry in section.items():
                    if entry.kind is EntryKind.IN_STREAM:
                        contained.setdefault(entry.where, []).append(num)
        return contained

    def entry(self, num: int, index: int) -> Entry | None:
        """The entry that counts for object number `num` as of revision `index`."""
        known = self._known.get(num, ())
        at = bisect_right(known, index) - 1
        newest = known[at] if at >= 0 else -1
        for large in reversed(self._large):
            if newest < large <= index:
                entry = self.revisions[large].entry(num)
                if entry is not None:
                    return entry
        return self.revisions[newest].entry(num) if newest >= 0 else None

    def _length_of(self, ref: Ref, offset: int) -> int | None:
        """What a /Length that is a reference says, in the revision that the stream at `offset` came with."""
        index = min(bisect_left(self._ends, offset), len(self.revisions) - 1)
        entry = self.entry(ref.num, index)
        if entry is None or entry.kind is EntryKind.FREE:
            return None
        if entry.kind is EntryKind.IN_FILE:
            return self.source.integer_at(entry.where + self.history.shift)
        value = self.at(index).get(ref)
        return value if type(value) is int else None


def _index(revisions: tuple[Revision, ...]) -> tuple[dict[int, list[int]], list[int]]:
    """In which revisions each object number stands, ascending; and the revisions too large to be listed so."""
    known: dict[int, list[int]] = {}
    large: list[int] = []
    if len(revisions) == 1:
        return known, [0]  # what is asked of it can be found in it
    for revision in revisions:
        if sum(section.size for section in revision.sections) > _LARGE:
            large.append(revision.index)
            continue
        for section in revision.sections:
            for num in section:
                where = known.setdefault(num, [])
                if not where or where[-1] != revision.index:
                    where.append(revision.index)
    return known, large


class View:
    """The document as of one revision; made by `File.at`."""

    def __init__(self, file: File, index: int) -> None:
        self._file = file
        self._index = index

    @property
    def file(self) -> File:
        """The file."""
        return self._file

    @property
    def index(self) -> int:
        """Of the revision that it ends with."""
        return self._index

    @property
    def revision(self) -> Revision:
        """The revision that this view ends with."""
        return self.file.revisions[self.index]

    @property
    def trailer(self) -> Dict:
        """The trailer of the revision (§7.5.5)."""
        return self.revision.trailer

    @property
    def startxref(self) -> int:
        """Where the newest section of its revision begins."""
        return self.revision.startxref

    @property
    def kind(self) -> SectionKind:
        """How that is written."""
        return self.revision.kind

    @property
    def next(self) -> int:
        """The first object number that nothing has, up to its revision."""
        size = self.trailer.get("Size")
        known = (revision.next for revision in self.file.revisions[: self.index + 1])
        return max(size if type(size) is int else 0, 1, *known)

    @cached_property
    def root(self) -> Dict:
        """The catalog (§7.7.2).

        Raises:
            SyntaxProblem: there is none.
        """
        root = self.entry(self.trailer, "Root")
        if not isinstance(root, Dict):
            raise SyntaxProblem("syntax-root-missing")
        return root

    def get(self, ref: Ref) -> Object:
        """The object that `ref` names; null where there is none (§7.3.10).

        Raises:
            SyntaxProblem: it stands in the file and cannot be read.
        """
        place = self._place(ref.num)
        if place is None:
            return None
        entry, offset = place
        if entry.kind is EntryKind.IN_STREAM:
            return self.file.source.object_stream(offset).get(ref.num, entry.minor) if ref.gen == 0 else None
        if entry.minor != ref.gen:
            return None
        found = self.file.source.indirect(offset)
        return found.value if found.ref.num == ref.num else None

    def indirect(self, num: int) -> Indirect | None:
        """The object number `num` with where it stands; None where it is null or in an object stream.

        Raises:
            SyntaxProblem: it stands in the file and cannot be read.
        """
        place = self._place(num)
        if place is None or place[0].kind is EntryKind.IN_STREAM:
            return None
        return self.file.source.indirect(place[1])

    def location(self, num: int) -> Location | None:
        """Where the object number `num` stands; None where there is none. Equal places mean the same object."""
        place = self._place(num)
        if place is None:
            return None
        entry, offset = place
        return Location(offset, entry.minor if entry.kind is EntryKind.IN_STREAM else None)

    def _place(self, num: int) -> tuple[Entry, int] | None:
        """The entry of an object that is there, and the offset of it or of its object stream."""
        entry = self.file.entry(num, self.index)
        if entry is None or entry.kind is EntryKind.FREE:
            return None
        shift = self.file.history.shift
        if entry.kind is EntryKind.IN_FILE:
            return (entry, entry.where + shift) if entry.where else None  # known writers leave 0 for unused numbers
        container = self.file.entry(entry.where, self.index)
        if container is None or container.kind is not EntryKind.IN_FILE:
            return None
        return entry, container.where + shift

    @property
    def numbers(self) -> Iterator[int]:
        """The numbers of all objects that are there, ascending."""
        every = set[int]().union(*(revision.numbers for revision in self.file.revisions[: self.index + 1]))
        return (num for num in sorted(every) if self._place(num) is not None)

    def resolve(self, value: Object) -> Object:
        """`value`, or what it refers to."""
        for _ in range(_REFERENCES):
            if not isinstance(value, Ref):
                return value
            value = self.get(value)
        return None  # references in a circle

    def entry(self, dictionary: Dict, key: str) -> Object:
        """The value of `key`, its reference resolved."""
        return self.resolve(dictionary.get(key))

    def array(self, value: Object) -> list[Object] | None:
        """The array that `value` is or refers to; None where it is something else."""
        found = self.resolve(value)
        return found if isinstance(found, list) else None

    def direct(self, value: Object) -> Object:
        """A copy of `value` with every reference in it resolved, for small things such as the encryption dictionary."""
        left = _NODES

        def walk(value: Object, depth: int) -> Object:
            nonlocal left
            left -= 1
            value = self.resolve(value)
            if depth > _REFERENCES or left < 0:
                return None
            if isinstance(value, Dict):
                return Dict({key: walk(item, depth + 1) for key, item in value.items()})
            return [walk(item, depth + 1) for item in value] if isinstance(value, list) else value

        return walk(value, 0)

    def decoded(self, stream: Stream) -> bytes:
        """The data of `stream`, decrypted and unpacked; image data stay as they are.

        Raises:
            SyntaxProblem: they cannot be unpacked, or to more than is allowed.
        """
        return self.file.source.decoded(stream, self.resolve)


def read(pdf: bytes, limits: Limits = DEFAULT) -> File:
    """Open `pdf`: its revisions are known then, its objects are read when they are asked for.

    Raises:
        SyntaxProblem: no reader could make a document of it, or it is encrypted under a password.
    """
    return File(pdf, limits)
