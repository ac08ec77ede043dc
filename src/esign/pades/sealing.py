"""Whether the revision that draws a seal does that and nothing else (docs/spec/seal.md §7).

A seal binds the bytes before its revision; what the revision itself adds, nothing but a signature speaks for, and a
clerk who signs a sealed file sees a page with a genuine seal on it. So the page must be the sealed one and the seal.
"""

import io
import logging
import re
from collections.abc import Collection
from enum import Enum
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from esign.pades._looks import fields_touched
from esign.pades._quiet import quiet
from esign.pades.history import ChangeKind, changes_since

__all__ = ["SealingChanges", "sealing_changes"]

_logger = logging.getLogger(__name__)
_STARTXREF = re.compile(rb"startxref\s+(\d{1,19})\s+%%EOF")
_NUMBER = rb"([-+]?(?:\d+\.?\d*|\.\d+))"
_DRAWING = re.compile(
    rb"\s*Q\s+(?:/Artifact\s+BMC\s+)?q\s+" + rb"\s+".join([_NUMBER] * 6) + rb"\s+cm\s+(/\w+)\s+Do\s+Q\s*(EMC\s*)?"
)
_LINK_KEYS = {"/Type", "/Subtype", "/Rect", "/P", "/F", "/Border", "/Contents", "/A"}
_FORM_KEYS = {"/Type", "/Subtype", "/FormType", "/BBox", "/Matrix", "/Resources", "/Group", "/Length", "/Filter"}
_FORM_KEYS |= {"/DecodeParms"}
_PAGE_KEYS = {"/Contents", "/Resources", "/Annots"}
_DEEPEST = 32
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


@quiet()
def sealing_changes(pdf: bytes, offset: int, *, url: str, until: int) -> SealingChanges:
    """What was done to the first `offset` bytes of `pdf`, which a seal binds, up to `until`, where a signature ends.

    `url` is the seal's. Never raises for a bad document.
    """
    signed = pdf[:until]
    try:
        reader = PdfFileReader(io.BytesIO(signed), strict=False)
        before = _revision_before(reader, signed, offset)
        if _only_stamped(reader, before + 1, url):
            start = _end(reader, signed, before + 1, offset)
            permitted = _only_forms(reader, before + 1) and changes_since(signed, start).kind is not ChangeKind.OTHER
        else:
            # Not a seal in the page's content: then it is one that the agency's signature brings along.
            permitted = _only_forms(reader, before) and changes_since(signed, offset).kind is ChangeKind.FORM
    except Exception:
        # Hostile structure makes pyHanko raise anything.
        _logger.debug("sealing revision not comparable", exc_info=True)
        return SealingChanges.UNDECIDED
    return SealingChanges.SEAL_ONLY if permitted else SealingChanges.MORE


def _only_forms(reader: PdfFileReader, revision: int) -> bool:
    """Whether of all fields, but for signatures, only release fields differ since; who locks them is said elsewhere."""
    touched = fields_touched(reader, revision, reader.xrefs.total_revisions - 1)
    return all(f"{name}.".startswith(_RELEASE) for name in touched)


def _revision_before(reader: PdfFileReader, pdf: bytes, offset: int) -> int:
    """The number of the revision that ends at `offset`."""
    last = [int(m[1]) for m in _STARTXREF.finditer(pdf, max(0, offset - 2048), offset)][-1]
    return next(i for i in range(reader.xrefs.total_revisions) if reader.xrefs.get_startxref_for_revision(i) == last)


def _end(reader: PdfFileReader, pdf: bytes, revision: int, start: int) -> int:
    """Where the bytes of a revision that begins at `start` end."""
    wanted = reader.xrefs.get_startxref_for_revision(revision)
    return next(m.end() for m in _STARTXREF.finditer(pdf, start) if int(m[1]) == wanted)


def _only_stamped(reader: PdfFileReader, revision: int, url: str) -> bool:
    """Whether the revision changes one page, and of it only what `esign.pades.revision.stamp` does."""
    xrefs = reader.xrefs
    before, after = reader.get_historical_resolver(revision - 1), reader.get_historical_resolver(revision)
    known = {_key(r) for i in range(revision) for r in xrefs.explicit_refs_in_revision(i)}
    touched = {_key(r) for r in xrefs.explicit_refs_in_revision(revision)}
    changed = {key for key in touched & known if _object(before, key) is not None}
    if xrefs.refs_freed_in_revision(revision) or not _same_roots(before, after):
        return False
    changed.discard(_key(after.trailer_view.raw_get("/Root").reference))
    pages = [key for key in changed if _type(_object(after, key)) == "/Page"]
    if len(pages) != 1:
        return False
    old, new = _object(before, pages[0]), _object(after, pages[0])
    others = changed - {pages[0]}
    if others and others != {_reference(new, "/Annots")}:
        return False  # an array of annotations may be an object of its own
    if set(old) - _PAGE_KEYS != set(new) - _PAGE_KEYS or not all(
        _same(old.raw_get(k), new.raw_get(k)) for k in set(old) - _PAGE_KEYS
    ):
        return False
    drawn = _added_resource(old, new)
    link = _added_annotation(old, new, known=known, url=url)
    if drawn is None or link is None:
        return False
    name, form = drawn
    matrix = _added_content(old, new, known=known, name=name)
    return matrix is not None and _is_drawn_within(form, matrix, link["/Rect"])


def _same_roots(before: Any, after: Any) -> bool:
    """Whether both revisions have the same catalog; what updates a file may raise its /Version (§7.7.2)."""
    old, new = before.trailer_view, after.trailer_view
    if not all(_same(_raw(old, k), _raw(new, k)) for k in ("/Root", "/Info", "/Encrypt")):
        return False
    one, other = ({k: v.root.raw_get(k) for k in v.root if k != "/Version"} for v in (before, after))
    return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)


def _added_resource(old: Any, new: Any) -> tuple[str, Any] | None:
    """The one XObject that the page has beside what it had or inherited."""
    had, has = _inherited(old, "/Resources"), new["/Resources"]
    xobjects, had_xobjects = has["/XObject"], _get(had, "/XObject", {})
    added = [k for k in xobjects if k not in had_xobjects]
    others = set(had) - {"/XObject"}
    kept = set(has) - {"/XObject"} == others and all(_same(had.raw_get(k), has.raw_get(k)) for k in others)
    kept = kept and all(k in xobjects and _same(had_xobjects.raw_get(k), xobjects.raw_get(k)) for k in had_xobjects)
    form = xobjects[added[0]] if len(added) == 1 else None
    if not kept or not isinstance(form, generic.StreamObject) or not set(form) <= _FORM_KEYS:
        return None
    return (added[0], form) if form["/Subtype"] == "/Form" else None


def _added_annotation(old: Any, new: Any, *, known: Collection[tuple[int, int]], url: str) -> Any:
    """The one annotation that the page has behind those that it had: the link over the symbol."""
    had, has = _items(_get(old, "/Annots")), _items(_get(new, "/Annots"))
    if len(has) != len(had) + 1 or not all(map(_same, had, has)):
        return None
    if not isinstance(has[-1], generic.IndirectObject) or _key(has[-1].reference) in known:
        return None
    link = has[-1].get_object()
    action = link["/A"]
    right = set(link) <= _LINK_KEYS and link["/Subtype"] == "/Link" and not any(float(v) for v in link["/Border"])
    text = action["/URI"]
    target = text.original_bytes if hasattr(text, "original_bytes") else str(text).encode()
    right = right and set(action) <= {"/S", "/URI", "/Type"} and action["/S"] == "/URI" and target == url.encode()
    return link if right else None


def _added_content(old: Any, new: Any, *, known: Collection[tuple[int, int]], name: str) -> list[float] | None:
    """The matrix with which the seal is drawn behind what the page had, wrapped in q … Q."""
    had, has = _items(_raw(old, "/Contents")), _items(_raw(new, "/Contents"))
    ends = [has[0], has[-1]] if len(has) == len(had) + 2 else []
    if not ends or not all(map(_same, had, has[1:-1])):
        return None
    if any(not isinstance(e, generic.IndirectObject) or _key(e.reference) in known for e in ends):
        return None
    first, last = (e.get_object().data for e in ends)
    found = _DRAWING.fullmatch(last)
    balanced = found is not None and (b"BMC" in last) == (found[8] is not None)
    if found is None or not balanced or first.strip() != b"q" or found[7].decode() != name:
        return None
    return [float(found[i]) for i in range(1, 7)]


def _is_drawn_within(form: Any, matrix: list[float], rectangle: Any) -> bool:
    """Whether what the form shows, which is clipped to its /BBox (ISO 32000-1 §8.10.1), lies below the link."""
    x1, y1, x2, y2 = (float(v) for v in form["/BBox"])
    own = [float(v) for v in _get(form, "/Matrix", (1, 0, 0, 1, 0, 0))]
    corners = [_apply(matrix, *_apply(own, x, y)) for x in (x1, x2) for y in (y1, y2)]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    left, bottom, right, top = (float(v) for v in rectangle)
    return (
        left - _CLOSE <= min(xs)
        and bottom - _CLOSE <= min(ys)
        and max(xs) <= right + _CLOSE
        and max(ys) <= top + _CLOSE
    )


def _apply(matrix: list[float], x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


# --- objects of one revision ----------------------------------------------------------------------------------------


def _key(reference: Any) -> tuple[int, int]:
    return reference.idnum, reference.generation


def _object(view: Any, key: tuple[int, int]) -> Any:
    found = view.get_object(generic.Reference(*key, view))
    return None if isinstance(found, generic.NullObject) else found


def _type(node: Any) -> str:
    return str(_get(node, "/Type", ""))


def _reference(node: Any, name: str) -> tuple[int, int] | None:
    value = _raw(node, name)
    return _key(value.reference) if isinstance(value, generic.IndirectObject) else None


def _items(value: Any) -> list[Any]:
    """An array's items as they stand; a single value as an array of it."""
    inner = value.get_object() if isinstance(value, generic.IndirectObject) else value
    if isinstance(inner, generic.ArrayObject):
        return [inner.raw_get(i) for i in range(len(inner))]
    return [] if value is None else [value]


def _inherited(page: Any, name: str) -> Any:
    node = page
    for _ in range(_DEEPEST):
        if name in node:
            return node[name]
        if "/Parent" not in node:
            break
        node = node["/Parent"]
    return generic.DictionaryObject()


def _same(one: Any, other: Any) -> bool:
    """Whether two values are written the same; references count as equal where they name the same object."""
    if isinstance(one, generic.IndirectObject) or isinstance(other, generic.IndirectObject):
        both = isinstance(one, generic.IndirectObject) and isinstance(other, generic.IndirectObject)
        return both and _key(one.reference) == _key(other.reference)
    if isinstance(one, generic.DictionaryObject) and isinstance(other, generic.DictionaryObject):
        return set(one) == set(other) and all(_same(one.raw_get(k), other.raw_get(k)) for k in one)
    if isinstance(one, generic.ArrayObject) and isinstance(other, generic.ArrayObject):
        return len(one) == len(other) and all(map(_same, _items(one), _items(other)))
    return bool(one == other)


def _raw(node: Any, name: str) -> Any:
    return node.raw_get(name) if name in node else None


def _get(node: Any, key: str, default: Any = None) -> Any:
    """The value of `key` behind any reference; pyHanko's own `get` gives the reference."""
    return node[key] if isinstance(node, generic.DictionaryObject) and key in node else default
