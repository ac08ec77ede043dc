"""One revision of a file, read without exceptions: what cannot be read is a value like nothing but itself.

Comparing revisions of hostile files goes on where an object is broken, for what is broken may be the change.
"""

import codecs

from esign.syntax import Dict, File, Keyword, Name, Object, Ref, Stream, String, SyntaxProblem, View

__all__ = ["Reader"]

_REFERENCES = 32
_ENCODINGS = ((codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF8, "utf-8"))


class Reader:
    """A `View` whose broken objects are keywords that name their place: unchanged ones are equal."""

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
            return Keyword(b"unreadable at %s: %s" % (str(self.view.location(ref.num)).encode(), e.code.encode()))

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
