"""Undo the predictors of Flate and LZW (ISO 32000-2 §7.4.4.4): PNG's, which cross-reference streams use, and TIFF's."""

from collections.abc import Mapping
from itertools import accumulate

from esign.syntax.problems import SyntaxProblem

__all__ = ["unpredicted"]

_WIDEST = 1 << 24  # bytes of a row; no page is as wide


def unpredicted(data: bytes, parameters: Mapping[str, object]) -> bytes:
    """The samples that `data` predict."""
    predictor = _whole(parameters, "Predictor", 1)
    if predictor < 2:
        return data
    bits = _whole(parameters, "BitsPerComponent", 8)
    colors = _whole(parameters, "Colors", 1)
    columns = _whole(parameters, "Columns", 1)
    row = (columns * colors * bits + 7) // 8
    if bits not in {1, 2, 4, 8, 16} or not 0 < row <= _WIDEST or colors < 1:
        raise SyntaxProblem("syntax-stream-damaged", filter="Predictor")
    pixel = max(1, colors * bits // 8)
    if predictor == 2:
        return _tiff(data, row, colors) if bits == 8 else data
    return _png(data, row, pixel)


def _whole(parameters: Mapping[str, object], key: str, default: int) -> int:
    value = parameters.get(key, default)
    return value if type(value) is int else default


def _png(data: bytes, row: int, pixel: int) -> bytes:
    kinds = data[:: row + 1]
    if kinds == b"\x02" * len(kinds) and len(data) == len(kinds) * (row + 1):
        return _all_up(data, row)
    out = bytearray()
    above = bytes(row)
    for at in range(0, len(data), row + 1):
        kind = data[at]
        line = bytearray(data[at + 1 : at + 1 + row])
        if kind == 1:
            _sub(line, pixel)
        elif kind == 2:
            _up(line, above)
        elif kind == 3:
            _average(line, above, pixel)
        elif kind == 4:
            _paeth(line, above, pixel)
        out += line
        above = bytes(line).ljust(row, b"\x00")
    return bytes(out)


def _all_up(data: bytes, row: int) -> bytes:
    """Rows that are all differences to the one above, as cross-reference streams are: sums down each column."""
    out = bytearray(len(data) // (row + 1) * row)
    for column in range(row):
        out[column::row] = bytes(map((255).__and__, accumulate(data[column + 1 :: row + 1])))
    return bytes(out)


def _sub(line: bytearray, pixel: int) -> None:
    for i in range(pixel, len(line)):
        line[i] = (line[i] + line[i - pixel]) & 0xFF


def _up(line: bytearray, above: bytes) -> None:
    for i, over in enumerate(above[: len(line)]):
        line[i] = (line[i] + over) & 0xFF


def _average(line: bytearray, above: bytes, pixel: int) -> None:
    for i in range(len(line)):
        left = line[i - pixel] if i >= pixel else 0
        line[i] = (line[i] + (left + above[i]) // 2) & 0xFF


def _paeth(line: bytearray, above: bytes, pixel: int) -> None:
    for i in range(len(line)):
        left = line[i - pixel] if i >= pixel else 0
        corner = above[i - pixel] if i >= pixel else 0
        line[i] = (line[i] + _nearest(left, above[i], corner)) & 0xFF


def _nearest(left: int, over: int, corner: int) -> int:
    """PNG §9.4: whichever is nearest to left + over - corner."""
    guess = left + over - corner
    return min((left, over, corner), key=lambda near: abs(guess - near))


def _tiff(data: bytes, row: int, colors: int) -> bytes:
    out = bytearray(data)
    for start in range(0, len(out), row):
        for i in range(start + colors, min(start + row, len(out))):
            out[i] = (out[i] + out[i - colors]) & 0xFF
    return bytes(out)
