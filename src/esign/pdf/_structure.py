"""Reads given PDFs through pikepdf (qpdf), and gives typed failures for whatever hostile bytes make it do."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pikepdf

from esign.errors import InputError

__all__ = ["MM", "Page", "open_pdf", "page_geometry"]

MM = 72 / 25.4
"""Points in a millimetre."""

# What pikepdf raises for damaged structure, and what deep or huge structure does to Python.
_FAILURES = (
    pikepdf.PdfError,
    AttributeError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)
_QUARTER = 90
_CORNERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page's geometry: what is shown of it, how it is turned, how long its unit is."""

    index: int
    """From 0."""
    left: float
    """x of the lower left corner of what is shown, in user space."""
    bottom: float
    """y of the lower left corner of what is shown, in user space."""
    width: float
    """Of what is shown, in user space."""
    height: float
    """Of what is shown, in user space."""
    rotate: int
    """Clockwise when it is shown: 0, 90, 180 or 270."""
    unit: float
    """/UserUnit: points in a unit of user space."""

    @property
    def shown_mm(self) -> tuple[float, float]:
        """Width and height as a reader sees them."""
        width, height = self.width * self.unit / MM, self.height * self.unit / MM
        return (width, height) if self.rotate % (2 * _QUARTER) == 0 else (height, width)


@contextmanager
def open_pdf(pdf: bytes) -> Iterator[pikepdf.Pdf]:
    """`pdf`, for reading. What goes wrong inside the block is wrapped too, for qpdf parses late.

    Raises:
        InputError: `pdf-encrypted` where a password is needed, `pdf-damaged` for the rest.
    """
    try:
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            yield opened
    except pikepdf.PasswordError as e:
        raise InputError("pdf-encrypted") from e
    except _FAILURES as e:
        raise InputError("pdf-damaged", problem=type(e).__name__) from e


def page_geometry(pdf: pikepdf.Pdf, index: int) -> Page:
    """The geometry of page `index` as viewers take it (ISO 32000-1 §14.11.2): CropBox cut to MediaBox.

    Raises:
        ValueError: It is no rectangle; `open_pdf` makes `pdf-damaged` of it.
    """
    page = pdf.pages[index].obj
    media = _rectangle(page.get("/MediaBox"))
    if media is None:
        message = "MediaBox"
        raise ValueError(message)
    crop = _rectangle(page.get("/CropBox")) or media
    cut = (max(crop[0], media[0]), max(crop[1], media[1]), min(crop[2], media[2]), min(crop[3], media[3]))
    left, bottom, right, top = cut if cut[0] < cut[2] and cut[1] < cut[3] else media
    rotate = int(page.get("/Rotate", 0))
    unit = float(page.get("/UserUnit", 1))
    if rotate % _QUARTER or not unit > 0:
        message = "Rotate, UserUnit"
        raise ValueError(message)
    return Page(
        index=index,
        left=left,
        bottom=bottom,
        width=right - left,
        height=top - bottom,
        rotate=rotate % (4 * _QUARTER),
        unit=unit,
    )


def _rectangle(value: object) -> tuple[float, float, float, float] | None:
    if not isinstance(value, pikepdf.Array) or len(value) < _CORNERS:
        return None
    x1, y1, x2, y2 = (float(v) for v in list(value)[:_CORNERS])
    if x1 == x2 or y1 == y2:
        return None
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
