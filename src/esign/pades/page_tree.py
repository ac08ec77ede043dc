"""The pages of one revision (ISO 32000-2 §7.7.3), each with what it inherits and its annotations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from esign.pades.reading import Reader, Unreadable
from esign.syntax import Dict, Object, Ref

__all__ = ["Annotation", "Page", "PageTree", "find_page", "read_pages"]

INHERITED = ("Resources", "MediaBox", "CropBox", "Rotate")
"""What a page takes from the nodes above it (Table 31)."""

_MOST_PAGES = 1_000_000
_DEEPEST = 256


@dataclass(frozen=True, slots=True, eq=False)
class Annotation:
    """One item of a page's /Annots (§12.5)."""

    ref: Ref | None
    """The object that it is; None where it stands directly in the array."""
    node: Dict
    """Its dictionary."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Page:
    """A page."""

    index: int
    """From 0."""
    ref: Ref | None
    """The object that it is; None where it stands directly in the tree, which is not allowed and happens."""
    node: Dict
    """Its dictionary."""
    inherited: Dict
    """What the nodes above it in the tree say of `INHERITED`."""
    claimed: Dict
    """The same by way of /Parent, as some readers go; hostile files make it lead elsewhere."""

    def attribute(self, key: str) -> Object:
        """The value of `key`, its own or inherited, as it stands."""
        return self.node.get(key, self.inherited.get(key))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PageTree:
    """The pages of one revision."""

    pages: tuple[Page, ...]
    """In their order."""
    numbers: frozenset[int]
    """The objects that the tree is made of: nodes, pages and the arrays that hold them."""
    nodes: Mapping[int, Dict]
    """The nodes that are no pages, by their numbers."""
    sound: bool
    """Whether readers agree on it: every node a dictionary that stands once, and is called and counted right."""


def read_pages(reader: Reader, root: Dict) -> PageTree:
    """The pages of the document with the catalog `root`, in their order."""
    walk = _Walk(reader)
    pages = tuple(
        Page(index=index, ref=ref, node=node, inherited=inherited, claimed=walk.claimed(node))
        for index, (ref, node, inherited) in enumerate(walk.leaves(root))
    )
    top = reader.resolve(root.get("Pages"))
    counted = isinstance(top, Dict) and reader.number(top, "Count") == len(pages) > 0
    named = all(reader.name(n, "Type") == "Pages" for n in walk.nodes.values())
    named = named and all(reader.name(page.node, "Type") == "Page" for page in pages)
    sound = walk.sound and counted and named
    return PageTree(pages=pages, numbers=frozenset(walk.numbers), nodes=walk.nodes, sound=sound)


def find_page(reader: Reader, root: Dict, index: int) -> tuple[Ref | None, Dict]:
    """The object that page `index` is, from 0, and what it inherits; those behind it are not looked at."""
    leaves = ((ref, inherited) for ref, _, inherited in _Walk(reader).leaves(root))
    return next(islice(leaves, index, None), (None, Dict())) if index >= 0 else (None, Dict())


class _Walk:
    """One walk over a tree of pages."""

    def __init__(self, reader: Reader) -> None:
        self.numbers: set[int] = set()
        self.nodes: dict[int, Dict] = {}
        self.sound = True
        self._reader = reader
        self._claimed: dict[Ref, Dict] = {}

    def leaves(self, root: Dict) -> Iterator[tuple[Ref | None, Dict, Dict]]:
        """The pages with what they inherit, in their order, each when it is asked for."""
        reader, met, count = self._reader, set[int](), 0
        stack: list[tuple[Object, Dict, int]] = [(root.get("Pages"), Dict(), 0)]
        while stack and count < _MOST_PAGES:
            value, inherited, depth = stack.pop()
            node = reader.resolve(value)
            if not isinstance(node, Dict) or depth > _DEEPEST or (type(value) is Ref and value.num in met):
                self.sound = False
                continue
            if type(value) is Ref:
                self.numbers.add(value.num)
                met.add(value.num)
            if "Kids" not in node:
                yield value if type(value) is Ref else None, node, inherited
                count += 1
                continue
            if type(value) is Ref:
                self.nodes[value.num] = node
            if type(node["Kids"]) is Ref:
                self.numbers.add(node["Kids"].num)
            if own := {key: node[key] for key in INHERITED if key in node}:
                inherited = Dict({**inherited, **own})
            kids = reader.entry(node, "Kids")
            self.sound = self.sound and isinstance(kids, list)
            stack += [(kid, inherited, depth + 1) for kid in reversed(kids if isinstance(kids, list) else [])]

    def claimed(self, page: Dict) -> Dict:
        """What the nodes above `page` say of `INHERITED`, found by going up."""
        start = parent = page.get("Parent")
        found, met = Dict(), set[int]()
        if type(start) is Ref and start in self._claimed:
            return self._claimed[start]
        while isinstance(node := self._reader.resolve(parent), Dict) and len(met) < _DEEPEST:
            if type(parent) is Ref:
                if parent.num in met:
                    break
                met.add(parent.num)
            found |= {key: node[key] for key in INHERITED if key in node and key not in found}
            parent = node.get("Parent")
        self.numbers |= met
        if type(parent) is Ref:
            self.numbers.add(parent.num)
        result = Dict(found)
        if type(start) is Ref:
            self._claimed[start] = result
        return result


def annotations(reader: Reader, page: Page) -> Iterator[Annotation]:
    """The annotations of a page, in the order in which they are drawn."""
    for value in reader.items(page.node, "Annots"):
        node = reader.resolve(value)
        if isinstance(node, Unreadable):
            node = Dict({"Unreadable": node})  # a reader that mends it shows something
        if isinstance(node, Dict):
            yield Annotation(value if type(value) is Ref else None, node)
