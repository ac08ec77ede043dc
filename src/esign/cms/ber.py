"""Read BER and DER (ITU-T X.690): one element at a time, bounded, strict about what has only one right form.

Containers may be BER (RFC 5652 §2), so lengths may be long or indefinite and strings in pieces. `definite` rewrites
indefinite lengths once, in linear time; everything else reads definite ones only. What is refused is no BER either:
a number or an object identifier with padding, a length that leads out of its parent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from esign.cms import der

__all__ = [
    "Element",
    "IndefiniteLength",
    "Malformed",
    "check",
    "definite",
    "read",
    "read_all",
]

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OBJECT_IDENTIFIER, ENUMERATED = 1, 2, 3, 4, 5, 6, 10
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31
_DEEPEST = 100
_LONGEST_ARC = 20  # octets: UUIDs under 2.25 take 19


class Malformed(ValueError):
    """These bytes are not what they should be; turned into an `InputError` where a whole structure was read."""


class IndefiniteLength(Malformed):
    """A length that `definite` has to find first."""


@dataclass(frozen=True, slots=True)
class Element:
    """A tag with its content, as a place in `raw`."""

    raw: bytes
    """What it is a part of."""
    tag: int
    """The identifier octet; for high tag numbers all of them, big-endian."""
    start: int
    """Where its identifier octet stands."""
    content: int
    """Where its content starts."""
    end: int
    """Where it ends."""

    @property
    def value(self) -> bytes:
        """Its content."""
        return self.raw[self.content : self.end]

    @property
    def encoded(self) -> bytes:
        """The whole of it."""
        return self.raw[self.start : self.end]

    def children(self) -> list["Element"]:
        """The elements inside."""
        return read_all(self.raw, self.content, self.end)

    def expect(self, tag: int) -> "Element":
        """This element, if it has `tag`."""
        if self.tag != tag:
            raise Malformed(f"expected tag {tag:02x}, got {self.tag:02x}")
        return self

    def items(self, tag: int, *, least: int = 0, most: int | None = None) -> list["Element"]:
        """The children of a constructed element with `tag`, at least and at most so many."""
        found = self.expect(tag).children()
        if len(found) < least or (most is not None and len(found) > most):
            raise Malformed(f"{len(found)} elements where others belong")
        return found

    def integer(self) -> int:
        """INTEGER or ENUMERATED (§8.3)."""
        if self.tag not in {INTEGER, ENUMERATED}:
            raise Malformed("expected a number")
        if not is_primitive(INTEGER, self.value):
            raise Malformed("a number with padding")
        return int.from_bytes(self.value, signed=True)

    def oid(self) -> str:
        """OBJECT IDENTIFIER, dotted (§8.19)."""
        content = self.expect(OBJECT_IDENTIFIER).value
        if not is_primitive(OBJECT_IDENTIFIER, content):
            raise Malformed("an object identifier with padding")
        return _dotted(content)

    def octets(self) -> bytes:
        """OCTET STRING, in one piece or several (§8.7)."""
        if self.tag == OCTET_STRING:
            return self.value
        return b"".join(piece.octets() for piece in self.items(OCTET_STRING | 0x20))

    def bits(self) -> bytes:
        """BIT STRING of whole octets (§8.6)."""
        content = self.expect(BIT_STRING).value
        if not content or content[0]:
            raise Malformed("expected whole octets")
        return content[1:]

    def time(self) -> datetime:
        """UTCTime or GeneralizedTime (X.680 §46, §47; RFC 5280 §4.1.2.5.1 for the century)."""
        return _time(self.tag, self.value)


def read(raw: bytes, at: int = 0, end: int | None = None) -> Element:
    """The element that starts at `at` and ends before `end`."""
    limit = len(raw) if end is None else end
    start, tag = at, 0
    try:
        tag = raw[at]
        at += 1
        if tag & 0x1F == 0x1F:
            tag, at = _high_tag(raw, tag, at)
        length = raw[at]
        at += 1
        if length > 0x80:
            count = length & 0x7F
            length = int.from_bytes(raw[at : at + count])
            at += count
        elif length == 0x80:
            raise IndefiniteLength("an indefinite length")
    except IndexError:
        raise Malformed("cut short") from None
    stop = at + length
    if stop > limit:
        raise Malformed("a length that leads outside")
    return Element(raw, tag, start, at, stop)


def read_all(raw: bytes, at: int, end: int) -> list[Element]:
    """The elements that fill `raw` from `at` to `end`."""
    found = []
    while at < end:
        element = read(raw, at, end)
        found.append(element)
        at = element.end
    return found


def _high_tag(raw: bytes, tag: int, at: int) -> tuple[int, int]:
    """§8.1.2.4: seven bits an octet, without padding; four octets are more than any standard needs."""
    for position in range(at, at + 4):
        octet = raw[position]
        if position == at and octet == 0x80:
            raise Malformed("a tag with padding")
        tag = tag << 8 | octet
        if octet < 0x80:
            return tag, position + 1
    raise Malformed("an endless tag")


def definite(raw: bytes) -> tuple[bytes, int]:
    """The first element of `raw` with definite lengths, and where it ended; parts that have them stay as they are."""
    return _definite(raw, 0, len(raw), _DEEPEST)


def _definite(raw: bytes, at: int, end: int, depth: int) -> tuple[bytes, int]:
    """The element at `at` rewritten, and where it ended."""
    if not depth:
        raise Malformed("nested too deeply")
    try:
        element = read(raw, at, end)
    except IndefiniteLength:
        return _closed(raw, at, end, depth)
    if not raw[at] & 0x20 or raw.find(0x80, element.content, element.end) < 0:
        return element.encoded, element.end
    at, parts = element.content, []
    while at < element.end:
        part, at = _definite(raw, at, element.end, depth - 1)
        parts.append(part)
    content = b"".join(parts)
    if content == element.value:
        return element.encoded, element.end
    return _encode(raw[element.start : _after_tag(raw, element.start)], content), element.end


def _closed(raw: bytes, start: int, end: int, depth: int) -> tuple[bytes, int]:
    """An element of indefinite length: its parts until the two zero octets (§8.1.5)."""
    at = _after_tag(raw, start)
    tag = raw[start:at]
    if not tag[0] & 0x20:
        raise Malformed("a primitive of indefinite length")
    at, parts = at + 1, []
    while raw[at : at + 2] != b"\0\0":
        part, at = _definite(raw, at, end, depth - 1)
        parts.append(part)
    if at + 2 > end:
        raise Malformed("cut short")
    return _encode(tag, b"".join(parts)), at + 2


def _encode(tag: bytes, content: bytes) -> bytes:
    """An element that is rewritten; an OCTET STRING in pieces becomes one, as DER wants it (§10.2)."""
    if tag == b"\x24":
        return der.octets(b"".join(piece.octets() for piece in read_all(content, 0, len(content))))
    return der.encode(tag, content)


def _after_tag(raw: bytes, at: int) -> int:
    return at + 1 if raw[at] & 0x1F != 0x1F else _high_tag(raw, raw[at], at + 1)[1]


def check(element: Element) -> None:
    """Raise `Malformed` where something inside `element` is no BER.

    A validator that decodes strictly finds no signature in a file where this fails, and two validators must not
    disagree about one.
    """
    for inner in _walk(element, _DEEPEST):
        if inner.tag < 0x20 and not is_primitive(inner.tag, inner.value):
            raise Malformed(f"a value of tag {inner.tag:02x} with padding")


def _walk(element: Element, depth: int) -> Iterator[Element]:
    """`element` and all inside, no deeper than `depth`."""
    waiting = [(element, depth)]
    while waiting:
        current, left = waiting.pop()
        yield current
        if current.raw[current.start] & 0x20:
            if not left:
                raise Malformed("nested too deeply")
            waiting += [(child, left - 1) for child in current.children()]


def is_primitive(tag: int, content: bytes) -> bool:
    """§8.2–8.8 and §8.19: those types of the universal class that have only one right form, or few."""
    if tag in {INTEGER, ENUMERATED}:
        padded = len(content) > 1 and (content[0], content[1] >> 7) in {(0x00, 0), (0xFF, 1)}
        return bool(content) and not padded
    if tag == BOOLEAN:
        return len(content) == 1
    if tag == NULL:
        return not content
    if tag == BIT_STRING:
        return bool(content) and content[0] <= (7 if len(content) > 1 else 0)
    if tag == OBJECT_IDENTIFIER:
        if not content or content[-1] >= 0x80 or content[0] == 0x80:
            return False
        padding = content.find(b"\x80")
        while padding > 0:
            if content[padding - 1] < 0x80:
                return False
            padding = content.find(b"\x80", padding + 1)
        return True
    return True


def _dotted(content: bytes) -> str:
    arcs: list[int] = []
    arc = size = 0
    for octet in content:
        arc, size = arc << 7 | octet & 0x7F, size + 1
        if size > _LONGEST_ARC:
            raise Malformed("an endless object identifier")
        if octet < 0x80:
            arcs.append(arc)
            arc = size = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def _time(tag: int, value: bytes) -> datetime:
    if tag not in {UTC_TIME, GENERALIZED_TIME}:
        raise Malformed("expected a time")
    try:
        text = value.decode("ascii")
        digits, zone = _zone(text)
        whole, _, fraction = digits.replace(",", ".").partition(".")
        if not whole.isdigit() or (fraction and not fraction.isdigit()):
            raise Malformed("not a time")
        if tag == UTC_TIME:
            whole = ("20" if whole[:2] < "50" else "19") + whole
        form = {10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}[len(whole)]
        moment = datetime.strptime(whole, form).replace(tzinfo=zone)
        if fraction:
            unit = {10: 3600, 12: 60, 14: 1}[len(whole)]
            moment += timedelta(seconds=float(f"0.{fraction[:9]}") * unit)
        return moment.astimezone(UTC)
    except (ValueError, KeyError, OverflowError) as e:
        raise Malformed("not a time") from e


def _zone(text: str) -> tuple[str, timezone]:
    """The digits, and the time zone that they are in; local time without a zone is nobody's time."""
    if text.endswith("Z"):
        return text[:-1], UTC
    digits, sign, offset = text[:-5], text[-5:-4], text[-4:]
    if sign not in {"+", "-"} or not offset.isdigit():
        raise Malformed("a time without a zone")
    shift = timedelta(hours=int(offset[:2]), minutes=int(offset[2:]))
    return digits, timezone(shift if sign == "+" else -shift)
