"""The agency's mark on a PDF that its leader signed in other software: number, date, QR seal, red seal, who and when.

After the person's signature nothing may be added but a signature, so one field shows it all. The red seal covers the
left third of the person's signature where that can be found (ND30 Phụ lục I, II.8.a), and the rest stands in white room
on the same page; else all of it stands together.

place = find_adopted(pdf, adopted_parts(agency, seal=size_of_the_seal), person=box_of_the_signature)
mark = adopted_mark(agency, place=place, number=number, issued=date, seal=seal, signer=name, signing_time=now)
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache

from esign.codes import DocumentNumber
from esign.document import Agency, Box, Mark
from esign.errors import InputError, PreflightError
from esign.pdf._compose import composed
from esign.pdf._room import COMFORT_MM, EDGE_MM, Room, box_on, shown_on
from esign.pdf._typst import Project
from esign.pdf.fonts import FontSet
from esign.pdf.layout import rooms_of
from esign.pdf.marks import NO_TIME, agency_mark, agency_mark_size, red_seal_mark, template_source
from esign.pdf.release_marks import Blank, release_texts
from esign.profile import VGCA_COMPAT
from esign.reasons import Reason

__all__ = ["AdoptedParts", "AdoptedPlace", "adopted_mark", "adopted_parts", "find_adopted"]

_GAP_MM = 2.0
_HEAD_MM = (54.0, 12.0)  # number and date, 13 pt each
_THIRD = 1 / 3
_STEP_MM = 1.5
# A signature field that reaches further would lie over half of the page.
_FARTHEST_MM = 140.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedParts:
    """What an adopted file gets, by size in mm; known before anything is drawn."""

    red_seal: float
    """The diameter of the red seal; 0 for an agency without its image."""
    info: tuple[float, float]
    """Number, date and text block, with the QR seal left of them."""

    @property
    def together(self) -> tuple[float, float]:
        """Width and height where all stands together, the red seal at the right."""
        if not self.red_seal:
            return self.info
        return self.info[0] + _GAP_MM + self.red_seal, max(self.info[1], self.red_seal)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedPlace:
    """Where the parts go: one box, and in it the parts by left and top in mm as shown."""

    box: Box
    """Of the signature field."""
    size: tuple[float, float]
    """Its width and height in mm as shown."""
    info: tuple[float, float]
    """Number, date, QR seal and text block."""
    red_seal: tuple[float, float]
    """The red seal."""
    over_person: bool
    """Whether the red seal covers the left third of the person's signature."""


def adopted_parts(agency: Agency, *, seal: tuple[float, float] | None) -> AdoptedParts:
    """The sizes of the parts; `seal` is that of the QR seal's mark (`seal_mark_size`), None without one."""
    width, height = agency_mark_size(replace(agency, seal_image=None))
    width, height = max(width, _HEAD_MM[0]), height + _HEAD_MM[1]
    if seal:
        width, height = width + _GAP_MM + seal[0], max(height, seal[1])
    return AdoptedParts(red_seal=agency.seal_diameter_mm if agency.seal_image else 0.0, info=(width, height))


def find_adopted(pdf: bytes, parts: AdoptedParts, *, person: Box | None = None) -> AdoptedPlace:
    """Where on a signed `pdf` the parts stand without covering anything; `person` is the box of the person's signature.

    Raises:
        PreflightError: `document-not-issuable` with `no-room-for-adopted`, `page-size-insane`.
        InputError: `pdf-damaged`, `pdf-encrypted`, `pdf-not-rendered`.
    """
    if person and parts.red_seal:
        (room,) = rooms_of(pdf, (person.page,))
        place = _over_person(room, parts, person)
        if place:
            return place
    width, height = parts.together
    for room in rooms_of(pdf):
        for edge in (COMFORT_MM, EDGE_MM):
            found = _white(room, parts.together, edge=edge)
            if found:
                return AdoptedPlace(
                    box=box_on(room.page, found[0], room.page.shown_mm[1] - found[1] - height, parts.together),
                    size=parts.together,
                    info=(0.0, height - parts.info[1]),
                    red_seal=(width - parts.red_seal, 0.0),
                    over_person=False,
                )
    reason = Reason("no-room-for-adopted", {"width": f"{width:.0f}", "height": f"{height:.0f}"})
    raise PreflightError("document-not-issuable", findings=(reason,), count=1)


def adopted_mark(
    agency: Agency,
    *,
    place: AdoptedPlace,
    number: DocumentNumber,
    issued: date,
    seal: Mark | None,
    signer: str,
    signing_time: datetime,
    time_format: str = VGCA_COMPAT.time_format,
) -> Mark:
    """All parts in one mark for `place.box`; `seal` is the QR seal's mark (`seal_mark`).

    Raises:
        PreflightError: `glyph-missing`.
        InputError: `seal-image-invalid`, `mark-text-too-long`, `signing-time-naive`.
    """
    left, top = place.info
    text_left = left + (seal.width_mm + _GAP_MM if seal else 0)
    without_image = replace(agency, seal_image=None)
    text = agency_mark(without_image, signer=signer, signing_time=signing_time, time_format=time_format)
    parts = [
        (_number_and_date(number, issued), text_left, top),
        (text, text_left, top + _HEAD_MM[1]),
    ]
    if seal:
        parts.append((seal, left, top))
    red = red_seal_mark(agency)
    if red:
        parts.append((red, *place.red_seal))
    return composed(parts, place.size)


def _over_person(room: Room, parts: AdoptedParts, person: Box) -> AdoptedPlace | None:
    """The red seal over the left third of the person's signature, the rest as near as there is white room."""
    left, top, width, height = shown_on(room.page, person)
    side = parts.red_seal
    seal_left, level = left + width * _THIRD - side, top + height / 2 - side / 2
    room.clear(left, top, (width, height))
    # Level with the signature, or a little lower or higher where title or name are in the way.
    shifts = sorted(range(-round(height / 2), round(height / 2) + 1), key=lambda s: (abs(s), -s))
    seal_top = next((level + s for s in shifts if room.is_free_disc(seal_left, level + s, side)), None)
    if seal_top is None:
        return None
    room.occupy(left, top, (width, height))
    room.occupy(seal_left, seal_top, (side, side))
    info = _white(room, parts.info, edge=EDGE_MM, near=(seal_left + side / 2, seal_top + side / 2))
    if info is None:
        return None
    corner = (min(seal_left, info[0]), min(seal_top, info[1]))
    far = (max(seal_left + side, info[0] + parts.info[0]), max(seal_top + side, info[1] + parts.info[1]))
    size = (far[0] - corner[0], far[1] - corner[1])
    if max(size) > _FARTHEST_MM:
        return None
    return AdoptedPlace(
        box=box_on(room.page, corner[0], room.page.shown_mm[1] - far[1], size),
        size=size,
        info=(info[0] - corner[0], info[1] - corner[1]),
        red_seal=(seal_left - corner[0], seal_top - corner[1]),
        over_person=True,
    )


def _white(
    room: Room, size: tuple[float, float], *, edge: float, near: tuple[float, float] | None = None
) -> tuple[float, float] | None:
    """Left and top of a free place: the nearest by its middle, or else the lowest and then the leftmost one."""
    width, height = room.page.shown_mm
    best: tuple[float, float, tuple[float, float]] | None = None
    for row in range(int(max(0, height - 2 * edge - size[1]) / _STEP_MM) + 1):
        for column in range(int(max(0, width - 2 * edge - size[0]) / _STEP_MM) + 1):
            left, top = edge + column * _STEP_MM, height - edge - size[1] - row * _STEP_MM
            if near:
                middle = (left + size[0] / 2 - near[0], top + size[1] / 2 - near[1])
                rank = (middle[0] ** 2 + middle[1] ** 2, 0.0)
            else:
                rank = (-top, left)
            if (best is None or rank < best[:2]) and room.is_free(left, top, size):
                best = (*rank, (left, top))
    return best[2] if best else None


def _number_and_date(number: DocumentNumber, issued: date) -> Mark:
    fonts = FontSet.find()
    texts = release_texts(number, issued)
    day = f"ngày {texts[Blank.DAY]} tháng {texts[Blank.MONTH]} năm {issued.year}"
    inputs = {
        "width": _HEAD_MM[0],
        "height": _HEAD_MM[1],
        "font": fonts.family,
        "number": str(number),
        "date": day,
    }
    try:
        pdf = _project(fonts).typeset(inputs, at=NO_TIME, tags=False).pdf
    except InputError as e:
        if "esign: text does not fit" in str(e.reason.facts.get("problem", "")):
            raise InputError("mark-text-too-long", characters=len(str(number))) from e
        raise
    return Mark(pdf=pdf, width_mm=_HEAD_MM[0], height_mm=_HEAD_MM[1], alt=f"Số: {number}, {day}")


@lru_cache(maxsize=4)
def _project(fonts: FontSet) -> Project:
    main = "number-date-mark.typ"
    return Project("number-date-mark", {main: template_source(main)}, main=main, fonts=fonts)
