"""Whether a CMS container is written in an encoding at all, which parsers that read late and leniently do not ask.

Containers may be BER (RFC 5652 §2), so lengths may be long or indefinite and sets unordered. What is refused here is
no BER either: a number or an object identifier with padding, a length that leads out of its parent (ITU-T X.690 §8).
A validator that decodes strictly finds no signature in such a file, and two validators must not disagree about one.
"""

__all__ = ["is_well_encoded"]

_BOOLEAN, _INTEGER, _BIT_STRING, _NULL, _OBJECT_IDENTIFIER, _ENUMERATED = 1, 2, 3, 5, 6, 10
_DEEPEST = 100


def is_well_encoded(raw: bytes) -> bool:
    """Whether `raw` starts with one well-formed BER value; what follows it is for others to look at."""
    try:
        _value(raw, 0, len(raw), _DEEPEST)
    except (ValueError, IndexError):
        return False
    return True


def _value(raw: bytes, at: int, end: int, depth: int) -> int:
    """Check the value that starts at `at`; return where it ends."""
    first, at = _byte(raw, at, end)
    if first & 0x1F == 0x1F:  # a high tag number (§8.1.2.4): seven bits a byte, without padding
        byte, at = _byte(raw, at, end)
        _require(byte != 0x80)
        while byte & 0x80:
            byte, at = _byte(raw, at, end)
    length, at = _length(raw, at, end)
    if not first & 0x20:
        _require(length is not None and at + length <= end)
        stop = at + (length or 0)
        if first < 0x20:
            _require(_is_primitive(first, raw[at:stop]))
        return stop
    _require(depth > 0)
    if length is None:
        while raw[at : at + 2] != b"\0\0":
            at = _value(raw, at, end, depth - 1)
        _require(at + 2 <= end)
        return at + 2
    stop = at + length
    _require(stop <= end)
    while at < stop:
        at = _value(raw, at, stop, depth - 1)
    return stop


def _length(raw: bytes, at: int, end: int) -> tuple[int | None, int]:
    """The length octets (§8.1.3): None for the indefinite form."""
    first, at = _byte(raw, at, end)
    if first < 0x80:
        return first, at
    count = first & 0x7F
    if not count:
        return None, at
    _require(at + count <= end)
    return int.from_bytes(raw[at : at + count]), at + count


def _is_primitive(tag: int, content: bytes) -> bool:
    """§8.2–8.8 and §8.19: those types of the universal class that have only one right form, or few."""
    if tag in {_INTEGER, _ENUMERATED}:
        padded = len(content) > 1 and (content[0], content[1] >> 7) in {(0x00, 0), (0xFF, 1)}
        return bool(content) and not padded
    if tag == _BOOLEAN:
        return len(content) == 1
    if tag == _NULL:
        return not content
    if tag == _BIT_STRING:
        return bool(content) and content[0] <= (7 if len(content) > 1 else 0)
    if tag == _OBJECT_IDENTIFIER:
        starts = (i for i in range(len(content)) if not i or content[i - 1] < 0x80)
        return bool(content) and content[-1] < 0x80 and all(content[i] != 0x80 for i in starts)
    return True


def _byte(raw: bytes, at: int, end: int) -> tuple[int, int]:
    _require(at < end)
    return raw[at], at + 1


def _require(condition: bool) -> None:  # noqa: FBT001 - like assert
    if not condition:
        message = "not BER"
        raise ValueError(message)
