"""The form: fields filled in, signed, added, removed (ISO 32000-2 §12.7, §12.8.2.2).

To fill in a field is to give it another value and the picture of that value. Another picture for the value that it had
is the attack that shows a hidden value, or hides a signed one ("Shadow Attacks", Mainka et al., NDSS 2021).
"""

from collections.abc import Iterator
from typing import Final

from esign.pades.changes.appearance import hides, is_blank, speaks
from esign.pades.changes.difference import Difference, Right
from esign.pades.changes.snapshot import Snapshot
from esign.pades.changes.step import Step
from esign.pades.form_tree import Field, Widget
from esign.pades.signature_kinds import is_timestamp
from esign.reasons import Reason
from esign.report import ChangeKind
from esign.syntax import Dict, Ref, same

__all__ = ["compare_form"]

_VALUE: Final = frozenset({"V", "I", "RV"})
_PICTURE: Final = frozenset({"AP", "AS"})
_BOOKKEEPING: Final = frozenset({"M", "NM", "P", "StructParent", "Type", "Parent", "Kids"})
_SIGNING: Final = _PICTURE | {"F", "Lock", "MK", "TU", "BS", "Border", "H", "DA", "DR", "Ff", "Q", "C"}
"""What changes with a field when it is signed."""
_HARMLESS_FLAGS: Final = 64 | 128 | 512
"""ReadOnly, Locked, LockedContents (Table 167): they take away from what a reader offers."""
_READ_ONLY: Final = 1
"""Of /Ff (Table 227)."""


def compare_form(step: Step) -> Iterator[Difference]:
    """Every field that is another one, and what concerns the form as a whole."""
    before, after = step.before.form, step.after.form
    if before.exists and not after.exists:
        yield _never(ChangeKind.FORM, Reason("form-removed"))
        return
    yield from _compare_dictionary(step)
    if any(not step.alike(value, value) for value in before.unread):
        yield _never(ChangeKind.FORM, Reason("form-changed", {"key": "Fields"}))
    left = dict(_keyed(after.fields))
    for key, field in _keyed(before.fields):
        now = left.pop(key, None) or _namesake(left, field)
        if now is None:
            yield _removed(field)
        elif not _untouched(step, field, now):
            yield from _compare(step, field, now)
    for now in left.values():
        yield _added(step, now)
    yield from _ambiguous(step)


def _keyed(fields: tuple[Field, ...]) -> Iterator[tuple[object, Field]]:
    """Fields by the objects that they are; direct ones by their place."""
    for i, field in enumerate(fields):
        yield (field.ref.num if field.ref is not None else ("direct", field.name, i)), field


def _namesake(left: dict[object, Field], field: Field) -> Field | None:
    """A field of the same name where the object is another one."""
    key = next((k for k, f in left.items() if f.name == field.name), None) if field.name else None
    return left.pop(key) if key is not None else None


def _untouched(step: Step, field: Field, now: Field) -> bool:
    nodes, others = _nodes(field), _nodes(now)
    if len(nodes) != len(others) or any(a is not b for a, b in zip(nodes, others, strict=True)):
        return False
    if any(not step.before.node_reach(node).isdisjoint(step.changed) for node in nodes):
        return False
    if field.name != now.name or _places(step.before, field) != _places(step.after, now):
        return False
    return not isinstance(field.held, Ref | list | Dict) or step.before.value_reach(field.held).isdisjoint(step.changed)


def _nodes(field: Field) -> tuple[Dict, ...]:
    return (*field.line, *(w.node for w in field.widgets))


def _ambiguous(step: Step) -> Iterator[Difference]:
    """Names that two fields have since: readers show the one and verify the other."""
    if step.before.form is step.after.form:
        return
    for name, fields in step.after.form.by_name.items():
        if len(fields) > 1 and len(step.before.form.by_name.get(name, ())) < len(fields):
            yield _never(ChangeKind.STRUCTURE, Reason("field-name-twice", {"field": name}), name)


# --- one field ------------------------------------------------------------------------------------------------------


def _removed(field: Field) -> Difference:
    if field.is_signed:
        return _never(ChangeKind.SIGNATURE, Reason("signature-removed", {"field": field.name}), field.name)
    return _never(ChangeKind.FORM, Reason("field-removed", {"field": field.name}), field.name)


def _added(step: Step, field: Field) -> Difference:
    name, page = field.name, _page(step.after, field)
    if not field.is_signature:
        return _never(ChangeKind.FORM, Reason("field-added", {"field": name}), name, page)
    if field.is_signed:
        return _signed(step, field)
    if any(not _is_room(step.after, w) for w in field.widgets):
        return _never(ChangeKind.FORM, Reason("field-added", {"field": name}), name, page)
    reason = Reason("signature-field-added", {"field": name})
    return Difference(kind=ChangeKind.FORM, reason=reason, right=Right.DESIGN, page=page, field=name)


def _signed(step: Step, field: Field) -> Difference:
    """A further signature or time-stamp."""
    value = field.value if isinstance(field.value, Dict) else Dict()
    page, facts = _page(step.after, field), {"field": field.name}
    if is_timestamp(step.after.reader, value):
        # Its picture would be content that nobody answers for.
        right = Right.ALWAYS if all(_is_blank(step.after, w) for w in field.widgets) else Right.FILL
        reason = Reason("timestamp-added", facts)
    else:
        right, reason = Right.FILL, Reason("signature-added", facts)
    return Difference(kind=ChangeKind.SIGNATURE, reason=reason, right=right, page=page, field=field.name)


def _compare(step: Step, field: Field, now: Field) -> Iterator[Difference]:
    name, page = now.name, _page(step.after, now)
    if field.name != now.name:
        yield _never(ChangeKind.FORM, Reason("field-renamed", {"field": field.name}), field.name, page)
        return
    if field.kind != now.kind or len(field.widgets) != len(now.widgets):
        yield _never(ChangeKind.FORM, Reason("field-rebuilt", {"field": name}), name, page)
        return
    if field.is_signed:
        yield from _compare_signed(step, field, now)
        return
    keys = _unlike(step, field, now)
    if _places(step.before, field) != _places(step.after, now) or "Rect" in keys:
        keys = keys - {"P"} | {"page"}
    if now.is_signed:
        yield _signed(step, now)
        keys -= _SIGNING | _VALUE
        if "Lock" in _unlike(step, field, now) and any("Lock" in node for node in field.line):
            keys.add("Lock")
    else:
        yield from _filled(step, field, now, keys)
    if "page" in keys:
        yield _never(ChangeKind.FORM, Reason("field-moved", {"field": name}), name, page)
    for key in sorted(keys - _VALUE - _PICTURE - {"page", "Rect"}):
        action = key in {"A", "AA"}
        code = (
            Reason("field-action-changed", {"field": name})
            if action
            else Reason("field-changed", {"field": name, "key": key})
        )
        yield _never(ChangeKind.ACTION if action else ChangeKind.FORM, code, name, page)


def _compare_signed(step: Step, field: Field, now: Field) -> Iterator[Difference]:
    """A signature stays what and where it was: nobody has a reason to write it again."""
    name, page = field.name, _page(step.after, now)
    if now.value is None:
        yield _never(ChangeKind.SIGNATURE, Reason("signature-removed", {"field": name}), name, page)
    elif not step.is_kept(field.held, now.held):
        yield _never(ChangeKind.SIGNATURE, Reason("signature-replaced", {"field": name}), name, page)
    keys = _unlike(step, field, now, strictly=True) - _VALUE
    if keys or _places(step.before, field) != _places(step.after, now):
        yield _never(ChangeKind.SIGNATURE, Reason("signature-looks-changed", {"field": name}), name, page)


def _filled(step: Step, field: Field, now: Field, keys: set[str]) -> Iterator[Difference]:
    """A value and its picture."""
    name, page = now.name, _page(step.after, now)
    facts = {"field": name}
    redrawn = [
        (old, new)
        for old, new in zip(field.widgets, now.widgets, strict=True)
        if _PICTURE & set(step.unlike(old.node, new.node, without=_BOOKKEEPING | _VALUE))
    ]
    if keys & _VALUE:
        yield Difference(
            kind=ChangeKind.FORM, reason=Reason("field-filled", facts), right=Right.FILL, page=page, field=name
        )
    elif redrawn and (
        field.is_signature or _says_something(step, now) or any(not _is_blank(step.before, old) for old, _ in redrawn)
    ):
        if not (field.is_signature and all(_is_blank(step.after, new) for _, new in redrawn)):
            yield _never(ChangeKind.FORM, Reason("field-redrawn", facts), name, page)
    elif redrawn:
        yield Difference(
            kind=ChangeKind.FORM, reason=Reason("field-filled", facts), right=Right.FILL, page=page, field=name
        )


def _says_something(step: Step, field: Field) -> bool:
    value = step.after.reader.resolve(field.held)
    return value is not None and value not in (b"", "Off", [])


def _unlike(step: Step, field: Field, now: Field, *, strictly: bool = False) -> set[str]:
    """The keys of a field, the fields above it and its widgets that say something else."""
    keys: set[str] = set()
    pairs = [
        *zip(field.line, now.line, strict=False),
        *((a.node, b.node) for a, b in zip(field.widgets, now.widgets, strict=True) if a.node is not field.node),
    ]
    if len(field.line) != len(now.line):
        keys.add("Parent")
    if not step.is_kept(field.node.get("Kids"), now.node.get("Kids"), key="Kids"):
        keys.add("Kids")
    for one, other in pairs:
        own = _rewritten(step, one, other) if strictly else set(step.unlike(one, other, without=_BOOKKEEPING))
        for flags, harmless in (("F", _HARMLESS_FLAGS), ("Ff", _READ_ONLY)):
            if _takes_away(step, one, other, flags, harmless):
                own.discard(flags)
        keys |= own | _misplaced(step, one, other)
    return keys


def _misplaced(step: Step, one: Dict, other: Dict) -> set[str]:
    """Whether a field says of itself that it belongs elsewhere: readers go up and down the tree."""
    keys = set() if same(one.get("Parent"), other.get("Parent")) else {"Parent"}
    return keys if one.get("P") is None or step.alike(one.get("P"), other.get("P")) else keys | {"P"}


def _rewritten(step: Step, one: Dict, other: Dict) -> set[str]:
    """The keys that were written otherwise, or lead to something that was."""
    keys = (one.keys() | other.keys()) - _BOOKKEEPING
    return {
        key
        for key in keys
        if not same(one.get(key), other.get(key)) or not step.before.value_reach(one.get(key)).isdisjoint(step.changed)
    }


def _takes_away(step: Step, one: Dict, other: Dict, key: str, harmless: int) -> bool:
    """Whether flags were only set that forbid a reader something."""
    then, now = step.before.reader.number(one, key), step.after.reader.number(other, key)
    return then & ~now == 0 and now & ~then & ~harmless == 0


def _page(snapshot: Snapshot, field: Field) -> int | None:
    """The page, from 1, that shows a field's first widget."""
    places = snapshot.widget_pages
    return next((places[id(w.node)] + 1 for w in field.widgets if id(w.node) in places), None)


def _places(snapshot: Snapshot, field: Field) -> list[int | None]:
    """The pages, from 0, that show its widgets; None for one that no page shows."""
    return [snapshot.widget_pages.get(id(w.node)) for w in field.widgets]


def _is_blank(snapshot: Snapshot, widget: Widget) -> bool:
    return is_blank(snapshot.reader, widget.node)


def _is_room(snapshot: Snapshot, widget: Widget) -> bool:
    """Whether a widget shows at most that there is room: a frame, and no words, images or areas."""
    reader, node = snapshot.reader, widget.node
    return _is_blank(snapshot, widget) or not (speaks(reader, node) or hides(reader, node, areas=True))


# --- the form as a whole --------------------------------------------------------------------------------------------


def _compare_dictionary(step: Step) -> Iterator[Difference]:
    """What /AcroForm says beside its fields (Table 224)."""
    one, other = step.before.form.node, step.after.form.node
    redraws = step.after.reader.entry(other, "NeedAppearances") is True
    if redraws and step.before.reader.entry(one, "NeedAppearances") is not True:
        yield _never(ChangeKind.FORM, Reason("form-redrawn"))
    for key in step.unlike(one, other, without={"Fields", "NeedAppearances", "Type"}):
        if key == "DR":
            yield from _compare_resources(step, one, other)
        elif key == "XFA":
            yield from _compare_xfa(step, one, other)
        elif key == "SigFlags":
            if step.before.reader.number(one, key) & ~step.after.reader.number(other, key):
                yield _never(ChangeKind.FORM, Reason("form-changed", {"key": key}))
        elif key == "CO":
            yield _never(ChangeKind.ACTION, Reason("form-changed", {"key": key}))
        elif key not in {"DA", "Q"} or redraws:
            yield _never(ChangeKind.FORM, Reason("form-changed", {"key": key}))


def _compare_resources(step: Step, one: Dict, other: Dict) -> Iterator[Difference]:
    """Signing software adds fonts and pictures of its own; what fields are drawn with stays (§12.7.4.3)."""
    then, now = step.before.reader.dictionary(one, "DR"), step.after.reader.dictionary(other, "DR")
    for category in ("Font", "Encoding"):
        had, has = step.before.reader.dictionary(then, category), step.after.reader.dictionary(now, category)
        replaced = [name for name in had if not step.is_kept(had[name], has.get(name))]
        if replaced:
            yield _never(ChangeKind.FONT, Reason("form-fonts-changed", {"fonts": ", ".join(sorted(replaced))}))


def _compare_xfa(step: Step, one: Dict, other: Dict) -> Iterator[Difference]:
    """Filling in a form of XFA writes its data; its template is what is filled in."""
    then, now = _packets(step.before, one), _packets(step.after, other)
    changed = {name for name in then.keys() | now.keys() if not step.is_kept(then.get(name), now.get(name))}
    if then and now and changed <= {"datasets", "form"}:
        yield Difference(kind=ChangeKind.FORM, reason=Reason("form-data-changed"), right=Right.FILL)
    else:
        yield _never(ChangeKind.FORM, Reason("form-changed", {"key": "XFA"}))


def _packets(snapshot: Snapshot, form: Dict) -> Dict:
    items = snapshot.reader.items(form, "XFA")
    return Dict({snapshot.reader.text(name): value for name, value in zip(items[::2], items[1::2], strict=False)})


def _never(kind: ChangeKind, reason: Reason, field: str = "", page: int | None = None) -> Difference:
    return Difference(kind=kind, reason=reason, right=Right.NEVER, page=page, field=field)
