"""Filters undo what other implementations did, and stop at their limits."""

import base64
import contextlib
import io
import zlib

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from esign.syntax import SyntaxProblem
from esign.syntax.filters import unfiltered

MOST = 1 << 20


def undo(name: str, data: bytes, **parameters: object) -> bytes:
    return unfiltered(data, [(name, parameters)], most=MOST)


@given(st.binary(max_size=500))
def test_round_trips(data: bytes) -> None:
    assert undo("FlateDecode", zlib.compress(data)) == data
    assert undo("Fl", zlib.compress(data) + b"\r\n") == data
    assert undo("ASCIIHexDecode", data.hex().encode() + b">") == data
    assert undo("ASCII85Decode", base64.a85encode(data) + b"~>") == data
    chain: list[tuple[str, dict[str, object]]] = [("AHx", {}), ("FlateDecode", {})]
    assert unfiltered(zlib.compress(data).hex().encode() + b" >", chain, most=MOST) == data


@given(st.binary(max_size=3000))
def test_lzw_as_libtiff_writes_it(data: bytes) -> None:
    if not data:
        return
    file = io.BytesIO()
    Image.frombytes("L", (len(data), 1), data).save(file, "TIFF", compression="tiff_lzw")
    image = Image.open(file)
    start, length = image.tag_v2[273][0], image.tag_v2[279][0]  # type: ignore[attr-defined]
    predictor = image.tag_v2.get(317, 1)  # type: ignore[attr-defined]
    packed = file.getvalue()[start : start + length]
    assert undo("LZWDecode", packed, Predictor=predictor, Columns=len(data)) == data


def test_lzw_of_the_standard() -> None:
    """The example of ISO 32000-2 §7.4.4.2."""
    assert undo("LZWDecode", bytes.fromhex("800B6050220C0C8501")) == bytes([45, 45, 45, 45, 45, 65, 45, 45, 45, 66])


@pytest.mark.parametrize("kind", range(5))
@given(data=st.binary(min_size=12, max_size=240))
def test_png_predictors(kind: int, data: bytes) -> None:
    """What qpdf undoes is undone here alike, for rows of four pixels of three bytes."""
    rows = b"".join(bytes([kind]) + data[at : at + 12] for at in range(0, len(data) // 12 * 12, 12))
    pdf = pikepdf.new()
    stream = pdf.make_stream(b"")
    parameters = pikepdf.Dictionary(Predictor=15, Colors=3, Columns=4)
    stream.write(zlib.compress(rows), filter=pikepdf.Name.FlateDecode, decode_parms=parameters)
    ours = undo("FlateDecode", zlib.compress(rows), Predictor=15, Colors=3, Columns=4)
    assert ours == stream.read_bytes()


@given(st.binary(min_size=9, max_size=90))
def test_tiff_predictor(data: bytes) -> None:
    data = data[: len(data) // 9 * 9]
    differences = bytearray(data)
    for row in range(0, len(data), 9):
        for i in range(row + 8, row + 2, -1):
            differences[i] = (data[i] - data[i - 3]) & 0xFF
    assert undo("FlateDecode", zlib.compress(bytes(differences)), Predictor=2, Colors=3, Columns=3) == data


def test_run_length() -> None:
    assert undo("RunLengthDecode", b"\x02abc\xfex\x80ignored") == b"abcxxx"
    assert undo("RL", b"\x02ab") == b"ab"


def test_image_data_stay_packed() -> None:
    chain: list[tuple[str, dict[str, object]]] = [("FlateDecode", {}), ("DCTDecode", {}), ("FlateDecode", {})]
    assert unfiltered(zlib.compress(b"jpeg"), chain, most=MOST) == b"jpeg"


def test_what_breaks_off_is_kept_as_far_as_it_goes() -> None:
    whole = bytes(range(256)) * 40
    packed = zlib.compress(whole)
    assert whole.startswith(undo("FlateDecode", packed[:-8]))
    assert undo("FlateDecode", packed[:-4] + b"xxxx") == whole  # the checksum is wrong


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("FlateDecode", b"no deflate"),
        ("ASCIIHexDecode", b"4g>"),
        ("ASCII85Decode", b"\x80~>"),
        ("LZWDecode", b"\x80\x7f\xff\xff"),
        ("Unknown", b""),
        ("FlateDecode" * 10, b""),
    ],
)
def test_damage_is_a_typed_problem(name: str, data: bytes) -> None:
    with pytest.raises(SyntaxProblem):
        undo(name, data)


@pytest.mark.parametrize(
    "parameters",
    [{"Columns": 1 << 40}, {"Columns": -1}, {"Columns": 0}, {"BitsPerComponent": 7}, {"Colors": -3, "Columns": -3}],
)
def test_impossible_rows_are_a_typed_problem(parameters: dict[str, object]) -> None:
    with pytest.raises(SyntaxProblem):
        undo("FlateDecode", zlib.compress(b"x"), Predictor=12, **parameters)


@pytest.mark.parametrize(
    ("chain", "data"),
    [
        (["FlateDecode"], zlib.compress(bytes(MOST + 1))),
        (["FlateDecode", "FlateDecode"], zlib.compress(zlib.compress(bytes(MOST * 16)))),
        (["RunLengthDecode"], b"\x81x" * (MOST // 128 + 1)),
    ],
)
def test_bombs_stop_at_the_limit(chain: list[str], data: bytes) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        unfiltered(data, [(name, {}) for name in chain], most=MOST)
    assert caught.value.code == "syntax-expands-too-much"


@given(st.sampled_from(["FlateDecode", "LZWDecode", "ASCIIHexDecode", "ASCII85Decode", "RunLengthDecode"]), st.binary())
def test_any_data_are_undone_or_a_problem(name: str, data: bytes) -> None:
    with contextlib.suppress(SyntaxProblem):
        undo(name, data)


@given(rows=st.integers(0, 40), width=st.integers(1, 9), data=st.data())
def test_rows_that_are_all_differences_to_the_one_above(rows: int, width: int, data: st.DataObject) -> None:
    """The short way for these is the long way, which one other row at the end asks for."""
    packed = b"".join(b"\x02" + data.draw(st.binary(min_size=width, max_size=width)) for _ in range(rows))
    last = b"\x00" + bytes(width)
    whole = undo("FlateDecode", zlib.compress(packed), Predictor=12, Columns=width)
    assert undo("FlateDecode", zlib.compress(packed + last), Predictor=12, Columns=width) == whole + last[1:]
