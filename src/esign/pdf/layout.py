"""Where seal and signature can stand on pages that other software made: white room, found by looking.

A document's seal and signature stand at the bottom of its last page; attachments and copies are marked at the top right
of their first page (ND30 Phụ lục I, II.8 and box 14).
"""

from dataclasses import dataclass

from esign.document import Box
from esign.errors import PreflightError
from esign.pdf._room import COMFORT_MM, EDGE_MM, Room, Side, box_on
from esign.pdf._structure import Page, open_pdf, page_geometry
from esign.reasons import Reason

__all__ = ["LARGEST_MM", "SMALLEST_MM", "Places", "find_places", "find_top_right", "rooms_of"]

SMALLEST_MM, LARGEST_MM = 40.0, 1300.0
"""A page smaller than a bank card or larger than A0 is no administrative document."""

# The top and right edges of the text (ND30 Phụ lục I, I.3), and how far below the first a mark is still "at the top".
_TOP_MM, _RIGHT_MM, _TOP_SLACK_MM = 20.0, 15.0, 5.0
_STEP_MM = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Room for the marks; None for a mark that was not asked for."""

    seal: Box | None
    """For the QR seal with its id and host."""
    signature: Box | None
    """For the agency's mark."""


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
    rooms = rooms_of(pdf)
    signature_box = _first(rooms, signature, Side.RIGHT)
    seal_box = _first(rooms, seal, Side.LEFT)
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


def find_top_right(pdf: bytes, size: tuple[float, float]) -> Box:
    """The place of `size` mm at the top right of page 1, for the mark of an attachment or a copy.

    Inside the margins where nothing is printed there, else moved up into the top margin; at least 5 mm to the page's
    edge stay free.

    Raises:
        PreflightError: `document-not-issuable` with `no-room-at-top-right`, `page-size-insane`.
        InputError: `pdf-damaged`, `pdf-encrypted`, `pdf-not-rendered`.
    """
    (room,) = rooms_of(pdf, (0,))
    width, height = room.page.shown_mm
    left = width - _RIGHT_MM - size[0]
    steps = range(round(_TOP_SLACK_MM / _STEP_MM) + 1)
    inside = [_TOP_MM + _STEP_MM * n for n in steps]
    above = [_TOP_MM - _STEP_MM * n for n in range(1, round((_TOP_MM - EDGE_MM) / _STEP_MM) + 1)]
    top = next((t for t in (*inside, *above) if left >= EDGE_MM and room.is_free(left, t, size)), None)
    if top is None:
        facts = {"width": f"{size[0]:.0f}", "height": f"{size[1]:.0f}"}
        raise _refused([Reason("no-room-at-top-right", facts)])
    return box_on(room.page, left, height - top - size[1], size)


def rooms_of(pdf: bytes, indices: tuple[int, ...] = (-1, 0)) -> list[Room]:
    """The white room of pages, each once: of the last and the first, if nothing else is asked for.

    Raises:
        PreflightError: `document-not-issuable` with `page-size-insane`.
        InputError: `pdf-damaged`, `pdf-encrypted`, `pdf-not-rendered`.
    """
    with open_pdf(pdf) as opened:
        count = len(opened.pages)
        pages = [page_geometry(opened, index) for index in dict.fromkeys(range(count)[i] for i in indices)]
    for page in pages:
        if not all(SMALLEST_MM <= side <= LARGEST_MM for side in page.shown_mm):
            raise _refused([_insane(page)])
    return [Room(pdf, page) for page in pages]


def _insane(page: Page) -> Reason:
    width, height = page.shown_mm
    return Reason("page-size-insane", {"page": page.index + 1, "width": f"{width:.0f}", "height": f"{height:.0f}"})


def _first(rooms: list[Room], size: tuple[float, float] | None, side: Side) -> Box | None:
    if size is None:
        return None
    for corner in (True, False):
        for room in rooms:
            for edge in (COMFORT_MM, EDGE_MM):
                box = room.take(size, side, edge=edge, corner=corner)
                if box:
                    return box
    return None


def _refused(findings: list[Reason]) -> PreflightError:
    return PreflightError("document-not-issuable", findings=findings, count=len(findings))
