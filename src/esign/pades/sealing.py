"""Whether the revision that draws a seal does that and nothing else (docs/spec/seal.md §7).

A seal binds the bytes before its revision; what the revision itself adds, nothing but a signature speaks for, and a
clerk who signs a sealed file sees a page with a genuine seal on it. So the page must be the sealed one and the seal.
"""

import re
from dataclasses import dataclass
from enum import Enum

from esign.pades.history import ChangeKind, changes_since, revision_of
from esign.pades.page_tree import Page, read_pages
from esign.pades.reading import Reader
from esign.syntax import Dict, File, Object, Ref, Stream, String, SyntaxProblem, read, same

__all__ = ["SealingChanges", "sealing_changes"]

_NUMBER = rb"([-+]?(?:\d+\.?\d*|\.\d+))"
_DRAWING = re.compile(
    rb"\s*Q\s+(?:/Artifact\s+BMC\s+)?q\s+" + rb"\s+".join([_NUMBER] * 6) + rb"\s+cm\s+/(\w+)\s+Do\s+Q\s*(EMC\s*)?"
)
_LINK_KEYS = {"Type", "Subtype", "Rect", "P", "F", "Border", "Contents", "A"}
_FORM_KEYS = {"Type", "Subtype", "FormType", "BBox", "Matrix", "Resources", "Group", "Length", "Filter", "DecodeParms"}
_PAGE_KEYS = {"Contents", "Resources", "Annots"}
_CLOSE = 1.0  # points: numbers are rounded
_RELEASE = "esign."


class SealingChanges(Enum):
    """What became of the sealed bytes up to the signature over them."""

    SEAL_ONLY = "seal-only"
    """The seal was drawn; form fields were made, filled in as docs/spec/release.md says, and signed."""
    MORE = "more"
    """Something else too."""
    UNDECIDED = "undecided"
    """The revisions cannot be compared."""


def sealing_changes(pdf: bytes, offset: int, *, url: str, until: int) -> SealingChanges:
    """What was done to the first `offset` bytes of `pdf`, which a seal binds, up to `until`, where a signature ends.

    `url` is what the seal's link opens. Never raises for a bad document.
    """
    signed = pdf[:until]
    try:
        file = read(signed)
        before = revision_of(file, offset)
    except SyntaxProblem:
        return SealingChanges.UNDECIDED
    if before is None or before + 1 >= len(file.revisions):
        return SealingChanges.UNDECIDED
    stamped = _Stamping(file, before).is_only_stamped(url)
    # Where no revision draws the seal into the page, it is one that the agency's signature brings along.
    changes = changes_since(signed, file.revisions[before + 1].end if stamped else offset)
    enough = changes.kind is not ChangeKind.OTHER if stamped else changes.kind is ChangeKind.FORM
    only_release = all(f"{name}.".startswith(_RELEASE) for name in changes.filled)
    return SealingChanges.SEAL_ONLY if enough and only_release else SealingChanges.MORE


@dataclass(frozen=True, slots=True)
class _Rectangle:
    """A place on a page."""

    left: float
    bottom: float
    right: float
    top: float


class _Stamping:
    """The step from one revision to the next: is it what `esign.pades.revision.stamp` does?"""

    def __init__(self, file: File, before: int) -> None:
        self._file = file
        self._old, self._new = Reader(file.at(before)), Reader(file.at(before + 1))
        self._touched = file.touched(before + 1)
        self._known = frozenset(n for n in self._touched if self._old.view.location(n) is not None)

    def is_only_stamped(self, url: str) -> bool:
        """Whether one page changed, and of it only that a seal with a link to `url` was drawn over it."""
        freed = any(self._new.view.location(n) is None for n in self._touched)
        if freed or not self._same_roots():
            return False
        pages = self._changed_pages()
        if len(pages) != 1:
            return False
        old, new = pages[0]
        others = self._changed() - {self._root_number(), new.ref.num if new.ref else 0}
        # An array of annotations may be an object of its own.
        return others <= {_number(new.node.get("Annots"))} and self._is_stamped(old, new, url)

    def _is_stamped(self, old: Page, new: Page, url: str) -> bool:
        kept = (set(old.node) | set(new.node)) - _PAGE_KEYS
        if not all(same(old.node.get(key), new.node.get(key)) for key in kept):
            return False
        drawn, link = self._added_resource(old, new), self._added_annotation(old, new, url)
        if drawn is None or link is None:
            return False
        matrix = self._added_content(old, new, drawn[0])
        return matrix is not None and self._is_drawn_within(drawn[1], matrix, link)

    def _changed(self) -> set[int]:
        """The objects that were there and are others now."""
        return {n for n in self._known if not same(self._old.get(Ref(n)), self._new.get(Ref(n)))}

    def _root_number(self) -> int:
        return _number(self._new.view.trailer.get("Root"))

    def _changed_pages(self) -> list[tuple[Page, Page]]:
        old, new = (read_pages(reader, reader.root).pages for reader in (self._old, self._new))
        if len(old) != len(new) or [p.ref for p in old] != [p.ref for p in new]:
            return []
        return [(a, b) for a, b in zip(old, new, strict=True) if not same(a.node, b.node)]

    def _same_roots(self) -> bool:
        """Whether both revisions have the same catalog; what updates a file may raise its /Version (§7.7.2)."""
        old, new = self._old.view.trailer, self._new.view.trailer
        if not all(same(old.get(key), new.get(key)) for key in ("Root", "Info", "Encrypt")):
            return False
        one, other = ({k: v for k, v in reader.root.items() if k != "Version"} for reader in (self._old, self._new))
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)

    def _added_resource(self, old: Page, new: Page) -> tuple[str, Stream] | None:
        """The one XObject that the page has beside what it had or inherited."""
        had, has = (r.resolve(p.attribute("Resources")) for r, p in ((self._old, old), (self._new, new)))
        had = Dict() if had is None else had  # a blank page may have none, though it must (§7.7.3.3)
        if not isinstance(had, Dict) or not isinstance(has, Dict):
            return None
        before, after = self._old.dictionary(had, "XObject"), self._new.dictionary(has, "XObject")
        others = (set(had) | set(has)) - {"XObject"}
        kept = all(same(had.get(key), has.get(key)) for key in others)
        kept = kept and all(same(before[key], after.get(key)) for key in before)
        added = [key for key in after if key not in before]
        form = self._new.resolve(after[added[0]]) if kept and len(added) == 1 else None
        if not isinstance(form, Stream) or not set(form.dictionary) <= _FORM_KEYS:
            return None
        return (added[0], form) if self._new.name(form.dictionary, "Subtype") == "Form" else None

    def _added_annotation(self, old: Page, new: Page, url: str) -> _Rectangle | None:
        """The place of the one annotation behind those that the page had: the link over the symbol."""
        had, has = self._old.items(old.node, "Annots"), self._new.items(new.node, "Annots")
        if len(has) != len(had) + 1 or not all(map(same, had, has)) or not self._is_new(has[-1]):
            return None
        link = self._new.resolve(has[-1])
        if not isinstance(link, Dict) or not set(link) <= _LINK_KEYS:
            return None
        action = self._new.dictionary(link, "A")
        opens = self._new.entry(action, "URI")
        right = set(action) <= {"S", "URI", "Type"} and self._new.name(action, "S") == "URI"
        right = right and isinstance(opens, String) and bytes(opens) == url.encode()
        right = right and self._new.name(link, "Subtype") == "Link" and not any(self._numbers(link, "Border"))
        place = self._numbers(link, "Rect")
        return _Rectangle(*place) if right and len(place) == 4 else None

    def _added_content(self, old: Page, new: Page, name: str) -> list[float] | None:
        """The matrix with which the seal is drawn behind what the page had, wrapped in q … Q."""
        had, has = _listed(self._old, old), _listed(self._new, new)
        if len(has) != len(had) + 2 or not all(map(same, had, has[1:-1])):
            return None
        first, last = (self._new.resolve(end) if self._is_new(end) else None for end in (has[0], has[-1]))
        if not isinstance(first, Stream) or not isinstance(last, Stream):
            return None
        opening, drawing = self._new.decoded(first) or b"", self._new.decoded(last) or b""
        found = _DRAWING.fullmatch(drawing)
        if found is None or opening.strip() != b"q" or found[7].decode() != name:
            return None
        balanced = (b"BMC" in drawing) == (found[8] is not None)
        return [float(found[i]) for i in range(1, 7)] if balanced else None

    def _is_new(self, value: Object) -> bool:
        return isinstance(value, Ref) and self._old.view.location(value.num) is None

    def _numbers(self, node: Dict, key: str) -> list[float]:
        found = (self._new.resolve(v) for v in self._new.items(node, key))
        return [float(v) for v in found if isinstance(v, int | float)]

    def _is_drawn_within(self, form: Stream, matrix: list[float], place: _Rectangle) -> bool:
        """Whether what the form shows, which is clipped to its /BBox (ISO 32000-2 §8.10.1), lies below the link."""
        box = self._numbers(form.dictionary, "BBox")
        own = self._numbers(form.dictionary, "Matrix") or [1, 0, 0, 1, 0, 0]
        if len(box) != 4 or len(own) != 6:
            return False
        corners = [_apply(matrix, *_apply(own, x, y)) for x in (box[0], box[2]) for y in (box[1], box[3])]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        across = place.left - _CLOSE <= min(xs) and max(xs) <= place.right + _CLOSE
        return across and place.bottom - _CLOSE <= min(ys) and max(ys) <= place.top + _CLOSE


def _apply(matrix: list[float], x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _number(value: Object) -> int:
    return value.num if isinstance(value, Ref) else 0


def _listed(reader: Reader, page: Page) -> list[Object]:
    """A page's contents; a single stream as an array of it."""
    given = page.node.get("Contents")
    found = reader.resolve(given)
    if isinstance(found, list):
        return found
    return [] if given is None else [given]
