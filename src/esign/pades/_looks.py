"""What of a form's looks changed since a revision, where readers' own comparison of revisions sees nothing wrong.

Filling in a field changes its value and so its picture. A new picture for the old value is no filling in: it is the
attack that shows a hidden value, or hides a signed one ("Shadow Attacks", Mainka et al., NDSS 2021, the variant
"replace"), and software that compares values lets it pass. The flag that makes readers draw all pictures anew does the
same to every field at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from esign.pades._fingerprint import fingerprint

__all__ = ["fields_touched", "is_blank", "is_redrawn", "metadata_changed"]

_MOST_FIELDS = 20_000
# Whoever appends to a file notes when and with what (ISO 32000-1 §14.3.3); no reader shows that as the document's.
_WRITERS_OWN = frozenset({"/ModDate", "/Producer"})


def is_redrawn(reader: PdfFileReader, revision: int) -> bool:
    """Whether a field that had a picture in `revision` has another one now, and the value that it had.

    Also whether readers are told since then to draw all fields anew (/NeedAppearances, ISO 32000-1 §12.7.2).
    """
    then = reader.get_historical_resolver(revision)
    now = reader.get_historical_resolver(reader.xrefs.total_revisions - 1)
    if _draws_anew(now.root) and not _draws_anew(then.root):
        return True
    before, after = dict(_pictures(then.root)), dict(_pictures(now.root))
    return any(
        look.shown and after[widget].shown != look.shown and after[widget].said == look.said
        for widget, look in before.items()
        if widget in after
    )


def fields_touched(reader: PdfFileReader, first: int, second: int) -> set[str]:
    """The names of the fields, but for signatures', that say or show something else in revision `second`."""
    before = dict(_pictures(reader.get_historical_resolver(first).root))
    after = dict(_pictures(reader.get_historical_resolver(second).root))
    looks = [look for widget in before.keys() | after.keys() for look in _unlike(before.get(widget), after.get(widget))]
    return {look.name for look in looks if look.kind != "/Sig"}


def metadata_changed(reader: PdfFileReader, revision: int) -> bool:
    """Whether the document says something else about itself than in `revision`: /Info or its XMP metadata."""
    then = reader.get_historical_resolver(revision)
    now = reader.get_historical_resolver(reader.xrefs.total_revisions - 1)
    return _info(then) != _info(now) or _xmp(then.root) != _xmp(now.root)


def _info(view: Any) -> bytes:
    trailer = view.trailer_view
    info = trailer.raw_get("/Info") if "/Info" in trailer else None
    if isinstance(info, generic.IndirectObject):
        # References in a trailer belong to the file as a whole and would be resolved as of its last revision.
        info = view.get_object(generic.Reference(info.idnum, info.generation, view))
    return fingerprint(info, without=_WRITERS_OWN) if info is not None else b""


def _xmp(root: Any) -> bytes:
    metadata = _get(root, "/Metadata")
    return fingerprint(metadata) if metadata is not None else b""


def _draws_anew(root: Any) -> bool:
    return bool(_get(_get(root, "/AcroForm"), "/NeedAppearances", False))


@dataclass(frozen=True, slots=True)
class _Look:
    """What a field or a widget of it says and shows; equal where nobody can tell the difference."""

    name: str
    kind: str
    said: bytes
    """A digest of its value."""
    shown: bytes
    """A digest of its picture; empty for one that shows nothing."""


def _unlike(one: _Look | None, other: _Look | None) -> list[_Look]:
    return [look for look in (one, other) if look is not None] if one != other else []


def _pictures(root: Any) -> Iterator[tuple[Any, _Look]]:
    """What each field and each of its widgets says and shows, by the number of its object."""
    stack = [(reference, "", "", None) for reference in _references(_get(_get(root, "/AcroForm"), "/Fields"))]
    seen: set[Any] = set()
    while stack:
        reference, above, kind, value = stack.pop()
        key = reference.reference.idnum, reference.reference.generation
        if key in seen:  # a form of hostile hands may turn in circles
            continue
        seen.add(key)
        if len(seen) > _MOST_FIELDS:
            message = "too many fields"
            raise ValueError(message)
        node = reference.get_object()
        name = ".".join(filter(None, (above, str(_get(node, "/T", "")))))
        kind, value = str(_get(node, "/FT", kind)), _get(node, "/V", value)
        stack += [(kid, name, kind, value) for kid in _references(_get(node, "/Kids"))]
        # A signature refers to the whole document; of it only counts that it is there.
        said = str(value is not None).encode() if kind == "/Sig" or value is None else fingerprint(value)
        yield key, _Look(name, kind, said, _picture(node))


def is_blank(field: Any) -> bool:
    """Whether a field has neither a value nor a picture."""
    return not _get(field, "/V") and is_empty(_get(_get(field, "/AP"), "/N"))


def is_empty(appearance: Any) -> bool:
    """Whether an appearance, or each of its states (§12.5.5), shows nothing."""
    if appearance is None:
        return True
    if isinstance(appearance, generic.StreamObject):
        return not appearance.data.strip()
    return isinstance(appearance, generic.DictionaryObject) and all(is_empty(appearance[k]) for k in appearance)


def _picture(node: Any) -> bytes:
    appearance = _get(_get(node, "/AP"), "/N")
    return b"" if is_empty(appearance) else fingerprint(appearance)


def _references(values: Any) -> list[Any]:
    if not isinstance(values, generic.ArrayObject):
        return []
    items = (values.raw_get(i) for i in range(len(values)))
    return [item for item in items if isinstance(item, generic.IndirectObject)]


def _get(node: Any, key: str, default: Any = None) -> Any:
    """The value of `key` behind any reference; pyHanko's own `get` gives the reference."""
    return node[key] if isinstance(node, generic.DictionaryObject) and key in node else default
