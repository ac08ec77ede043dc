from typing import Any

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageChops

from esign.document import Box
from esign.errors import InputError, PreflightError
from esign.pdf import find_places, page_image
from tests.unit.pdf.tools import MM, changed, darkest, page

SEAL, SIGNATURE = (28.3, 28.9), (87.5, 36.0)
TEXT = (
    b"BT /F 12 Tf 80 760 Td 14 TL " + b"(This is a line of an ordinary letter, long enough to be one.) ' " * 30 + b"ET"
)


def shown(box: Box, pdf: bytes) -> tuple[float, float, float, float]:
    """`box` in mm from the upper left corner of the page as it is shown: what a reader would measure.

    Found by drawing it there: the test does not repeat the arithmetic of the layout.
    """

    def draw(opened: pikepdf.Pdf) -> None:
        rectangle = f"q 1 0 0 rg {box.left} {box.bottom} {box.width} {box.height} re f Q".encode()
        opened.pages[box.page].contents_add(rectangle)

    picture = page_image(changed(pdf, draw), box.page, 72)
    before = page_image(pdf, box.page, 72)
    reds, greens, _ = picture.split()
    red = ImageChops.multiply(reds.point(lambda v: 255 * (v > 200)), greens.point(lambda v: 255 * (v < 80)))
    found = red.getbbox()
    assert found is not None
    # Nothing was under it.
    assert darkest(before.crop(found)) > 240
    left, top, right, bottom = found
    return left / MM, top / MM, right / MM, bottom / MM


def places(pdf: bytes, **kwargs: Any) -> tuple[Box, Box]:
    found = find_places(pdf, **{"seal": SEAL, "signature": SIGNATURE} | kwargs)
    assert found.seal is not None
    assert found.signature is not None
    return found.seal, found.signature


def test_the_seal_stands_bottom_left_and_the_signature_bottom_right_of_the_last_page() -> None:
    pdf = page(TEXT, pages=3)
    seal, signature = places(pdf)
    assert (seal.page, signature.page) == (2, 2)
    left, _, right, bottom = shown(seal, pdf)
    assert left == pytest.approx(15, abs=1.5)
    assert bottom == pytest.approx(297 - 15, abs=1.5)
    assert right - left == pytest.approx(28.3, abs=0.8)
    _, top, right, bottom = shown(signature, pdf)
    assert right == pytest.approx(210 - 15, abs=1.5)
    assert bottom - top == pytest.approx(36, abs=0.8)


def test_sizes_are_exact_whatever_the_raster() -> None:
    seal, signature = places(page())
    assert (seal.width, seal.height) == pytest.approx((28.3 * MM, 28.9 * MM))
    assert (signature.width, signature.height) == pytest.approx((87.5 * MM, 36 * MM))


def test_only_what_is_asked_for_is_looked_for() -> None:
    assert find_places(b"anything", seal=None, signature=None).seal is None
    found = find_places(page(), seal=SEAL, signature=None)
    assert found.signature is None
    assert found.seal is not None


@pytest.mark.parametrize("rotate", [0, 90, 180, 270, -90, 450])
@pytest.mark.parametrize("unit", [1, 2])
@pytest.mark.parametrize("cropped", [False, True])
def test_rotation_crop_offset_and_unit(rotate: int, unit: int, *, cropped: bool) -> None:
    entries: dict[str, Any] = {"Rotate": rotate}
    width, height = 595 / unit, 842 / unit
    media = (-100.0, 50.0, width - 100, height + 50)
    if unit != 1:
        entries["UserUnit"] = unit
    if cropped:
        entries["CropBox"] = pikepdf.Array([media[0] - 20, media[1] + 30 / unit, media[2] - 40 / unit, media[3]])
    pdf = page(b"q 0 g -60 500 40 40 re f Q", media=media, **entries)
    seal, signature = places(pdf)
    assert seal.rotate == signature.rotate == rotate % 360
    shown_height = page_image(pdf, 0, 72).height / MM
    shown_width = page_image(pdf, 0, 72).width / MM
    for box, size in ((seal, SEAL), (signature, SIGNATURE)):
        left, top, right, bottom = (v * unit for v in shown(box, pdf))
        assert (right - left, bottom - top) == pytest.approx(size, abs=1.6)
        assert bottom == pytest.approx(shown_height * unit - 15, abs=2.2)
        if box is seal:
            assert left == pytest.approx(15, abs=2.2)
        else:
            assert right == pytest.approx(shown_width * unit - 15, abs=2.2)


def test_without_room_on_the_last_page_the_first_is_taken() -> None:
    def fill(pdf: pikepdf.Pdf) -> None:
        pdf.pages[-1].contents_add(b"q 0 g 0 0 595 842 re f 1 g 10 10 5 800 re f Q")

    seal, signature = places(changed(page(pages=2), fill))
    assert (seal.page, signature.page) == (0, 0)


def test_room_elsewhere_on_the_page_is_better_than_none() -> None:
    # The lower half is a picture; what is free is at the top.
    pdf = page(b"q 0.5 0.2 0.7 rg 0 0 595 500 re f Q")
    seal, signature = places(pdf)
    assert seal.bottom > 500
    assert signature.bottom > 500


def test_narrow_margins_are_used_before_another_page() -> None:
    # Free is only a strip of 8 mm margin at the bottom: 15 mm would not do.
    pdf = page(b"q 0.5 g 0 140 595 702 re f Q")
    seal, _ = places(pdf)
    assert seal.bottom >= 5 * MM - 0.5


def test_light_coloured_paper_is_paper_and_dark_paper_is_not() -> None:
    seal, _ = places(page(b"q 1 0.98 0.9 rg 0 0 595 842 re f Q"))
    assert seal.page == 0
    with pytest.raises(PreflightError):
        places(page(b"q 0.5 0.4 0.4 rg 0 0 595 842 re f Q"))


def test_a_faint_hairline_is_not_white() -> None:
    lines = b"q 0.85 G 0.25 w " + b" ".join(b"0 %d m 595 %d l S" % (y, y) for y in range(0, 842, 20)) + b" Q"
    with pytest.raises(PreflightError) as error:
        places(page(lines))
    assert [f.code for f in error.value.findings] == ["no-room-for-seal", "no-room-for-signature"]


def test_annotations_are_seen() -> None:
    def stamp(pdf: pikepdf.Pdf) -> None:
        look = pdf.make_stream(b"q 1 0 0 rg 0 0 300 200 re f Q")
        look.stream_dict.Type = pikepdf.Name.XObject
        look.stream_dict.Subtype = pikepdf.Name.Form
        look.stream_dict.BBox = pikepdf.Array([0, 0, 300, 200])
        pdf.pages[0].obj.Annots = pikepdf.Array(
            [
                pdf.make_indirect(
                    pikepdf.Dictionary(
                        Type=pikepdf.Name.Annot,
                        Subtype=pikepdf.Name.Stamp,
                        Rect=pikepdf.Array([0, 0, 300, 200]),
                        F=4,
                        AP=pikepdf.Dictionary(N=look),
                    )
                )
            ]
        )

    seal, _ = places(changed(page(), stamp))
    assert seal.bottom >= 200


def test_a_full_page_has_no_room() -> None:
    with pytest.raises(PreflightError) as error:
        places(page(b"q 0.2 0.6 0.3 rg 0 0 300 842 re f 0 0 1 rg 300 0 295 842 re f Q"))
    assert error.value.code == "document-not-issuable"
    assert {f.code for f in error.value.findings} == {"no-room-for-seal", "no-room-for-signature"}
    assert error.value.findings[0].facts == {"width": "28", "height": "29"}


def test_room_for_one_of_two() -> None:
    # 35 mm of white at the left: the seal fits, the signature does not.
    with pytest.raises(PreflightError) as error:
        places(page(b"q 0 g 130 0 465 842 re f Q"))
    assert [f.code for f in error.value.findings] == ["no-room-for-signature"]


@pytest.mark.parametrize(
    "media", [(0, 0, 1, 1), (0, 0, 3, 842), (0, 0, 14400, 14400), (0, 0, 1e9, 1e9), (0, 0, 0.001, 5000)]
)
def test_tiny_and_enormous_pages_are_refused(media: tuple[float, float, float, float]) -> None:
    with pytest.raises(PreflightError) as error:
        places(page(media=media))
    assert [f.code for f in error.value.findings] == ["page-size-insane"]


@pytest.mark.parametrize("entries", [{"Rotate": 45}, {"UserUnit": 0}, {"UserUnit": -1}, {"Rotate": pikepdf.Name.X}])
def test_nonsense_in_a_page_is_a_typed_refusal(entries: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        places(page(**entries))


@pytest.mark.parametrize("media", [pikepdf.Array([0, 0]), pikepdf.Name.X])
def test_a_mediabox_that_is_none_is_us_letter_for_qpdf_and_pdfium_alike(media: pikepdf.Object) -> None:
    seal, _ = places(page(MediaBox=media))  # preflight refuses the file, for qpdf had to repair it
    assert seal.bottom + seal.height < 792


def test_an_empty_mediabox_is_a_typed_refusal() -> None:
    with pytest.raises(InputError):
        places(page(MediaBox=pikepdf.Array([0, 0, 0, 0])))


_blocks = st.lists(
    st.tuples(st.integers(0, 590), st.integers(0, 840), st.integers(5, 300), st.integers(5, 200)), max_size=8
)


@settings(max_examples=40, deadline=None)
@given(_blocks, st.sampled_from([0, 90, 180, 270]), st.floats(10, 80), st.floats(10, 60))
def test_nothing_overlaps_ink_or_each_other(
    blocks: list[tuple[int, int, int, int]], rotate: int, width: float, height: float
) -> None:
    ink = b" ".join(b"%d %d %d %d re f" % block for block in blocks)
    pdf = page(b"q 0 g " + ink + b" Q", Rotate=rotate)
    try:
        seal, signature = places(pdf, seal=(30, 30), signature=(width, height))
    except PreflightError:
        return
    for box in (seal, signature):
        for x, y, w, h in blocks:
            apart_x = box.left >= x + w or box.left + box.width <= x
            apart_y = box.bottom >= y + h or box.bottom + box.height <= y
            assert apart_x or apart_y
        assert min(box.left, box.bottom) >= 5 * MM - 0.1
        assert box.left + box.width <= 595 - 5 * MM + 0.1
        assert box.bottom + box.height <= 842 - 5 * MM + 0.1
    assert (
        seal.left + seal.width <= signature.left
        or signature.left + signature.width <= seal.left
        or seal.bottom + seal.height <= signature.bottom
        or signature.bottom + signature.height <= seal.bottom
    )
