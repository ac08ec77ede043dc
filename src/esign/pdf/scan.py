"""Whether a scan may become an electronic copy of a paper original: PDF 1.4, in colour, at least 200 dpi.

NĐ 30/2020/NĐ-CP Phụ lục I, Phần II, I.2 asks for that and for a scale of 100 %. What a scanner's program says about
resolution is not believed: pixels are counted against the page's real size.

>>> report = check_scan(pdf)        # after preflight, which refuses hostile files
>>> report.require()                # raises what a clerk can act on
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops

from esign.errors import InputError, PreflightError
from esign.pdf._images import Picture, pictures
from esign.pdf._structure import Page, open_pdf, page_geometry
from esign.pdf.raster import page_image
from esign.reasons import Reason

__all__ = ["LEAST_DPI", "ScanReport", "ScannedPage", "check_scan"]

LEAST_DPI = 200
"""Fewer samples an inch are refused."""

_LEAST_VERSION = (1, 4)
_LEAST_COVERAGE = 0.9  # scanners leave a white edge, and programs crop
# A picture of 1,653 pixels across A4 was scanned at 200 dpi, whatever 210 mm are in pixels.
_ROUNDING = 0.99
_COLUMNS, _ROWS = 60, 84
_SIZES_MM = ((148, 210), (210, 297), (297, 420))
_SIZE_TOLERANCE_MM = 5
_VERSION = re.compile(r"(\d)\.(\d)")
_LOOK_DPI = 36
_CHROMA = 40  # steps of 255 between the bands: a red seal or a blue signature has more, yellowed paper less
_LEAST_COLOURED = 1 / 20_000  # of the page's pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedPage:
    """What one page is made of."""

    page: int
    """From 1, as people count."""
    coverage: float
    """The share of the page that pictures cover."""
    dpi: int
    """The least resolution anywhere in what they cover; 0 without pictures."""
    colour: bool
    """Whether a picture with colour covers it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """What was found; a report, not a verdict: `require` makes it one."""

    findings: tuple[Reason, ...]
    """Why it may not become a copy; empty if it may."""
    notices: tuple[Reason, ...]
    """What a person should look at."""
    pages: tuple[ScannedPage, ...]
    """Each page."""

    def require(self) -> None:
        """Raise `document-not-issuable` with the findings, if there are any."""
        if self.findings:
            raise PreflightError("document-not-issuable", findings=self.findings, count=len(self.findings))


def check_scan(pdf: bytes) -> ScanReport:
    """Look at each page of `pdf`.

    Raises:
        InputError: `pdf-damaged`, `pdf-encrypted`, `pdf-not-rendered`.
    """
    with open_pdf(pdf) as opened:
        geometry = [page_geometry(opened, index) for index in range(len(opened.pages))]
        version = _version(opened.pdf_version), _version(str(opened.Root.get("/Version", "")).lstrip("/"))
    on_pages = pictures(pdf)
    if len(on_pages) != len(geometry):
        raise InputError("pdf-damaged", problem="/Count")
    pages = tuple(_scanned(*both) for both in zip(geometry, on_pages, strict=True))
    findings = [*_old(max(version)), *(f for page in pages for f in _findings(page))]
    notices = [n for page in geometry for n in _size(page)]
    if pages and all(p.colour for p in pages) and not any(_looks_coloured(pdf, p.page - 1) for p in pages):
        notices.append(Reason("scan-without-colour"))
    return ScanReport(findings=tuple(findings), notices=tuple(notices), pages=pages)


def _version(text: str) -> tuple[int, int]:
    found = _VERSION.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _old(version: tuple[int, int]) -> Iterator[Reason]:
    if version < _LEAST_VERSION:
        yield Reason("scan-version-too-old", {"version": ".".join(map(str, version))})


def _scanned(page: Page, found: Sequence[Picture]) -> ScannedPage:
    """For each cell of a grid over the page: the finest picture that covers its middle, and whether one has colour."""
    finest: list[float] = []
    coloured = 0
    for column in range(_COLUMNS):
        x = page.left + page.width * (column + 0.5) / _COLUMNS
        in_column = [p for p in found if p.left <= x <= p.right]
        for row in range(_ROWS):
            y = page.bottom + page.height * (row + 0.5) / _ROWS
            here = [p for p in in_column if p.bottom <= y <= p.top]
            if here:
                finest.append(max(p.per_unit for p in here))
                coloured += any(p.colour for p in here)
    least = min(finest, default=0.0) * 72 / page.unit
    return ScannedPage(
        page=page.index + 1,
        coverage=len(finest) / (_COLUMNS * _ROWS),
        dpi=round(least),
        colour=bool(finest) and coloured >= _LEAST_COVERAGE * len(finest),
    )


def _findings(page: ScannedPage) -> Iterator[Reason]:
    if page.coverage < _LEAST_COVERAGE:
        yield Reason("scan-page-not-scanned", {"page": page.page, "coverage": f"{100 * page.coverage:.0f}"})
        return
    if not page.colour:
        yield Reason("scan-not-colour", {"page": page.page})
    if page.dpi < LEAST_DPI * _ROUNDING:
        yield Reason("scan-resolution-low", {"page": page.page, "dpi": page.dpi, "least": LEAST_DPI})


def _size(page: Page) -> Iterator[Reason]:
    shown = sorted(page.shown_mm)
    if not any(all(abs(a - b) <= _SIZE_TOLERANCE_MM for a, b in zip(shown, size, strict=True)) for size in _SIZES_MM):
        width, height = page.shown_mm
        facts = {"page": page.index + 1, "width": f"{width:.0f}", "height": f"{height:.0f}"}
        yield Reason("scan-page-size", facts)


def _looks_coloured(pdf: bytes, index: int) -> bool:
    red, green, blue = page_image(pdf, index, _LOOK_DPI).split()
    brightest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    darkest = ImageChops.darker(ImageChops.darker(red, green), blue)
    chroma: Image.Image = ImageChops.subtract(brightest, darkest)
    return sum(chroma.histogram()[_CHROMA:]) > _LEAST_COLOURED * chroma.width * chroma.height
