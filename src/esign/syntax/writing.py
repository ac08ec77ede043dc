"""PDF objects as bytes (ISO 32000-2 §7.3), as short as the syntax allows; `parser` reads back the same value."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias, Union

from esign.syntax.objects import Dict, Keyword, Name, Object, Ref, Stream, String

__all__ = ["Data", "Raw", "Writable", "object_text", "written"]


class Raw(bytes):
    """Bytes that stand for themselves: an object that somebody wrote already."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Data:
    """A stream that is to be written: its /Length is added."""

    dictionary: Dict
    """Its entries; a /Length in them is replaced."""
    content: bytes = field(repr=False)
    """As it is stored: filtered as its /Filter says, and not encrypted."""


_Out: TypeAlias = Callable[[bytes], object]
Writable: TypeAlias = Union[Object, Raw, Data]  # noqa: UP007 - `Object` is a forward reference

# Names write all but regular characters, and the number sign itself, as #xx (§7.3.5).
_SPECIAL = re.compile(rb"[^!-~]|[#%()/<>\[\]{}]")
# In literal strings these have a meaning; a bare carriage return would be read as a line feed (§7.3.4.2).
_ESCAPED = {b"\\": b"\\\\", b"(": b"\\(", b")": b"\\)", b"\r": b"\\r", b"\n": b"\\n"}
_MEANING = re.compile(rb"[\\()\r\n]")
_CLOSED = b"/<[("
"""What begins with one of these needs no space before it."""


def written(value: Writable) -> bytes:
    """`value` in PDF syntax.

    Raises:
        TypeError: A stream within another object; it can only be an object of its own.
    """
    parts: list[bytes] = []
    _write(value, parts.append)
    return b"".join(parts)


def object_text(value: Writable) -> tuple[bytes, bytes]:
    """What stands between `obj` and `endobj`: the value, and behind it the data of one that is a stream (§7.3.8)."""
    if not isinstance(value, Data):
        return written(value), b""
    dictionary = written(Dict({**value.dictionary, "Length": len(value.content)}))
    return dictionary, b"\nstream\n%s\nendstream" % value.content


def _write(value: Writable, out: _Out) -> None:  # noqa: C901 - one case a kind, in the order of §7.3
    match value:
        case None:
            out(b"null")
        case bool():
            out(b"true" if value else b"false")
        case int():
            out(b"%d" % value)
        case float():
            out(_real(value))
        case Name():
            out(_name(value))
        case String():
            out(b"(" + _MEANING.sub(lambda m: _ESCAPED[m[0]], value) + b")")
        case Ref():
            out(b"%d %d R" % value)
        case list():
            _write_array(value, out)
        case Dict():
            _write_dictionary(value, out)
        case Raw() | Keyword():
            out(bytes(value))
        case Data() | Stream():
            message = "a stream is an object of its own"
            raise TypeError(message)


def _write_array(items: list[Object], out: _Out) -> None:
    out(b"[")
    for i, item in enumerate(items):
        text = written(item)
        if i and text[:1] not in _CLOSED:
            out(b" ")
        out(text)
    out(b"]")


def _write_dictionary(dictionary: Dict, out: _Out) -> None:
    out(b"<<")
    for key, item in dictionary.items():
        out(_name(key))
        text = written(item)
        if text[:1] not in _CLOSED:
            out(b" ")
        out(text)
    out(b">>")


def _name(name: str) -> bytes:
    return b"/" + _SPECIAL.sub(lambda m: b"#%02X" % m[0][0], name.encode("latin-1"))


def _real(value: float) -> bytes:
    # No exponents (§7.3.3); and 512.0 stays a real, for who compares revisions sees another object in 512.
    text = format(Decimal(repr(value)), "f")
    return (text if "." in text else f"{text}.0").encode()
