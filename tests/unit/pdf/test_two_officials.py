"""ND30 Phụ lục I, II.7.d and II.8.a, measured from the PDF with both signatures on it (vietnam.md §2.2)."""

import io
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pikepdf
import pytest
from PIL import Image

from esign.document import Agency
from esign.errors import InputError
from esign.pdf import (
    PERSON_MM,
    Rendered,
    Renderer,
    agency_mark,
    load,
    page_image,
    person_mark,
    person_top,
    red_seal_mark,
    specimen_signature,
)
from tests.unit.pdf.measuring import SIGNED_AT, area, around, black, blue, extent, letters, red, signed, words
from tests.unit.pdf.test_marks import SIGNER
from tests.unit.pdf.test_render import AT, SEAL_MM, cut, is_white
from tests.unit.pdf.tools import MM, alpha_at, assert_clean


@pytest.fixture(scope="module")
def signature_image() -> bytes:
    return specimen_signature()


def proof(renderer: Renderer, agency: Agency, **changes: Any) -> Rendered:
    template = load("quyet-dinh")
    arguments: dict[str, Any] = {
        "agency": agency,
        "number": "15/QĐ-UBND",
        "issued": date(2026, 11, 21),
        "at": AT,
        "seal_mm": SEAL_MM,
        "person": True,
    } | changes
    return renderer.render(template, template.sample, **arguments)


def whole(rendered: Rendered, agency: Agency, image: bytes) -> bytes:
    assert rendered.person is not None
    text = agency_mark(agency, signer=SIGNER, signing_time=SIGNED_AT)
    return signed(rendered.pdf, (person_mark(image), rendered.person), (text, rendered.signature))


def bar() -> bytes:
    """A signature that reaches to every edge of its image, so that the image's edges can be measured."""
    out = io.BytesIO()
    picture = Image.new("RGBA", (800, 400))
    for x, y in ((0, 0), (0, 380), (780, 0), (780, 380)):
        picture.paste((20, 40, 160, 255), (x, y, x + 20, y + 20))
    picture.paste((20, 40, 160, 255), (380, 0, 420, 400))
    picture.save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("diameter", [30.0, 36.0, 42.0])
def test_the_red_seal_covers_a_third_of_the_persons_image_on_its_left(
    renderer: Renderer, agency: Agency, diameter: float
) -> None:
    agency = replace(agency, seal_diameter_mm=diameter)
    rendered = proof(renderer, agency)
    pdf = whole(rendered, agency, bar())
    assert rendered.person is not None
    person = area(rendered.person)
    seal = extent(pdf, red)
    assert 0.28 <= (seal.right - person.left) / person.width <= 0.38
    # Real size: the specimen's outer ring stands 0.15 mm inside its image.
    assert seal.width == pytest.approx(diameter - 0.3, abs=0.3)
    assert seal.height == pytest.approx(diameter - 0.3, abs=0.3)
    # It really covers it: where the image is, the seal is about level with it.
    assert seal.top < (person.top + person.bottom) / 2 < seal.bottom
    right_half = extent(pdf, blue, within=replace(person, left=person.middle))
    assert right_half.right == pytest.approx(person.right, abs=0.2)
    assert (person.width, person.height) == pytest.approx(PERSON_MM)


def test_the_persons_image_is_blue_and_centred_between_title_and_name(
    renderer: Renderer, agency: Agency, signature_image: bytes
) -> None:
    rendered = proof(renderer, agency)
    pdf = whole(rendered, agency, bar())
    assert rendered.person is not None
    person = area(rendered.person)
    text = letters(rendered.pdf)
    title, name = around(words(text, "PHÓ CHỦ TỊCH")), around(words(text, "Trần Văn Thử"))
    assert person.middle == pytest.approx(title.middle, abs=0.5)
    assert person.middle == pytest.approx(name.middle, abs=0.5)
    assert title.bottom < person.top < person.bottom < name.top
    centre = extent(pdf, blue, within=replace(person, left=person.middle - 3, right=person.middle + 3))
    assert centre.middle == pytest.approx(name.middle, abs=0.5)
    assert centre.height == pytest.approx(PERSON_MM[1], abs=0.2)
    # The specimen's ink is one blue, and what is not ink lets the page through.
    picture = Image.open(io.BytesIO(signature_image))
    assert alpha_at(picture, 1, 1) == 0
    mark = page_image(person_mark(signature_image).pdf, 0, 100, transparent=True)
    assert alpha_at(mark, 1, 1) == 0


def test_no_text_touches_the_persons_image_or_the_name(renderer: Renderer, agency: Agency) -> None:
    rendered = proof(renderer, agency)
    mark_of_agency = agency_mark(agency, signer=SIGNER, signing_time=SIGNED_AT)
    pdf = signed(rendered.pdf, (mark_of_agency, rendered.signature))
    assert rendered.person is not None
    person, mark = area(rendered.person), area(rendered.signature)
    assert mark.left <= person.left
    assert person.right <= mark.right
    assert person.bottom <= mark.bottom
    name = around(words(letters(rendered.pdf), "Trần Văn Thử"))
    right_of_the_seal = replace(mark, left=mark.left + 37, bottom=name.top - 0.2)
    who_and_when = extent(pdf, black, within=right_of_the_seal)
    assert who_and_when.top > person.bottom
    assert who_and_when.bottom < name.top - 1
    for box in (rendered.person, rendered.signature):
        assert is_white(cut(rendered, box))


def test_a_long_agency_name_stays_below_the_persons_image(renderer: Renderer, agency: Agency) -> None:
    agency = replace(agency, name="Trung tâm Phục vụ hành chính công phường Cửa Nam trực thuộc " + SIGNER)
    mark = agency_mark(agency, signer="Trung tâm Phục vụ hành chính công " + SIGNER, signing_time=SIGNED_AT)
    picture = page_image(mark.pdf, 0, 200, transparent=True)
    above = round((person_top(agency) + PERSON_MM[1]) * 200 / 25.4)
    free = picture.crop((round(37 * 200 / 25.4), 0, picture.width, above))
    assert free.getchannel("A").getbbox() is None
    below = picture.crop((round(37 * 200 / 25.4), above, picture.width, picture.height))
    assert below.getchannel("A").getbbox() is not None


def test_without_a_seal_image_the_text_stands_below_the_person(renderer: Renderer, agency: Agency) -> None:
    rendered = proof(renderer, replace(agency, seal_image=None))
    assert rendered.person is not None
    assert not area(rendered.person).overlaps(area(rendered.signature))
    assert is_white(cut(rendered, rendered.person))
    assert is_white(cut(rendered, rendered.signature))
    name = around(words(letters(rendered.pdf), "Trần Văn Thử"))
    assert area(rendered.signature).bottom < name.top


def test_a_page_is_the_same_with_and_without_the_persons_place(renderer: Renderer, agency: Agency) -> None:
    with_person, without = (proof(renderer, agency, person=p) for p in (True, False))
    assert without.person is None
    assert with_person.signature == without.signature
    assert page_image(with_person.pdf, 0, 100) == page_image(without.pdf, 0, 100)


def test_the_red_seal_alone_has_its_size(agency: Agency) -> None:
    mark = red_seal_mark(agency)
    assert mark is not None
    assert (mark.width_mm, mark.height_mm) == (36, 36)
    assert extent(mark.pdf, red).width == pytest.approx(35.7, abs=0.3)
    assert red_seal_mark(replace(agency, seal_image=None)) is None


def test_a_persons_mark_is_a_page_without_text(signature_image: bytes) -> None:
    mark = person_mark(signature_image, signer="Trần Văn Thử")
    assert_clean(mark.pdf)
    assert mark.alt == "Chữ ký: Trần Văn Thử"
    assert letters(mark.pdf) == []
    with pikepdf.open(io.BytesIO(mark.pdf)) as pdf:
        assert [float(v) for v in pdf.pages[0].MediaBox] == pytest.approx([0, 0, 40 * MM, 20 * MM], abs=0.01)
        assert "/Font" not in pdf.pages[0].Resources
    assert person_mark(signature_image) == person_mark(signature_image)


def test_a_tall_image_is_fitted_not_stretched() -> None:
    out = io.BytesIO()
    picture = Image.new("RGBA", (400, 600))
    picture.paste((0, 0, 200, 255), (0, 0, 399, 600))
    picture.save(out, "PNG")
    found = extent(person_mark(out.getvalue()).pdf, blue)
    assert found.height == pytest.approx(20, abs=0.2)
    assert found.width == pytest.approx(20 * 399 / 600, abs=0.2)


def _png(mode: str, size: tuple[int, int], ink: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    picture = Image.new(mode, size)
    picture.paste(ink, (10, 10, size[0] // 2, size[1] // 2))
    picture.save(out, options.pop("format", "PNG"), **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (b"no image", "PNG"),
        (_png("RGB", (400, 200), (0, 0, 200), format="JPEG"), "PNG"),
        (_png("RGB", (400, 200), (0, 0, 200)), "no alpha"),
        (_png("RGBA", (400, 200), (0, 0, 0, 255)), "not blue"),
        (_png("RGBA", (400, 200), (200, 20, 20, 255)), "not blue"),
        (_png("RGBA", (400, 200), (0, 0, 200, 90)), "nothing to see"),
        (_png("RGBA", (100, 40), (0, 0, 200, 255)), "100 x 40 px"),
        (_png("RGBA", (5000, 4000), (0, 0, 200, 255)), "5000 x 4000 px"),
        (_png("RGBA", (400, 200), (0, 0, 200, 255))[:200], "PNG"),
    ],
)
def test_an_image_that_is_no_signature_is_refused(image: bytes, problem: str) -> None:
    with pytest.raises(InputError) as error:
        person_mark(image)
    assert (error.value.code, error.value.reason.facts["problem"]) == ("signature-image-invalid", problem)


@pytest.mark.parametrize("ink", [(0, 0, 200, 255), (24, 58, 168, 255), (35, 40, 70, 255), (60, 90, 230, 200)])
def test_every_blue_pen_passes(ink: tuple[int, ...]) -> None:
    assert person_mark(_png("RGBA", (400, 200), ink)).width_mm == 40


def test_a_naive_time_is_refused(agency: Agency) -> None:
    with pytest.raises(InputError) as error:
        agency_mark(agency, signer=SIGNER, signing_time=datetime(2026, 1, 1))  # noqa: DTZ001 - the point
    assert error.value.code == "signing-time-naive"
