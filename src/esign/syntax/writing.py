"""PDF objects as bytes (ISO 32000-2 §7.3), as short as the syntax allows; `parser` reads back the same value."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, NoReturn, TypeAlias, Union

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


Writable: TypeAlias = Union[Object, Raw, Data]  # noqa: UP007 - `Object` is a forward reference

# Names write all but regular characters, and the number sign itself, as #xx (§7.3.5).
_SPECIAL = re.compile(rb"[^!-~]|[#%()/<>\[\]{}]")
# In literal strings these have a meaning; a bare carriage return would be read as a line feed (§7.3.4.2).
_ESCAPED = ((b"\\", rb"\\"), (b"(", rb"\("), (b")", rb"\)"), (b"\r", rb"\r"), (b"\n", rb"\n"))
_CLOSED = b"/<[("
"""What begins with one of these needs no space before it."""


def written(value: Writable) -> bytes:
    """`value` in PDF syntax.

    Raises:
        TypeError: A stream within another object; it can only be an object of its own.
    """
    return bytes(value) if isinstance(value, Raw) else _WRITERS[type(value)](value).removeprefix(b" ")


def object_text(value: Writable) -> tuple[bytes, bytes]:
    """What stands between `obj` and `endobj`: the value, and behind it the data of one that is a stream (§7.3.8)."""
    if not isinstance(value, Data):
        return written(value), b""
    dictionary = written(Dict({**value.dictionary, "Length": len(value.content)}))
    return dictionary, b"\nstream\n%s\nendstream" % value.content


# --- values as they stand behind another one: with a space where that tells them apart --------------------------------


def _boolean(value: bool) -> bytes:  # noqa: FBT001 - one writer a kind
    return b" true" if value else b" false"


def _real(value: float) -> bytes:
    # No exponents (§7.3.3); and 512.0 stays a real, for who compares revisions sees another object in 512.
    text = repr(value)
    if "e" in text:
        text = format(Decimal(text), "f")
    return (f" {text}" if "." in text else f" {text}.0").encode()


@lru_cache(maxsize=4096)
def _name(name: str) -> bytes:
    return b"/" + _SPECIAL.sub(lambda m: b"#%02X" % m[0][0], name.encode("latin-1"))


def _string(value: bytes) -> bytes:
    for byte, escaped in _ESCAPED:  # the backslash first
        value = value.replace(byte, escaped)
    return b"(%s)" % value


def _array(items: list[Object]) -> bytes:
    return b"[%s]" % b"".join([_WRITERS[type(item)](item) for item in items]).removeprefix(b" ")


def _dictionary(dictionary: Dict) -> bytes:
    return b"<<%s>>" % b"".join([_name(key) + _WRITERS[type(item)](item) for key, item in dictionary.items()])


def _as_it_is(value: bytes) -> bytes:
    return bytes(value) if value[:1] in _CLOSED else b" " + value


def _no_stream(_value: object) -> NoReturn:
    message = "a stream is an object of its own"
    raise TypeError(message)


class _Writers(dict[type, Callable[[Any], bytes]]):
    """The writer of each kind of value; of a kind that is not listed, that of what it is a kind of."""

    def __missing__(self, kind: type) -> Callable[[Any], bytes]:
        for base in kind.__mro__:
            if base in self:
                return self[base]
        raise TypeError(kind.__name__)


# In the order of §7.3.
_WRITERS = _Writers(
    {
        type(None): lambda _: b" null",
        bool: _boolean,
        int: lambda value: b" %d" % value,
        float: _real,
        Name: _name,
        String: _string,
        Ref: lambda value: b" %d %d R" % value,
        list: _array,
        Dict: _dictionary,
        Raw: _as_it_is,
        Keyword: _as_it_is,
        Data: _no_stream,
        Stream: _no_stream,
    }
)
