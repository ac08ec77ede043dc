"""The pages of one revision (ISO 32000-2 §7.7.3), each with what it inherits and its annotations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from esign.pades.reading import Reader, Unreadable
from esign.syntax import Dict, Object, Ref

__all__ = ["Annotation", "Page", "PageTree", "read_pages"]

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
    pages: list[Page] = []
    numbers: set[int] = set()
    nodes: dict[int, Dict] = {}
    known: dict[Ref, Dict] = {}
    met: set[int] = set()
    sound = True
    stack: list[tuple[Object, Dict, int]] = [(root.get("Pages"), Dict(), 0)]
    while stack and len(pages) < _MOST_PAGES:
        value, inherited, depth = stack.pop()
        node = reader.resolve(value)
        if not isinstance(node, Dict) or depth > _DEEPEST or (type(value) is Ref and value.num in met):
            sound = False
            continue
        if type(value) is Ref:
            numbers.add(value.num)
            met.add(value.num)
        if "Kids" not in node:
            ref = value if type(value) is Ref else None
            claimed = _upward(reader, node.get("Parent"), numbers, known)
            pages.append(Page(index=len(pages), ref=ref, node=node, inherited=inherited, claimed=claimed))
            continue
        if type(value) is Ref:
            nodes[value.num] = node
        if type(node["Kids"]) is Ref:
            numbers.add(node["Kids"].num)
        if any(key in node for key in INHERITED):
            inherited = Dict({**inherited, **{key: node[key] for key in INHERITED if key in node}})
        kids = reader.entry(node, "Kids")
        sound = sound and isinstance(kids, list)
        stack += [(kid, inherited, depth + 1) for kid in reversed(kids if isinstance(kids, list) else [])]
    top = reader.resolve(root.get("Pages"))
    counted = isinstance(top, Dict) and reader.number(top, "Count") == len(pages) > 0
    named = all(reader.name(n, "Type") == "Pages" for n in nodes.values())
    named = named and all(reader.name(page.node, "Type") == "Page" for page in pages)
    sound = sound and counted and named
    return PageTree(pages=tuple(pages), numbers=frozenset(numbers), nodes=nodes, sound=sound)


def _upward(reader: Reader, parent: Object, numbers: set[int], known: dict[Ref, Dict]) -> Dict:
    """What the nodes above say of `INHERITED`, found by going up; `numbers` are the objects that were met."""
    start, found, met = parent, Dict(), set[int]()
    if type(start) is Ref and start in known:
        return known[start]
    while isinstance(node := reader.resolve(parent), Dict) and len(met) < _DEEPEST:
        if type(parent) is Ref:
            if parent.num in met:
                break
            met.add(parent.num)
        found |= {key: node[key] for key in INHERITED if key in node and key not in found}
        parent = node.get("Parent")
    numbers |= met
    if type(parent) is Ref:
        numbers.add(parent.num)
    result = Dict(found)
    if type(start) is Ref:
        known[start] = result
    return result


def annotations(reader: Reader, page: Page) -> Iterator[Annotation]:
    """The annotations of a page, in the order in which they are drawn."""
    for value in reader.items(page.node, "Annots"):
        node = reader.resolve(value)
        if isinstance(node, Unreadable):
            node = Dict({"Unreadable": node})  # a reader that mends it shows something
        if isinstance(node, Dict):
            yield Annotation(value if type(value) is Ref else None, node)
