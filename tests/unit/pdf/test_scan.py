"""Scans that these tests make: PDF 1.4, colour, 200 dpi at the paper's size, or not (ND30 Phụ lục I, Phần II, I.2)."""

import io
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from esign.document import Agency
from esign.errors import InputError, PreflightError
from esign.pdf import LEAST_DPI, Renderer, check_scan, page_image
from tests.unit.pdf.test_render import render
from tests.unit.pdf.tools import changed, saved

A4 = (595.28, 841.89)
Part = tuple[Image.Image, tuple[float, float, float, float]]
"""An image and where it lies: left, bottom, width, height as shares of the page."""
WHOLE = (0.0, 0.0, 1.0, 1.0)


@cache
def sheet(dpi: float, mode: str = "RGB", size: tuple[float, float] = A4) -> Image.Image:
    """A page with lines of text and a red seal, as a scanner would see it."""
    width, height = (round(v / 72 * dpi) for v in size)
    picture = Image.new("RGB", (width, height), (252, 251, 247))
    draw = ImageDraw.Draw(picture)
    for line in range(30):
        y = height * (0.1 + 0.02 * line)
        draw.rectangle((width * 0.15, y, width * 0.9, y + height * 0.008), fill=(30, 30, 32))
    draw.ellipse((width * 0.5, height * 0.75, width * 0.67, height * 0.87), outline=(200, 20, 30), width=12)
    return picture.convert(mode)


def scanned(*pages: Sequence[Part], size: tuple[float, float] = A4, version: str = "1.4", **changes: Any) -> bytes:
    """A PDF as a scanner's program writes it: a JPEG (or bits) for each part of a page."""
    pdf = pikepdf.new()
    for parts in pages:
        pdf.add_blank_page(page_size=size)
        made = pdf.pages[-1]
        for image, (left, bottom, width, height) in parts:
            name = made.add_resource(stream(pdf, image), pikepdf.Name.XObject)
            matrix = (width * size[0], 0, 0, height * size[1], left * size[0], bottom * size[1])
            made.contents_add(f"q {' '.join(map(str, matrix))} cm {name} Do Q".encode())
        for key, value in changes.items():
            made.obj[f"/{key}"] = value
    return saved(pdf, force_version=version)


def stream(pdf: pikepdf.Pdf, image: Image.Image) -> pikepdf.Stream:
    data = io.BytesIO()
    entries: dict[str, Any] = {"BitsPerComponent": 8}
    if image.mode in {"RGB", "L", "CMYK"}:
        image.save(data, "JPEG", quality=60)
        spaces = {"RGB": "/DeviceRGB", "L": "/DeviceGray", "CMYK": "/DeviceCMYK"}
        entries |= {"Filter": pikepdf.Name.DCTDecode, "ColorSpace": pikepdf.Name(spaces[image.mode])}
    elif image.mode == "P":
        data.write(image.tobytes())
        palette = bytes(image.getpalette() or ()).ljust(768, b"\0")
        last = len(palette) // 3 - 1
        entries["ColorSpace"] = pikepdf.Array([pikepdf.Name.Indexed, pikepdf.Name.DeviceRGB, last, palette])
    else:
        data.write(image.tobytes())
        entries |= {"BitsPerComponent": 1, "ColorSpace": pikepdf.Name.DeviceGray}
    entries |= {"Type": pikepdf.Name.XObject, "Subtype": pikepdf.Name.Image}
    return pdf.make_stream(data.getvalue(), Width=image.width, Height=image.height, **entries)


def codes(pdf: bytes) -> list[str]:
    return [f.code for f in check_scan(pdf).findings]


def test_a_colour_scan_of_200_dpi_may_become_a_copy() -> None:
    report = check_scan(scanned([(sheet(200), WHOLE)], [(sheet(300), WHOLE)]))
    assert report.findings == ()
    assert report.notices == ()
    assert [(p.page, p.dpi, p.colour, p.coverage) for p in report.pages] == [(1, 200, True, 1.0), (2, 300, True, 1.0)]
    report.require()


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (sheet(150), ["scan-resolution-low"]),
        (sheet(200, "L"), ["scan-not-colour"]),
        (sheet(300, "1"), ["scan-not-colour"]),
        (sheet(100, "1"), ["scan-not-colour", "scan-resolution-low"]),
        (sheet(200, "P"), []),
        (sheet(200, "CMYK"), []),
    ],
)
def test_what_the_decree_asks_is_counted_from_the_samples(image: Image.Image, found: list[str]) -> None:
    assert codes(scanned([(image, WHOLE)])) == found


def test_each_finding_names_its_page() -> None:
    report = check_scan(scanned([(sheet(200), WHOLE)], [(sheet(150, "L"), WHOLE)], [(sheet(200), WHOLE)]))
    assert [(f.code, f.facts["page"]) for f in report.findings] == [("scan-not-colour", 2), ("scan-resolution-low", 2)]
    assert report.findings[1].facts == {"page": 2, "dpi": 150, "least": LEAST_DPI}
    with pytest.raises(PreflightError) as error:
        report.require()
    assert error.value.findings == report.findings


def test_the_resolution_is_that_of_the_real_page() -> None:
    # The same samples on A3 are a scan of 141 dpi, whatever the file says about them.
    a3 = (841.89, 1190.55)
    assert codes(scanned([(sheet(200), WHOLE)], size=a3)) == ["scan-resolution-low"]
    assert codes(scanned([(sheet(200, size=a3), WHOLE)], size=a3)) == []
    # /UserUnit makes the page twice as large, too.
    assert codes(scanned([(sheet(200), WHOLE)], UserUnit=2)) == ["scan-resolution-low"]


@pytest.mark.parametrize(
    ("version", "found"), [("1.3", ["scan-version-too-old"]), ("1.4", []), ("1.7", []), ("2.0", [])]
)
def test_versions_before_1_4_are_refused(version: str, found: list[str]) -> None:
    assert codes(scanned([(sheet(200), WHOLE)], version=version)) == found


def test_the_catalogue_may_name_a_later_version() -> None:
    def upgrade(pdf: pikepdf.Pdf) -> None:
        pdf.Root.Version = pikepdf.Name("/1.6")

    assert codes(changed(scanned([(sheet(200), WHOLE)], version="1.3"), upgrade, force_version="1.3")) == []


def test_an_electronic_document_is_no_scan(renderer: Renderer, agency: Agency) -> None:
    report = check_scan(render(renderer, agency).pdf)
    assert [f.code for f in report.findings] == ["scan-page-not-scanned"]
    assert report.findings[0].facts["coverage"] == "0"
    assert report.pages[0].dpi == 0


def test_a_picture_on_a_page_is_no_scan_of_it() -> None:
    assert codes(scanned([(sheet(300), (0.1, 0.1, 0.6, 0.6))])) == ["scan-page-not-scanned"]
    assert codes(scanned([(sheet(300), (0.02, 0.01, 0.96, 0.97))])) == []  # scanners leave an edge
    assert codes(scanned([])) == ["scan-page-not-scanned"]


@pytest.mark.parametrize("strips", [2, 16, 100])
def test_scanners_that_cut_pages_into_strips_are_understood(strips: int) -> None:
    image = sheet(200)
    rows = [round(image.height * i / strips) for i in range(strips + 1)]
    parts = [
        (
            image.crop((0, top, image.width, bottom)),
            (0.0, 1 - bottom / image.height, 1.0, (bottom - top) / image.height),
        )
        for top, bottom in pairwise(rows)
    ]
    report = check_scan(scanned(parts))
    assert report.findings == ()
    assert report.pages[0].dpi == pytest.approx(200, abs=4)
    one_grey = [(parts[0][0].convert("L"), parts[0][1]), *parts[1:]]
    assert codes(scanned(one_grey)) == (["scan-not-colour"] if strips < 10 else [])


def test_layers_count_by_what_is_seen_through_them() -> None:
    # A compact PDF: text in black and white at 300 dpi over a coloured background of 100 dpi.
    layers = [(sheet(100), WHOLE), (sheet(300, "1"), (0.1, 0.3, 0.8, 0.6))]
    report = check_scan(scanned(layers))
    assert [f.code for f in report.findings] == ["scan-resolution-low"]
    assert report.pages[0].dpi == 100


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_a_turned_page_is_the_same_scan(rotate: int) -> None:
    report = check_scan(scanned([(sheet(200), WHOLE)], Rotate=rotate))
    assert (report.findings, report.notices) == ((), ())


def test_an_image_inside_a_form_lies_where_the_form_puts_it() -> None:
    def nest(pdf: pikepdf.Pdf) -> None:
        first = pdf.pages[0]
        form = pdf.make_stream(
            b"q 297.64 0 0 420.945 10 20 cm /I Do Q",
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Form,
            BBox=pikepdf.Array([0, 0, 2000, 2000]),
            Matrix=pikepdf.Array([0.5, 0, 0, 0.5, -5, -10]),
            Resources=pikepdf.Dictionary(XObject=pikepdf.Dictionary(I=stream(pdf, sheet(200)))),
        )
        first.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(F=form))
        first.obj.Contents = pdf.make_stream(b"q 4 0 0 4 0 0 cm /F Do Q")

    report = check_scan(changed(scanned([]), nest))
    assert report.findings == ()
    assert report.pages[0].dpi == 200


def test_a_colour_scan_without_any_colour_is_noticed() -> None:
    grey = sheet(200, "L").convert("RGB")
    report = check_scan(scanned([(grey, WHOLE)]))
    assert [n.code for n in report.notices] == ["scan-without-colour"]
    assert report.findings == ()


def test_paper_of_an_odd_size_is_noticed() -> None:
    odd = (500.0, 700.0)
    report = check_scan(scanned([(sheet(200, size=odd), WHOLE)], size=odd))
    assert report.findings == ()
    assert report.notices[0].facts == {"page": 1, "width": "176", "height": "247"}


@settings(max_examples=20, deadline=None)
@given(st.integers(60, 330), st.sampled_from(["RGB", "L", "1"]))
def test_any_resolution_is_measured(dpi: int, mode: str) -> None:
    report = check_scan(scanned([(sheet(dpi, mode), WHOLE)]))
    assert report.pages[0].dpi == pytest.approx(dpi, abs=1)
    assert report.pages[0].colour is (mode == "RGB")
    assert any(f.code == "scan-resolution-low" for f in report.findings) is (dpi < 198)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.4 nothing", b"\x89PNG"])
def test_what_is_no_pdf_is_a_typed_refusal(data: bytes) -> None:
    with pytest.raises(InputError):
        check_scan(data)


def test_a_page_of_thousands_of_pictures_is_refused_in_time() -> None:
    pdf = scanned([(sheet(60).crop((0, 0, 8, 8)), (0, 0, 0.01, 0.01))])

    def repeat(opened: pikepdf.Pdf) -> None:
        first = opened.pages[0]
        first.contents_coalesce()
        content = first.Contents.read_bytes()
        first.Contents = opened.make_stream(content * 2500)

    with pytest.raises(InputError) as error:
        check_scan(changed(pdf, repeat))
    assert error.value.code == "pdf-not-rendered"


def test_the_sheet_looks_like_one() -> None:
    picture = page_image(scanned([(sheet(200), WHOLE)]), 0, 50)
    assert picture.getpixel((5, 5)) == pytest.approx((252, 251, 247), abs=4)
