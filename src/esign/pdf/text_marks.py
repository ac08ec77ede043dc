"""The line that marks an attachment in its own file, or a copy: what it says, and how it is set.

Both stand at the top right of page 1, without an image, in Times New Roman (or a face with its metrics), 10 pt, upright
and black (NĐ 30/2020/NĐ-CP Phụ lục I, II.8 and Phần II, I.3). The decree fixes what is said and in which order.
"""

from datetime import datetime
from functools import lru_cache

from esign.codes import DocumentNumber
from esign.document import CopyForm, Mark
from esign.errors import InputError
from esign.pdf._typst import Project
from esign.pdf.fonts import FontSet
from esign.pdf.marks import NO_TIME, template_source
from esign.profile import VGCA_COMPAT, VIETNAM

__all__ = ["CopyForm", "attachment_text", "copy_text", "text_line_mark", "text_line_mark_size"]

# A line as wide as the country's name and motto is broken before the time; a broken one has the width of the text.
_ONE_LINE_MM = 95.0
_WIDEST_MM = 150.0
_MM = 25.4 / 72


def attachment_text(
    number: DocumentNumber, signing_time: datetime, *, time_format: str = VGCA_COMPAT.time_format
) -> str:
    """`15/QĐ-UBND; 21.11.2026 10:32:58 +07:00`: số và ký hiệu of the main document; when it was signed.

    Raises:
        InputError: `signing-time-naive`.
    """
    return f"{number}; {_time(signing_time, time_format)}"


def copy_text(
    form: CopyForm, agency_name: str, signing_time: datetime, *, time_format: str = VGCA_COMPAT.time_format
) -> str:
    """`SAO Y; UBND phường Cửa Nam; 21.11.2026 10:32:58 +07:00`: the kind of copy; who copied; when it was signed.

    Raises:
        InputError: `signing-time-naive`.
    """
    return f"{form.value}; {agency_name}; {_time(signing_time, time_format)}"


def text_line_mark(text: str) -> Mark:
    """`text` in one line, or in two that end at the right; it breaks before the time, its last part.

    Raises:
        PreflightError: `glyph-missing`.
        InputError: `mark-text-too-long`.
    """
    fonts = FontSet.find()
    head, separator, tail = text.rpartition("; ")
    inputs = {
        "font": fonts.family,
        "whole": text,
        "broken": [f"{head};", tail] if separator else [text],
        "one-line": _ONE_LINE_MM,
        "widest": _WIDEST_MM,
    }
    try:
        typeset = _project(fonts).typeset(inputs, at=NO_TIME, tags=False)
    except InputError as e:
        if "esign: text does not fit" in str(e.reason.facts.get("problem", "")):
            raise InputError("mark-text-too-long", characters=len(text)) from e
        raise
    (size,) = typeset.places
    return Mark(pdf=typeset.pdf, width_mm=size["width"] * _MM, height_mm=size["height"] * _MM, alt=text)


def text_line_mark_size(text: str) -> tuple[float, float]:
    """Width and height in mm of `text_line_mark`; another time of signing does not change them."""
    mark = text_line_mark(text)
    return mark.width_mm, mark.height_mm


def _time(signing_time: datetime, time_format: str) -> str:
    if signing_time.tzinfo is None:
        raise InputError("signing-time-naive")
    return signing_time.astimezone(VIETNAM).strftime(time_format)


@lru_cache(maxsize=4)
def _project(fonts: FontSet) -> Project:
    main = "text-line-mark.typ"
    return Project("text-line-mark", {main: template_source(main)}, main=main, fonts=fonts)
