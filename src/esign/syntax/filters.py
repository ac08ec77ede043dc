"""Unpack the data of streams (ISO 32000-2 §7.4), never to more than is allowed.

Image filters are not undone: their data are returned as they are, and what stands before them is undone.
"""

import binascii
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from esign.syntax.predictors import unpredicted
from esign.syntax.problems import SyntaxProblem

__all__ = ["IMAGE_FILTERS", "unfiltered"]

Parameters = Mapping[str, object]

IMAGE_FILTERS: Final = frozenset(
    {"DCTDecode", "DCT", "JPXDecode", "CCITTFaxDecode", "CCF", "JBIG2Decode"},
)
_CHUNK: Final = 1 << 16
_SPACES: Final = b"\x00\t\n\x0c\r "


def unfiltered(data: bytes, filters: Sequence[tuple[str, Parameters]], *, most: int) -> bytes:
    """Undo `filters`, the outermost first, as long as nothing becomes larger than `most` bytes.

    Raises:
        SyntaxProblem: a filter is not known, its data are damaged, or they unpack to more than `most`.
    """
    for name, parameters in filters:
        if name in IMAGE_FILTERS:
            return data
        undo = _FILTERS.get(name)
        if undo is None:
            raise SyntaxProblem("syntax-filter-unknown", filter=name[:40])
        data = undo(data, parameters, most)
    return data


def _flate(data: bytes, parameters: Parameters, most: int) -> bytes:
    return unpredicted(_inflated(data, most), parameters)


def _inflated(data: bytes, most: int) -> bytes:
    """What `data` unpack to; where they break off, what came before, as every reader does (§7.4.4.1 is silent)."""
    unpack = zlib.decompressobj()
    try:
        result = unpack.decompress(data, most + 1)
    except zlib.error:
        result = _inflated_until_damaged(data, most)
    if len(result) > most:
        raise SyntaxProblem("syntax-expands-too-much")
    return result


def _inflated_until_damaged(data: bytes, most: int) -> bytes:
    """What comes out before zlib gives up, to the byte, so that it does not hang on how the data are cut."""
    out = bytearray()
    unpack = zlib.decompressobj()
    at, step = 0, _CHUNK
    while at < len(data) and len(out) <= most:
        before = unpack.copy()
        try:
            out += unpack.decompress(data[at : at + step], most + 1 - len(out))
            at += step
        except zlib.error as e:
            if step == 1 and not out:
                raise SyntaxProblem("syntax-stream-damaged", filter="FlateDecode") from e
            if step == 1:
                break
            unpack, step = before, step // 16 or 1
    return bytes(out)


def _lzw(data: bytes, parameters: Parameters, most: int) -> bytes:
    """§7.4.4.2: codes of 9 to 12 bits, 256 clears the table, 257 ends."""
    early = 0 if parameters.get("EarlyChange") == 0 else 1
    table: list[bytes] = [bytes([i]) for i in range(256)] + [b"", b""]
    out: list[bytes] = []
    size = 0
    previous = b""
    width, bits, held = 9, 0, 0
    for byte in data:
        held = (held << 8 | byte) & 0xFFFFFF
        bits += 8
        if bits < width:
            continue
        bits -= width
        code = (held >> bits) & ((1 << width) - 1)
        if code == 257:
            break
        if code == 256:
            del table[258:]
            previous, width = b"", 9
            continue
        if code < len(table):
            entry = table[code]
        elif code == len(table) and previous:
            entry = previous + previous[:1]
        else:
            raise SyntaxProblem("syntax-stream-damaged", filter="LZWDecode")
        out.append(entry)
        size += len(entry)
        if size > most:
            raise SyntaxProblem("syntax-expands-too-much")
        if previous and len(table) < 4096:
            table.append(previous + entry[:1])
        previous = entry
        width = min(12, max(9, (len(table) + early).bit_length()))
    return unpredicted(b"".join(out), parameters)


def _ascii_hex(data: bytes, _parameters: Parameters, _most: int) -> bytes:
    digits = data.partition(b">")[0].translate(None, _SPACES)
    try:
        return binascii.unhexlify(digits + b"0" if len(digits) % 2 else digits)
    except binascii.Error as e:
        raise SyntaxProblem("syntax-stream-damaged", filter="ASCIIHexDecode") from e


def _ascii_85(data: bytes, _parameters: Parameters, _most: int) -> bytes:
    digits = data.partition(b"~")[0].translate(None, _SPACES)
    if not re.fullmatch(rb"[!-uz]*+", digits):
        raise SyntaxProblem("syntax-stream-damaged", filter="ASCII85Decode")
    try:
        return _base85(digits)
    except ValueError as e:
        raise SyntaxProblem("syntax-stream-damaged", filter="ASCII85Decode") from e


def _base85(digits: bytes) -> bytes:
    padding = -len(digits.replace(b"z", b"!!!!!")) % 5
    groups = digits.replace(b"z", b"!!!!!") + b"u" * padding
    out = bytearray()
    for at in range(0, len(groups), 5):
        number = 0
        for digit in groups[at : at + 5]:
            number = number * 85 + digit - 33
        out += number.to_bytes(4, "big") if number < 1 << 32 else b"\xff\xff\xff\xff"
    return bytes(out[: len(out) - padding])


def _run_length(data: bytes, _parameters: Parameters, most: int) -> bytes:
    """§7.4.5: a length, then as many bytes as they are, or one byte that repeats; 128 ends."""
    out = bytearray()
    at = 0
    while at < len(data) and (length := data[at]) != 128:
        if length < 128:
            out += data[at + 1 : at + 2 + length]
            at += 2 + length
        else:
            out += data[at + 1 : at + 2] * (257 - length)
            at += 2
        if len(out) > most:
            raise SyntaxProblem("syntax-expands-too-much")
    return bytes(out)


def _identity(data: bytes, _parameters: Parameters, _most: int) -> bytes:
    return data


_FILTERS: Final[Mapping[str, Callable[[bytes, Parameters, int], bytes]]] = {
    "FlateDecode": _flate,
    "Fl": _flate,
    "LZWDecode": _lzw,
    "LZW": _lzw,
    "ASCIIHexDecode": _ascii_hex,
    "AHx": _ascii_hex,
    "ASCII85Decode": _ascii_85,
    "A85": _ascii_85,
    "RunLengthDecode": _run_length,
    "RL": _run_length,
    "Crypt": _identity,  # the security handler has done it (§7.4.10)
}
