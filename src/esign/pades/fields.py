"""Release fields: room for number, date and QR seal that is blank when the person signs and filled by the agency.

The preparation revision (`add_release_fields`) comes before the first signature. What is filled later is a form
field, because form filling is the only change that a reader permits after a signature (ISO 32000-1 §12.8.2.2); that
nothing changes once the agency has signed is what the lock of its own field says (FieldMDP, §12.8.2.4).

docs/spec/release.md has the format.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from esign.document import Box, Mark
from esign.errors import InputError
from esign.pades.drawing import drawing
from esign.pades.form_tree import Field
from esign.pades.updating import add_annotation, fields_of, form_of, numbers, open_update, page_of, text, updating
from esign.syntax import Dict, Name, Object, Ref, Stream, String
from esign.syntax.update import Update
from esign.syntax.writing import Data, Raw, Writable, object_text

__all__ = [
    "AGENCY_FIELD",
    "PERSON_FIELD",
    "FilledField",
    "ReleaseField",
    "ReleaseName",
    "add_release_fields",
    "add_signature_field",
    "corners",
    "fill_field",
    "lock_of",
    "rectangle",
    "set_signature_flags",
    "signature_field",
    "signature_fields",
]

PERSON_FIELD = "PersonSignature"
"""The field that the competent person signs."""
AGENCY_FIELD = "AgencySignature"
"""The field that the agency signs."""

_PREFIX = ("esign", "release")
_NAME = re.compile(r"esign\.release\.[a-z0-9-]{1,32}")
_FONT = "EsignBlank"
_SHOWN = "Shown"

# ISO 32000-1 Table 165: Print and Locked. Table 221: ReadOnly; Table 226: Pushbutton.
_ANNOTATION_FLAGS = 4 | 128
_READ_ONLY = 1
_PUSHBUTTON = 1 << 16


class ReleaseName(StrEnum):
    """The release fields that esign knows; others may stand beside them under the same prefix."""

    NUMBER = "esign.release.number"
    """The number, as the page prints it."""
    DAY = "esign.release.day"
    """The day of the date of issue."""
    MONTH = "esign.release.month"
    """The month of the date of issue."""
    SEAL = "esign.release.seal"
    """The QR seal: a picture without a value that could contradict it."""


# What a screen reader says of a field (/TU); it cannot change once the person has signed.
_ALT: dict[str, str] = {
    ReleaseName.NUMBER: "Số văn bản",
    ReleaseName.DAY: "Ngày ban hành",
    ReleaseName.MONTH: "Tháng ban hành",
    ReleaseName.SEAL: "Tem QR xác thực",
}


@dataclass(frozen=True, slots=True)
class ReleaseField:
    """A place that stays blank until the agency signs."""

    name: str
    """Fully qualified: `esign.release.` and one more word."""
    box: Box
    """Where."""

    @property
    def is_picture(self) -> bool:
        """Whether it shows a picture and has no value."""
        return self.name == ReleaseName.SEAL


@dataclass(frozen=True, slots=True)
class FilledField:
    """What a release field says from the agency's revision on."""

    name: str
    """The field's fully qualified name."""
    value: str
    """What software reads; a field that is a picture takes none."""
    mark: Mark
    """What people see; drawn as large as the field's place allows, in its middle."""


@updating
def add_release_fields(
    pdf: bytes,
    fields: Sequence[ReleaseField],
    *,
    agency_box: Box | None,
    alt: str,
    person_box: Box | None = None,
    person_alt: str = "",
) -> bytes:
    """`pdf` with the preparation revision: blank `fields`, and the agency's empty field that will lock them.

    `alt` is what a screen reader says of the agency's field; without `agency_box` that field is hidden. With
    `person_box` the person's empty field is made too, below the agency's: a red seal is stamped over the signature.

    Raises:
        InputError: `pdf-not-updatable`, `release-after-signature`, `release-field-name`, `release-fields-exist`.
    """
    update = open_update(pdf)
    if any(field.is_signed for field in signature_fields(update).values()):
        raise InputError("release-after-signature")
    names = [field.name for field in fields]
    for name in names:
        if not _NAME.fullmatch(name) or names.count(name) > 1:
            raise InputError("release-field-name", field=name)
    _check_names_free(update)
    if fields:
        # A parent without kids would be a terminal field without a type, which readers refuse to compare.
        parent = _add_parents(update)
        for field in fields:
            _add_field(update, field, parent)
    if person_box is not None:
        _add_blank_signature_field(update, PERSON_FIELD, person_box, alt=person_alt, lock=())
    _add_blank_signature_field(update, AGENCY_FIELD, agency_box, alt=alt, lock=names)
    set_signature_flags(update)  # now, so that no later revision touches the form dictionary
    return update.write().data


def fill_field(update: Update, filled: FilledField) -> None:
    """Give the blank field its value and its picture.

    Raises:
        InputError: `release-field-missing`, `release-field-filled`.
    """
    found = next((field for field in fields_of(update) if field.name == filled.name and field.ref is not None), None)
    if found is None or found.ref is None:
        raise InputError("release-field-missing", field=filled.name)
    if found.value or update.says(found.ref) or not _is_blank(update, found.node):
        raise InputError("release-field-filled", field=filled.name)
    field = update.change(found.ref)
    left, bottom, right, top = rectangle(update, field)
    turn = update.entry(update.dictionary(field, "MK"), "R")
    rotate = turn if type(turn) is int else 0
    box = Box(page=0, left=0, bottom=0, width=right - left, height=top - bottom, rotate=rotate)
    state = update.entry(field, "AS")
    picture = drawing(update, filled.mark, box)
    field["AP"] = _appearance(update, picture, str(state) if isinstance(state, Name) else "")
    if update.entry(field, "FT") == "Tx":
        field["V"] = text(filled.value)


def signature_fields(update: Update) -> dict[str, Field]:
    """The signature fields that the document had before this update, by their fully qualified names."""
    return {field.name: field for field in fields_of(update) if field.is_signature}


def add_signature_field(update: Update, name: str, box: Box | None, *, alt: str) -> Ref:
    """An empty signature field, merged with its widget; hidden without a `box` (§12.7.5.5, §12.5.6.19)."""
    page, _ = page_of(update, box.page if box else 0)
    made = update.add(signature_field(text(name), page, box, alt=alt))
    update.append(form_of(update), "Fields", made)
    add_annotation(update, page, made)
    return made


def signature_field(name: Object, page: Object, box: Box | None, *, alt: str) -> Dict:
    """The dictionary of `add_signature_field`."""
    field = Dict(
        {
            "Type": Name("Annot"),
            "Subtype": Name("Widget"),
            "FT": Name("Sig"),
            "T": name,
            "P": page,
            "Rect": numbers(*corners(box)) if box else [0, 0, 0, 0],
            "F": 4 | 128 if box else 4,  # Print, which PDF/A asks for; Locked, so that nobody moves it
        }
    )
    if alt:
        # The text says the same as the picture, for screen readers (/TU, §12.7.4.1).
        field["TU"] = text(alt)
    return field


def set_signature_flags(update: Update) -> None:
    """SignaturesExist and AppendOnly (§12.7.3, table 225)."""
    form = form_of(update)
    flags = update.entry(form, "SigFlags")
    form["SigFlags"] = (flags if type(flags) is int else 0) | 3


def lock_of(names: Sequence[str]) -> Dict:
    """What of a FieldMDP rule, or of a field's lock, says that exactly the fields `names` may not change."""
    return Dict({"Action": Name("Include"), "Fields": [text(name) for name in names]})


def corners(box: Box) -> tuple[float, float, float, float]:
    """The `/Rect` of `box`."""
    return (box.left, box.bottom, box.left + box.width, box.bottom + box.height)


def rectangle(update: Update, widget: Dict) -> tuple[float, float, float, float]:
    """The `/Rect` of a widget; empty where it has none that makes sense."""
    found = [float(v) for v in map(update.resolve, update.items(widget, "Rect")) if isinstance(v, int | float)]
    return (found[0], found[1], found[2], found[3]) if len(found) == 4 else (0.0, 0.0, 0.0, 0.0)


def _is_blank(update: Update, field: Dict) -> bool:
    """Whether a field shows nothing, in none of its states (§12.5.5)."""
    shown = update.entry(update.dictionary(field, "AP"), "N")
    states = shown.values() if isinstance(shown, Dict) else [shown]
    return all(_is_empty(update, update.resolve(state)) for state in states)


def _is_empty(update: Update, picture: Writable) -> bool:
    return picture is None or (isinstance(picture, Stream) and not update.view.decoded(picture).strip())


def _check_names_free(update: Update) -> None:
    taken = {field.name.partition(".")[0] for field in fields_of(update)}
    for name in (_PREFIX[0], PERSON_FIELD, AGENCY_FIELD):
        if name in taken:
            raise InputError("release-fields-exist", field=name)


def _add_parents(update: Update) -> Ref:
    """The fields `esign` and `esign.release`: names must not contain periods (§12.7.4.2), so they are a tree."""
    first, second = _PREFIX
    top = update.add(Dict({"T": text(first)}))
    below = update.add(Dict({"T": text(second), "Parent": top, "Kids": []}))
    update.change(top)["Kids"] = [below]
    update.append(form_of(update), "Fields", top)
    _add_font(update)
    return below


def _add_font(update: Update) -> None:
    """The font that /DA has to name, in /DR: nothing is ever set in it, for every field has its picture.

    A Type 3 font is inside the file by its nature, as PDF/A asks of fonts (ISO 19005-2 §6.2.11.4).
    """
    font = Dict(
        {
            "Type": Name("Font"),
            "Subtype": Name("Type3"),
            "FontBBox": numbers(0, 0, 500, 1000),
            "FontMatrix": numbers(0.001, 0, 0, 0.001, 0, 0),
            "CharProcs": Dict({"space": update.add(Data(Dict(), b"500 0 d0\n"))}),
            "Encoding": Dict({"Type": Name("Encoding"), "Differences": [32, Name("space")]}),
            "FirstChar": 32,
            "LastChar": 32,
            "Widths": numbers(500),
            "Resources": Dict(),
        }
    )
    form = form_of(update)
    resources = _own(update, form, "DR")
    _own(update, resources, "Font")[_FONT] = update.add(font)


def _own(update: Update, owner: Dict, key: str) -> Dict:
    """The dictionary that `key` of `owner` holds, to be written in: an object of its own, or part of `owner`."""
    place = owner.get(key)
    if isinstance(place, Ref) and isinstance(update.get(place), Dict):
        return update.change(place)
    found = Dict(place) if isinstance(place, Dict) else Dict()
    owner[key] = found
    return found


def _add_field(update: Update, field: ReleaseField, parent: Ref) -> None:
    page, _ = page_of(update, field.box.page)
    name = field.name.rpartition(".")[2]
    widget = Dict(
        {
            "Type": Name("Annot"),
            "Subtype": Name("Widget"),
            "T": text(name),
            "TU": text(_ALT.get(field.name, name)),
            "Parent": parent,
            "P": page,
            "Rect": numbers(*corners(field.box)),
            "F": _ANNOTATION_FLAGS,
        }
    )
    blank = update.add(_blank(field.box.width, field.box.height))
    if field.box.rotate:
        # How it is turned to stand upright (§12.5.6.19); `fill_field` reads it too.
        widget["MK"] = Dict({"R": field.box.rotate})
    if field.is_picture:
        widget["FT"] = Name("Btn")
        widget["Ff"] = _READ_ONLY | _PUSHBUTTON
        widget["AS"] = Name(_SHOWN)
        widget["AP"] = _appearance(update, blank, _SHOWN)
    else:
        widget["FT"] = Name("Tx")
        widget["Ff"] = _READ_ONLY
        widget["V"] = String()
        widget["DA"] = text(f"/{_FONT} 0 Tf 0 g")
        widget["AP"] = _appearance(update, blank)
    made = update.add(widget)
    update.append(update.change(parent), "Kids", made)
    add_annotation(update, page, made)


def _add_blank_signature_field(update: Update, name: str, box: Box | None, *, alt: str, lock: Sequence[str]) -> None:
    made = add_signature_field(update, name, box, alt=alt)
    field = update.change(made)
    field["F"] = _ANNOTATION_FLAGS
    if box is not None:
        field["AP"] = _appearance(update, update.add(_blank(box.width, box.height)))
    if lock:
        field["Lock"] = update.add(Dict({"Type": Name("SigFieldLock"), **lock_of(lock)}))


@lru_cache(maxsize=64)
def _blank(width: float, height: float) -> Raw:
    """A picture that shows nothing: every widget has one (ISO 19005-2 §6.3.3)."""
    form = Dict(
        {
            "Type": Name("XObject"),
            "Subtype": Name("Form"),
            "BBox": numbers(0, 0, width, height),
            "Resources": Dict(),
        }
    )
    return Raw(b"".join(object_text(Data(form, b""))))


def _appearance(update: Update, form: Ref, state: str = "") -> Dict:
    """The /AP that shows `form`; of a button in its only state (ISO 19005-2 §6.3.3 asks for states there)."""
    # The states are an object of their own: readers that compare revisions want a reference in /N.
    normal: Object = update.add(Dict({state: form})) if state else form
    return Dict({"N": normal})
