"""A print of an electronic document: a new, unsigned PDF with every page as it looks, and a note of what it came from.

The signed file is only read. Whoever holds the paper must be able to look the original up, so each page says where, in
which system and whose it is (Luật Giao dịch điện tử 20/2023/QH15 Đ.12; NĐ 137/2024/NĐ-CP Đ.4), with a QR code.

Pages stay vectors: qpdf draws the annotations into the page, text and QR symbols print as finely as the printer can,
and a page has kilobytes. Each page is then compared with what PDFium shows of the signed file; where the two differ
(a reader's own idea of a form field, optional content), that page becomes a picture at 300 dpi, so that what is printed
is what was seen.
"""

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import pikepdf
from PIL import Image, ImageChops

from esign.document import Agency, Mark
from esign.errors import InputError
from esign.pdf._structure import MM, Page, open_pdf, page_geometry
from esign.pdf._typst import Project
from esign.pdf.fonts import FontSet
from esign.pdf.marks import NO_TIME, template_source
from esign.pdf.raster import page_image
from esign.profile import VGCA_COMPAT, VIETNAM

__all__ = ["PrintCopy", "print_copy", "print_note"]

_EDGE_MM = 6.0  # what office printers cannot reach, and a little
_SIDE_MM = 15.0
_GAP_MM = 2.0
_NOTE_MM = 9.0  # two lines of 9 pt and the rule above them
_TALLEST_NOTE_MM = 16.0
_SMALLEST_SCALE = 0.85
_PAPER = 250  # lighter than this is the paper
_PICTURE_DPI = 300
_LOOK_DPI = 60
# Two renderings of one page differ in the grey of edges only: this much of a step of 255, on this share of the pixels.
_STEP = 64
_MOST_DIFFERENT = 1 / 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintCopy:
    """What goes to the printer."""

    pdf: bytes
    """Without signatures, forms, links or scripts."""
    pages: int
    """As many as the original has."""
    scale: float
    """1.0 where the bottom margin had room for the note; else all pages are a little smaller."""
    pictures: tuple[int, ...]
    """Pages, from 1, that had to become pictures."""


def print_note(agency: Agency, *, host: str, printed_at: datetime) -> str:
    """What a print says of itself: where to look the original up, in which system, whose, and when it was printed.

    Raises:
        InputError: `signing-time-naive`, `print-system-unknown`.
    """
    if printed_at.tzinfo is None:
        raise InputError("signing-time-naive")
    if not (agency.system and agency.system_owner):
        raise InputError("print-system-unknown")
    time = printed_at.astimezone(VIETNAM).strftime(VGCA_COMPAT.time_format)
    return (
        f"Bản in từ văn bản điện tử; tra cứu tại {host}; hệ thống: {agency.system}; "
        f"chủ quản: {agency.system_owner}; in lúc {time}"
    )


def print_copy(pdf: bytes, *, note: str, qr: Mark | None) -> PrintCopy:
    """Every page of `pdf` as it looks, with `note` in the bottom margin and `qr` (`qr_mark`) beside it.

    Where the margin has no room, every page is shown a little smaller, above the note.

    Raises:
        InputError: `pdf-damaged`, `pdf-encrypted`, `pdf-not-rendered`, `print-no-room`.
        PreflightError: `glyph-missing`.
    """
    fonts = FontSet.find()
    band = max(_NOTE_MM, qr.height_mm if qr else 0.0)
    with open_pdf(pdf) as original:
        pages = [page_geometry(original, index) for index in range(len(original.pages))]
        flat = _flattened(original, pages)
    differing, scale = [], 1.0
    for page in pages:
        look = page_image(pdf, page.index, _LOOK_DPI * page.unit)
        scale = min(scale, _scale(page, look, band))
        if not flat or _differ(look, page_image(flat, page.index, _LOOK_DPI)):
            differing.append(page.index)
    if scale < _SMALLEST_SCALE:
        raise InputError("print-no-room", height=f"{band:.0f}")
    with open_pdf(flat or pdf) as drawn, pikepdf.new() as printed:
        for page, sheet in zip(pages, drawn.pages, strict=True):
            width, height = (side * MM for side in page.shown_mm)
            new = printed.add_blank_page(page_size=(width, height))
            shown = pikepdf.Rectangle(width * (1 - scale) / 2, height * (1 - scale), width * (1 + scale) / 2, height)
            if page.index in differing:
                _add_picture(printed, new, page_image(pdf, page.index, _PICTURE_DPI * page.unit), shown)
            else:
                _add_page(printed, new, sheet, shown)
            _add_note(printed, new, page, note=note, qr=qr, band=band, fonts=fonts)
        out = io.BytesIO()
        printed.save(out, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    pictures = tuple(index + 1 for index in differing)
    return PrintCopy(pdf=out.getvalue(), pages=len(pages), scale=scale, pictures=pictures)


def _flattened(original: pikepdf.Pdf, pages: Sequence[Page]) -> bytes:
    """New upright pages with the annotations drawn into them; nothing else of the file comes along.

    Empty where qpdf cannot: a field's resources that no annotation could use stop it, and no reader.
    """
    try:
        original.flatten_annotations("screen")
    except (pikepdf.PdfError, RuntimeError):
        return b""
    with pikepdf.new() as flat:
        for page, source in zip(pages, original.pages, strict=True):
            shown = pikepdf.Array([page.left, page.bottom, page.left + page.width, page.bottom + page.height])
            for box in ("/TrimBox", "/BleedBox", "/ArtBox"):
                if box in source.obj:
                    del source.obj[box]
            source.obj.MediaBox = source.obj.CropBox = shown
            width, height = (side * MM for side in page.shown_mm)
            new = flat.add_blank_page(page_size=(width, height))
            _add_page(flat, new, source, pikepdf.Rectangle(0, 0, width, height))
        out = io.BytesIO()
        flat.save(out, deterministic_id=True)
    return out.getvalue()


def _add_page(pdf: pikepdf.Pdf, sheet: pikepdf.Page, source: pikepdf.Page, shown: pikepdf.Rectangle) -> None:
    """Draw `source`, upright and in the unit of its own, into `shown`."""
    form, name = pdf.copy_foreign(source.as_form_xobject()), pikepdf.Name("/Page")
    sheet.add_resource(form, pikepdf.Name.XObject, name)
    drawing = sheet.calc_form_xobject_placement(
        form, name, shown, invert_transformations=True, allow_shrink=True, allow_expand=True
    )
    sheet.contents_add(drawing)


def _differ(one: Image.Image, other: Image.Image) -> bool:
    if one.size != other.size:
        other = other.resize(one.size)
    difference = ImageChops.difference(one, other).convert("L")
    return sum(difference.histogram()[_STEP:]) > _MOST_DIFFERENT * one.width * one.height


def _scale(page: Page, look: Image.Image, band: float) -> float:
    """How much smaller the page must be, its top edge staying where it is, for the note to stand below its ink."""
    height = page.shown_mm[1]
    ink = look.convert("L").point(lambda v: 255 * (v < _PAPER)).getbbox()
    if ink is None:
        return 1.0
    lowest = height * ink[3] / look.height
    return min(1.0, (height - _EDGE_MM - band - _GAP_MM) / lowest)


def _add_picture(printed: pikepdf.Pdf, page: pikepdf.Page, picture: Image.Image, shown: pikepdf.Rectangle) -> None:
    image = printed.make_stream(
        zlib.compress(picture.tobytes(), 6),
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Image,
        Width=picture.width,
        Height=picture.height,
        ColorSpace=pikepdf.Name.DeviceRGB,
        BitsPerComponent=8,
        Filter=pikepdf.Name.FlateDecode,
    )
    name = page.add_resource(image, pikepdf.Name.XObject, pikepdf.Name("/Page"))
    placed = f"q {shown.width:.4f} 0 0 {shown.height:.4f} {shown.llx:.4f} {shown.lly:.4f} cm {name} Do Q"
    page.contents_add(placed.encode("ascii"))


def _add_note(
    printed: pikepdf.Pdf, sheet: pikepdf.Page, page: Page, *, note: str, qr: Mark | None, band: float, fonts: FontSet
) -> None:
    """The QR at the left, the note beside it, level with its middle."""
    left = _SIDE_MM
    if qr:
        _add_mark(printed, sheet, qr, "/QR", left, _EDGE_MM + (band - qr.height_mm) / 2)
        left += qr.width_mm + _GAP_MM
    mark = _note_mark(note, page.shown_mm[0] - _SIDE_MM - left, min(band, _TALLEST_NOTE_MM), fonts)
    _add_mark(printed, sheet, mark, "/Note", left, _EDGE_MM + (band - mark.height_mm) / 2)


def _add_mark(printed: pikepdf.Pdf, sheet: pikepdf.Page, mark: Mark, name: str, left: float, bottom: float) -> None:
    with pikepdf.open(io.BytesIO(mark.pdf)) as source:
        form = printed.copy_foreign(source.pages[0].as_form_xobject())
    sheet.add_resource(form, pikepdf.Name.XObject, pikepdf.Name(name))
    sheet.contents_add(f"q 1 0 0 1 {left * MM:.4f} {bottom * MM:.4f} cm {name} Do Q".encode("ascii"))


def _note_mark(note: str, width: float, height: float, fonts: FontSet) -> Mark:
    inputs = {"width": width, "height": height, "font": fonts.family, "note": note}
    try:
        pdf = _project(fonts).typeset(inputs, at=NO_TIME, tags=False).pdf
    except InputError as e:
        if "esign: text does not fit" in str(e.reason.facts.get("problem", "")):
            raise InputError("mark-text-too-long", characters=len(note)) from e
        raise
    return Mark(pdf=pdf, width_mm=width, height_mm=height, alt=note)


@lru_cache(maxsize=4)
def _project(fonts: FontSet) -> Project:
    main = "print-note.typ"
    return Project("print-note", {main: template_source(main)}, main=main, fonts=fonts)
