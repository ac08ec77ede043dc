"""Where seal and signature can stand on pages that other software made: white room, found by looking.

A page is rasterised at low resolution, as it is shown; a place is free when every pixel of it is the paper's colour.
What a reader would see decides, so text, scans, tables and other people's stamps all count.
"""

import math
from dataclasses import dataclass
from enum import Enum

from PIL import ImageDraw

from esign.document import Box
from esign.errors import InputError, PreflightError
from esign.pdf._structure import MM, Page, open_pdf, page_geometry
from esign.pdf.raster import page_image
from esign.reasons import Reason

__all__ = ["LARGEST_MM", "SMALLEST_MM", "Places", "find_places"]

SMALLEST_MM, LARGEST_MM = 40.0, 1300.0
"""A page smaller than a bank card or larger than A0 is no administrative document."""

_DPI = 36  # 0.7 mm a pixel: finer than the gap between marks
_COMFORT_MM = 15.0  # the smallest margin of ND30 (Phụ lục I, I.3): marks look best inside it
_EDGE_MM = 5.0  # what office printers cannot reach
_GAP_MM = 1.5  # between a mark and what the page says
_LIGHT = 220  # paper darker than this carries no readable QR
_TOLERANCE = 2  # pixels
_SAME = 4  # steps of 255 in which a scan's white varies without being something


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Room for the marks; None for a mark that was not asked for."""

    seal: Box | None
    """For the QR seal with its id and host."""
    signature: Box | None
    """For the agency's mark."""


class _Side(Enum):
    """The side of the page that a mark belongs to."""

    LEFT = "left"
    RIGHT = "right"


class _Room:
    """The free cells of one page; what is taken is free no longer."""

    def __init__(self, pdf: bytes, page: Page) -> None:
        self.page = page
        picture = page_image(pdf, page.index, _DPI * page.unit).convert("L")
        width, height = page.shown_mm
        expected = (width * _DPI / 25.4, height * _DPI / 25.4)
        if any(abs(a - b) > _TOLERANCE for a, b in zip(picture.size, expected, strict=True)):
            # qpdf and PDFium read the boxes differently: a place would be somewhere else for a reader.
            raise InputError("pdf-not-rendered", problem=f"{picture.width} x {picture.height} px")
        self._cell = (width / picture.width, height / picture.height)
        # The paper is the commonest light colour; pictures may cover more of the page than it does.
        counts = picture.histogram()
        paper = max(range(_LIGHT, 256), key=lambda v: counts[v])
        self._used = picture.point([0 if abs(v - paper) <= _SAME else 1 for v in range(256)])

    def take(self, size: tuple[float, float], side: _Side, *, edge: float, corner: bool) -> Box | None:
        """The lowest free place of `size` mm, from `side`; with `corner` only in that side's lower quarter."""
        columns, rows = self._used.size
        need_w, need_h = (math.ceil((v + 2 * _GAP_MM) / c) for v, c in zip(size, self._cell, strict=True))
        edge_x, edge_y = (max(0, math.ceil((edge - _GAP_MM) / c)) for c in self._cell)
        left, right = edge_x, columns - edge_x
        top = edge_y
        if corner:
            # The quarter that it belongs to, or as much more as the mark itself needs.
            top = max(top, min(rows // 2, rows - edge_y - need_h))
            if side is _Side.LEFT:
                right = min(right, max(columns // 2, left + need_w))
            else:
                left = max(left, min(columns // 2, right - need_w))
        found = self._lowest(need_w, need_h, (left, top, right, rows - edge_y), side)
        if found is None:
            return None
        x, y = found
        ImageDraw.Draw(self._used).rectangle((x, y, x + need_w - 1, y + need_h - 1), fill=1)
        middle_x = (x + need_w / 2) * self._cell[0]
        middle_y = self.page.shown_mm[1] - (y + need_h / 2) * self._cell[1]
        return _box(self.page, middle_x - size[0] / 2, middle_y - size[1] / 2, size)

    def _lowest(self, need_w: int, need_h: int, area: tuple[int, int, int, int], side: _Side) -> tuple[int, int] | None:
        left, top, right, bottom = area
        if right - left < need_w or bottom - top < need_h:
            return None
        found = None
        free_above = [0] * (right - left)  # for each column: how many cells are free, upwards from this row
        run = b"\1" * need_w
        pixels = self._used.crop(area).tobytes()
        for row in range(bottom - top):
            line = pixels[row * (right - left) : (row + 1) * (right - left)]
            free_above = [0 if used else n + 1 for n, used in zip(free_above, line, strict=True)]
            fits = bytes(n >= need_h for n in free_above)
            x = fits.find(run) if side is _Side.LEFT else fits.rfind(run)
            if x >= 0:
                found = (left + x, top + row + 1 - need_h)
        return found


def find_places(pdf: bytes, *, seal: tuple[float, float] | None, signature: tuple[float, float] | None) -> Places:
    """Free places for marks of these sizes, (width, height) in mm as shown.

    The signature stands bottom right and the seal bottom left, on the last page, else on the first, else anywhere on
    these two. Nothing overlaps, and at least 5 mm to the page's edge stay free.

    Raises:
        PreflightError: `document-not-issuable` with `no-room-for-seal`, `no-room-for-signature`, `page-size-insane`.
        InputError: `pdf-damaged`, `pdf-encrypted`, `pdf-not-rendered`.
    """
    if seal is None and signature is None:
        return Places(seal=None, signature=None)
    with open_pdf(pdf) as opened:
        last = len(opened.pages) - 1
        pages = [page_geometry(opened, index) for index in dict.fromkeys((last, 0))]
    for page in pages:
        if not all(SMALLEST_MM <= side <= LARGEST_MM for side in page.shown_mm):
            facts = {"page": page.index + 1, "width": f"{page.shown_mm[0]:.0f}", "height": f"{page.shown_mm[1]:.0f}"}
            raise _refused([Reason("page-size-insane", facts)])
    rooms = [_Room(pdf, page) for page in pages]
    signature_box = _first(rooms, signature, _Side.RIGHT)
    seal_box = _first(rooms, seal, _Side.LEFT)
    findings = [
        Reason(code, {"width": f"{size[0]:.0f}", "height": f"{size[1]:.0f}"})
        for code, size, box in (
            ("no-room-for-seal", seal, seal_box),
            ("no-room-for-signature", signature, signature_box),
        )
        if size and not box
    ]
    if findings:
        raise _refused(findings)
    return Places(seal=seal_box, signature=signature_box)


def _first(rooms: list[_Room], size: tuple[float, float] | None, side: _Side) -> Box | None:
    if size is None:
        return None
    for corner in (True, False):
        for room in rooms:
            for edge in (_COMFORT_MM, _EDGE_MM):
                box = room.take(size, side, edge=edge, corner=corner)
                if box:
                    return box
    return None


def _refused(findings: list[Reason]) -> PreflightError:
    return PreflightError("document-not-issuable", findings=findings, count=len(findings))


def _box(page: Page, x: float, y: float, size: tuple[float, float]) -> Box:
    """From mm as shown, from the lower left corner, to the page's user space."""
    x, y, w, h = (v * MM / page.unit for v in (x, y, *size))
    # /Rotate turns the page clockwise when it is shown (ISO 32000-1 Table 30); this turns the place back.
    left, bottom, width, height = {
        0: (x, y, w, h),
        90: (page.width - y - h, x, h, w),
        180: (page.width - x - w, page.height - y - h, w, h),
        270: (y, page.height - x - w, h, w),
    }[page.rotate]
    return Box(
        page=page.index,
        left=page.left + left,
        bottom=page.bottom + bottom,
        width=width,
        height=height,
        rotate=page.rotate,
    )
