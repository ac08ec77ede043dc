"""A file that its leader signed elsewhere gets number, date, QR seal, red seal and text in one signature field."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pikepdf
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import ImageChops

from esign.codes import DocumentNumber
from esign.document import Agency, Box, Mark
from esign.errors import InputError, PreflightError
from esign.pdf import (
    AdoptedParts,
    AdoptedPlace,
    Renderer,
    adopted_mark,
    adopted_parts,
    find_adopted,
    page_image,
    person_mark,
    seal_mark,
)
from esign.seal.symbol import Symbol
from tests.unit.pdf.measuring import SIGNED_AT, Area, area, blue, extent, letters, red, signed
from tests.unit.pdf.test_marks import ID, SIGNER
from tests.unit.pdf.test_two_officials import bar, proof
from tests.unit.pdf.tools import MM, assert_clean, changed, page

NUMBER = DocumentNumber(5, None, "QĐ-UBND")
ISSUED = date(2026, 2, 21)
URL = "https://q.example.gov.vn/1#" + "7" * 375


@pytest.fixture(scope="module")
def seal() -> Mark:
    symbol = Symbol.of(URL)
    return seal_mark(
        symbol.rows, size_mm=symbol.size_mm, quiet_mm=symbol.quiet_mm, host="q.example.gov.vn", printed_id=ID
    )


def parts_of(agency: Agency, seal: Mark | None) -> AdoptedParts:
    return adopted_parts(agency, seal=(seal.width_mm, seal.height_mm) if seal else None)


def mark_for(agency: Agency, place: AdoptedPlace, seal: Mark | None, **changes: Any) -> Mark:
    arguments: dict[str, Any] = {
        "place": place,
        "number": NUMBER,
        "issued": ISSUED,
        "seal": seal,
        "signer": SIGNER,
        "signing_time": SIGNED_AT,
    } | changes
    return adopted_mark(agency, **arguments)


@pytest.fixture(scope="module")
def foreign(renderer: Renderer, agency: Agency) -> tuple[bytes, Box]:
    """What another program made: blanks on the page, and the leader's signature."""
    blank = proof(renderer, agency, number=None, issued=None, symbol="QĐ-UBND", seal_mm=None)
    assert blank.person is not None
    return signed(blank.pdf, (person_mark(bar()), blank.person)), blank.person


def test_the_red_seal_covers_a_third_of_a_signature_that_was_there(
    agency: Agency, foreign: tuple[bytes, Box], seal: Mark
) -> None:
    pdf, person = foreign
    place = find_adopted(pdf, parts_of(agency, seal), person=person)
    assert place.over_person
    mark = mark_for(agency, place, seal)
    assert_clean(mark.pdf)
    both = signed(pdf, (mark, place.box))
    left = area(person)
    found = extent(both, red)
    assert 0.28 <= (found.right - left.left) / left.width <= 0.38
    assert found.width == pytest.approx(35.7, abs=0.3)
    assert found.top < (left.top + left.bottom) / 2 < found.bottom
    assert extent(both, blue).right == pytest.approx(left.right, abs=0.3)


@pytest.mark.parametrize("with_person", [True, False])
def test_nothing_is_covered_but_the_persons_third(
    agency: Agency, foreign: tuple[bytes, Box], seal: Mark, *, with_person: bool
) -> None:
    pdf, person = foreign
    place = find_adopted(pdf, parts_of(agency, seal), person=person if with_person else None)
    mark = mark_for(agency, place, seal)
    before = page_image(pdf, 0, 100).convert("L").point(lambda v: 255 * (v < 200))
    after = page_image(signed(pdf, (mark, place.box)), 0, 100)
    added = ImageChops.difference(page_image(pdf, 0, 100), after).convert("L").point(lambda v: 255 * (v > 60))
    covered = ImageChops.multiply(before, added)
    where = area(person)
    scale = 100 / 25.4
    if with_person:
        corners = (where.left, where.top, where.left + 0.38 * where.width, where.bottom)
        covered.paste(0, tuple(round(v * scale) for v in corners))  # type: ignore[arg-type]  # four of them
    assert covered.getbbox() is None
    assert added.getbbox() is not None


def test_it_says_number_date_who_and_when_and_carries_the_seal(
    agency: Agency, foreign: tuple[bytes, Box], seal: Mark
) -> None:
    pdf, person = foreign
    place = find_adopted(pdf, parts_of(agency, seal), person=person)
    mark = mark_for(agency, place, seal)
    found = letters(mark.pdf)
    text = "".join(letter.text for letter in found)
    assert "Số:05/QĐ-UBND" in text
    assert "ngày21tháng02năm2026" in text
    assert "21.11.202610:32:58+07:00" in text
    assert ID in text
    assert "q.example.gov.vn" in text
    number = [letter for letter in found if letter.size > 12]
    assert {round(letter.size, 2) for letter in number} == {13.0}
    assert {bool(re.search("Italic", letter.font)) for letter in number} == {True, False}
    assert {letter.colour for letter in found} == {(0, 0, 0, 255)}
    for said in ("Số: 05/QĐ-UBND, ngày 21 tháng 02 năm 2026", ID, SIGNER):
        assert said in mark.alt


@pytest.mark.parametrize("dpi", [100, 150, 300])
def test_the_seal_is_read_from_the_page(agency: Agency, foreign: tuple[bytes, Box], seal: Mark, dpi: int) -> None:
    import zxingcpp

    pdf, person = foreign
    place = find_adopted(pdf, parts_of(agency, seal), person=person)
    both = signed(pdf, (mark_for(agency, place, seal), place.box))
    assert URL in {code.text for code in zxingcpp.read_barcodes(page_image(both, 0, dpi))}


def test_the_size_is_known_before_and_the_mark_keeps_it(agency: Agency, seal: Mark) -> None:
    parts = parts_of(agency, seal)
    assert parts.red_seal == 36
    place = find_adopted(page(), parts)
    assert not place.over_person
    assert place.size == parts.together
    mark = mark_for(agency, place, seal)
    assert (mark.width_mm, mark.height_mm) == place.size
    assert (place.box.width / MM, place.box.height / MM) == pytest.approx(place.size)
    assert mark_for(agency, place, seal).pdf == mark.pdf


def test_without_seal_and_image_it_is_text_alone(agency: Agency) -> None:
    plain = replace(agency, seal_image=None)
    place = find_adopted(page(), parts_of(plain, None), person=Box(page=0, left=300, bottom=300, width=100, height=50))
    assert not place.over_person
    mark = mark_for(plain, place, None)
    assert "Số:05/QĐ-UBND" in "".join(letter.text for letter in letters(mark.pdf))
    assert mark.width_mm < 60


def test_where_the_third_cannot_be_covered_all_stands_together(agency: Agency, seal: Mark) -> None:
    # A signature at the very left: the red seal would lie beside the page.
    place = find_adopted(page(), parts_of(agency, seal), person=Box(page=0, left=20, bottom=300, width=100, height=50))
    assert not place.over_person


def test_without_white_room_it_is_refused(agency: Agency, seal: Mark) -> None:
    with pytest.raises(PreflightError) as error:
        find_adopted(page(b"q 0 g 0 0 595 760 re f 1 g 0 0 90 842 re f Q"), parts_of(agency, seal))
    assert [f.code for f in error.value.findings] == ["no-room-for-adopted"]


def test_a_number_that_is_too_long_is_refused(agency: Agency) -> None:
    place = find_adopted(page(), parts_of(agency, None))
    with pytest.raises(InputError) as error:
        mark_for(agency, place, None, number=DocumentNumber(5, 2026, "QĐ-" + "UBNDTP" * 5))
    assert error.value.code == "mark-text-too-long"


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([0, 90, 180, 270]),
    st.floats(0.3, 0.75),
    st.floats(0.15, 0.6),
    st.floats(60, 140),
    st.floats(30, 80),
    st.sampled_from(["whole", "cropped"]),
)
def test_on_any_page_the_parts_stand_on_it_and_level_with_the_person(
    rotate: int, x: float, y: float, width: float, height: float, crop: str
) -> None:
    entries: dict[str, Any] = {"Rotate": rotate}
    if crop == "cropped":
        entries["CropBox"] = pikepdf.Array([-60, 80, 480, 850])
    pdf = page(b"", media=(-100, 50, 495, 892), **entries)
    person = Box(page=0, left=-100 + 595 * x, bottom=50 + 842 * y, width=width, height=height, rotate=rotate)
    parts = AdoptedParts(red_seal=36.0, info=(80.0, 29.0))
    place = find_adopted(pdf, parts, person=person)
    shown = page_image(pdf, 0, 72)
    assert place.box.rotate == rotate
    box = _shown(place.box, pdf)
    assert box.left >= 0
    assert box.top >= 0
    assert box.right <= shown.width / MM + 0.1
    assert box.bottom <= shown.height / MM + 0.1
    assert (box.width, box.height) == pytest.approx(place.size, abs=1)  # all of it is on the page
    if place.over_person:
        left = _shown(person, pdf)
        right_edge = box.left + place.red_seal[0] + 36
        assume(left.width == pytest.approx(_upright(person)[0] / MM, abs=0.8))  # else the crop hides a part of it
        assert 0.28 <= (right_edge - left.left) / left.width <= 0.38


def _shown(box: Box, pdf: bytes) -> Area:
    """Found by drawing, so that the arithmetic is not repeated; of a place that is not on the page, what is on it."""

    def draw(opened: pikepdf.Pdf) -> None:
        drawing = f"q 1 0 0 rg {box.left} {box.bottom} {box.width} {box.height} re f Q"
        opened.pages[0].contents_add(drawing.encode())

    return extent(changed(pdf, draw), red, dpi=72)


def _upright(box: Box) -> tuple[float, float]:
    return (box.width, box.height) if box.rotate % 180 == 0 else (box.height, box.width)
