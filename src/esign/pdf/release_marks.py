"""What the records clerk fills in at release: number, day and month, typeset into the blanks that the page left.

The texts are spelled as ND30 Phụ lục I (II.3, II.4) asks, so that a form field's value and its picture agree.
"""

import re
from datetime import date
from enum import Enum
from functools import lru_cache

from esign.codes import DocumentNumber
from esign.document import Box, Mark
from esign.errors import InputError
from esign.pdf._typst import Project
from esign.pdf.fonts import FontSet
from esign.pdf.marks import NO_TIME, template_source

__all__ = ["Blank", "field_mark", "release_texts"]

_MM = 25.4 / 72
_TAMPERED = 0.25  # points by which a blank's height may differ from what nd30.typ gave it


class Blank(Enum):
    """A blank of a page; the values are the keys of `Rendered.release`."""

    NUMBER = "number"
    """Before the `/` of `Số: …/QĐ-UBND`: 13 pt, upright."""
    DAY = "day"
    """14 pt, in italics."""
    MONTH = "month"
    """14 pt, in italics."""


# Size in points and style as nd30.typ prints the text around, and the spelling.
_STYLES = {
    Blank.NUMBER: (13.0, "normal", re.compile(r"0[1-9]|[1-9][0-9]{1,8}")),
    Blank.DAY: (14.0, "italic", re.compile(r"0[1-9]|[12][0-9]|3[01]")),
    Blank.MONTH: (14.0, "italic", re.compile(r"0[12]|[3-9]|1[0-2]")),
}


def release_texts(number: DocumentNumber, issued: date) -> dict[Blank, str]:
    """What goes into the blanks: `05`, `21`, `11`; a zero before numbers and days below 10 and months 1 and 2."""
    month = issued.month
    return {
        Blank.NUMBER: f"{number.number:02}",
        Blank.DAY: f"{issued.day:02}",
        Blank.MONTH: f"{month:02}" if month <= 2 else str(month),
    }


def field_mark(text: str, *, kind: Blank, box: Box) -> Mark:
    """`text` as the page would have printed it in `box`, the place of `kind` (`Rendered.release`).

    A number stands against the `/` that follows it; day and month stand in the middle of theirs.

    Raises:
        InputError: `field-text-invalid` (not spelled as `release_texts` does), `field-text-too-long`,
            `field-box-invalid` (no blank of such a page).
    """
    size, style, spelling = _STYLES[kind]
    if not spelling.fullmatch(text):
        raise InputError("field-text-invalid", kind=kind.value)
    if abs(box.height - 1.2 * size) > _TAMPERED or box.rotate:
        raise InputError("field-box-invalid", kind=kind.value, height=f"{box.height:.1f}")
    fonts = FontSet.find()
    inputs = {
        "width": box.width,
        "height": box.height,
        "font": fonts.family,
        "style": style,
        "right": kind is Blank.NUMBER,
        "text": text,
    }
    try:
        pdf = _project(fonts).typeset(inputs, at=NO_TIME, tags=False).pdf
    except InputError as e:
        if "esign: text does not fit" in str(e.reason.facts.get("problem", "")):
            raise InputError("field-text-too-long", kind=kind.value, characters=len(text)) from e
        raise
    return Mark(pdf=pdf, width_mm=box.width * _MM, height_mm=box.height * _MM, alt=text)


@lru_cache(maxsize=4)
def _project(fonts: FontSet) -> Project:
    return Project(
        "field-mark", {"field-mark.typ": template_source("field-mark.typ")}, main="field-mark.typ", fonts=fonts
    )
