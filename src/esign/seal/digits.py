"""Bytes as decimal digits: 7 bytes are 17 digits, so a QR code carries them in numeric mode and a URL unescaped.

Every byte string has exactly one spelling, and every other digit string is refused.
"""

from esign.errors import SealError

__all__ = ["from_digits", "to_digits"]

_CHUNK_BYTES, _CHUNK_DIGITS = 7, 17
# Digits that hold 1 to 7 bytes: the smallest n with 10^n ≥ 256^bytes.
_DIGITS = {1: 3, 2: 5, 3: 8, 4: 10, 5: 13, 6: 15, _CHUNK_BYTES: _CHUNK_DIGITS}
_BYTES = {digits: size for size, digits in _DIGITS.items()}
_MAX_DIGITS = 4096


def to_digits(data: bytes) -> str:
    """`data` as digits: each 7 bytes as a big-endian number with leading zeros, then what is left."""
    chunks = [data[i : i + _CHUNK_BYTES] for i in range(0, len(data), _CHUNK_BYTES)]
    return "".join([str(int.from_bytes(chunk, "big")).zfill(_DIGITS[len(chunk)]) for chunk in chunks])


def from_digits(text: str) -> bytes:
    """The bytes that `text` spells.

    Raises:
        SealError: `seal-digits-invalid`: not only the digits 0–9, a length that no byte string has, or a group
            whose number is too large for its bytes.
    """
    if len(text) > _MAX_DIGITS or not (text.isascii() and text.isdigit()):
        raise SealError("seal-digits-invalid", length=len(text))
    parts = []
    for i in range(0, len(text), _CHUNK_DIGITS):
        chunk = text[i : i + _CHUNK_DIGITS]
        size = _BYTES.get(len(chunk))
        number = int(chunk)
        if size is None or number >> 8 * size:
            raise SealError("seal-digits-invalid", length=len(text))
        parts.append(number.to_bytes(size, "big"))
    return b"".join(parts)
