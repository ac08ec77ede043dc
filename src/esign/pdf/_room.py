"""White room on a page, found by looking: what a reader would see decides, so text, scans, tables and stamps all count.

A page is rasterised at low resolution, as it is shown; a place is free when every pixel of it is the paper's colour.
"""

import math
from enum import Enum

from PIL import Image, ImageChops, ImageDraw

from esign.document import Box
from esign.errors import InputError
from esign.pdf._structure import MM, Page
from esign.pdf.raster import page_image

__all__ = ["COMFORT_MM", "EDGE_MM", "Room", "Side", "box_on", "shown_on"]

_DPI = 36  # 0.7 mm a pixel: finer than the gap between marks
COMFORT_MM = 15.0  # the smallest margin of ND30 (Phụ lục I, I.3): marks look best inside it
EDGE_MM = 5.0  # what office printers cannot reach
_GAP_MM = 1.5  # between a mark and what the page says
_LIGHT = 220  # paper darker than this carries no readable QR
_TOLERANCE = 2  # pixels
_SAME = 4  # steps of 255 in which a scan's white varies without being something


class Side(Enum):
    """The side of the page that a mark belongs to."""

    LEFT = "left"
    RIGHT = "right"


class Room:
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

    def take(self, size: tuple[float, float], side: Side, *, edge: float, corner: bool) -> Box | None:
        """The lowest free place of `size` mm, from `side`; with `corner` only in that side's lower quarter."""
        columns, rows = self._used.size
        need_w, need_h = (math.ceil((v + 2 * _GAP_MM) / c) for v, c in zip(size, self._cell, strict=True))
        edge_x, edge_y = (max(0, math.ceil((edge - _GAP_MM) / c)) for c in self._cell)
        left, right = edge_x, columns - edge_x
        top = edge_y
        if corner:
            # The quarter that it belongs to, or as much more as the mark itself needs.
            top = max(top, min(rows // 2, rows - edge_y - need_h))
            if side is Side.LEFT:
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
        return box_on(self.page, middle_x - size[0] / 2, middle_y - size[1] / 2, size)

    def is_free(self, left: float, top: float, size: tuple[float, float]) -> bool:
        """Whether `size` mm at `left`, `top`, from the page's upper left corner, and a gap around are white."""
        cells = self._cells(left - _GAP_MM, top - _GAP_MM, size[0] + 2 * _GAP_MM, size[1] + 2 * _GAP_MM)
        return self._on_page(cells) and self._used.crop(cells).getbbox() is None

    def is_free_disc(self, left: float, top: float, diameter: float) -> bool:
        """Whether a disc, which needs no gap, is on the page and free."""
        cells = self._cells(left, top, diameter, diameter)
        if not self._on_page(cells):
            return False
        used = self._used.crop(cells)
        disc = Image.new("L", used.size)
        ImageDraw.Draw(disc).ellipse((0, 0, used.width - 1, used.height - 1), fill=255)
        return ImageChops.multiply(used.point(lambda v: 255 * v), disc).getbbox() is None

    def _on_page(self, cells: tuple[int, int, int, int]) -> bool:
        return cells[0] >= 0 and cells[1] >= 0 and cells[2] <= self._used.width and cells[3] <= self._used.height

    def clear(self, left: float, top: float, size: tuple[float, float]) -> None:
        """Count what is there as free: a mark is to be drawn over it."""
        self._used.paste(0, self._cells(left, top, *size))

    def occupy(self, left: float, top: float, size: tuple[float, float]) -> None:
        """Count it as taken."""
        self._used.paste(1, self._cells(left, top, *size))

    def _cells(self, left: float, top: float, width: float, height: float) -> tuple[int, int, int, int]:
        across, down = self._cell
        return (
            math.floor(left / across),
            math.floor(top / down),
            math.ceil((left + width) / across),
            math.ceil((top + height) / down),
        )

    def _lowest(self, need_w: int, need_h: int, area: tuple[int, int, int, int], side: Side) -> tuple[int, int] | None:
        left, top, right, bottom = area
        if right - left < need_w or bottom - top < need_h:
            return None
        free = _starts(self._used.crop(area), need_w, need_h).point([1] + 255 * [0])
        box = free.getbbox()
        if box is None:
            return None
        y = box[3] - 1
        row = free.crop((0, y, free.width, y + 1)).getbbox()
        assert row is not None
        return left + (row[0] if side is Side.LEFT else row[2] - 1), top + y


def _starts(used: Image.Image, width: int, height: int) -> Image.Image:
    """For each cell whether `width` by `height` cells from it, to the right and down, are free: 0 if they are.

    Neighbours are laid over each other, then pairs of neighbours, and so on: five steps reach across 32 cells.
    """
    for need, right, down in ((width, 1, 0), (height, 0, 1)):
        reach = 1
        while reach < need:
            step = min(reach, need - reach)
            across, below = step * right, step * down
            here = used.crop((0, 0, used.width - across, used.height - below))
            used = ImageChops.lighter(here, used.crop((across, below, used.width, used.height)))
            reach += step
    return used


def box_on(page: Page, x: float, y: float, size: tuple[float, float]) -> Box:
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


def shown_on(page: Page, box: Box) -> tuple[float, float, float, float]:
    """Undo `box_on`: left, top, width and height of `box` in mm as shown, from the page's upper left corner."""
    left, bottom = box.left - page.left, box.bottom - page.bottom
    right, top = left + box.width, bottom + box.height
    x, y, w, h = {
        0: (left, page.height - top, box.width, box.height),
        90: (bottom, left, box.height, box.width),
        180: (page.width - right, bottom, box.width, box.height),
        270: (page.height - top, page.width - right, box.height, box.width),
    }[page.rotate]
    x, y, w, h = (v * page.unit / MM for v in (x, y, w, h))
    return x, y, w, h
