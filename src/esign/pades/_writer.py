"""Incremental updates: new objects go behind the last byte, what was there stays a prefix (DESIGN law 3)."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar

from pyhanko.pdf_utils import generic, misc
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader

from esign.document import Box, Mark
from esign.errors import InputError

__all__ = ["Update", "drawing", "import_mark", "numbers", "open_update", "placement", "wrapped"]

P = ParamSpec("P")
T = TypeVar("T")

# The page's /Rotate as the matrix that stands a mark upright again: a b c d (ISO 32000-1 §8.3.3).
_UPRIGHT = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


class Update(IncrementalPdfFileWriter):
    """One incremental update that touches nothing but what it is told to."""

    def _update_meta(self) -> None:
        # pyHanko would write "now" into XMP and Info. PDF/A wants the two to agree, time is injected here, and
        # ISO 19005-2 §6.6.3 does not ask for a new modification date: both stay as they are.
        pass


def wrapped(action: Callable[P, T]) -> Callable[P, T]:
    """Let no pyHanko exception out: a file that cannot be updated is an `InputError`."""

    def inner(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return action(*args, **kwargs)
        except (
            misc.PdfError,
            ValueError,
            KeyError,
            IndexError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as e:
            raise InputError("pdf-not-updatable", problem=type(e).__name__) from e

    return inner


def open_update(pdf: bytes) -> Update:
    """Start an update of `pdf`; readers of the world are lenient, so files are read leniently here too."""
    # The first new object begins a line (ISO 19005-2 §6.1.9); many writers end a file right behind %%EOF.
    return Update(io.BytesIO(pdf if pdf.endswith((b"\n", b"\r")) else pdf + b"\n"), strict=False)


def import_mark(update: Update, mark: Mark, *, rotate: int) -> Any:
    """`mark` as a Form XObject (a reference), turned so that it stands upright on a page with /Rotate."""
    form = update.import_page_as_xobject(PdfFileReader(io.BytesIO(mark.pdf)))
    form.get_object()[pdf_name("/Matrix")] = numbers(*_UPRIGHT[rotate], 0, 0)
    return form


def placement(mark: Mark, box: Box) -> tuple[float, ...]:
    """The `cm` operands that draw the form of `mark`, already upright, into `box`."""
    points = 72 / 25.4
    width, height = mark.width_mm * points, mark.height_mm * points
    if box.rotate in {90, 270}:
        width, height = height, width
    x, y = box.width / width, box.height / height
    a, b, c, d = _UPRIGHT[box.rotate]
    # The turned form lies left of or below the origin wherever its matrix is negative: shift it back.
    left = box.left + (box.width if a + c < 0 else 0)
    bottom = box.bottom + (box.height if b + d < 0 else 0)
    return (x, 0, 0, y, left, bottom)


def drawing(update: Update, mark: Mark, box: Box) -> Any:
    """A Form XObject (a reference) of the size of `box` with `mark` in its middle: as large as fits, not distorted."""
    width, height = (mark.height_mm, mark.width_mm) if box.rotate in {90, 270} else (mark.width_mm, mark.height_mm)
    scale = min(box.width / width, box.height / height)
    width, height = width * scale, height * scale
    inner = replace(box, left=(box.width - width) / 2, bottom=(box.height - height) / 2, width=width, height=height)
    matrix = b" ".join(b"%.4f" % v for v in placement(mark, inner))
    resources = {pdf_name("/Mark"): import_mark(update, mark, rotate=box.rotate)}
    form = generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Form"),
            pdf_name("/BBox"): numbers(0, 0, box.width, box.height),
            pdf_name("/Resources"): generic.DictionaryObject(
                {pdf_name("/XObject"): generic.DictionaryObject(resources)}
            ),
        },
        stream_data=b"q %s cm /Mark Do Q\n" % matrix,
    )
    return update.add_object(form)


def numbers(*values: float) -> Any:
    """An array of numbers: a ten-thousandth of a point is enough, and readers refuse more digits than they know."""
    return generic.ArrayObject(generic.FloatObject(round(v, 4)) for v in values)
