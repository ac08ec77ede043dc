"""The print of a signed document: new, unsigned, as it looks, with the note that the law asks (Luật GDĐT Đ.12)."""

import io
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pikepdf
import pytest
import zxingcpp
from PIL import Image, ImageChops

from esign.document import Agency, Mark
from esign.errors import InputError
from esign.pades.revision import stamp
from esign.pdf import Renderer, agency_mark, page_image, person_mark, qr_mark, specimen_signature
from esign.pdf.preflight import preflight
from esign.pdf.print_copy import print_copy, print_note
from esign.profile import IssuanceProfile
from esign.seal.symbol import Symbol
from tests.unit.pdf.measuring import SIGNED_AT, around, black, extent, letters, red, signed, words
from tests.unit.pdf.test_marks import SIGNER
from tests.unit.pdf.test_render import _long, render
from tests.unit.pdf.test_scan import WHOLE, scanned, sheet
from tests.unit.pdf.test_two_officials import proof
from tests.unit.pdf.tools import assert_clean, changed, page, run, text_of

QUIET_MM = 4 * 0.375
URL = "https://q.example.gov.vn/1#" + "7" * 375
NOTE = (
    "Bản in từ văn bản điện tử; tra cứu tại q.example.gov.vn; hệ thống: Hệ thống MẪU; chủ quản: UBND MẪU; "
    "in lúc 21.11.2026 10:32:58 +07:00"
)


@pytest.fixture(scope="module")
def qr() -> Mark:
    symbol = Symbol.of(URL)
    return qr_mark(symbol.rows, size_mm=symbol.size_mm, quiet_mm=symbol.quiet_mm, alt="QR")


@pytest.fixture(scope="module")
def whole(renderer: Renderer, agency: Agency) -> bytes:
    """Signed by both officials."""
    rendered = proof(renderer, agency)
    assert rendered.person is not None
    text = agency_mark(agency, signer=SIGNER, signing_time=SIGNED_AT)
    return signed(rendered.pdf, (person_mark(specimen_signature()), rendered.person), (text, rendered.signature))


def test_the_note_says_where_which_whose_and_when(agency: Agency) -> None:
    known = replace(agency, system="Hệ thống MẪU", system_owner="UBND MẪU")
    assert print_note(known, host="q.example.gov.vn", printed_at=SIGNED_AT) == NOTE
    with pytest.raises(InputError) as error:
        print_note(agency, host="q.example.gov.vn", printed_at=SIGNED_AT)
    assert error.value.code == "print-system-unknown"
    with pytest.raises(InputError) as error:
        print_note(known, host="q.example.gov.vn", printed_at=datetime(2026, 1, 1))  # noqa: DTZ001 - the point
    assert error.value.code == "signing-time-naive"


def test_a_print_is_new_unsigned_and_inert(whole: bytes, qr: Mark) -> None:
    before = bytes(whole)
    printed = print_copy(whole, note=NOTE, qr=qr)
    assert whole == before
    assert not printed.pdf.startswith(whole[:200])
    assert printed.pages == 1
    assert printed.pictures == ()
    assert_clean(printed.pdf)
    report = preflight(printed.pdf, IssuanceProfile())
    assert report.findings == ()
    assert (report.pdfa, report.has_form) == ("", False)
    assert b"/ByteRange" not in printed.pdf
    with pikepdf.open(io.BytesIO(printed.pdf)) as pdf:
        assert "/AcroForm" not in pdf.Root
        assert all("/Annots" not in p.obj for p in pdf.pages)
    assert "File has no signatures" not in run("pdfsig", "@", pdf=whole).stdout
    unsigned = run("pdfsig", "@", pdf=printed.pdf)
    assert "does not contain any signatures" in unsigned.stdout + unsigned.stderr


def test_it_shows_the_page_as_it_looks_with_both_signatures(whole: bytes, qr: Mark) -> None:
    printed = print_copy(whole, note=NOTE, qr=qr)
    original, copy = page_image(whole, 0, 100), page_image(printed.pdf, 0, 100)
    assert copy.size == original.size
    width, height = (round(v * printed.scale) for v in original.size)
    expected = Image.new("RGB", original.size, "white")
    expected.paste(original.resize((width, height), Image.Resampling.LANCZOS), ((original.width - width) // 2, 0))
    end = round(original.height * printed.scale * 0.955)  # above the note
    above = (0, 0, original.width, end)
    assert _differing(expected.crop(above), copy.crop(above)) < 0.01  # the grey of edges
    blank = Image.new("RGB", original.size, "white")
    assert _differing(blank.crop(above), copy.crop(above)) > 0.03
    assert extent(printed.pdf, red).width == pytest.approx(35.7 * printed.scale, abs=0.5)
    text = text_of(printed.pdf)
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in text  # still text, as sharp as the printer can
    assert "Thời gian ký: 21.11.2026 10:32:58 +07:00" in text  # that of the widget, too


def _differing(one: Image.Image, other: Image.Image) -> float:
    difference = ImageChops.difference(one, other).convert("L").point(lambda v: 255 * (v > 128))
    return sum(difference.histogram()[1:]) / (one.width * one.height)


def test_note_and_qr_stand_in_the_bottom_margin_clear_of_the_page(whole: bytes, qr: Mark) -> None:
    printed = print_copy(whole, note=NOTE, qr=qr)
    assert 0.85 <= printed.scale < 1
    found = letters(printed.pdf)
    note = words(found, NOTE)
    where = around(note)
    footer = around(words(found, "cuanam@example.invalid"))
    assert footer.bottom + 1.5 < where.top
    assert where.bottom < 297 - 5
    assert where.left > 15 + qr.width_mm
    assert where.right <= 195.5
    assert all(7 <= letter.size <= 9 for letter in note)
    ink = extent(printed.pdf, black, within=replace(where, left=10, top=footer.bottom + 0.5, right=40, bottom=296))
    assert ink.width == pytest.approx(
        qr.width_mm - 2 * QUIET_MM, abs=0.3
    )  # the symbol at its full size, whatever the page's scale
    assert ink.bottom < 297 - 5


@pytest.mark.parametrize("dpi", [100, 150, 300])
def test_the_qr_of_the_print_is_read(whole: bytes, qr: Mark, dpi: int) -> None:
    printed = print_copy(whole, note=NOTE, qr=qr)
    assert URL in {code.text for code in zxingcpp.read_barcodes(page_image(printed.pdf, 0, dpi))}


def test_every_page_has_the_note_at_the_same_scale(renderer: Renderer, agency: Agency, qr: Mark) -> None:
    from esign.pdf import load

    long = render(renderer, agency, data=_long(load("quyet-dinh").sample, 9), issued=date(2026, 11, 21))
    printed = print_copy(long.pdf, note=NOTE, qr=qr)
    assert printed.pages == long.pages > 1
    for number in range(printed.pages):
        found = letters(printed.pdf, number)
        assert words(found, NOTE)
        body = [round(letter.size, 2) for letter in words(found, "Chữ tiếng Việt")]
        assert set(body) == {round(14 * printed.scale, 2)}


def test_where_the_margin_has_room_the_page_keeps_its_size() -> None:
    short = page(b"q 0 g 80 400 300 300 re f Q")
    assert print_copy(short, note=NOTE, qr=None).scale == 1.0


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("unit", [1, 2])
def test_turned_cropped_and_large_units_are_shown_as_they_look(rotate: int, unit: int, qr: Mark) -> None:
    entries: dict[str, Any] = {"Rotate": rotate, "UserUnit": unit}
    media = (-100.0, 50.0, 595 / unit - 100, 842 / unit + 50)
    entries["CropBox"] = pikepdf.Array([-90, 60, 595 / unit - 110, 842 / unit + 40])
    entries["TrimBox"] = pikepdf.Array([-50, 100, 0, 200])
    # A flag in the corner of what is shown: a turn or a crop that is lost would be seen.
    pdf = page(b"q 1 0 0 rg -80 70 60 30 re f 0 0 1 rg -80 120 20 60 re f Q", media=media, **entries)
    printed = print_copy(pdf, note=NOTE, qr=qr)
    assert printed.pictures == ()
    original, copy = page_image(pdf, 0, 72 * unit), page_image(printed.pdf, 0, 72)
    assert copy.size == pytest.approx(original.size, abs=1)
    width, height = (round(v * printed.scale) for v in original.size)
    expected = Image.new("RGB", copy.size, "white")
    expected.paste(original.resize((width, height)), ((copy.width - width) // 2, 0))
    end = round(copy.height * 0.75)
    assert _differing(expected.crop((0, 0, copy.width, end)), copy.crop((0, 0, copy.width, end))) < 0.01


def test_a_page_that_flattening_would_change_becomes_a_picture(qr: Mark) -> None:
    def hide_a_layer(pdf: pikepdf.Pdf) -> None:
        """Content that is switched off, which a reader does not show and qpdf would keep."""
        group = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name="x"))
        pdf.Root.OCProperties = pikepdf.Dictionary(
            OCGs=[group], D=pikepdf.Dictionary(ON=pikepdf.Array(), OFF=pikepdf.Array([group]))
        )
        first = pdf.pages[0]
        first.obj.Resources = pikepdf.Dictionary(Properties=pikepdf.Dictionary(L=group))
        first.obj.Contents = pdf.make_stream(
            b"/OC /L BDC q 0 0 1 rg 100 400 300 300 re f Q EMC q 1 0 0 rg 100 200 100 100 re f Q"
        )

    pdf = changed(page(pages=2), hide_a_layer)
    printed = print_copy(pdf, note=NOTE, qr=qr)
    assert printed.pictures == (1,)
    shown = page_image(printed.pdf, 0, 72)
    assert shown.getpixel((250, 300)) == (255, 255, 255)
    assert extent(printed.pdf, red).width == pytest.approx(100 / 72 * 25.4 * printed.scale, abs=0.4)
    assert_clean(printed.pdf)


def test_where_qpdf_cannot_flatten_all_pages_become_pictures() -> None:
    def confuse(pdf: pikepdf.Pdf) -> None:
        """A widget that is drawn, and form resources that are no resources, as an old signing program leaves them."""
        box = pikepdf.Array([0, 0, 100, 100])
        look = pdf.make_stream(b"1 0 0 rg 0 0 100 100 re f", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form)
        look.BBox, look.Resources = box, pikepdf.Dictionary()
        widget = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Tx, T="x")
        widget.F, widget.Rect, widget.AP = 4, pikepdf.Array([100, 300, 200, 400]), pikepdf.Dictionary(N=look)
        widget = pdf.make_indirect(widget)
        pdf.pages[0].obj.Annots = pikepdf.Array([widget])
        pdf.Root.AcroForm = pikepdf.Dictionary(
            Fields=pikepdf.Array([widget]), DA="/F 12 Tf", DR=pikepdf.Dictionary(DSz=pdf.make_stream(b"q"))
        )

    pdf = changed(page(pages=2), confuse)
    printed = print_copy(pdf, note=NOTE, qr=None)
    assert printed.pictures == (1, 2)
    assert extent(printed.pdf, red).width == pytest.approx(100 / 72 * 25.4 * printed.scale, abs=0.4)


def test_scripts_links_and_attachments_stay_behind(qr: Mark) -> None:
    def arm(pdf: pikepdf.Pdf) -> None:
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
        pdf.attachments["x.txt"] = b"x"

    linked = stamp(page(b"q 0 g 80 400 300 300 re f Q"), qr, replace_box(), url="https://example.invalid/")
    printed = print_copy(changed(linked, arm), note=NOTE, qr=None)
    report = preflight(printed.pdf, IssuanceProfile())
    assert report.findings == ()
    assert "pdf-has-attachments" not in {n.code for n in report.notices}
    for trace in (b"JavaScript", b"/URI", b"EmbeddedFile"):
        assert trace not in printed.pdf


def replace_box() -> Any:
    from esign.document import Box

    return Box(page=0, left=100, bottom=100, width=60, height=60)


def test_a_scan_to_the_edge_becomes_a_little_smaller(qr: Mark) -> None:
    printed = print_copy(scanned([(sheet(150).point(lambda v: v // 2), WHOLE)]), note=NOTE, qr=qr)
    assert 0.85 <= printed.scale < 0.92


def test_a_page_that_is_too_small_for_the_note_is_refused(qr: Mark) -> None:
    with pytest.raises(InputError) as error:
        print_copy(page(b"q 0 g 0 0 300 300 re f Q", media=(0, 0, 250, 180)), note=NOTE, qr=qr)
    assert error.value.code == "print-no-room"


def test_a_note_that_is_too_long_is_refused() -> None:
    with pytest.raises(InputError) as error:
        print_copy(page(), note=NOTE * 9, qr=None)
    assert error.value.code == "mark-text-too-long"


def test_the_same_print_has_the_same_bytes(whole: bytes, qr: Mark) -> None:
    assert print_copy(whole, note=NOTE, qr=qr).pdf == print_copy(whole, note=NOTE, qr=qr).pdf


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7 nothing"])
def test_what_is_no_pdf_is_a_typed_refusal(data: bytes) -> None:
    with pytest.raises(InputError):
        print_copy(data, note=NOTE, qr=None)
