"""Attachments in their own file and copies, measured (ND30 Phụ lục I, II.8 and Phần II, I.3; vietnam.md §2.2)."""

import io
from datetime import datetime, timedelta, timezone
from typing import Any

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esign.codes import DocumentNumber
from esign.document import Box, Mark
from esign.errors import InputError, PreflightError
from esign.pades.revision import stamp
from esign.pdf import (
    CopyForm,
    FontSet,
    Renderer,
    attachment_text,
    copy_text,
    find_top_right,
    page_image,
    text_line_mark,
    text_line_mark_size,
)
from tests.unit.pdf.measuring import SIGNED_AT, area, around, black, extent, letters, signed
from tests.unit.pdf.test_render import render
from tests.unit.pdf.tools import MM, alpha_at, assert_clean, changed, page

NUMBER = DocumentNumber(15, None, "QĐ-UBND")
ATTACHMENT = "15/QĐ-UBND; 21.11.2026 10:32:58 +07:00"
COPY = "SAO Y; UBND phường Cửa Nam; 21.11.2026 10:32:58 +07:00"


def test_the_words_are_those_of_the_decree_in_its_order() -> None:
    assert attachment_text(NUMBER, SIGNED_AT) == ATTACHMENT
    assert copy_text(CopyForm.SAO_Y, "UBND phường Cửa Nam", SIGNED_AT) == COPY
    assert [form.value for form in CopyForm] == ["SAO Y", "SAO LỤC", "TRÍCH SAO"]
    assert attachment_text(NUMBER, SIGNED_AT.astimezone(timezone(timedelta(hours=-8)))) == ATTACHMENT
    iso = attachment_text(NUMBER, SIGNED_AT, time_format="%Y-%m-%dT%H:%M:%S+07:00")
    assert iso == "15/QĐ-UBND; 2026-11-21T10:32:58+07:00"


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(InputError) as error:
        attachment_text(NUMBER, datetime(2026, 11, 21))  # noqa: DTZ001 - the point
    assert error.value.code == "signing-time-naive"


@pytest.mark.parametrize("text", [ATTACHMENT, COPY])
def test_it_is_10_pt_upright_black_and_of_the_decrees_face(text: str) -> None:
    mark = text_line_mark(text)
    assert_clean(mark.pdf)
    found = letters(mark.pdf)
    assert "".join(letter.text for letter in found) == text.replace(" ", "")
    assert {round(letter.size, 3) for letter in found} == {10.0}
    assert {letter.colour for letter in found} == {(0, 0, 0, 255)}
    (font,) = {letter.font.split("+")[-1] for letter in found}
    assert font.startswith(FontSet.find().family.replace(" ", ""))
    assert not any(style in font for style in ("Italic", "Oblique", "Bold"))
    with pikepdf.open(io.BytesIO(mark.pdf)) as pdf:
        assert "/XObject" not in pdf.pages[0].Resources  # no image
    assert alpha_at(page_image(mark.pdf, 0, 100, transparent=True), 0, 0) == 0
    assert mark.alt == text


def test_short_stays_in_one_line_and_long_breaks_before_the_time() -> None:
    one, two = (
        text_line_mark(ATTACHMENT),
        text_line_mark(copy_text(CopyForm.TRICH_SAO, "Sở " + "Ví Dụ " * 9, SIGNED_AT)),
    )
    assert one.height_mm == pytest.approx(12 / MM)
    assert two.height_mm == pytest.approx(24 / MM)
    found = letters(two.pdf)
    second = [letter for letter in found if letter.area.bottom > 12 / MM + 1]
    assert "".join(letter.text for letter in second) == "21.11.202610:32:58+07:00"
    first = [letter for letter in found if letter not in second]
    assert around(first).right == pytest.approx(around(second).right, abs=0.5)


def test_hopelessly_long_or_unprintable_is_refused() -> None:
    with pytest.raises(InputError) as error:
        text_line_mark(copy_text(CopyForm.SAO_LUC, "Ủy ban nhân dân " * 9, SIGNED_AT))
    assert error.value.code == "mark-text-too-long"
    with pytest.raises(PreflightError) as missing:
        text_line_mark(copy_text(CopyForm.SAO_LUC, "中", SIGNED_AT))
    assert missing.value.code == "glyph-missing"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 50 * 365 * 86_400))
def test_the_size_does_not_depend_on_the_time(seconds: int) -> None:
    at = SIGNED_AT + timedelta(seconds=seconds)
    assert text_line_mark_size(attachment_text(NUMBER, at)) == text_line_mark_size(ATTACHMENT)


def test_the_same_line_has_the_same_bytes() -> None:
    assert text_line_mark(ATTACHMENT).pdf == text_line_mark(ATTACHMENT).pdf


# Where it stands.


def place(pdf: bytes, mark: Mark) -> Box:
    return find_top_right(pdf, (mark.width_mm, mark.height_mm))


def with_text_from(top_mm: float, *, pages: int = 1) -> bytes:
    """A letter whose lines fill the width between the margins from `top_mm` on."""
    lines = b" ".join(f"85 {842 - top_mm * MM - 10 - 20 * i:.2f} 467 10 re f".encode() for i in range(20))
    return page(b"q 0 g " + lines + b" Q", pages=pages)


def test_it_stands_at_the_top_right_of_page_1_inside_the_margins() -> None:
    mark = text_line_mark(ATTACHMENT)
    pdf = with_text_from(40, pages=3)
    box = place(pdf, mark)
    assert box.page == 0
    where = area(box, 842 / MM)
    assert where.top == pytest.approx(20, abs=0.1)
    assert where.right == pytest.approx(210 - 15, abs=0.2)
    assert (where.width, where.height) == pytest.approx((mark.width_mm, mark.height_mm))
    seen = extent(signed(pdf, (mark, box)), black, within=where)
    assert seen.right == pytest.approx(where.right, abs=0.3)
    assert seen.width == pytest.approx(mark.width_mm, abs=0.5)


@pytest.mark.parametrize("text", [ATTACHMENT, copy_text(CopyForm.SAO_Y, "UBND phường Cửa Nam trực thuộc", SIGNED_AT)])
def test_over_a_head_it_moves_up_into_the_top_margin(renderer: Renderer, agency: Any, text: str) -> None:
    mark = text_line_mark(text)
    pdf = render(renderer, agency).pdf
    where = area(place(pdf, mark))
    head = around([letter for letter in letters(pdf) if letter.area.top < 30])
    assert head.top - 4 < where.bottom < head.top  # close above it
    assert where.top >= 5
    assert extent(pdf, black, within=None).top > where.bottom
    assert where.right == pytest.approx(195, abs=0.2)


def test_it_never_lies_over_anything(renderer: Renderer, agency: Any) -> None:
    mark = text_line_mark(COPY)
    pdf = render(renderer, agency).pdf
    box = place(pdf, mark)
    before, after = page_image(pdf, 0, 150), page_image(stamp(pdf, mark, box, url="https://example.invalid/"), 0, 150)
    scale = 150 / 25.4
    where = area(box)
    there = tuple(round(v * scale) for v in (where.left, where.top, where.right, where.bottom))
    assert before.crop(there).convert("L").getextrema() == (255, 255)  # type: ignore[arg-type]  # four of them
    assert after.crop(there).convert("L").getextrema()[0] < 60  # type: ignore[arg-type,operator]  # one band


def test_without_room_it_is_refused() -> None:
    mark = text_line_mark(ATTACHMENT)
    with pytest.raises(PreflightError) as error:
        place(page(b"q 0 g 300 700 295 142 re f Q"), mark)
    assert error.value.code == "document-not-issuable"
    (finding,) = error.value.findings
    assert finding.code == "no-room-at-top-right"
    assert finding.facts == {"width": "63", "height": "4"}


def test_a_mark_wider_than_the_page_is_refused() -> None:
    with pytest.raises(PreflightError):
        find_top_right(page(media=(0, 0, 150, 400)), (63, 4))


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_on_a_turned_page_it_is_the_top_right_that_people_see(rotate: int) -> None:
    mark = text_line_mark(ATTACHMENT)
    pdf = page(Rotate=rotate)
    box = place(pdf, mark)
    assert box.rotate == rotate
    seen = extent(signed(pdf, (mark, box)), black)
    width = page_image(pdf, 0, 72).width / MM
    assert seen.right == pytest.approx(width - 15, abs=0.5)
    assert seen.top == pytest.approx(20 + 1, abs=1)


def test_a_signed_file_is_only_read() -> None:
    mark = text_line_mark(COPY)
    pdf = signed(page(), (mark, place(page(), mark)))
    again = place(pdf, mark)  # the first copy's line is there now
    assert area(again).top >= area(place(page(), mark)).bottom or area(again).bottom <= 20


def test_a_damaged_file_is_a_typed_refusal() -> None:
    with pytest.raises(InputError):
        find_top_right(b"%PDF-1.7 nothing", (60, 4))
    with pytest.raises(InputError):
        find_top_right(changed(page(), lambda pdf: pdf.pages.__delitem__(0)), (60, 4))
