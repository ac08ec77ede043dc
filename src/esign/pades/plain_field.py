"""Where a signature's field is in a document that is written plainly: it is there and empty, or it is made.

The same as `esign.pades.signing_revision` does, on objects as they are spelt. What it tells apart and this does not is
`NotPlain`: trees of fields, an empty field that stands elsewhere or locks others, names with escapes.

ISO 32000-2 §12.5.2 (annotations of a page), §12.7.3 (the form), §12.7.5.5 (signature fields).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from esign.document import Box
from esign.pades.fields import corners
from esign.pades.signing_revision import PRINTED_AND_LOCKED, free_name, is_same_place
from esign.pades.updating import text
from esign.syntax.outline import (
    Entries,
    NotPlain,
    Outline,
    Spelt,
    array_of,
    entries_of,
    reference,
    references,
    spelt,
)
from esign.syntax.writing import written

__all__ = ["Change", "add_field", "empty_field", "fill_field"]

_PLAIN_NAME: Final = re.compile(rb"\(([ -'*-\[\]-~]*+)\)")
_NUMBER: Final = rb"\s*+([-+]?(?:\d++\.?\d*+|\.\d++))"
_MORE_THAN_EMPTY: Final = frozenset({b"V", b"Kids", b"Lock"})
_RECTANGLE: Final = re.compile(rb"\[%s\s%s\s%s\s%s\s*+\]" % ((_NUMBER,) * 4))


@dataclass(frozen=True, slots=True)
class Change:
    """What a revision says of objects that were there, and of the field that it makes."""

    changed: dict[int, bytes]
    """Their new texts, by number."""
    name: bytes = b""
    """The name of the field that is made, spelt; empty where one is there."""
    form: bytes = b""
    """The form that is made; empty where the document has one."""


def empty_field(outline: Outline, page: Spelt, wanted: str, box: Box | None) -> Spelt | None:
    """The empty field of the name `wanted`, where it stands on `page` at `box`; None where no field has that name.

    Raises:
        NotPlain: It is there, and stands elsewhere, or locks others.
    """
    named = [field for name, field in _top_level(outline) if _is_named(name, field, wanted)]
    if all(_is_signed(field.entries) for field in named):
        return None
    entries = named[0].entries
    if len(named) > 1 or entries.get(b"FT") != b"/Sig" or not entries.keys().isdisjoint(_MORE_THAN_EMPTY):
        raise NotPlain("the field is there, and more than empty")
    if not _stands_at(entries, page, box):
        raise NotPlain("the field is there, and elsewhere")
    return named[0]


def fill_field(field: Spelt, *, value: bytes, drawn: bytes | None) -> Change:
    """Give `field` its value, and its picture where it shows one."""
    entries = {**field.entries, b"V": value}
    if drawn is not None:
        entries |= {b"AP": b"<</N %s>>" % drawn, b"F": b"%d" % PRINTED_AND_LOCKED}
    return Change({field.number: spelt(entries)})


def add_field(outline: Outline, page: Spelt, wanted: str, field: int) -> Change:
    """Put a field with the number `field` into the form and on top of what `page` has.

    Where the document has no form, the one that is made gets the number behind the field's.
    """
    catalog = outline.catalog
    changed: dict[int, bytes] = {}
    if b"AcroForm" not in catalog.entries:
        changed[catalog.number] = spelt({**catalog.entries, b"AcroForm": b"%d 0 R" % (field + 1)})
        _annotate(outline, changed, page, field)
        return Change(changed, written(text(wanted)), b"<</Fields[%d 0 R]/SigFlags 3>>" % field)
    place, form = _form(outline)
    longer = _longer_form(form, field, is_signed=any(_is_signed(f.entries) for _, f in _fields(outline)))
    if place is None:
        changed[catalog.number] = spelt({**catalog.entries, b"AcroForm": longer})
    else:
        changed[place] = longer
    _annotate(outline, changed, page, field)
    return Change(changed, written(text(free_name(wanted, {name for name, _ in _fields(outline)}))))


def _form(outline: Outline) -> tuple[int | None, Entries]:
    """The form that the document has, and its number where it is an object of its own."""
    held = outline.catalog.entries[b"AcroForm"]
    place = reference(held)
    return place, entries_of(held) if place is None else outline.object(place).entries


def _fields(outline: Outline) -> Iterator[tuple[str, Spelt]]:
    """The fields with their names, where they stand side by side."""
    for name, field in _top_level(outline):
        if b"Kids" in field.entries:
            raise NotPlain("a tree of fields")
        yield name, field


def _top_level(outline: Outline) -> Iterator[tuple[str, Spelt]]:
    """The fields that the form itself names, and their own names (§12.7.4.2)."""
    if b"AcroForm" not in outline.catalog.entries:
        return
    for number in references(_form(outline)[1].get(b"Fields", b"[]")):
        field = outline.object(number)
        entries = field.entries
        name = _PLAIN_NAME.fullmatch(entries.get(b"T", b""))
        if name is None or b"Parent" in entries:
            raise NotPlain("a field whose name is not its own")
        if entries.get(b"V") == b"null":
            raise NotPlain("a value that is none")
        yield name[1].decode(), field


def _is_named(name: str, field: Spelt, wanted: str) -> bool:
    """Whether the field has the name `wanted`; fields below one with another name have a period in theirs."""
    if name != wanted and b"Kids" in field.entries and (not name or "." in wanted):
        raise NotPlain("a tree of fields")
    return name == wanted


def _is_signed(field: Entries) -> bool:
    return b"V" in field and field.get(b"FT") == b"/Sig"


def _stands_at(field: Entries, page: Spelt, box: Box | None) -> bool:
    """Whether it is shown on `page` at `box`, or hidden where there is none."""
    rectangle = _RECTANGLE.fullmatch(field.get(b"Rect", b""))
    if rectangle is None:
        return False
    found = [float(number) for number in rectangle.groups()]
    if box is None:
        return found[0] == found[2] or found[1] == found[3]
    return is_same_place(found, corners(box)) and reference(field.get(b"P", b"")) == page.number


def _longer_form(form: Entries, field: int, *, is_signed: bool) -> bytes:
    longer = {**form, b"Fields": _longer(form.get(b"Fields", b"[]"), field)}
    if not is_signed:
        # Once somebody has signed, other entries of the form dictionary than its fields must not change.
        flags = form.get(b"SigFlags", b"0")
        if not flags.isdigit():
            raise NotPlain("/SigFlags")
        longer[b"SigFlags"] = b"%d" % (int(flags) | 3)
    return spelt(longer)


def _annotate(outline: Outline, changed: dict[int, bytes], page: Spelt, field: int) -> None:
    """Put `field` on top of what `page` has."""
    held = page.entries.get(b"Annots", b"[]")
    place = reference(held)
    if place is None:
        place, value = page.number, spelt({**page.entries, b"Annots": _longer(held, field)})
    else:
        value = _longer(array_of(outline.object(place).text), field)
    if place in changed:
        raise NotPlain("one object in two places")
    changed[place] = value


def _longer(array: bytes, number: int) -> bytes:
    """An array with one reference more."""
    if array[:1] != b"[":
        raise NotPlain("no array")
    return b"%s %d 0 R]" % (array[:-1], number)
