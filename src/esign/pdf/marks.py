"""What is drawn over a page when it is signed: a person's signature, the agency's red seal.

A mark is a one-page PDF with a transparent background and embedded fonts, ready to become a form XObject.
"""

import io
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files

from PIL import Image, ImageStat
from PIL.PngImagePlugin import PngImageFile

from esign.document import Agency, Mark
from esign.errors import InputError
from esign.pdf._typst import Project
from esign.pdf.fonts import FontSet
from esign.profile import VGCA_COMPAT, VIETNAM

__all__ = [
    "PERSON_MM",
    "agency_mark",
    "agency_mark_size",
    "person_mark",
    "person_top",
    "red_seal_mark",
]

PERSON_MM = (40.0, 20.0)
"""Width and height of the place for the image of a person's signature, whose left third the seal covers."""

# The text beside the red seal, wide enough for an agency's name in two lines; the person's signature stands above it.
_TEXT_WIDTH_MM = 50.0
_TEXT_HEIGHT_MM = 17.0
_GAP_MM = 1.5
_PERSON_TOP_MM = 2.5
_BELOW_PERSON_MM = 0.5

_LARGEST_IMAGE_PIXELS = 4096 * 4096
_SMALLEST_SIGNATURE_PIXELS = (236, 60)  # 40 mm at 150 dpi, and a flat scrawl
# A mark says when something was signed; the file that carries it says nothing of its own.
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
# The mean ink of a blue pen, in steps of 255: blue-black passes, black does not.
_BLUER = 12


def agency_mark_size(agency: Agency) -> tuple[float, float]:
    """Width and height in mm of the agency's mark; they do not depend on who signs or when."""
    if agency.seal_image is None:
        return _TEXT_WIDTH_MM, _TEXT_HEIGHT_MM
    diameter = agency.seal_diameter_mm
    return diameter + _GAP_MM + _TEXT_WIDTH_MM, person_top(agency) + PERSON_MM[1] + _BELOW_PERSON_MM + _TEXT_HEIGHT_MM


def person_top(agency: Agency) -> float:
    """How far in mm the person's image begins below the top of the agency's mark: about level with its seal."""
    if agency.seal_image is None:
        return 0.0
    return max(_PERSON_TOP_MM, agency.seal_diameter_mm - PERSON_MM[1] - _BELOW_PERSON_MM - _TEXT_HEIGHT_MM)


def agency_mark(
    agency: Agency,
    *,
    signer: str,
    signing_time: datetime,
    time_format: str = VGCA_COMPAT.time_format,
) -> Mark:
    """The red seal at exactly its real size, and beside it who signed and when.

    `signer` is the name in the certificate. Without a seal image the mark is the text alone.

    Raises:
        PreflightError: `glyph-missing`.
        InputError: `seal-image-invalid`, `mark-text-too-long`, `signing-time-naive`.
    """
    if signing_time.tzinfo is None:
        raise InputError("signing-time-naive")
    lines = (
        f"Ký bởi: {signer}",
        f"Cơ quan: {agency.name}",
        f"Thời gian ký: {signing_time.astimezone(VIETNAM).strftime(time_format)}",
    )
    width, height = agency_mark_size(agency)
    fonts = FontSet.find()
    inputs = {
        "width": width,
        "height": height,
        "diameter": agency.seal_diameter_mm if agency.seal_image is not None else 0,
        "text-width": _TEXT_WIDTH_MM,
        "text-height": _TEXT_HEIGHT_MM,
        "font": fonts.family,
        "lines": lines,
    }
    try:
        pdf = _typeset(_agency_project(agency.seal_image, fonts), tuple(inputs.items()))
    except InputError as e:
        if "esign: text does not fit" in str(e.reason.facts.get("problem", "")):
            raise InputError("mark-text-too-long", characters=sum(map(len, lines))) from e
        raise
    return Mark(pdf=pdf, width_mm=width, height_mm=height, alt="\n".join(lines))


def red_seal_mark(agency: Agency) -> Mark | None:
    """The red seal alone, at exactly its real size; None for an agency without its image.

    Raises:
        InputError: `seal-image-invalid`.
    """
    if agency.seal_image is None:
        return None
    side = agency.seal_diameter_mm
    pdf = _typeset(_red_seal_project(agency.seal_image), (("width", side), ("height", side)))
    return Mark(pdf=pdf, width_mm=side, height_mm=side, alt=agency.name)


def person_mark(image: bytes, *, signer: str = "") -> Mark:
    """The image of the competent person's signature, fitted into 40 x 20 mm; no text (ND30 Phụ lục I, II.7.d).

    `signer` is for people who cannot see it.

    Raises:
        InputError: `signature-image-invalid`: no PNG, no transparency, not blue, or of no sane size.
    """
    size = (("width", PERSON_MM[0]), ("height", PERSON_MM[1]))
    pdf = _typeset(_person_project(image), size)
    return Mark(pdf=pdf, width_mm=PERSON_MM[0], height_mm=PERSON_MM[1], alt=f"Chữ ký: {signer}" if signer else "Chữ ký")


@lru_cache(maxsize=64)
def _typeset(project: Project, inputs: tuple[tuple[str, object], ...]) -> bytes:
    """The page; many documents of an office show the very same marks, or the same within a second."""
    return project.typeset(dict(inputs), at=NO_TIME, tags=False).pdf


@lru_cache(maxsize=16)
def _agency_project(seal_image: bytes | None, fonts: FontSet) -> Project:
    own = {"agency-mark.typ": template_source("agency-mark.typ")}
    if seal_image is not None:
        _check_seal_image(seal_image)
        own["seal.png"] = seal_image
    return Project("agency-mark", own, main="agency-mark.typ", fonts=fonts)


def _image_project(image: bytes) -> Project:
    own = {"image-mark.typ": template_source("image-mark.typ"), "image.png": image}
    return Project("image-mark", own, main="image-mark.typ", fonts=FontSet.find())


@lru_cache(maxsize=16)
def _red_seal_project(image: bytes) -> Project:
    _check_seal_image(image)
    return _image_project(image)


@lru_cache(maxsize=64)
def _person_project(image: bytes) -> Project:
    _check_signature_image(image)
    return _image_project(image)


def template_source(name: str) -> bytes:
    return files("esign.pdf").joinpath("templates", name).read_bytes()


def _check_seal_image(data: bytes) -> None:
    """A red seal is a PNG with transparency (ND30 Phụ lục I, II.8.a) of a sane size."""
    try:
        image = _rgba(data)
    except ValueError as e:
        raise InputError("seal-image-invalid", problem=str(e)) from e
    if image.getchannel("A").getextrema()[0] != 0:
        raise InputError("seal-image-invalid", problem="no alpha")


def _check_signature_image(data: bytes) -> None:
    """A person's signature is blue, a PNG with transparency (ND30 Phụ lục I, II.7.d) of a sane size."""
    try:
        image = _rgba(data)
    except ValueError as e:
        raise InputError("signature-image-invalid", problem=str(e)) from e
    alpha = image.getchannel("A")
    if alpha.getextrema()[0] != 0:
        raise InputError("signature-image-invalid", problem="no alpha")
    if image.width < _SMALLEST_SIGNATURE_PIXELS[0] or image.height < _SMALLEST_SIGNATURE_PIXELS[1]:
        raise InputError("signature-image-invalid", problem=f"{image.width} x {image.height} px")
    ink = alpha.point(lambda v: 255 * (v >= 128))
    if ink.getbbox() is None:
        raise InputError("signature-image-invalid", problem="nothing to see")
    red, green, blue = ImageStat.Stat(image.convert("RGB"), ink).mean
    if blue <= max(red, green) + _BLUER:
        raise InputError("signature-image-invalid", problem="not blue")


def _rgba(data: bytes) -> Image.Image:
    """A PNG of a sane size; `ValueError` says in a word why it is none."""
    try:
        with PngImageFile(io.BytesIO(data)) as image:  # `Image.open` would load the readers of other formats first
            size = image.size
            if size[0] * size[1] <= _LARGEST_IMAGE_PIXELS:
                return image.convert("RGBA")
    except (OSError, SyntaxError, ValueError) as e:
        message = "PNG"
        raise ValueError(message) from e
    message = f"{size[0]} x {size[1]} px"
    raise ValueError(message)
