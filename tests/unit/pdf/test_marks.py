import io
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from esign.document import Agency, Mark
from esign.errors import InputError, PreflightError
from esign.pdf import agency_mark, agency_mark_size, page_image, seal_mark, seal_mark_size, specimen_seal
from tests.unit.pdf.conftest import SIGNED_AT
from tests.unit.pdf.tools import MM, alpha_at, assert_clean, text_of

SIGNER = "Ủy ban nhân dân phường Cửa Nam"
ID = "ABCD-EFGH-JKMN-PQRS"


def rows(side: int = 53) -> list[str]:
    return ["".join("01"[(x * y + x) % 3 > 0] for x in range(side)) for y in range(side)]


@contextmanager
def only_page(mark: Mark) -> Iterator[pikepdf.Object]:
    with pikepdf.open(io.BytesIO(mark.pdf)) as pdf:
        assert len(pdf.pages) == 1
        yield pdf.pages[0].obj


def assert_drawable(mark: Mark) -> None:
    """One page of the size that it says, fonts embedded, nothing inherited, transparent where nothing is drawn."""
    assert_clean(mark.pdf)
    with only_page(mark) as page:
        box = [float(v) for v in page.MediaBox]
        assert box == pytest.approx([0, 0, mark.width_mm * MM, mark.height_mm * MM], abs=0.01)
        for font in page.Resources.Font.values():
            descriptor = font.DescendantFonts[0].FontDescriptor
            assert "/FontFile2" in descriptor or "/FontFile3" in descriptor
            assert "+" in str(font.BaseFont)  # a subset
    assert alpha_at(page_image(mark.pdf, 0, 72, transparent=True), 1, 1) < 255


def test_the_red_seal_is_drawn_at_its_real_size_with_its_text(agency: Agency) -> None:
    mark = agency_mark(agency, signer=SIGNER, signing_time=SIGNED_AT)
    assert_drawable(mark)
    assert (mark.width_mm, mark.height_mm) == agency_mark_size(agency)
    assert "Thời gian ký: 21.11.2026 10:32:58 +07:00" in text_of(mark.pdf)
    assert f"Ký bởi: {SIGNER}" in text_of(mark.pdf)
    assert mark.alt.splitlines()[0] == f"Ký bởi: {SIGNER}"
    picture = page_image(mark.pdf, 0, 300, transparent=True)
    opaque = picture.getchannel("A").crop((0, 0, round(37 * 300 / 25.4), picture.height)).getbbox()
    assert opaque is not None
    width_mm = (opaque[2] - opaque[0]) * 25.4 / 300
    assert width_mm == pytest.approx(36 - 0.3, abs=0.4)  # the specimen's ring stands 0.15 mm inside the image


def test_room_for_a_persons_signature_stays_free_above_the_text(agency: Agency) -> None:
    mark = agency_mark(agency, signer=SIGNER, signing_time=SIGNED_AT)
    picture = page_image(mark.pdf, 0, 100, transparent=True)
    upper_right = picture.crop((round(37.5 * 100 / 25.4), 0, picture.width, round(18 * 100 / 25.4)))
    assert upper_right.getchannel("A").getbbox() is None


def test_without_an_image_the_mark_is_text_alone(agency: Agency) -> None:
    mark = agency_mark(replace(agency, seal_image=None), signer=SIGNER, signing_time=SIGNED_AT)
    assert_drawable(mark)
    assert mark.width_mm < 60
    with only_page(mark) as page:
        assert "/XObject" not in page.Resources


if sys.platform != "win32":  # Windows has no tzset

    @pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Ho_Chi_Minh"])
    def test_the_time_is_vietnams_whatever_the_hosts_zone(
        agency: Agency, zone: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        try:
            local = SIGNED_AT.astimezone(timezone(timedelta(hours=-5)))
            mark = agency_mark(agency, signer=SIGNER, signing_time=local)
        finally:
            monkeypatch.undo()
            time.tzset()
        assert "10:32:58 +07:00" in mark.alt


def test_a_time_without_a_zone_is_refused(agency: Agency) -> None:
    with pytest.raises(InputError, match="time zone"):
        agency_mark(agency, signer=SIGNER, signing_time=datetime(2026, 11, 21))  # noqa: DTZ001 - the point


def test_the_time_format_is_the_profiles(agency: Agency) -> None:
    mark = agency_mark(agency, signer=SIGNER, signing_time=SIGNED_AT, time_format="%Y-%m-%dT%H:%M:%S+07:00")
    assert "2026-11-21T10:32:58+07:00" in mark.alt


def test_a_long_name_becomes_smaller_and_a_hopeless_one_is_refused(agency: Agency) -> None:
    long = agency_mark(agency, signer=SIGNER + " trực thuộc " + SIGNER, signing_time=SIGNED_AT)
    assert_drawable(long)
    with pytest.raises(InputError) as error:
        agency_mark(agency, signer=SIGNER * 40, signing_time=SIGNED_AT)
    assert error.value.code == "mark-text-too-long"


def test_a_name_with_a_missing_glyph_is_refused(agency: Agency) -> None:
    with pytest.raises(PreflightError) as error:
        agency_mark(agency, signer="中", signing_time=SIGNED_AT)
    assert error.value.code == "glyph-missing"


def test_the_same_mark_has_the_same_bytes(agency: Agency) -> None:
    first, second = (agency_mark(agency, signer=SIGNER, signing_time=SIGNED_AT).pdf for _ in range(2))
    assert first == second


def _png(mode: str, fill: str | int, size: tuple[int, int] = (20, 20)) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, fill).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (b"no image", "PNG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "PNG"),
        (_png("RGB", "red"), "no alpha"),
        (_png("1", 0, (5000, 5000)), "5000 x 5000 px"),
    ],
)
def test_an_image_that_is_no_seal_is_refused(agency: Agency, image: bytes, problem: str) -> None:
    with pytest.raises(InputError) as error:
        agency_mark(replace(agency, seal_image=image), signer=SIGNER, signing_time=SIGNED_AT)
    assert (error.value.code, error.value.reason.facts["problem"]) == ("seal-image-invalid", problem)


def test_the_seal_symbol_stays_one_path_with_one_fill() -> None:
    mark = seal_mark(rows(), size_mm=20, quiet_mm=1.5, host="q.gov.vn", printed_id=ID)
    assert_drawable(mark)
    with only_page(mark) as page:
        content = page.Contents.read_bytes()
    symbol = content[: content.index(b"BT")]
    assert len(re.findall(rb"(?<![\w.])f\*?(?![\w.])", symbol)) == 1
    dark = [[int(v) for v in run.split()] for run in re.findall(rb"(\d+ \d+ \d+ 1) re", symbol)]
    assert {(x + i, y) for x, y, width, _ in dark for i in range(width)} == {
        (x, y) for y, row in enumerate(rows()) for x, module in enumerate(row) if module == "1"
    }
    assert text_of(mark.pdf).split() == [ID, "q.gov.vn"]


def test_the_seal_symbol_has_exactly_its_size() -> None:
    mark = seal_mark(rows(), size_mm=20, quiet_mm=1.5, host="q.gov.vn", printed_id=ID)
    picture = page_image(mark.pdf, 0, 600, transparent=True)
    upper = picture.crop((0, 0, picture.width, round(22.5 * 600 / 25.4)))
    left, top, right, bottom = upper.getchannel("A").point(lambda v: 255 if v > 128 else 0).getbbox() or (0, 0, 0, 0)
    scale = 25.4 / 600
    assert top * scale == pytest.approx(1.5, abs=0.1)
    # The test symbol's first column and row are white, so 52 of 53 modules are seen.
    assert (bottom - top) * scale == pytest.approx(20, abs=0.5)
    assert (right - left) * scale == pytest.approx(20, abs=0.5)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True), min_size=1, max_size=6),
    st.floats(20, 40),
)
def test_the_size_is_known_before_and_every_host_is_printed_whole(labels: list[str], size: float) -> None:
    host = ".".join(labels)
    mark = seal_mark(rows(21), size_mm=size, quiet_mm=2, host=host, printed_id=ID)
    assert (mark.width_mm, mark.height_mm) == seal_mark_size(size_mm=size, quiet_mm=2, host=host, printed_id=ID)
    assert "".join(text_of(mark.pdf).split()) == ID + host


def test_any_id_is_printed_in_the_same_place() -> None:
    """A pattern is typeset once; what is drawn on it is what typst would have drawn."""
    for printed in ("0000-1111-2222-3333", "WXYZ-WXYZ-WXYZ-WXYZ", "A", "GHJKMNPQRSTVWXYZ", "-"):
        mark = seal_mark(rows(), size_mm=20, quiet_mm=1.5, host="tra-cuu.q.gov.vn", printed_id=printed)
        assert_drawable(mark)
        assert "".join(text_of(mark.pdf).split()) == printed + "tra-cuu.q.gov.vn"
        assert mark.drawing is not None
        assert mark.pdf.startswith(mark.drawing.page)


@pytest.mark.parametrize("wrong", [[], ["10", "1"], ["12", "10"], ["1", "1"]])
def test_rows_that_are_no_symbol_are_refused(wrong: list[str]) -> None:
    with pytest.raises(InputError) as error:
        seal_mark(wrong, size_mm=20, quiet_mm=1.5, host="q.gov.vn", printed_id=ID)
    assert error.value.code == "seal-rows-invalid"


def test_the_specimen_says_that_it_is_one() -> None:
    with Image.open(io.BytesIO(specimen_seal(diameter_mm=20))) as image:
        assert image.mode == "RGBA"
        assert image.size == pytest.approx((472, 472), abs=1)
        assert alpha_at(image, 2, 2) == 0
        assert image.info["dpi"] == pytest.approx((600, 600), abs=0.1)
        reds = image.convert("RGB").crop((0, 0, 472, 472)).getcolors(472 * 472)
    assert reds is not None
