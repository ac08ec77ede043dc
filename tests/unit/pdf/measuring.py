"""What a ruler and a loupe would find: letters with font, size, colour and place; where there is blue, red or black.

All measures are in mm from the upper left corner of the page as it is shown, as an office would measure.
"""

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pypdfium2 as pdfium
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from PIL import Image, ImageChops, ImageFilter

from esign.document import Box, Mark
from esign.keys import Mechanism
from esign.pades.sign import Appearance, prepare, sign
from esign.pdf.raster import page_image
from esign.softkey import SoftwareKey
from tests.support.pki import PKI, name
from tests.unit.pdf.tools import MM

DPI = 300
SIGNED_AT = datetime(2026, 11, 21, 3, 32, 58, tzinfo=UTC)


@dataclass(frozen=True)
class Area:
    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2

    def overlaps(self, other: "Area") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


@dataclass(frozen=True)
class Letter:
    text: str
    area: Area
    font: str
    size: float
    colour: tuple[int, ...]


def area(box: Box, page_height: float = 297) -> Area:
    """`box` on an upright page."""
    top = page_height - (box.bottom + box.height) / MM
    return Area(box.left / MM, top, (box.left + box.width) / MM, top + box.height / MM)


def letters(pdf: bytes, page: int = 0) -> list[Letter]:
    """Every letter of a page's own text that shows something."""
    document = pdfium.PdfDocument(pdf)
    try:
        opened = document[page]
        height = opened.get_height()
        text = opened.get_textpage()
        return [found for i in range(text.count_chars()) if (found := _letter(text, i, height)) is not None]
    finally:
        document.close()


def _letter(text: Any, index: int, height: float) -> Letter | None:
    raw = pdfium.raw
    code = raw.FPDFText_GetUnicode(text, index)
    if chr(code).isspace() or code == 0:
        return None
    left, bottom, right, top = text.get_charbox(index)
    font = ctypes.create_string_buffer(200)
    raw.FPDFText_GetFontInfo(text, index, font, 200, ctypes.c_int())
    bands = [ctypes.c_uint() for _ in range(4)]
    assert raw.FPDFText_GetFillColor(text, index, *bands)
    matrix = raw.FS_MATRIX()
    assert raw.FPDFText_GetMatrix(text, index, matrix)
    size = raw.FPDFText_GetFontSize(text, index) * matrix.d
    place = Area(left / MM, (height - top) / MM, right / MM, (height - bottom) / MM)
    return Letter(chr(code), place, font.value.decode(), size, tuple(b.value for b in bands))


def words(found: Sequence[Letter], wanted: str) -> list[Letter]:
    """The letters of the first place where `wanted` (without its spaces) stands."""
    bare = wanted.replace(" ", "")
    start = "".join(letter.text for letter in found).index(bare)
    return list(found[start : start + len(bare)])


def around(found: Sequence[Letter]) -> Area:
    areas = [letter.area for letter in found]
    return Area(
        min(a.left for a in areas), min(a.top for a in areas), max(a.right for a in areas), max(a.bottom for a in areas)
    )


def _strong(band: Image.Image, others: Sequence[Image.Image]) -> Image.Image:
    # PDFium gives black letters coloured fringes, one pixel wide: a pixel is taken off every edge, and added again.
    much = ImageChops.subtract(band, ImageChops.lighter(*others)).point(lambda v: 255 * (v > 60))
    return much.filter(ImageFilter.MinFilter(3)).filter(ImageFilter.MaxFilter(3))


def red(picture: Image.Image) -> Image.Image:
    r, g, b = picture.convert("RGB").split()
    return _strong(r, (g, b))


def blue(picture: Image.Image) -> Image.Image:
    r, g, b = picture.convert("RGB").split()
    return _strong(b, (r, g))


def black(picture: Image.Image) -> Image.Image:
    return picture.convert("L").point(lambda v: 255 * (v < 100))


def extent(pdf: bytes, of: Callable[[Image.Image], Image.Image], *, within: Area | None = None, dpi: int = DPI) -> Area:
    """Where there is `of` on the first page, annotations included."""
    picture = page_image(pdf, 0, dpi)
    per_mm = dpi / 25.4
    x = y = 0.0
    if within:
        x, y = within.left, within.top
        edges = (within.left, within.top, within.right, within.bottom)
        picture = picture.crop(tuple(round(v * per_mm) for v in edges))  # type: ignore[arg-type]  # four of them
    found = of(picture).getbbox()
    assert found is not None, "nothing of that colour"
    left, top, right, bottom = (v / per_mm for v in found)
    return Area(left + x, top + y, right + x, bottom + y)


@cache
def _key() -> SoftwareKey:
    pki = PKI.create()
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = pki.issuing.certify(key.public_key(), name("Người ký MẪU"))
    return SoftwareKey.from_private_key(key, (certificate.public_bytes(Encoding.DER),))


def signed(pdf: bytes, *marks: tuple[Mark, Box]) -> bytes:
    """`pdf` with a signature for each mark, in its place."""
    for number, (mark, box) in enumerate(marks):
        prepared = prepare(
            pdf,
            certificates=_key().certificates,
            mechanism=Mechanism.ECDSA_P256_SHA256,
            signing_time=SIGNED_AT,
            field_name=f"Signature{number}",
            appearance=Appearance(mark=mark, box=box),
        )
        pdf = sign(prepared, _key())
    return pdf
