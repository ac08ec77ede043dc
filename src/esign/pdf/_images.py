"""The pictures on a page: where they lie, how finely they are sampled, whether they have colour."""

import math
from dataclasses import dataclass

import pypdfium2 as pdfium

from esign.errors import InputError
from esign.pdf.raster import opened_by_pdfium

__all__ = ["Picture", "pictures"]

_MOST_PICTURES = 2000
_COLOUR_BITS = 24
# Spaces with fewer bits a pixel that still have colour (FPDF_COLORSPACE_…); an indexed one may be grey after all.
_COLOURED = frozenset(
    (pdfium.raw.FPDF_COLORSPACE_INDEXED, pdfium.raw.FPDF_COLORSPACE_LAB, pdfium.raw.FPDF_COLORSPACE_CALRGB)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image as it lies on a page, in the page's user space."""

    left: float
    """x of its bounding box."""
    bottom: float
    """y of its bounding box."""
    right: float
    """x of its other side."""
    top: float
    """y of its other side."""
    per_unit: float
    """Samples in a unit of user space, along the side where they are fewer."""
    colour: bool
    """Whether its samples have colour; 1-bit and grey ones have not."""


def pictures(pdf: bytes) -> tuple[tuple[Picture, ...], ...]:
    """The pictures of each page of `pdf`, those in form XObjects too; inline images are among them.

    Raises:
        InputError: `pdf-not-rendered`.
    """
    with opened_by_pdfium(pdf) as document:
        try:
            return tuple(_of_page(document[index]) for index in range(len(document)))
        except (pdfium.PdfiumError, IndexError, ValueError) as e:
            raise InputError("pdf-not-rendered", problem=type(e).__name__) from e


def _of_page(page: pdfium.PdfPage) -> tuple[Picture, ...]:
    found: list[Picture] = []
    for item in page.get_objects(filter=[pdfium.raw.FPDF_PAGEOBJ_IMAGE]):
        if len(found) >= _MOST_PICTURES:
            raise InputError("pdf-not-rendered", problem=f"> {_MOST_PICTURES} images")
        picture = _picture(item)
        if picture:
            found.append(picture)
    return tuple(found)


def _picture(item: pdfium.PdfImage) -> Picture | None:
    matrix, container = item.get_matrix(), item.container
    while container is not None:  # a form's own /Matrix is already in its content's
        matrix, container = matrix.multiply(container.get_matrix()), container.container
    a, b, c, d, e, f = matrix.get()
    across, along = math.hypot(a, b), math.hypot(c, d)
    if not (across > 0 and along > 0):
        return None
    xs, ys = [e, e + a, e + c, e + a + c], [f, f + b, f + d, f + b + d]
    about = item.get_metadata()
    return Picture(
        left=min(xs),
        bottom=min(ys),
        right=max(xs),
        top=max(ys),
        per_unit=min(about.width / across, about.height / along),
        colour=about.bits_per_pixel >= _COLOUR_BITS or (about.bits_per_pixel > 1 and about.colorspace in _COLOURED),
    )
