"""Which pages look different since a signature: pictures of the pages before and after, compared and framed.

A comparison of structures says what was done to a file; only pictures say what somebody sees of it. They decide
nothing by themselves: a later signature on white paper looks different as well, and may.
"""

import dataclasses
import io
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw

from esign.errors import InputError
from esign.pdf.expansion import expands_beyond
from esign.pdf.raster import page_count, page_image
from esign.report import PageDifference

__all__ = ["DEFAULT", "CompareLimits", "compare_pages"]

_DPI = 72
_PICTURE_DPI = 100
_DETAIL_DPI = 200
_ROOM = 24
"""Pixels around a place that is enlarged."""
_COLOURS = 64
# The same page drawn twice has the same pixels; these leave room for rounding of colours.
_CHANGED = 24
_CELL = 12
"""Pixels: differences nearer than this are one place."""
_MOST_FRAMES = 12
_FRAME = (200, 0, 120)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareLimits:
    """How much is looked at; beyond it nothing is said rather than half of it."""

    pages: int = 200
    """Pages of the document, times the signatures since which they are compared."""
    pixels: int = 4_000_000
    """Of one page as it is drawn for the comparison; an A4 page has half a million."""
    seconds: float = 20.0
    """Of wall time, looked at between two pages."""
    pictures: int = 6
    """How many of the pages that differ are kept as pictures."""


DEFAULT = CompareLimits()


def compare_pages(
    pdf: bytes,
    signed_bytes: Sequence[int],
    *,
    limits: CompareLimits = DEFAULT,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[PageDifference, ...]:
    """What looks different between each signature and the next, and between the last one and `pdf` as it is.

    `signed_bytes` says for each signature how many bytes of `pdf` it speaks for; one that makes no sense (0) is left
    out, and its neighbours are compared.

    Raises:
        InputError: `pdf-not-rendered`, or `pages-not-compared`: beyond `limits`.
    """
    if expands_beyond(pdf):
        raise InputError("pages-not-compared", problem="pdf-expands-too-much")
    until = clock() + limits.seconds
    budget = limits.pages
    kept = 0
    found: list[PageDifference] = []
    states = [(i, end) for i, end in enumerate(signed_bytes) if 0 < end <= len(pdf)]
    for (signature, end), (_, later) in itertools.pairwise([*states, (len(states), len(pdf))]):
        if later <= end:
            continue
        before, after = pdf[:end], pdf[:later]
        counts = page_count(before), page_count(after)
        budget -= max(counts)
        for page in range(max(counts)):
            if budget < 0 or clock() > until:
                raise InputError("pages-not-compared", problem=f"> {limits.pages} / {limits.seconds:g} s")
            pair = _Pair(before, after, page, counts, limits.pixels)
            if pair.share:
                difference = PageDifference(page=page + 1, signature=signature, share=pair.share)
                found.append(pair.pictured(difference) if kept < limits.pictures else difference)
                kept += 1
    return tuple(found)


class _Pair:
    """One page in two states of the file."""

    def __init__(self, before: bytes, after: bytes, page: int, counts: tuple[int, int], pixels: int) -> None:
        self._page = page
        self._states = tuple(pdf if page < count else None for pdf, count in zip((before, after), counts, strict=True))
        self._frames: list[tuple[int, int, int, int]] = []
        self.share = self._compare(pixels)

    def _compare(self, pixels: int) -> float:
        """How much of the page's area differs, by the frames around what does."""
        drawn = [page_image(pdf, self._page, _DPI, most_pixels=pixels) for pdf in self._states if pdf is not None]
        if len(drawn) < len(self._states) or drawn[0].size != drawn[1].size:
            return 1.0
        changed = _changed(*drawn)
        if changed.getbbox() is None:
            return 0.0
        self._frames = list(_places(changed))
        width, height = changed.size
        area = sum((right - left) * (bottom - top) for left, top, right, bottom in self._frames)
        return min(1.0, area / (width * height))

    def pictured(self, difference: PageDifference) -> PageDifference:
        """With both states as pictures: the page with a frame around each place that differs, and these enlarged."""
        before, after = (self._page_picture(pdf) for pdf in self._states)
        before_detail, after_detail = (self._detail(pdf) for pdf in self._states)
        return dataclasses.replace(
            difference, before=before, after=after, before_detail=before_detail, after_detail=after_detail
        )

    def _page_picture(self, pdf: bytes | None) -> bytes:
        if pdf is None:
            return b""
        image = page_image(pdf, self._page, _PICTURE_DPI)
        draw = ImageDraw.Draw(image)
        for frame in self._frames:
            left, top, right, bottom = (round(v * _PICTURE_DPI / _DPI) for v in frame)
            draw.rectangle((left - 3, top - 3, right + 3, bottom + 3), outline=_FRAME, width=3)
        return _png(image)

    def _detail(self, pdf: bytes | None) -> bytes:
        """What differs, or the uppermost of it, with what stands around; nothing where that is much of the page."""
        if pdf is None or not self._frames:
            return b""
        image = page_image(pdf, self._page, _DETAIL_DPI)
        scale = _DETAIL_DPI / _DPI
        width, height = image.size

        def is_small(frame: tuple[int, int, int, int]) -> bool:
            left, top, right, bottom = frame
            return (right - left) * scale <= width / 2 and (bottom - top) * scale <= height / 4

        uppermost = sorted(self._frames, key=lambda frame: frame[1])
        place = next((p for p in (_around(self._frames), *uppermost) if is_small(p)), None)
        if place is None:
            return b""
        left, top, right, bottom = place
        # Beside a figure stand the words that say what it is.
        box = (left - 2 * _ROOM, top - _ROOM, right + 2 * _ROOM, bottom + _ROOM)
        x0, y0, x1, y1 = (round(v * scale) for v in box)
        return _png(image.crop((max(0, x0), max(0, y0), min(width, x1), min(height, y1))))


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.quantize(_COLOURS).save(out, "PNG", optimize=True)
    return out.getvalue()


def _changed(before: Image.Image, after: Image.Image) -> Image.Image:
    """White where the two differ in any band."""
    bands = (
        ImageChops.difference(one, other).point([255 if value > _CHANGED else 0 for value in range(256)])
        for one, other in zip(before.split(), after.split(), strict=True)
    )
    merged = next(bands)
    for band in bands:
        merged = ImageChops.lighter(merged, band)
    return merged


def _places(changed: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """Boxes around what differs: neighbouring cells of a coarse grid are one place."""
    columns, rows = -(-changed.width // _CELL), -(-changed.height // _CELL)
    cells = {(x, y) for x in range(columns) for y in range(rows) if changed.crop(_cell(x, y)).getbbox() is not None}
    boxes = []
    while cells:
        group = _connected(cells)
        xs, ys = [x for x, _ in group], [y for _, y in group]
        inner = changed.crop((min(xs) * _CELL, min(ys) * _CELL, (max(xs) + 1) * _CELL, (max(ys) + 1) * _CELL)).getbbox()
        assert inner is not None, "each of its cells has a difference"
        left, top = min(xs) * _CELL, min(ys) * _CELL
        boxes.append((left + inner[0], top + inner[1], left + inner[2], top + inner[3]))
    if len(boxes) <= _MOST_FRAMES:
        yield from boxes
        return
    yield _around(boxes)


def _around(boxes: Sequence[tuple[int, int, int, int]]) -> tuple[int, int, int, int]:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _cell(x: int, y: int) -> tuple[int, int, int, int]:
    return (x * _CELL, y * _CELL, (x + 1) * _CELL, (y + 1) * _CELL)


def _connected(cells: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Take one cell and all that touch it out of `cells`."""
    waiting = [cells.pop()]
    group = []
    while waiting:
        x, y = waiting.pop()
        group.append((x, y))
        around = {(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)} & cells
        cells -= around
        waiting += around
    return group
