"""What a revision with a signature says, and how it comes into a document that may be written in any way.

`esign.pades.plain_revision` makes the same revision of documents that are written plainly, without reading them whole.

ISO 32000-2 §12.7.5.5 (signature fields), §12.8.1 (signature dictionaries), §12.8.2.4 (FieldMDP).
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count

from esign.document import Box, Mark
from esign.errors import InputError
from esign.pades.drawing import import_mark
from esign.pades.fields import (
    FilledField,
    add_signature_field,
    corners,
    fill_field,
    lock_of,
    rectangle,
    set_signature_flags,
    signature_fields,
)
from esign.pades.form_tree import Field
from esign.pades.placeholder import WithRoom, add_placeholder, finish
from esign.pades.reading import Reader
from esign.pades.updating import open_update, page_of, text, updating
from esign.profile import VIETNAM
from esign.syntax import Dict, Name, Object, Ref, String
from esign.syntax.update import Update

__all__ = [
    "PRINTED_AND_LOCKED",
    "Appearance",
    "SigningRevision",
    "add_signing_revision",
    "dress",
    "free_name",
    "is_same_place",
    "pdf_date",
    "signature_dictionary",
]

_SAME_PLACE = 0.01
"""Points: numbers in a PDF are rounded."""
PRINTED_AND_LOCKED = 4 | 128
"""A reader must neither leave the seal out nor offer to move it (§12.5.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """What a signature shows: a mark and its place; it lives in the widget, never in the page's own text."""

    mark: Mark
    """The red seal and its text block."""
    box: Box
    """Where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningRevision:
    """What one signing revision holds, but for its time."""

    room: int
    """For the CMS container, in bytes."""
    field_name: str
    """Of the field that is signed, or made for it."""
    appearance: Appearance | None = None
    """What it shows; without one it is hidden."""
    reason: str = ""
    """/Reason."""
    fill: tuple[FilledField, ...] = ()
    """Release fields that get their values."""
    lock: tuple[str, ...] = ()
    """The fields that may not change from then on."""
    seal_url: str | None = None
    """Of a seal that is drawn in it (docs/spec/release.md)."""


@updating
def add_signing_revision(pdf: bytes, revision: SigningRevision, signing_time: datetime) -> WithRoom:
    """`pdf` with `revision`, and room for the CMS container.

    Raises:
        InputError: `pdf-not-updatable`, `release-field-missing`, `release-field-filled`, `release-field-elsewhere`,
            `release-lock-differs`.
    """
    update = open_update(pdf)
    for filled in revision.fill:
        fill_field(update, filled)
    place, lock = _signature_field(update, revision)
    widget = update.change(place)
    drawn = None
    if revision.appearance is not None:
        drawn = import_mark(update, revision.appearance.mark, rotate=revision.appearance.box.rotate)
    signature = signature_dictionary(revision, signing_time)
    if lock:
        signature["Reference"] = [_fieldmdp(lock, update.root_ref)]
    value = add_placeholder(update, signature, room=revision.room)
    dress(widget, drawn, value)
    return finish(update, value, room=revision.room)


def signature_dictionary(revision: SigningRevision, signing_time: datetime) -> Dict:
    """The signature dictionary as far as it is known before anything is written (§12.8.1, Table 255)."""
    signature = Dict(
        {
            "Type": Name("Sig"),
            "Filter": Name("Adobe.PPKLite"),
            "SubFilter": Name("ETSI.CAdES.detached"),
            "M": String(pdf_date(signing_time)),
        }
    )
    if revision.reason:
        signature["Reason"] = text(revision.reason)
    if revision.seal_url is not None:
        signature["EsignSeal"] = text(revision.seal_url)
    return signature


def pdf_date(time: datetime) -> bytes:
    """A date as PDF spells it (§7.9.4), in +07:00."""
    at = time.astimezone(VIETNAM)
    return b"D:%04d%02d%02d%02d%02d%02d+07'00'" % (at.year, at.month, at.day, at.hour, at.minute, at.second)


def dress(widget: Dict, drawn: Object, value: Object) -> None:
    """Give the field its value, and its picture where it shows one."""
    if drawn is not None:
        widget["AP"] = Dict({"N": drawn})
        widget["F"] = PRINTED_AND_LOCKED
    widget["V"] = value


def free_name(wanted: str, taken: Container[str]) -> str:
    """`wanted`, or with a number behind it."""
    return next(n for n in chain((wanted,), (f"{wanted}{i}" for i in count(2))) if n not in taken)


def _fieldmdp(lock: Sequence[str], root: Ref) -> Dict:
    """The signature reference that forbids changes to the fields `lock` (§12.8.2.4)."""
    parameters = Dict({"Type": Name("TransformParams"), "V": Name("1.2"), **lock_of(lock)})
    return Dict(
        {
            "Type": Name("SigRef"),
            "TransformMethod": Name("FieldMDP"),
            "TransformParams": parameters,
            "Data": root,
        }
    )


def _signature_field(update: Update, revision: SigningRevision) -> tuple[Ref, tuple[str, ...]]:
    """The field to sign, there already or made, and the fields that its signature locks."""
    fields = signature_fields(update)
    appearance, wanted = revision.appearance, revision.field_name
    existing = fields.get(wanted)
    if existing is not None and existing.ref is not None and not existing.is_signed:
        if _stands_at(update, existing, appearance):
            return existing.ref, _agreed_lock(update, existing.node, revision.lock)
        if revision.fill or revision.lock:
            raise InputError("release-field-elsewhere", field=wanted)
    made = add_signature_field(
        update,
        free_name(wanted, fields),
        appearance.box if appearance else None,
        alt=appearance.mark.alt if appearance else "",
    )
    if not any(field.is_signed for field in fields.values()):
        # Once somebody has signed, other entries of the form dictionary than its fields must not change.
        set_signature_flags(update)
    if revision.lock:
        update.change(made)["Lock"] = update.add(Dict({"Type": Name("SigFieldLock"), **lock_of(revision.lock)}))
    return made, revision.lock


def _stands_at(update: Update, field: Field, appearance: Appearance | None) -> bool:
    """Whether an empty field is where `appearance` goes; one with several widgets, or turned parts, is not."""
    if "Kids" in field.node or "Rect" not in field.node:
        return False
    found = rectangle(update, field.node)
    if appearance is None:
        return found[0] == found[2] or found[1] == found[3]
    page, _ = page_of(update, appearance.box.page)
    return is_same_place(found, corners(appearance.box)) and field.node.get("P") == page


def is_same_place(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two rectangles are one."""
    return all(abs(a - b) < _SAME_PLACE for a, b in zip(one, other, strict=True))


def _agreed_lock(update: Update, field: Dict, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """What a field that is there says of locking (/Lock, §12.7.5.5) and what is wanted must be the same."""
    if "Lock" not in field:
        return wanted
    lock = update.dictionary(field, "Lock")
    reader = Reader(update.view)
    include = reader.name(lock, "Action") == "Include"
    named = tuple(reader.text(name) for name in reader.items(lock, "Fields")) if include else ()
    if not named or (wanted and set(wanted) != set(named)):
        raise InputError("release-lock-differs")
    return named
