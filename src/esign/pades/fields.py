"""Release fields: room for number, date and QR seal that is blank when the person signs and filled by the agency.

The preparation revision (`add_release_fields`) comes before the first signature. What is filled later is a form
field, because form filling is the only change that a reader permits after a signature (ISO 32000-1 §12.8.2.2); that
nothing changes once the agency has signed is what the lock of its own field says (FieldMDP, §12.8.2.4).

docs/spec/release.md has the format.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.sign.fields import (
    FieldMDPAction,
    FieldMDPSpec,
    InvisSigSettings,
    ensure_sig_flags,
    enumerate_sig_fields,
    prepare_sig_field,
)

from esign.document import Box, Mark
from esign.errors import InputError
from esign.pades._writer import Update, drawing, numbers, open_update, wrapped

__all__ = [
    "AGENCY_FIELD",
    "PERSON_FIELD",
    "FilledField",
    "ReleaseField",
    "ReleaseName",
    "add_release_fields",
]

PERSON_FIELD = "PersonSignature"
"""The field that the competent person signs."""
AGENCY_FIELD = "AgencySignature"
"""The field that the agency signs."""

_PREFIX = ("esign", "release")
_NAME = re.compile(r"esign\.release\.[a-z0-9-]{1,32}")
_FONT = "/EsignBlank"
_SHOWN = "/Shown"

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


@wrapped
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
    if any(enumerate_sig_fields(update, filled_status=True)):
        raise InputError("release-after-signature")
    names = [field.name for field in fields]
    for name in names:
        if not _NAME.fullmatch(name) or names.count(name) > 1:
            raise InputError("release-field-name", field=name)
    form = _form(update)
    _check_names_free(form)
    if fields:
        # A parent without kids would be a terminal field without a type, which readers refuse to compare.
        parent = _add_parents(update, form)
        for field in fields:
            _add_field(update, field, parent)
    if person_box is not None:
        _add_signature_field(update, PERSON_FIELD, person_box, alt=person_alt, lock=())
    _add_signature_field(update, AGENCY_FIELD, agency_box, alt=alt, lock=names)
    ensure_sig_flags(update)  # now, so that no later revision touches the form dictionary
    output = io.BytesIO()
    update.write(output)
    return output.getvalue()


def fill_field(update: Update, filled: FilledField) -> None:
    """Give the blank field its value and its picture.

    Raises:
        InputError: `release-field-missing`, `release-field-filled`.
    """
    reference = find_field(update, filled.name)
    if reference is None:
        raise InputError("release-field-missing", field=filled.name)
    field = reference.get_object()
    if not is_blank(field):
        raise InputError("release-field-filled", field=filled.name)
    left, bottom, right, top = (float(v) for v in field["/Rect"])
    turn = int(field["/MK"].get("/R", 0)) if "/MK" in field else 0
    box = Box(page=0, left=0, bottom=0, width=right - left, height=top - bottom, rotate=turn)
    field[pdf_name("/AP")] = _appearance(update, drawing(update, filled.mark, box), _get(field, "/AS"))
    if field["/FT"] == "/Tx":
        field[pdf_name("/V")] = pdf_string(filled.value)
    update.mark_update(reference)


def find_field(update: Update, name: str) -> Any:
    """A reference to the terminal field `name`, or None."""
    level = _get(_get(update.root, "/AcroForm"), "/Fields", ())
    found = None
    for part in name.split("."):
        found = next((r for r in level if _get(r.get_object(), "/T") == part), None)
        if found is None:
            return None
        level = _get(found.get_object(), "/Kids", ())
    return found


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


def _appearance(update: Update, form: Any, state: Any = None) -> Any:
    """The /AP that shows `form`; of a button in its only state (ISO 19005-2 §6.3.3 asks for states there)."""
    # The states are an object of their own: readers that compare revisions want a reference in /N.
    normal = form if state is None else update.add_object(generic.DictionaryObject({pdf_name(str(state)): form}))
    return generic.DictionaryObject({pdf_name("/N"): normal})


def lock_of(names: Sequence[str]) -> FieldMDPSpec:
    """The FieldMDP rule that locks exactly the fields `names`."""
    return FieldMDPSpec(FieldMDPAction.INCLUDE, list(names))


def hidden() -> InvisSigSettings:
    """How a signature field without a place is flagged."""
    return InvisSigSettings(set_print_flag=True, set_hidden_flag=False, box_out_of_bounds=False)


def corners(box: Box) -> tuple[float, float, float, float]:
    """The `/Rect` of `box`."""
    return (box.left, box.bottom, box.left + box.width, box.bottom + box.height)


def _get(node: Any, key: str, default: Any = None) -> Any:
    """The value of `key` behind any reference; pyHanko's own `get` gives the reference."""
    return node[key] if isinstance(node, generic.DictionaryObject) and key in node else default


def _form(update: Update) -> Any:
    """The form dictionary (§12.7.2), with /Fields; made where there is none."""
    if "/AcroForm" not in update.root:
        form = generic.DictionaryObject()
        update.root[pdf_name("/AcroForm")] = update.add_object(form)
        update.update_root()
    form = update.root["/AcroForm"]
    if "/Fields" not in form:
        form[pdf_name("/Fields")] = generic.ArrayObject()
    update.update_container(form)
    return form


def _check_names_free(form: Any) -> None:
    taken = {_get(r.get_object(), "/T") for r in form["/Fields"]}
    for name in (_PREFIX[0], PERSON_FIELD, AGENCY_FIELD):
        if name in taken:
            raise InputError("release-fields-exist", field=name)


def _add_parents(update: Update, form: Any) -> Any:
    """The fields `esign` and `esign.release`: names must not contain periods (§12.7.3.2), so they are a tree."""
    level, parent = form["/Fields"], None
    for name in _PREFIX:
        field = generic.DictionaryObject({pdf_name("/T"): pdf_string(name), pdf_name("/Kids"): generic.ArrayObject()})
        if parent is not None:
            field[pdf_name("/Parent")] = parent
        parent = update.add_object(field)
        level.append(parent)
        update.update_container(level)
        level = field["/Kids"]
    _add_font(update, form)
    return parent


def _add_font(update: Update, form: Any) -> None:
    """The font that /DA has to name, in /DR: nothing is ever set in it, for every field has its picture.

    A Type 3 font is inside the file by its nature, as PDF/A asks of fonts (ISO 19005-2 §6.2.11.4).
    """
    glyph = update.add_object(generic.StreamObject(stream_data=b"500 0 d0\n"))
    font = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Font"),
            pdf_name("/Subtype"): pdf_name("/Type3"),
            pdf_name("/FontBBox"): numbers(0, 0, 500, 1000),
            pdf_name("/FontMatrix"): numbers(0.001, 0, 0, 0.001, 0, 0),
            pdf_name("/CharProcs"): generic.DictionaryObject({pdf_name("/space"): glyph}),
            pdf_name("/Encoding"): generic.DictionaryObject(
                {
                    pdf_name("/Type"): pdf_name("/Encoding"),
                    pdf_name("/Differences"): generic.ArrayObject([generic.NumberObject(32), pdf_name("/space")]),
                }
            ),
            pdf_name("/FirstChar"): generic.NumberObject(32),
            pdf_name("/LastChar"): generic.NumberObject(32),
            pdf_name("/Widths"): numbers(500),
            pdf_name("/Resources"): generic.DictionaryObject(),
        }
    )
    resources = form.setdefault(pdf_name("/DR"), generic.DictionaryObject()).get_object()
    fonts = resources.setdefault(pdf_name("/Font"), generic.DictionaryObject()).get_object()
    fonts[pdf_name(_FONT)] = update.add_object(font)
    update.update_container(resources)
    update.update_container(fonts)


def _add_field(update: Update, field: ReleaseField, parent: Any) -> None:
    page, _ = update.find_page_for_modification(field.box.page)
    name = field.name.rpartition(".")[2]
    widget = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Annot"),
            pdf_name("/Subtype"): pdf_name("/Widget"),
            pdf_name("/T"): pdf_string(name),
            pdf_name("/TU"): pdf_string(_ALT.get(field.name, name)),
            pdf_name("/Parent"): parent,
            pdf_name("/P"): page,
            pdf_name("/Rect"): numbers(*corners(field.box)),
            pdf_name("/F"): generic.NumberObject(_ANNOTATION_FLAGS),
            pdf_name("/AP"): _blank(update, field.box),
        }
    )
    if field.box.rotate:
        # How it is turned to stand upright (§12.5.6.19); `fill_field` reads it too.
        turned = {pdf_name("/R"): generic.NumberObject(field.box.rotate)}
        widget[pdf_name("/MK")] = generic.DictionaryObject(turned)
    if field.is_picture:
        widget[pdf_name("/FT")] = pdf_name("/Btn")
        widget[pdf_name("/Ff")] = generic.NumberObject(_READ_ONLY | _PUSHBUTTON)
        widget[pdf_name("/AS")] = pdf_name(_SHOWN)
        widget[pdf_name("/AP")] = _appearance(update, widget["/AP"].raw_get("/N"), _SHOWN)
    else:
        widget[pdf_name("/FT")] = pdf_name("/Tx")
        widget[pdf_name("/Ff")] = generic.NumberObject(_READ_ONLY)
        widget[pdf_name("/V")] = pdf_string("")
        widget[pdf_name("/DA")] = generic.TextStringObject(f"{_FONT} 0 Tf 0 g")
    reference = update.add_object(widget)
    parent.get_object()["/Kids"].append(reference)
    update.register_annotation(page, reference)


def _add_signature_field(update: Update, name: str, box: Box | None, *, alt: str, lock: Sequence[str]) -> None:
    page, _ = update.find_page_for_modification(box.page if box else 0)
    place: Any = corners(box) if box else None
    _, reference = prepare_sig_field(
        name, update.root, update, box=place, include_on_page=page, invis_settings=hidden()
    )
    field = reference.get_object()
    field[pdf_name("/F")] = generic.NumberObject(_ANNOTATION_FLAGS)
    if alt:
        field[pdf_name("/TU")] = pdf_string(alt)
    if box is not None:
        field[pdf_name("/AP")] = _blank(update, box)
    if lock:
        field[pdf_name("/Lock")] = update.add_object(lock_of(lock).as_sig_field_lock())


def _blank(update: Update, box: Box) -> Any:
    """An appearance that shows nothing: every widget has one (ISO 19005-2 §6.3.3)."""
    form = generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Form"),
            pdf_name("/BBox"): numbers(0, 0, box.width, box.height),
            pdf_name("/Resources"): generic.DictionaryObject(),
        },
        stream_data=b"",
    )
    return generic.DictionaryObject({pdf_name("/N"): update.add_object(form)})
