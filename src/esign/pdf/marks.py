"""What is drawn over a page when it is sealed and signed: the QR seal, and the agency's red seal with its text.

A mark is a one-page PDF with a transparent background and embedded fonts, ready to become a form XObject.
"""

import io
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from math import floor
from xml.etree import ElementTree as ET

from PIL import Image

from esign.document import Agency, Mark
from esign.errors import InputError
from esign.pdf._typst import Project
from esign.pdf.fonts import FontSet
from esign.profile import VGCA_COMPAT, VIETNAM

__all__ = ["agency_mark", "agency_mark_size", "seal_mark", "seal_mark_size"]


# The text beside the red seal: wide enough for an agency's name in two lines, low enough to leave room above it for
# the image of a person's signature (about 40 x 20 mm).
_TEXT_WIDTH_MM = 50.0
_TEXT_HEIGHT_MM = 17.0
_GAP_MM = 1.5

# DejaVu Sans Mono, which is inside typst: 1233/2048 em a character, so widths are known without setting the text.
_MONO_ADVANCE_MM = 7 * 1233 / 2048 * 25.4 / 72
_LINE_MM = 2.9

_LARGEST_SEAL_PIXELS = 4096 * 4096
# A mark says when something was signed; the file that carries it says nothing of its own.
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_SVG = "{http://www.w3.org/2000/svg}"


def agency_mark_size(agency: Agency) -> tuple[float, float]:
    """Width and height in mm of the agency's mark; they do not depend on who signs or when."""
    if agency.seal_image is None:
        return _TEXT_WIDTH_MM, _TEXT_HEIGHT_MM
    diameter = agency.seal_diameter_mm
    return diameter + _GAP_MM + _TEXT_WIDTH_MM, max(diameter, _TEXT_HEIGHT_MM)


def agency_mark(
    agency: Agency,
    *,
    signer: str,
    signing_time: datetime,
    time_format: str = VGCA_COMPAT.time_format,
    fonts: FontSet | None = None,
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
    fonts = fonts or FontSet.find()
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
        pdf = _agency_project(agency.seal_image, fonts).typeset(inputs, at=NO_TIME, tags=False).pdf
    except InputError as e:
        if "esign: text does not fit" in str(e.reason.facts.get("problem", "")):
            raise InputError("mark-text-too-long", characters=sum(map(len, lines))) from e
        raise
    return Mark(pdf=pdf, width_mm=width, height_mm=height, alt="\n".join(lines))


def seal_mark_size(*, size_mm: float, quiet_mm: float, host: str, printed_id: str) -> tuple[float, float]:
    """Width and height in mm of `seal_mark` with the same arguments, known before there is a symbol."""
    lines = _seal_lines(size_mm, quiet_mm, host=host, printed_id=printed_id)
    width = _seal_width(size_mm, quiet_mm, printed_id)
    return width, size_mm + 2 * quiet_mm + len(lines) * _LINE_MM


def seal_mark(svg: bytes, *, size_mm: float, quiet_mm: float, host: str, printed_id: str) -> Mark:
    """The QR symbol with its quiet zone, the 16-character id below it, and the host.

    `svg` draws the symbol alone, without a quiet zone, as one `<path>` with one fill; `size_mm` is its side.

    Raises:
        InputError: `seal-svg-invalid`.
    """
    _check_svg(svg)
    lines = _seal_lines(size_mm, quiet_mm, host=host, printed_id=printed_id)
    width, height = seal_mark_size(size_mm=size_mm, quiet_mm=quiet_mm, host=host, printed_id=printed_id)
    inputs = {
        "width": width,
        "height": height,
        "size": size_mm,
        "quiet": quiet_mm,
        "text-top": size_mm + 2 * quiet_mm,
        "line-height": _LINE_MM,
        "lines": lines,
        "svg": svg.decode("ascii"),
    }
    pdf = _seal_project().typeset(inputs, at=NO_TIME, tags=False).pdf
    return Mark(pdf=pdf, width_mm=width, height_mm=height, alt=f"QR {printed_id} {host}")


@lru_cache(maxsize=16)
def _agency_project(seal_image: bytes | None, fonts: FontSet) -> Project:
    own = {"agency-mark.typ": template_source("agency-mark.typ")}
    if seal_image is not None:
        _check_seal_image(seal_image)
        own["seal.png"] = seal_image
    return Project("agency-mark", own, main="agency-mark.typ", fonts=fonts)


@lru_cache(maxsize=1)
def _seal_project() -> Project:
    own = {"seal-mark.typ": template_source("seal-mark.typ")}
    # Only the monospaced font inside typst is used, on every machine the same.
    return Project("seal-mark", own, main="seal-mark.typ", fonts=FontSet.find(("Libertinus Serif",)))


def template_source(name: str) -> bytes:
    return files("esign.pdf").joinpath("templates", name).read_bytes()


def _check_seal_image(data: bytes) -> None:
    """A red seal is a PNG with transparency (ND30 Phụ lục I, II.8.a) of a sane size."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            width, height = image.size
            if width * height > _LARGEST_SEAL_PIXELS:
                raise InputError("seal-image-invalid", problem=f"{width} x {height} px")
            image.load()
            transparent = image.convert("RGBA").getchannel("A").getextrema()[0] == 0
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as e:
        raise InputError("seal-image-invalid", problem="PNG") from e
    if not transparent:
        raise InputError("seal-image-invalid", problem="no alpha")


def _check_svg(svg: bytes) -> None:
    try:
        root = ET.fromstring(svg.decode("ascii"))  # noqa: S314 - our own symbol; entities are refused below
    except (ET.ParseError, UnicodeDecodeError) as e:
        raise InputError("seal-svg-invalid", problem="XML") from e
    drawn = [e.tag.removeprefix(_SVG) for e in root.iter()]
    if b"<!" in svg or drawn != ["svg", "path"]:
        raise InputError("seal-svg-invalid", problem="expected <svg> with one <path>")


def _seal_width(size_mm: float, quiet_mm: float, printed_id: str) -> float:
    return max(size_mm + 2 * quiet_mm, len(printed_id) * _MONO_ADVANCE_MM)


def _seal_lines(size_mm: float, quiet_mm: float, *, host: str, printed_id: str) -> list[str]:
    per_line = floor(_seal_width(size_mm, quiet_mm, printed_id) / _MONO_ADVANCE_MM + 1e-6)
    lines, line = [], ""
    for label in host.replace(".", ".\0").split("\0"):
        if line and len(line) + len(label) > per_line:
            lines.append(line)
            line = ""
        line += label
        while len(line) > per_line:
            lines.append(line[:per_line])
            line = line[per_line:]
    return [printed_id, *lines, *([line] if line else [])]
