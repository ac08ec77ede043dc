"""Release fields as a verifier sees them: filled in once, locked by who signed first, and not changed or covered since.

A signature is sound while its document says the wrong number, if the form that holds the number may still be filled in.
So the first signature under which a field says something must lock it (FieldMDP, ISO 32000-2 §12.8.2.4), and what the
field says and shows must be the same now. The comparison of revisions is not enough: it lets pass whatever a signature
leaves open, fields that nobody locked and empty signature fields that lie over what was signed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from esign.pades.changes.appearance import is_blank
from esign.pades.fingerprint import fingerprint
from esign.pades.form_tree import Field, read_form
from esign.pades.page_tree import annotations, read_pages
from esign.pades.permissions import reference_locks
from esign.pades.reading import Reader
from esign.pades.signed_fields import SignedField
from esign.reasons import Reason
from esign.report import Check, Outcome
from esign.syntax import Dict, File, Ref

__all__ = ["release_checks"]

_PREFIX = "esign.release."
_CLAUSE = "docs/spec/release.md §5"
_FONT = re.compile(r"/([^\s/]+)\s+[-+.0-9]+\s+Tf")
_HIDDEN = 2 | 32  # ISO 32000-2 Table 167: Hidden, NoView

_OUTCOMES = {
    "release-fields-unlocked": Outcome.FAILED,
    "release-fields-changed": Outcome.FAILED,
    "release-fields-covered": Outcome.FAILED,
    "release-pending": Outcome.UNKNOWN,
}

Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Signed:
    """A signature, as far as it matters here."""

    field: SignedField
    revision: int
    """The revision that it ends."""

    @property
    def has_seal(self) -> bool:
        """Whether it carries the URL of a seal: then its own widget may show number and seal."""
        return "EsignSeal" in self.field.value

    def locks(self, name: str) -> bool:
        """Whether the field must not change after this signature; a lock that cannot be read locks nothing."""
        return any(lock.locks(name) for lock in reference_locks(self.field, self.revision))


def release_checks(file: File, signed: Sequence[tuple[SignedField, int]]) -> tuple[Check, ...]:
    """Whether number, date and seal that were filled in at release are locked and as they were.

    Nothing where the document has no release fields and no seal of a release. `signed` are the signatures with the
    revisions that they end, in the order of signing. Whether fields were deleted is for the comparison of revisions.
    """
    last = _Revision(Reader(file.latest))
    found = [_Signed(field, revision) for field, revision in signed]
    if not last.fields and not any(s.has_seal for s in found):
        return ()
    try:
        return _checks(_findings(file, found, last))
    except (ValueError, TypeError):
        reason = Reason("changes-not-comparable")
        return (Check(name="release-fields", outcome=Outcome.FAILED, clause=_CLAUSE, reason=reason),)


def _findings(file: File, signed: Sequence[_Signed], last: "_Revision") -> dict[str, list[str]]:
    """The fields of each code."""
    revisions = {s.revision: _Revision(Reader(file.at(s.revision))) for s in signed}
    found: dict[str, list[str]] = {}
    for name in sorted({name for revision in (*revisions.values(), last) for name in revision.fields}):
        code = _judge(name, signed, revisions, last)
        if code:
            found.setdefault(code, []).append(name.removeprefix(_PREFIX))
    for s in signed:
        # Its widget may show the number and the seal of a document that has no release fields (adopted ones).
        if s.has_seal and _is_covered(revisions[s.revision], last, s.field.name, hidden=True):
            found.setdefault("release-fields-covered", []).append(s.field.name)
    return found


def _checks(found: dict[str, list[str]]) -> tuple[Check, ...]:
    if not found:
        return (Check(name="release-fields", outcome=Outcome.PASSED, clause=_CLAUSE),)
    return tuple(
        Check(
            name="release-fields",
            outcome=outcome,
            clause=_CLAUSE,
            reason=Reason(code, {"fields": ", ".join(found[code])}),
        )
        for code, outcome in _OUTCOMES.items()
        if code in found
    )


def _judge(name: str, signed: Sequence[_Signed], revisions: dict[int, "_Revision"], last: "_Revision") -> str:
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
    annotations: list[Ref]
    """In the order of drawing."""


class _Revision:
    """One revision of a file: its release fields, what they say, and the annotations of its pages."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._form = read_form(reader, reader.root)
        self._terminal = {name: fields[-1] for name, fields in self._form.by_name.items()}
        self.twice = {name for name, fields in self._form.by_name.items() if len(fields) > 1}
        self.fields = {name for name in self._terminal if name.startswith(_PREFIX)}

    def is_filled(self, name: str) -> bool:
        """Whether the field has a value or a picture."""
        if name not in self.fields:
            return False
        field = self._terminal[name]
        return bool(field.value) or any(_shows(self._reader, w.node) for w in field.widgets)

    def says(self, name: str) -> tuple[object, ...]:
        """Digests of value, pictures, place and flags, and of what a reader would draw the pictures anew with."""
        field, form = self._terminal[name], self._form.node
        nodes = [*(w.node for w in field.widgets), *field.line]
        parts: list[object] = [fingerprint(self._reader, node, without=("Parent", "P", "Kids")) for node in nodes]
        style = self._style(field)
        fonts = self._reader.dictionary(self._reader.dictionary(form, "DR"), "Font")
        parts += [fingerprint(self._reader, fonts.get(font)) for font in _FONT.findall(style)]
        return *parts, style, self._reader.entry(form, "NeedAppearances") is True

    def _style(self, field: Field) -> str:
        """How a reader would draw the field anew (/DA, §12.7.4.3)."""
        given = (node.get("DA") for node in (*field.line, self._form.node))
        return next((self._reader.text(value) for value in given if value is not None), "")

    def widgets(self, name: str) -> list[Ref]:
        """The widgets of a terminal field (§12.5.6.19)."""
        field = self._terminal.get(name)
        return [w.ref for w in field.widgets if w.ref is not None] if field is not None else []

    def page_of(self, widget: Ref) -> _Page | None:
        """The page that shows a widget."""
        return next((page for page in self._pages if widget in page.annotations), None)

    def rectangle(self, annotation: Ref) -> Rectangle:
        """The place of an annotation; nothing at all where no reader shows or prints it."""
        node = self._node(annotation)
        if self._reader.number(node, "F") & _HIDDEN:
            return 0, 0, 0, 0
        numbers = [self._reader.resolve(v) for v in self._reader.items(node, "Rect")] or [0, 0, 0, 0]
        x1, y1, x2, y2 = (float(v) for v in numbers if isinstance(v, int | float))
        return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)

    def shows(self, annotation: Ref) -> bytes:
        """A digest of an annotation's picture and place."""
        node = self._node(annotation)
        return fingerprint(self._reader, Dict({k: node[k] for k in ("AP", "AS", "F", "Rect", "MK", "OC") if k in node}))

    def _node(self, ref: Ref) -> Dict:
        found = self._reader.get(ref)
        return found if isinstance(found, Dict) else Dict()

    @cached_property
    def _pages(self) -> list[_Page]:
        pages = read_pages(self._reader, self._reader.root).pages
        found = ([a.ref for a in annotations(self._reader, page) if a.ref is not None] for page in pages)
        return [_Page(index, refs) for index, refs in enumerate(found)]


def _shows(reader: Reader, widget: Dict) -> bool:
    """Whether a widget has a picture; where it has no room for one does not matter."""
    return not is_blank(reader, Dict({k: v for k, v in widget.items() if k != "Rect"}))
