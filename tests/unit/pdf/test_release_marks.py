"""A filled blank looks as if the page had been printed with it (ND30 Phụ lục I, II.3, II.4)."""

import functools
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageChops

from esign.codes import DocumentNumber
from esign.document import Agency, Box
from esign.errors import InputError
from esign.pades.revision import stamp
from esign.pdf import Blank, Rendered, Renderer, field_mark, load, page_image, release_texts
from tests.unit.pdf.measuring import Letter, around, letters, words
from tests.unit.pdf.test_render import AT, SEAL_MM, cut, is_white
from tests.unit.pdf.test_templates import NAMES, own
from tests.unit.pdf.tools import MM, assert_clean, text_of

BOXES = {Blank.NUMBER: (26.0, 15.6), Blank.DAY: (14.0, 16.8), Blank.MONTH: (14.0, 16.8)}


def box_for(kind: Blank, **changes: Any) -> Box:
    width, height = BOXES[kind]
    return replace(Box(page=0, left=100, bottom=700, width=width, height=height), **changes)


def render(renderer: Renderer, agency: Agency, template: str = "quyet-dinh", **changes: Any) -> Rendered:
    loaded = load(template)
    arguments: dict[str, Any] = {
        "agency": agency,
        "number": None,
        "issued": None,
        "symbol": "QĐ-UBND",
        "at": AT,
        "seal_mm": SEAL_MM,
        "person": True,
    } | changes
    return renderer.render(loaded, loaded.sample, **arguments)


def filled(blank: Rendered, number: DocumentNumber, issued: date) -> bytes:
    pdf = blank.pdf
    for kind, text in release_texts(number, issued).items():
        box = blank.release[kind.value]
        pdf = stamp(pdf, field_mark(text, kind=kind, box=box), box, url="https://example.invalid/")
    return pdf


@pytest.mark.parametrize("template", NAMES)
def test_every_template_leaves_white_blanks(renderer: Renderer, agency: Agency, template: str) -> None:
    rendered = render(renderer, agency, template)
    assert_clean(rendered.pdf)
    assert rendered.pages == 1
    assert set(rendered.release) == {"number", "day", "month", "seal"}
    assert rendered.release["seal"] == rendered.seal
    assert rendered.person is not None
    for name in ("number", "day", "month"):
        # The letters beside a blank reach over its edge by the slant of an italic.
        box = rendered.release[name]
        inner = replace(box, left=box.left + 1, width=box.width - 2)
        assert is_white(cut(rendered, inner, 300)), name
    for kind, (width, height) in BOXES.items():
        box = rendered.release[kind.value]
        assert (box.width, box.height) == pytest.approx((width, height), abs=0.3)


def test_blanks_print_as_a_paper_form_does(renderer: Renderer, agency: Agency) -> None:
    text = " ".join(text_of(render(renderer, agency, year=2027).pdf).split())
    assert "Số: /QĐ-UBND" in text
    assert "Hà Nội, ngày tháng năm 2027" in text


def test_the_year_is_that_of_the_creation_in_vietnam(renderer: Renderer, agency: Agency) -> None:
    new_year = AT.replace(year=2026, month=12, day=31, hour=17)  # 00:00 of 1 January 2027 in Vietnam
    assert "năm 2027" in text_of(render(renderer, agency, at=new_year).pdf)


def test_only_what_is_not_known_is_blank(renderer: Renderer, agency: Agency) -> None:
    assert set(render(renderer, agency, number="15/QĐ-UBND", seal_mm=None).release) == {"day", "month"}
    assert set(render(renderer, agency, issued=date(2026, 11, 21)).release) == {"number", "seal"}
    known = render(renderer, agency, number="15/QĐ-UBND", issued=date(2026, 11, 21))
    assert known.release == {}


@pytest.mark.parametrize(
    ("number", "issued"),
    [(7260, date(2026, 12, 21)), (9999, date(2026, 2, 5)), (1234, date(2026, 1, 30))],
)
def test_a_filled_page_is_the_printed_page(renderer: Renderer, agency: Agency, number: int, issued: date) -> None:
    """With as many digits as the blanks have, every pixel of the head is where typst would have put it.

    But for 11: the face kerns that pair by a point, and a blank cannot know.
    """
    code = DocumentNumber(number, None, "QĐ-UBND")
    printed = page_image(render(renderer, agency, number=str(code), issued=issued).pdf, 0, 150)
    blank = render(renderer, agency)
    written = page_image(filled(blank, code, issued), 0, 150)
    assert written.size == printed.size
    differing = ImageChops.difference(written, printed).convert("L").point(lambda v: 255 * (v > 100))
    assert sum(differing.histogram()[1:]) < 12  # the edges of digits that stand a tenth of a point aside
    unfilled = ImageChops.difference(page_image(blank.pdf, 0, 150), printed).convert("L")
    assert sum(unfilled.point(lambda v: 255 * (v > 100)).histogram()[1:]) > 300  # the comparison would have seen it


@pytest.mark.parametrize("number", [1, 15, 999, 7260])
def test_the_number_stands_on_the_line_and_against_the_slash(renderer: Renderer, agency: Agency, number: int) -> None:
    blank = render(renderer, agency)
    pdf = filled(blank, DocumentNumber(number, None, "QĐ-UBND"), date(2026, 3, 9))
    # Stamps are page content, so their letters are found like the page's own.
    found = letters(pdf)
    head = words(found, "QĐ-UBND")
    digits = [w for w in found if w.text.isdigit() and blank_area(blank, "number", w)]
    assert "".join(d.text for d in digits) == f"{number:02}"
    assert all(d.size == pytest.approx(13, abs=0.01) for d in (*digits, *head))
    assert {d.font.split("+")[-1] for d in digits} == {d.font.split("+")[-1] for d in head}
    assert around(digits).bottom == pytest.approx(around(head[3:]).bottom, abs=0.15)  # the foot of UBND
    slash = words(found, "/QĐ-UBND")[0]
    assert 0 < slash.area.left - around(digits).right < 1.0


def blank_area(blank: Rendered, name: str, letter: Letter) -> bool:
    box = blank.release[name]
    return (
        box.left / MM - 0.3 <= letter.area.left <= (box.left + box.width) / MM
        and abs(297 - (box.bottom / MM) - letter.area.bottom) < 6
    )


@pytest.mark.parametrize("month", [1, 3, 12])
def test_day_and_month_are_italic_on_their_line(renderer: Renderer, agency: Agency, month: int) -> None:
    blank = render(renderer, agency)
    found = letters(filled(blank, DocumentNumber(15, None, "QĐ-UBND"), date(2026, month, 9)))
    place = words(found, "Hà Nội,")
    for name, text in (("day", "09"), ("month", {1: "01", 3: "3", 12: "12"}[month])):
        digits = [w for w in found if w.text.isdigit() and blank_area(blank, name, w)]
        assert "".join(d.text for d in digits) == text
        assert all(d.size == pytest.approx(14, abs=0.01) and "Italic" in d.font for d in digits)
        assert around(digits).bottom == pytest.approx(around(place[:2]).bottom, abs=0.15)


@given(st.integers(1, 999_999_999), st.dates(date(2020, 1, 1), date(2100, 1, 1)))
def test_texts_are_spelled_as_the_document_prints_them(number: int, issued: date) -> None:
    texts = release_texts(DocumentNumber(number, None, "QĐ-UBND"), issued)
    assert str(DocumentNumber(number, None, "QĐ-UBND")) == texts[Blank.NUMBER] + "/QĐ-UBND"
    assert int(texts[Blank.DAY]) == issued.day
    assert len(texts[Blank.DAY]) == 2
    assert int(texts[Blank.MONTH]) == issued.month
    assert texts[Blank.MONTH].startswith("0") is (issued.month <= 2)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9999), st.integers(0, 365))
def test_every_text_has_a_mark_of_exactly_its_box(number: int, day: int) -> None:
    texts = release_texts(DocumentNumber(number, None, "QĐ-UBND"), date(2026, 1, 1) + timedelta(day))
    for kind, text in texts.items():
        mark = _cached_mark(text, kind)
        box = box_for(kind)
        assert (mark.width_mm * MM, mark.height_mm * MM) == pytest.approx((box.width, box.height))
        assert "".join(letter.text for letter in letters(mark.pdf)) == text
        assert mark.alt == text


@functools.cache
def _cached_mark(text: str, kind: Blank) -> Any:
    return field_mark(text, kind=kind, box=box_for(kind))


def test_a_fifth_digit_is_a_little_smaller_and_a_seventh_is_refused() -> None:
    mark = field_mark("12345", kind=Blank.NUMBER, box=box_for(Blank.NUMBER))
    found = letters(mark.pdf)
    assert 9.7 < found[0].size < 13
    assert around(found).right * MM <= 26.1
    assert around(found).bottom == pytest.approx((15.6 - 0.25 * 13) / MM, abs=0.3)
    with pytest.raises(InputError) as error:
        field_mark("1234567", kind=Blank.NUMBER, box=box_for(Blank.NUMBER))
    assert error.value.code == "field-text-too-long"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Blank.NUMBER, ""),
        (Blank.NUMBER, "5"),
        (Blank.NUMBER, "00"),
        (Blank.NUMBER, "015"),
        (Blank.NUMBER, "15a"),
        (Blank.NUMBER, "१५"),
        (Blank.DAY, "1"),
        (Blank.DAY, "00"),
        (Blank.DAY, "32"),
        (Blank.MONTH, "1"),
        (Blank.MONTH, "03"),
        (Blank.MONTH, "13"),
        (Blank.MONTH, "3 "),
    ],
)
def test_what_the_decree_does_not_write_is_not_set(kind: Blank, text: str) -> None:
    with pytest.raises(InputError) as error:
        field_mark(text, kind=kind, box=box_for(kind))
    assert error.value.code == "field-text-invalid"


@pytest.mark.parametrize("changes", [{"height": 30.0}, {"height": 12.0}, {"rotate": 90}])
def test_a_box_that_no_page_of_ours_has_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError) as error:
        field_mark("15", kind=Blank.NUMBER, box=box_for(Blank.NUMBER, **changes))
    assert error.value.code == "field-box-invalid"


def test_a_template_without_a_head_cannot_be_numbered_later(renderer: Renderer, agency: Agency, tmp_path: Any) -> None:
    source = '#import "nd30.typ": *\n#closing()'
    template = load(own(tmp_path / "x", source))
    with pytest.raises(InputError) as error:
        renderer.render(template, {}, agency=agency, number=None, issued=None, at=AT)
    assert error.value.code == "template-broken"
    assert error.value.reason.facts["problem"] == "day, month, number"
