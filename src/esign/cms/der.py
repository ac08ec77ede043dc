"""Just enough DER (X.690) to write a CMS signature; reading is `esign.cms.ber`'s."""

from collections.abc import Iterable

__all__ = ["context", "encode", "integer", "length", "null", "octets", "oid", "sequence", "set_of"]


def length(size: int) -> bytes:
    """The length octets (§10.1: definite, as few as will do)."""
    if size < 0x80:
        return bytes((size,))
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(digits),)) + digits


def encode(tag: bytes, content: bytes) -> bytes:
    """`content` under the identifier octets `tag`."""
    return tag + length(len(content)) + content


def _tlv(tag: int, content: bytes) -> bytes:
    return encode(bytes((tag,)), content)


def sequence(*items: bytes) -> bytes:
    """SEQUENCE of already encoded items."""
    return _tlv(0x30, b"".join(items))


def set_of(items: Iterable[bytes]) -> bytes:
    """SET OF: DER wants its items in ascending order (X.690 §11.6)."""
    return _tlv(0x31, b"".join(sorted(items)))


def context(number: int, content: bytes) -> bytes:
    """A constructed, context-specific tag around encoded content."""
    return _tlv(0xA0 | number, content)


def octets(value: bytes) -> bytes:
    """OCTET STRING."""
    return _tlv(0x04, value)


def integer(value: int) -> bytes:
    """INTEGER, also negative ones: some certificates have such serial numbers."""
    size = (value + (value < 0)).bit_length() // 8 + 1
    return _tlv(0x02, value.to_bytes(size, "big", signed=True))


def null() -> bytes:
    """NULL."""
    return b"\x05\x00"


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    content = bytearray()
    for arc in (first * 40 + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        content += bytes(reversed(groups))
    return _tlv(0x06, bytes(content))
