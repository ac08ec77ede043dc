"""Release fields as a verifier sees them: filled in once, locked by who signed first, and not changed or covered since.

A signature is sound while its document says the wrong number, if the form that holds the number may still be filled in.
So the first signature under which a field says something must lock it (FieldMDP, ISO 32000-1 §12.8.2.4), and what the
field says and shows must be the same now. Readers' own comparison of revisions is not relied on: it lets pass fonts
that are exchanged, appearances that are made anew, and empty signature fields that lie over what was signed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyhanko.pdf_utils import generic, misc
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.errors import SignatureValidationError

from esign.pades._fingerprint import fingerprint
from esign.pades.fields import is_blank
from esign.reasons import Reason
from esign.report import Check, Outcome

__all__ = ["Signed", "check_release_fields"]

_PREFIX = "esign.release."
_CLAUSE = "docs/spec/release.md §5"
_FONT = re.compile(r"/([^\s/]+)\s+[-+.0-9]+\s+Tf")
_MAX_PAGES = 5000
_DEEPEST = 32
_HIDDEN = 2 | 32  # ISO 32000-1 Table 165: Hidden, NoView

_OUTCOMES = {
    "release-fields-unlocked": Outcome.FAILED,
    "release-fields-changed": Outcome.FAILED,
    "release-fields-covered": Outcome.FAILED,
    "release-pending": Outcome.UNKNOWN,
}

Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature, as far as it matters here."""

    field_name: str
    """The fully qualified name of its field."""
    revision: int
    """The revision that it signs."""
    signature: Any
    """pyHanko's `EmbeddedPdfSignature`."""

    @property
    def has_seal(self) -> bool:
        """Whether it carries the URL of a seal: then its own widget may show number and seal."""
        return "/EsignSeal" in self.signature.sig_object

    def locks(self, name: str) -> bool:
        """Whether the field must not change after this signature; a lock that cannot be read locks nothing."""
        try:
            lock = self.signature.fieldmdp
        except (SignatureValidationError, misc.PdfReadError, TypeError, AttributeError):
            return False
        return lock is not None and bool(lock.is_locked(name))


def check_release_fields(reader: PdfFileReader, signed: Sequence[Signed]) -> tuple[Check, ...]:
    """Nothing where the document has no release fields and no seal of a release; `signed` in the order of signing.

    Whether fields were deleted is for the comparison of revisions to say, which permits no such change.
    """
    last = _Revision(reader, reader.xrefs.total_revisions - 1)
    sealed = [s for s in signed if s.has_seal]
    if not last.fields and not sealed:
        return ()
    revisions = {s.revision: _Revision(reader, s.revision) for s in signed}
    found: dict[str, list[str]] = {}
    for name in sorted({name for revision in (*revisions.values(), last) for name in revision.fields}):
        code = _judge(name, signed, revisions, last)
        if code:
            found.setdefault(code, []).append(name.removeprefix(_PREFIX))
    for s in sealed:
        # Its widget may show the number and the seal of a document that has no release fields (adopted ones).
        if _is_covered(revisions[s.revision], last, s.field_name, hidden=True):
            found.setdefault("release-fields-covered", []).append(s.field_name)
    return tuple(_checks(found))


def _checks(found: dict[str, list[str]]) -> Iterator[Check]:
    for code, outcome in _OUTCOMES.items():
        if code in found:
            reason = Reason(code, {"fields": ", ".join(found[code])})
            yield Check(name="release-fields", outcome=outcome, clause=_CLAUSE, reason=reason)
    if not found:
        yield Check(name="release-fields", outcome=Outcome.PASSED, clause=_CLAUSE)


def _judge(name: str, signed: Sequence[Signed], revisions: dict[int, "_Revision"], last: "_Revision") -> str:
    """What is wrong with a field; "" where nothing is."""
    first = next((s for s in signed if revisions[s.revision].is_filled(name)), None)
    if first is None:
        return _unsigned(last, name)
    return _since(revisions[first.revision], last, name) if first.locks(name) else "release-fields-unlocked"


def _unsigned(last: "_Revision", name: str) -> str:
    """A field that said nothing under any signature."""
    if name not in last.fields:
        return "release-fields-changed"
    return "release-fields-unlocked" if last.is_filled(name) else "release-pending"


def _since(then: "_Revision", now: "_Revision", name: str) -> str:
    """What became of a field after the signature that locks it; "" where nothing did."""
    if name in now.twice or name in then.twice or name not in now.fields or then.says(name) != now.says(name):
        return "release-fields-changed"
    return "release-fields-covered" if _is_covered(then, now, name) else ""


def _is_covered(then: "_Revision", now: "_Revision", name: str, *, hidden: bool = False) -> bool:
    """Whether a widget of the field is elsewhere, or below something that was not there; `hidden` ones may be nowhere.

    Later annotations are drawn over earlier ones: what was there keeps its place, and what is new comes behind it.
    """
    own = {widget for other in now.fields for widget in now.widgets(other)}
    for widget in then.widgets(name):
        before, after = then.page_of(widget), now.page_of(widget)
        if before is None and after is None and hidden:
            continue
        if before is None or after is None or before.index != after.index:
            return True
        count = len(before.annotations)
        if after.annotations[:count] != before.annotations:
            return True
        place = now.rectangle(widget)
        over = [
            (position < count, other)
            for position, other in enumerate(after.annotations)
            if other not in own and other != widget and _overlap(place, now.rectangle(other))
        ]
        if any(not (was_there and then.shows(other) == now.shows(other)) for was_there, other in over):
            return True
    return False


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@dataclass(frozen=True, slots=True)
class _Page:
    """What a page shows besides its contents."""

    index: int
    """From 0."""
    annotations: list[Any]
    """References, in the order of drawing."""


class _Revision:
    """One revision of a file: its release fields, what they say, and the annotations of its pages."""

    def __init__(self, reader: PdfFileReader, number: int) -> None:
        self._view = reader.get_historical_resolver(number)
        self._form = _get(self._view.root, "/AcroForm")
        self._terminal: dict[str, Any] = {}
        self.twice: set[str] = set()
        for name, reference in self._terminal_fields():
            if name in self._terminal:
                self.twice.add(name)
            self._terminal[name] = reference
        self.fields = {name for name in self._terminal if name.startswith(_PREFIX)}

    def is_filled(self, name: str) -> bool:
        """Whether the field has a value or a picture."""
        if name not in self.fields:
            return False
        field = self._node(self._terminal[name])
        return bool(_inherited(field, "/V")) or not all(is_blank(self._node(w)) for w in self.widgets(name))

    def says(self, name: str) -> tuple[object, ...]:
        """Digests of value, pictures, place and flags, and of what a reader would draw the pictures anew with."""
        field = self._node(self._terminal[name])
        parts: list[object] = [
            fingerprint(self._node(w), without=("/Parent", "/P", "/Kids")) for w in self.widgets(name)
        ]
        parts += [fingerprint(node, without=("/Parent", "/P", "/Kids")) for node in _line(field)]
        style = str(_inherited(field, "/DA") or _get(self._form, "/DA", ""))
        fonts = _get(_get(self._form, "/DR"), "/Font")
        parts += [fingerprint(_get(fonts, f"/{font}", generic.NullObject())) for font in _FONT.findall(style)]
        return *parts, style, bool(_get(self._form, "/NeedAppearances", False))

    def widgets(self, name: str) -> list[Any]:
        """References to the widgets of a terminal field: itself, or its kids (§12.5.6.19)."""
        if name not in self._terminal:
            return []
        reference = self._terminal[name]
        return list(_references(_get(self._node(reference), "/Kids"))) or [reference]

    def page_of(self, widget: Any) -> _Page | None:
        """The page that shows a widget."""
        return next((page for page in self._pages if widget in page.annotations), None)

    def rectangle(self, annotation: Any) -> Rectangle:
        """The place of an annotation; nothing at all where no reader shows or prints it."""
        node = self._node(annotation)
        if int(_get(node, "/F", 0)) & _HIDDEN:
            return 0, 0, 0, 0
        x1, y1, x2, y2 = (float(v) for v in _get(node, "/Rect", (0, 0, 0, 0)))
        return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)

    def shows(self, annotation: Any) -> bytes:
        """A digest of an annotation's picture and place."""
        node = self._node(annotation)
        shown = {k: node.raw_get(k) for k in ("/AP", "/AS", "/F", "/Rect", "/MK", "/OC") if k in node}
        return fingerprint(generic.DictionaryObject(shown))

    def _node(self, reference: Any) -> Any:
        # A reference that was found in another revision would be resolved there.
        return self._view.get_object(generic.Reference(reference.idnum, reference.generation, self._view))

    @cached_property
    def _pages(self) -> list[_Page]:
        pages: list[_Page] = []
        stack: list[Any] = list(_references([self._view.root.raw_get("/Pages")]))
        seen: set[Any] = set()
        while stack and len(pages) < _MAX_PAGES:
            reference = stack.pop()
            if reference in seen:
                continue
            seen.add(reference)
            node = self._node(reference)
            if _get(node, "/Kids") is not None:
                stack += reversed(list(_references(node["/Kids"])))
            else:
                pages.append(_Page(len(pages), list(_references(_get(node, "/Annots")))))
        return pages

    def _terminal_fields(self) -> Iterator[tuple[str, Any]]:
        """The fully qualified name of every field that has no fields below it, and a reference to it."""
        stack = [(reference, "") for reference in _references(_get(self._form, "/Fields"))]
        seen: set[Any] = set()
        while stack:
            reference, prefix = stack.pop()
            if reference in seen:
                continue
            seen.add(reference)
            node = self._node(reference)
            name = ".".join(filter(None, (prefix, str(_get(node, "/T", "")))))
            below = [kid for kid in _references(_get(node, "/Kids")) if _get(self._node(kid), "/T") is not None]
            if below:
                stack += [(kid, name) for kid in below]
            else:
                yield name, reference


def _line(field: Any) -> Iterator[Any]:
    """A field and the fields above it, from which it inherits (§12.7.3.1)."""
    for _ in range(_DEEPEST):
        if not isinstance(field, generic.DictionaryObject):
            return
        yield field
        field = _get(field, "/Parent")


def _inherited(field: Any, key: str) -> Any:
    return next((node[key] for node in _line(field) if key in node), None)


def _references(values: Any) -> Iterator[Any]:
    found = values if isinstance(values, list) else []  # pyHanko's arrays are lists
    return (v.reference for v in found if isinstance(v, generic.IndirectObject))


def _get(node: Any, key: str, default: Any = None) -> Any:
    """The value of `key` behind any reference; pyHanko's own `get` gives the reference."""
    return node[key] if isinstance(node, generic.DictionaryObject) and key in node else default
