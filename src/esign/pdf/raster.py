"""Pages as pictures, through PDFium: for reading a seal back, for finding white room, for people who look."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pypdfium2 as pdfium
from PIL import Image

from esign.errors import InputError

__all__ = ["opened_by_pdfium", "page_count", "page_image", "page_text"]

# PDFium is not thread-safe, not even with documents of one's own.
_PDFIUM = threading.Lock()
_MOST_PIXELS = 100_000_000
_POINTS_PER_INCH = 72
_MOST_RUNS = 2000


def page_count(pdf: bytes) -> int:
    """How many pages `pdf` has.

    Raises:
        InputError: `pdf-not-rendered`.
    """
    with opened_by_pdfium(pdf) as document:
        return len(document)


def page_image(
    pdf: bytes, page: int, dpi: float, *, transparent: bool = False, most_pixels: int = _MOST_PIXELS
) -> Image.Image:
    """Page `page` (from 0) of `pdf` as it is shown: cropped and rotated, with forms drawn; RGB, or RGBA.

    Raises:
        InputError: `pdf-not-rendered`: PDFium cannot, or the picture would be enormous.
    """
    with opened_by_pdfium(pdf) as document:
        try:
            opened = document[page]
            width, height = opened.get_size()
            scale = dpi / _POINTS_PER_INCH
            if not 0 < width * height * scale * scale <= most_pixels:
                raise InputError("pdf-not-rendered", problem=f"{width:.0f} x {height:.0f} pt")
            fill = (255, 255, 255, 0 if transparent else 255)
            bitmap = opened.render(
                scale=scale, fill_color=fill, may_draw_forms=True, rev_byteorder=True, force_bitmap_format=None
            )
            # A copy: the bitmap's memory goes when the document closes.
            return cast("Image.Image", bitmap.to_pil()).convert("RGBA" if transparent else "RGB")
        except (pdfium.PdfiumError, IndexError, ValueError) as e:
            raise InputError("pdf-not-rendered", problem=type(e).__name__) from e


def page_text(pdf: bytes, page: int) -> tuple[str, ...]:
    """The text of a page: its lines, and then its runs (pieces of a line that stand together in one font).

    Raises:
        InputError: `pdf-not-rendered`.
    """
    with opened_by_pdfium(pdf) as document:
        try:
            text = document[page].get_textpage()
            lines = str(text.get_text_range(errors="replace")).splitlines()
            runs = [str(text.get_text_bounded(*text.get_rect(i))) for i in range(min(text.count_rects(), _MOST_RUNS))]
        except (pdfium.PdfiumError, IndexError, ValueError) as e:
            raise InputError("pdf-not-rendered", problem=type(e).__name__) from e
        return (*lines, *runs)


@contextmanager
def opened_by_pdfium(pdf: bytes) -> Iterator[pdfium.PdfDocument]:
    """PDFium's document; nobody else uses PDFium meanwhile."""
    with _PDFIUM:
        try:
            document = pdfium.PdfDocument(pdf)
        except pdfium.PdfiumError as e:
            raise InputError("pdf-not-rendered", problem="PDFium") from e
        try:
            if document.get_formtype() == pdfium.raw.FORMTYPE_ACRO_FORM:  # XFA is not in this build of PDFium
                document.init_forms()
            yield document
        finally:
            document.close()
