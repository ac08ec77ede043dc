"""Symbols: sized for paper, drawn as one path, read back by a phone's decoder at 100, 150 and 300 dpi."""

import io
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pypdfium2 as pdfium
import pytest
import zxingcpp
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from qrcode import QRCode, base, util

from esign.codes import DocumentNumber
from esign.errors import SealError
from esign.seal import Level, MaskedHolder, SealClaims, SealToken, Symbol, read, scan, seal_urls
from esign.seal.digits import to_digits
from esign.seal.matrix import Matrices
from tests.unit.seal.strategies import claims
from tests.vectors.seal import generate

URL = generate.token().url(generate.HOST)
MM = 72 / 25.4


def page(symbol: Symbol, *, offset: tuple[float, float] = (20.3, 31.7), rotate: float = 0) -> bytes:
    """A 70 × 90 mm PDF page with `symbol` in real size: its SVG path as one PDF path, filled once."""
    svg = ET.fromstring(symbol.svg())
    (path,) = svg
    assert svg.attrib["width"] == f"{symbol.size_mm:.4f}mm"
    runs = re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", path.attrib["d"])
    assert "".join(f"M{x} {y}h{n}v1h-{n}z" for x, y, n in runs) == path.attrib["d"]
    scale = float(svg.attrib["width"].removesuffix("mm")) * MM / int(svg.attrib["viewBox"].split()[2])
    matrix = f"{scale:.6f} 0 0 {-scale:.6f} {offset[0] * MM:.4f} {(90 - offset[1]) * MM:.4f} cm"
    content = f"q {matrix} 0 g {' '.join(f'{x} {y} {n} 1 re' for x, y, n in runs)} f Q".encode()
    box = f"[0 0 {70 * MM:.3f} {90 * MM:.3f}]".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox" + box + b"/Contents 4 0 R/Resources<<>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
    ]
    out = b"%PDF-1.4\n"
    starts = []
    for number, body in enumerate(objects, start=1):
        starts.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % s for s in starts)
    xref = len(out)
    return out + b"xref\n0 5\n0000000000 65535 f \n%strailer\n<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        table,
        xref,
    )


def raster(pdf: bytes, dpi: int) -> Image.Image:
    document = pdfium.PdfDocument(pdf)
    try:
        image: Image.Image = document[0].render(scale=dpi / 72).to_pil()
        return image
    finally:
        document.close()


def urls() -> Iterator[str]:
    yield URL
    yield generate.token(replace(generate.CLAIMS, holder=None, status_number=0)).url("a.vn")
    long = DocumentNumber.parse("123456789/2026/QĐ-CTUBND-BĐKTNN&PTNT")
    holder = MaskedHolder.of("Á Đ Ế Ị Ỗ Ủ Ý Ẳ")
    yield generate.token(replace(generate.CLAIMS, number=long, holder=holder)).url("kq.dichvucong.gov.vn")


@pytest.mark.parametrize("dpi", [100, 150, 300])
@pytest.mark.parametrize("url", list(urls()), ids=["sample", "short", "long"])
def test_a_phone_reads_it_from_a_raster_of_the_page(url: str, dpi: int) -> None:
    for offset in ((20.3, 31.7), (10.0, 10.0), (25.11, 44.44)):
        image = raster(page(Symbol.of(url), offset=offset), dpi)
        assert seal_urls(image) == (url,)


@pytest.mark.parametrize("angle", [3, 90, 180, 271])
def test_it_is_read_at_any_angle(angle: int) -> None:
    image = raster(page(Symbol.of(URL)), 200).convert("L")
    turned = image.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    assert seal_urls(turned) == (URL,)


def test_a_transparent_image_is_read_as_on_paper() -> None:
    grey = raster(page(Symbol.of(URL)), 150).convert("L")
    drawn = Image.new("RGBA", grey.size, (0, 0, 0, 0))
    drawn.putalpha(grey.point(lambda p: 255 - p))
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG")
    assert seal_urls(Image.open(buffer)) == (URL,)


def test_the_retry_reads_what_one_pass_does_not() -> None:
    # Coarse and out of focus, as in an ordinary photo.
    pages = [raster(page(Symbol.of(URL)), dpi).convert("L") for dpi in (90, 110, 120)]
    images = [i.filter(ImageFilter.GaussianBlur(b / 10)) for i in pages for b in range(5, 9)]
    hard = [image for image in images if scan._texts(image) == []]
    assert any(seal_urls(image) == (URL,) for image in hard)


@pytest.mark.parametrize("contrast", [1, 0.5, 0.15])
def test_the_retry_looks_where_a_symbol_may_stand_and_not_at_lines(contrast: float) -> None:
    drawn = raster(page(Symbol.of(URL)), 150).convert("L")
    pale = drawn.point([round(255 - contrast * (255 - value)) for value in range(256)])
    lines = Image.new("L", (1700, 2300), 255)
    for top in range(100, 2200, 35):
        lines.paste(0, (100, top, 1600, top + 3))
    assert scan._inked(lines) is None
    lines.paste(pale, (200, 300))
    part = scan._inked(lines)
    assert part is not None
    assert part.width * part.height < lines.width * lines.height
    assert seal_urls(lines) == (URL,)


def test_pages_without_a_seal_have_none() -> None:
    blank = Image.new("RGB", (300, 300), "white")
    assert read(blank) == seal_urls(blank) == ()


def test_other_qr_codes_are_read_and_are_no_seals() -> None:
    import qrcode

    image = qrcode.make("https://example.com/").convert("RGB")
    assert read(image) == ("https://example.com/",)
    assert seal_urls(image) == ()


def test_two_seals_on_a_page_are_both_found() -> None:
    other = generate.token(replace(generate.CLAIMS, status_number=7)).url("a.vn")
    images = [raster(page(Symbol.of(url)), 150) for url in (URL, other)]
    both = Image.new("L", (images[0].width * 2, images[0].height), 255)
    both.paste(images[0], (0, 0))
    both.paste(images[1], (images[0].width, 0))
    assert set(seal_urls(both)) == {URL, other}


@pytest.mark.parametrize(
    ("size", "version", "level", "printed"),
    [
        (10, 9, Level.M, 19.875),
        (19.875, 9, Level.M, 19.875),
        (20, 9, Level.M, 20),
        (24.3, 9, Level.M, 24.3),
        (24.375, 12, Level.Q, 24.375),
        (25, 12, Level.Q, 25),
        (30, 14, Level.H, 30),
    ],
)
def test_the_highest_level_that_keeps_modules_large(size: float, version: int, level: Level, printed: float) -> None:
    symbol = Symbol.of(URL, size_mm=size)
    assert (symbol.version, symbol.level, symbol.size_mm) == (version, level, printed)
    assert symbol.module_mm >= 0.375
    assert symbol.quiet_mm == pytest.approx(4 * symbol.module_mm)


@pytest.mark.parametrize(
    ("length", "version", "printed"),
    [(157, 9, 20), (158, 10, 21.375), (190, 10, 21.375), (191, 11, 22.875), (227, 11, 22.875), (228, 12, 24.375),
     (263, 12, 24.375), (264, 13, 25.875), (306, 13, 25.875), (400, 16, 30.375)],
)  # fmt: skip
def test_the_sizes_of_the_specification(length: int, version: int, printed: float) -> None:
    symbol = Symbol.of("https://q.gov.vn/1#" + to_digits(b"\xff" * length))
    assert (symbol.version, symbol.level, symbol.size_mm) == (version, Level.M, printed)


@settings(max_examples=15, deadline=None)
@given(claims(), st.sampled_from(["q.gov.vn", "a.vn", "kq.dichvucong.gov.vn"]), st.floats(5, 60))
def test_any_seal_fits_and_says_its_url(said: SealClaims, host: str, size: float) -> None:
    url = generate.token(said).url(host)
    assume("0" * 20 not in url)  # See the next test.
    symbol = Symbol.of(url, size_mm=size)
    assert symbol.size_mm >= size
    assert symbol.module_mm >= 0.375 - 1e-12
    assert len(symbol.modules) == 4 * symbol.version + 17
    image = Image.new("L", (4 * len(symbol.modules) + 32,) * 2, 255)
    for x, y, length in symbol.runs():
        image.paste(0, (4 * x + 16, 4 * y + 16, 4 * (x + length) + 16, 4 * y + 20))
    assert seal_urls(image) == (url,)
    assert SealToken.from_url(url).claims == said


@pytest.mark.parametrize("size", [20, 25, 30])
def test_a_block_of_zeros_is_drawn(size: float) -> None:
    """qrcode 8.2 fails on it (glog(0)); hypothesis found it with a digest of zeros."""
    url = "https://q.gov.vn/1#" + "0" * 379
    assert [r.text for r in zxingcpp.read_barcodes(raster(page(Symbol.of(url, size_mm=size)), 300))] == [url]


def test_runs_are_the_dark_modules() -> None:
    symbol = Symbol.of(URL)
    dark = {(x + i, y) for x, y, length in symbol.runs() for i in range(length)}
    assert dark == {(x, y) for y, row in enumerate(symbol.modules) for x, m in enumerate(row) if m}


def oracle(symbol: Symbol) -> "QRCode[Any]":
    """The same symbol by the `qrcode` package, which looks for version and segments itself."""
    prefix, mark, digits = symbol.url.partition("#")
    code: QRCode[Any] = QRCode(error_correction=symbol.level.value)
    code.add_data(util.QRData((prefix + mark).encode("ascii"), mode=util.MODE_8BIT_BYTE), optimize=0)
    code.add_data(util.QRData(digits.encode("ascii"), mode=util.MODE_NUMBER), optimize=0)
    code.best_fit()
    return code


def rows(code: "QRCode[Any]") -> tuple[str, ...]:
    return tuple("".join("01"[bool(module)] for module in row) for row in code.modules)


def test_the_symbol_is_that_of_qrcode_with_the_lowest_penalty_over_the_complete_symbol() -> None:
    for url in (*urls(), *random_urls(25)):
        symbol = Symbol.of(url)
        code = oracle(symbol)
        candidates = []
        for mask in range(8):
            code.makeImpl(False, mask)
            candidates.append((int(util.lost_point(code.modules)), mask, rows(code)))
        assert (symbol.version, symbol.mask, symbol.rows) == (code.version, *min(candidates)[1:])
        # What was drawn is that mask: its number stands in the format information (ISO/IEC 18004 §7.9).
        bits = symbol.rows[8][:5]
        assert int(bits, 2) ^ 0b10101 == (symbol.level.value << 3 | symbol.mask)


def random_urls(count: int, *, seed: int = 18004) -> Iterator[str]:
    chance = random.Random(seed)
    for _ in range(count):
        yield "https://q.gov.vn/1#" + "".join(chance.choices("0123456789", k=chance.choice((376, 377, 378, 379))))


def test_thousands_of_symbols_are_those_of_qrcode() -> None:
    """Given the mask, the whole symbol; the mask, by the penalties of the eight that were drawn, is tested above."""
    for url in random_urls(2000, seed=2):
        symbol = Symbol.of(url)
        code = oracle(symbol)
        code.makeImpl(False, symbol.mask)
        assert symbol.rows == rows(code)


@pytest.mark.parametrize(("version", "level"), [(1, Level.M), (2, Level.H), (7, Level.Q), (10, Level.H), (14, Level.M)])
def test_any_codewords_are_drawn_and_scored_as_by_qrcode(version: int, level: Level) -> None:
    """Versions with one block and many, with and without version information; data that nobody would encode."""
    chance = random.Random(version)
    matrices = Matrices.of(version, level.value)
    for _ in range(4):
        codewords = chance.randbytes(matrices.capacity)
        code: QRCode[Any] = QRCode(version=version, error_correction=level.value)
        buffer = util.BitBuffer()
        buffer.buffer, buffer.length = list(codewords), 8 * len(codewords)
        code.data_cache = util.create_bytes(buffer, base.rs_blocks(version, level.value))
        points = []
        for drawn in matrices.all(codewords):
            code.makeImpl(False, drawn.mask)
            assert drawn.modules == int("".join(rows(code)), 2)
            points.append(util.lost_point(code.modules))
        assert matrices.best(codewords).mask == points.index(min(points))


def test_the_svg_is_one_path_with_one_fill_in_millimetres() -> None:
    for margin, side, box in ((False, 20, "0 0 53 53"), (True, 20 * 61 / 53, "-4 -4 61 61")):
        svg = ET.fromstring(Symbol.of(URL).svg(quiet_zone=margin))
        assert svg.attrib["viewBox"] == box
        assert svg.attrib["width"] == svg.attrib["height"] == f"{side:.4f}mm"
        (path,) = list(svg.iter())[1:]
        assert path.tag.endswith("path")
        assert path.attrib["fill"] == "#000"


@pytest.mark.parametrize("size", [0, -1, 4.9, 201, float("nan"), float("inf")])
def test_senseless_sizes_are_refused(size: float) -> None:
    with pytest.raises(SealError) as caught:
        Symbol.of(URL, size_mm=size)
    assert caught.value.code == "seal-size-invalid"


def test_other_urls_are_refused() -> None:
    for url in ("https://q.gov.vn/", "q.gov.vn/1#123", URL.upper()):
        with pytest.raises(SealError):
            Symbol.of(url)


def test_a_url_that_no_symbol_holds_is_refused() -> None:
    with pytest.raises(SealError) as caught:
        Symbol.of("https://q.gov.vn/1#" + "0" * 8000)
    assert caught.value.code == "seal-too-long"


def test_reading_leaves_nothing_on_stderr() -> None:
    script = "from PIL import Image; from esign.seal import read; assert read(Image.new('L', (50, 50), 255)) == ()"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")
