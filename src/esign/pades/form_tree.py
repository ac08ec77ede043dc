"""The interactive form of one revision, as its file tells it (ISO 32000-2 §12.7).

The tree is hostile: it may turn in circles, hold a field twice, or things that are no fields. What can be read is
read; nothing here judges.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from esign.pades.reading import Reader, Unreadable
from esign.syntax import Dict, Name, Object, Ref, String

__all__ = ["Field", "Form", "Widget", "read_form"]

_MOST_FIELDS = 200_000
_DEEPEST = 64


@dataclass(frozen=True, slots=True, eq=False)
class Widget:
    """The annotation that shows a field (§12.5.6.19); often one dictionary with it."""

    ref: Ref | None
    """The object that it is; None where it stands directly in an array."""
    node: Dict
    """Its dictionary."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Field:
    """A terminal field: one without fields below it."""

    name: str
    """The fully qualified name (§12.7.4.2)."""
    ref: Ref | None
    """The object that it is; None where it stands directly in an array."""
    node: Dict
    """Its dictionary."""
    line: tuple[Dict, ...]
    """Itself, then the fields above it, from which it inherits."""
    widgets: tuple[Widget, ...]
    """What shows it on pages; itself, where it has none of its own."""
    held: Object
    """/V as it stands, its own or inherited."""
    value: Object
    """/V, resolved."""
    kind: str
    """/FT: `Sig`, `Tx`, `Btn`, `Ch`; empty where it says nothing."""

    @property
    def is_signature(self) -> bool:
        """Whether it is a field for signatures, whatever it holds."""
        return self.kind == "Sig"

    @property
    def is_signed(self) -> bool:
        """Whether it is a field for signatures that holds something."""
        return self.is_signature and self.value is not None


@dataclass(frozen=True, kw_only=True, eq=False)
class Form:
    """The form of one revision."""

    node: Dict
    """/AcroForm; empty where the document has none."""
    exists: bool
    """Whether the document has a form."""
    fields: tuple[Field, ...]
    """All terminal fields, in the order of the tree."""
    numbers: frozenset[int]
    """The objects that the tree is made of: fields, widgets, what holds them, and what stands for names and values."""
    unread: tuple[Unreadable, ...] = ()
    """What should be a part of it and cannot be read."""

    @cached_property
    def by_name(self) -> dict[str, tuple[Field, ...]]:
        """The fields of each name: one, where all is well."""
        found: dict[str, list[Field]] = {}
        for each in self.fields:
            found.setdefault(each.name, []).append(each)
        return {name: tuple(fields) for name, fields in found.items()}

    @cached_property
    def widget_nodes(self) -> frozenset[int]:
        """The addresses of all dictionaries that are widgets of the form."""
        return frozenset(id(w.node) for f in self.fields for w in f.widgets)

    @cached_property
    def widgets(self) -> dict[int, Field]:
        """Which field the widget with an object number belongs to."""
        return {w.ref.num: f for f in self.fields for w in f.widgets if w.ref is not None}


def read_form(reader: Reader, root: Dict) -> Form:
    """The form of the document with the catalog `root`."""
    return _Walk(reader).form(root)


class _Walk:
    """One walk over a tree of fields."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._numbers: set[int] = set()
        self._fields: list[Field] = []
        self._unread: list[Unreadable] = []

    def form(self, root: Dict) -> Form:
        form = self._dictionary(root.get("AcroForm"))
        if form is not None:
            self._walk(form)
        return Form(
            node=form or Dict(),
            exists=form is not None,
            fields=tuple(self._fields),
            numbers=frozenset(self._numbers),
            unread=tuple(self._unread),
        )

    def _walk(self, form: Dict) -> None:
        stack: list[tuple[Object, str, tuple[Dict, ...]]] = [(v, "", ()) for v in reversed(self._items(form, "Fields"))]
        while stack and len(self._fields) < _MOST_FIELDS:
            value, prefix, above = stack.pop()
            if isinstance(value, Ref) and value.num in self._numbers:
                continue
            node = self._dictionary(value)
            if node is None or len(above) >= _DEEPEST:
                continue
            name = ".".join(filter(None, (prefix, self._reader.text(node.get("T")))))
            line = (node, *above)
            kids = self._items(node, "Kids")
            below = [kid for kid in kids if self._is_field(kid)]
            if below:
                stack += [(kid, name, line) for kid in reversed(below)]
            else:
                self._fields.append(self._field(value, name, line, kids))

    def _field(self, place: Object, name: str, line: tuple[Dict, ...], kids: list[Object]) -> Field:
        ref = place if isinstance(place, Ref) else None
        widgets = tuple(self._widgets(kids)) or (Widget(ref, line[0]),)
        kind, held = self._inherited(line, "FT"), self._inherited(line, "V")
        for value in (kind, held, line[0].get("T"), self._inherited(line, "Ff")):
            self._note(value)
        return Field(
            name=name,
            ref=ref,
            node=line[0],
            line=line,
            widgets=widgets,
            held=held,
            value=self._reader.resolve(held),
            kind=str(found) if isinstance(found := self._reader.resolve(kind), Name) else "",
        )

    def _widgets(self, kids: list[Object]) -> Iterator[Widget]:
        for kid in kids:
            node = self._dictionary(kid)
            if node is not None:
                yield Widget(kid if isinstance(kid, Ref) else None, node)

    def _is_field(self, kid: Object) -> bool:
        """Whether a kid is a field of its own, and no mere widget (§12.7.4.1); hostile ones are named by their kids."""
        node = self._reader.resolve(kid)
        return isinstance(node, Dict) and (isinstance(self._reader.resolve(node.get("T")), String) or "Kids" in node)

    def _dictionary(self, value: Object) -> Dict | None:
        self._note(value)
        found = self._reader.resolve(value)
        if isinstance(found, Unreadable):
            self._unread.append(found)
        return found if isinstance(found, Dict) else None

    def _items(self, node: Dict, key: str) -> list[Object]:
        self._note(node.get(key))
        found = self._reader.resolve(node.get(key))
        return found if isinstance(found, list) else []

    def _note(self, value: Object) -> None:
        if isinstance(value, Ref):
            self._numbers.add(value.num)

    @staticmethod
    def _inherited(line: tuple[Dict, ...], key: str) -> Object:
        return next((node[key] for node in line if node.get(key) is not None), None)
