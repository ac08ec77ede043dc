"""Notes, marks and other annotations beside the form (ISO 32000-2 §12.5).

A certification with P = 3, or a signature that says nothing of changes, leaves room for notes *about* a document. It
leaves none for what passes as the document: text boxes, stamps, redactions and pictures laid over the page look like
the page's own ("Breaking the Specification: PDF Certification", Rohlmann et al., IEEE S&P 2021, the evil annotation
attack, which the specification permits and readers do not show). So what can speak or hide for the page is refused.
"""

from collections.abc import Iterator
from typing import Final

from esign.pades.changes.appearance import hides, speaks
from esign.pades.changes.difference import Difference, Right
from esign.pades.changes.snapshot import Snapshot
from esign.pades.changes.step import Step
from esign.pades.page_tree import Annotation
from esign.reasons import Reason
from esign.report import ChangeKind
from esign.syntax import Ref

__all__ = ["compare_annotations"]

_NOTES: Final = frozenset(
    {
        "Text", "Popup", "Link", "FileAttachment", "Highlight", "Underline", "Squiggly", "StrikeOut",
        "Line", "Square", "Circle", "Polygon", "PolyLine", "Ink", "Caret", "Sound",
    }
)  # fmt: skip
"""What marks a page or hangs a note on it; FreeText, Stamp, Redact, Watermark, Screen and the rest show content."""
_AREAS: Final = frozenset({"Square", "Circle", "Polygon", "Highlight", "Line", "PolyLine"})
_ACTIONS: Final = frozenset({"URI", "GoTo"})
_BOOKKEEPING: Final = frozenset({"M", "NM", "P", "Parent", "StructParent", "CreationDate"})


def compare_annotations(step: Step) -> Iterator[Difference]:
    """Annotations of the pages, apart from the form's widgets; where pages came or went, that says more."""
    if len(step.before.tree.pages) != len(step.after.tree.pages):
        return
    for page, now in zip(step.before.tree.pages, step.after.tree.pages, strict=True):
        then = _free(step.before, page.index)
        here = _free(step.after, now.index)
        if step.before.annotations[page.index] is step.after.annotations[now.index] and all(
            step.before.node_reach(a.node).isdisjoint(step.changed) for a in then
        ):
            continue
        yield from _compare(step, then, here, page.index + 1)


def _free(snapshot: Snapshot, index: int) -> list[Annotation]:
    """The annotations of a page that show no field of the form."""
    shown = snapshot.form.widget_nodes
    return [a for a in snapshot.annotations[index] if id(a.node) not in shown]


def _compare(step: Step, then: list[Annotation], now: list[Annotation], page: int) -> Iterator[Difference]:
    left = {a.ref: a for a in now if a.ref is not None}
    unnamed = [a for a in now if a.ref is None]
    order: list[int] = []
    place = {id(a.node): i for i, a in enumerate(now)}
    for annotation in then:
        same_one = _counterpart(step, annotation, left, unnamed)
        if same_one is None:
            yield _removed(step, annotation, page)
        else:
            order.append(place[id(same_one.node)])
            yield from _modified(step, annotation, same_one, page)
    for annotation in (*left.values(), *unnamed):
        yield _added(step, annotation, page)
    if order != sorted(order):
        # Later ones are drawn over earlier ones.
        reason = Reason("annotations-reordered", {"page": page})
        yield Difference(kind=ChangeKind.ANNOTATION, reason=reason, right=Right.NEVER, page=page)


def _counterpart(
    step: Step, annotation: Annotation, left: dict[Ref, Annotation], unnamed: list[Annotation]
) -> Annotation | None:
    if annotation.ref is not None:
        return left.pop(annotation.ref, None)
    for i, other in enumerate(unnamed):
        if step.alike(annotation.node, other.node):
            return unnamed.pop(i)
    return None


def _modified(step: Step, annotation: Annotation, now: Annotation, page: int) -> Iterator[Difference]:
    if annotation.node is now.node and step.before.node_reach(annotation.node).isdisjoint(step.changed):
        return
    keys = step.unlike(annotation.node, now.node, without=_BOOKKEEPING)
    if keys:
        harmless = _is_note(step.before, annotation) and _is_note(step.after, now) and not {"A", "Subtype"} & set(keys)
        reason = Reason("annotation-changed", {"page": page, "type": _type(step.after, now)})
        yield _difference(reason, page, harmless=harmless)


def _removed(step: Step, annotation: Annotation, page: int) -> Difference:
    kind = _type(step.before, annotation)
    reason = Reason("annotation-removed", {"page": page, "type": kind})
    # What looks like the page's own may have covered something when it was signed.
    right = Right.ANNOTATE if _is_note(step.before, annotation) else Right.UNCOVER
    if kind == "Widget":
        right = Right.NEVER
    return Difference(kind=ChangeKind.ANNOTATION, reason=reason, right=right, page=page)


def _added(step: Step, annotation: Annotation, page: int) -> Difference:
    snapshot, kind = step.after, _type(step.after, annotation)
    if kind == "Widget":
        return _difference(Reason("widget-stray", {"page": page}), page, harmless=False)
    if not _acts_harmlessly(snapshot, annotation):
        reason = Reason("annotation-acts", {"page": page, "type": kind})
        return Difference(kind=ChangeKind.ACTION, reason=reason, right=Right.NEVER, page=page)
    if not _is_note(snapshot, annotation):
        return _difference(Reason("annotation-overlays", {"page": page, "type": kind}), page, harmless=False)
    return _difference(Reason("annotation-added", {"page": page, "type": kind}), page, harmless=True)


def _difference(reason: Reason, page: int, *, harmless: bool) -> Difference:
    right = Right.ANNOTATE if harmless else Right.NEVER
    return Difference(kind=ChangeKind.ANNOTATION, reason=reason, right=right, page=page)


def _type(snapshot: Snapshot, annotation: Annotation) -> str:
    kind = snapshot.reader.name(annotation.node, "Subtype")
    return kind if kind.isalnum() else "?"


def _acts_harmlessly(snapshot: Snapshot, annotation: Annotation) -> bool:
    """Whether nothing but a place in the document or a page of the web is behind it."""
    node, reader = annotation.node, snapshot.reader
    if "AA" in node:
        return False
    return "A" not in node or (
        reader.name(reader.dictionary(node, "A"), "S") in _ACTIONS and "Next" not in reader.dictionary(node, "A")
    )


def _is_note(snapshot: Snapshot, annotation: Annotation) -> bool:
    """Whether nobody takes it for a part of the page, and it hides nothing."""
    kind, reader = _type(snapshot, annotation), snapshot.reader
    if kind not in _NOTES or not _acts_harmlessly(snapshot, annotation):
        return False
    return not speaks(reader, annotation.node) and not hides(reader, annotation.node, areas=kind in _AREAS)
