"""One revision of a file, read without exceptions: what cannot be read is a value like nothing but itself.

Comparing revisions of hostile files goes on where an object is broken, for what is broken may be the change, and other
readers may mend it.
"""

import codecs
import re

from esign.syntax import Dict, EntryKind, File, Keyword, Name, Object, Ref, Stream, String, SyntaxProblem, View

__all__ = ["Reader", "Unreadable"]

_REFERENCES = 32
_ENCODINGS = ((codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF8, "utf-8"))


_REFERENCE = re.compile(rb"(\d{1,10})\s+(\d{1,5})\s+R(?![A-Za-z])")
_LONGEST = 1 << 20


class Unreadable(Keyword):
    """An object that cannot be read, by its place: one that stayed equals itself."""

    references: tuple[Ref, ...] = ()
    """What a reader that mends it could follow."""


class Reader:
    """A `View` in which broken objects are `Unreadable`."""

    def __init__(self, view: View) -> None:
        self.view = view

    @property
    def file(self) -> File:
        """The file that it reads."""
        return self.view.file

    @property
    def root(self) -> Dict:
        """The catalog; empty where there is none."""
        root = self.resolve(self.view.trailer.get("Root"))
        return root if isinstance(root, Dict) else Dict()

    def get(self, ref: Ref) -> Object:
        """The object that `ref` names; null where there is none."""
        try:
            return self.view.get(ref)
        except SyntaxProblem as e:
            return self._unreadable(ref, e)

    def get_number(self, number: int) -> Object:
        """The object of a number, whatever its generation."""
        entry = self.file.entry(number, self.view.index)
        generation = entry.minor if entry is not None and entry.kind is EntryKind.IN_FILE else 0
        return self.get(Ref(number, generation))

    def _unreadable(self, ref: Ref, problem: SyntaxProblem) -> Unreadable:
        location = self.view.location(ref.num)
        value = Unreadable(f"unreadable at {location}: {problem.code}".encode())
        if location is not None and location.within is None:
            end = self.file.data.find(b"endobj", location.offset, location.offset + _LONGEST)
            raw = self.file.data[location.offset : end if end >= 0 else location.offset + _LONGEST]
            value.references = tuple(Ref(int(m[1]), int(m[2])) for m in _REFERENCE.finditer(raw))
        return value

    def resolve(self, value: Object) -> Object:
        """`value`, or what it refers to."""
        for _ in range(_REFERENCES):
            if type(value) is not Ref:
                return value
            value = self.get(value)
        return None

    def entry(self, node: Dict, key: str) -> Object:
        """The value of `key`, its reference resolved."""
        return self.resolve(node.get(key))

    def name(self, node: Dict, key: str) -> str:
        """The name that `key` holds; empty where it holds none."""
        value = self.entry(node, key)
        return str(value) if isinstance(value, Name) else ""

    def dictionary(self, node: Dict, key: str) -> Dict:
        """The dictionary that `key` holds; empty where it holds none."""
        value = self.entry(node, key)
        return value if isinstance(value, Dict) else Dict()

    def items(self, node: Dict, key: str) -> list[Object]:
        """The items of the array that `key` holds, as they stand; empty where it holds none."""
        value = self.entry(node, key)
        return value if isinstance(value, list) else []

    def number(self, node: Dict, key: str) -> int:
        """The integer that `key` holds; 0 where it holds none."""
        value = self.entry(node, key)
        return value if type(value) is int else 0

    def text(self, value: Object) -> str:
        """A text string (§7.9.2.2); empty where it is none."""
        value = self.resolve(value)
        if not isinstance(value, String):
            return ""
        for mark, encoding in _ENCODINGS:
            if value.startswith(mark):
                return value[len(mark) :].decode(encoding, "replace")
        return value.decode("latin-1")

    def raw(self, stream: Stream) -> bytes:
        """The data of `stream` as they stand in the file."""
        return self.file.data[stream.start : stream.start + stream.length]

    def decoded(self, stream: Stream) -> bytes | None:
        """The data of `stream`, unpacked; None where they cannot be."""
        try:
            return self.view.decoded(stream)
        except SyntaxProblem:
            return None
