"""What a document consists of in one revision, in parts that are compared each by itself.

A part has to be compared only where the update reached it: some object that it leads to is another one now. What is
known of the other parts is passed on, so a step costs what the update touched and not what the document holds.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property

from esign.pades.changes.likeness import Landmarks, reach
from esign.pades.form_tree import Form, read_form
from esign.pades.page_tree import Annotation, Page, PageTree, annotations, read_pages
from esign.pades.reading import Reader, Unreadable
from esign.syntax import Dict, Object, Ref, same

__all__ = ["Snapshot"]

_BACKWARDS = frozenset({"Parent", "P", "Kids", "Popup", "IRT", "V"})
"""Where annotations and fields lead back to what holds them, on to others, or to a value, a part of its own."""


class Snapshot:
    """One revision."""

    def __init__(self, reader: Reader, tree: PageTree, form: Form, notes: Iterable[tuple[Annotation, ...]]) -> None:
        self.reader = reader
        self.root: Dict = reader.root
        self.tree = tree
        self.form = form
        self.annotations = tuple(notes)
        """Of each page; also those that show fields."""
        self.landmarks = _landmarks(reader, tree, form, self.annotations)
        """The objects that stand for a thing of their own, see `likeness`."""
        self.known: dict[object, tuple[object, frozenset[int]]] = {}
        """What was found out, by the kind and the address of a part; the part is kept, so that its address stays."""

    @classmethod
    def read(cls, reader: Reader) -> "Snapshot":
        """The revision that `reader` reads."""
        tree = read_pages(reader, reader.root)
        form = read_form(reader, reader.root)
        return cls(reader, tree, form, (tuple(annotations(reader, page)) for page in tree.pages))

    def next(self, reader: Reader, changed: frozenset[int]) -> "Snapshot":
        """The following revision, in which the objects `changed` are other ones."""
        root = reader.root
        tree, form = self.tree, self.form
        if not tree.numbers.isdisjoint(changed) or not same(root.get("Pages"), self.root.get("Pages")):
            tree = read_pages(reader, root)
        if not form.numbers.isdisjoint(changed) or not same(root.get("AcroForm"), self.root.get("AcroForm")):
            form = read_form(reader, root)
        notes = (self._annotations_of(page, changed) or tuple(annotations(reader, page)) for page in tree.pages)
        return Snapshot(reader, tree, form, notes)

    def remember(self, earlier: "Snapshot", changed: frozenset[int]) -> None:
        """Take over what was found out about parts that the objects `changed`, by which both differ, do not reach."""
        self.known = {key: known for key, known in earlier.known.items() if known[1].isdisjoint(changed)} | self.known

    def _annotations_of(self, page: Page, changed: frozenset[int]) -> tuple[Annotation, ...]:
        """What is known of the annotations of a page of the next revision; nothing where they may be others."""
        if page.index >= len(self.tree.pages) or self.tree.pages[page.index].node is not page.node:
            return ()
        known = self.annotations[page.index]
        array = page.node.get("Annots")
        numbers = {a.ref.num for a in known if a.ref is not None}
        numbers |= {array.num} if isinstance(array, Ref) else set()
        return known if numbers.isdisjoint(changed) else ()

    @cached_property
    def widget_pages(self) -> dict[int, int]:
        """The page, from 0, of each annotation by the address of its dictionary."""
        return {id(a.node): index for index, items in enumerate(self.annotations) for a in items}

    def page_reach(self, page: Page) -> frozenset[int]:
        """All that a page shows, but for its annotations and what it inherits."""
        return self._known("page", page.node, (v for k, v in page.node.items() if k not in {"Annots", "Parent"}))

    def node_reach(self, node: Dict) -> frozenset[int]:
        """All that an annotation or a field shows and does, but for a value."""
        return self._known("node", node, (v for k, v in node.items() if k not in _BACKWARDS))

    def value_reach(self, value: Object) -> frozenset[int]:
        """All that a value leads to."""
        if isinstance(value, Ref):
            return self._known("value", value, (value,))
        composed = isinstance(value, dict | list | Unreadable)
        return self._known("value", value, (value,)) if composed else frozenset()

    def unreached(self, numbers: frozenset[int]) -> frozenset[int]:
        """Those of `numbers` that nothing in the document leads to; what is dear to walk comes last."""
        left = numbers - self.tree.numbers - self.form.numbers
        for reached in self._everything():
            if not left:
                break
            left -= reached
        return left

    def _everything(self) -> Iterator[frozenset[int]]:
        trailer = self.reader.view.trailer
        yield frozenset(v.num for v in trailer.values() if isinstance(v, Ref))
        for items in self.annotations:
            yield frozenset(a.ref.num for a in items if a.ref is not None)
            yield from (self.node_reach(a.node) for a in items)
        yield from (self.page_reach(page) for page in self.tree.pages)
        for page in self.tree.pages:
            yield from (self.value_reach(v) for v in (page.node.get("Annots"), *page.inherited.values()))
        for field in self.form.fields:
            yield from (self.node_reach(node) for node in (*field.line, *(w.node for w in field.widgets)))
            yield self.value_reach(field.held)
        yield from (self.value_reach(v) for v in trailer.values() if not isinstance(v, Ref))
        yield from (self.value_reach(trailer.get(key)) for key in ("Info", "Encrypt"))
        yield from (self.value_reach(v) for v in self.form.node.values())
        yield from (self.value_reach(v) for k, v in sorted(self.root.items(), key=lambda kv: kv[0] == "StructTreeRoot"))

    def _known(self, kind: str, part: Object, values: Iterable[Object]) -> frozenset[int]:
        key = (kind, part if isinstance(part, Ref) else id(part))
        known = self.known.get(key)
        if known is None:
            known = self.known[key] = part, reach(self.reader, values, self.landmarks)
        return known[1]


def _landmarks(reader: Reader, tree: PageTree, form: Form, notes: Iterable[tuple[Annotation, ...]]) -> Landmarks:
    places: dict[int, object] = {p.ref.num: ("page", p.index) for p in tree.pages if p.ref is not None}
    root = reader.view.trailer.get("Root")
    if isinstance(root, Ref):
        places[root.num] = "catalog"
    shown = [annotation.ref for items in notes for annotation in items]
    shown += [widget.ref for field in form.fields for widget in field.widgets]
    shown += [field.ref for field in form.fields]
    return Landmarks(places=places, annotations={ref.num: ref.num for ref in shown if ref is not None})
