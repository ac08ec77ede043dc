"""From bytes to objects (ISO 32000-2 §7.2, §7.3): one regular expression for tokens, one loop for nesting.

Nothing recurses, so nesting costs a limit and not the stack; every quantifier is possessive, so no input makes the
expression look twice at a byte.
"""

import binascii
import re
from collections import Counter
from functools import lru_cache
from typing import Any, Final

from esign.syntax.objects import Dict, Keyword, Name, Object, Ref, String
from esign.syntax.problems import Meter, SyntaxProblem

__all__ = ["BLANK", "REGULAR", "SPACE", "Parser"]

SPACE: Final = rb"[\x00\t\n\x0c\r ]"
REGULAR: Final = rb"[^\x00\t\n\x0c\r ()<>\[\]{}/%]"
BLANK: Final = rb"(?:" + SPACE + rb"++|%[^\r\n]*+)*+"

_TOKEN: Final = re.compile(
    BLANK
    + rb"(?:"
    + rb"/("  # 1: name
    + REGULAR
    + rb"*+)|(\d++)"  # 2, 3: reference
    + SPACE
    + rb"++(\d++)"
    + SPACE
    + rb"++R(?!"
    + REGULAR
    + rb")|([+-]?+(?:\d++(?:\.\d*+)?+|\.\d++))(?!"  # 4: number
    + REGULAR
    + rb")|(<<)|(>>)|(\[)|(\])"  # 5, 6, 7, 8
    + rb"|\(([^()\\\r]*+)\)|(\()"  # 9: string without escapes; 10: any other
    + rb"|<([0-9A-Fa-f]*+)>|<([0-9A-Fa-f\x00\t\n\x0c\r ]*+)>|(<[^>]*+>)"  # 11, 12: hexadecimal; 13: no string
    + rb"|("  # 14: keyword
    + REGULAR
    + rb"++))"
)
_NAME, _REF, _NUMBER, _DICT, _DICT_END, _ARRAY, _ARRAY_END, _PLAIN, _ESCAPED, _HEX, _SPACED_HEX, _NO_HEX, _WORD = (
    1,
    *range(3, 15),
)
_OPENING: Final = frozenset({_DICT, _ARRAY})
_CLOSING: Final = frozenset({_DICT_END, _ARRAY_END})
_HASH: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_PAREN: Final = re.compile(rb"[()]|\\.", re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\([0-7]{1,3}|\r\n|.)|\r\n?", re.DOTALL)
_ESCAPES: Final = {
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"b": b"\b",
    b"f": b"\f",
    b"\r\n": b"",
    b"\r": b"",
    b"\n": b"",
}
_CONSTANTS: Final[dict[bytes, Object]] = {b"null": None, b"true": True, b"false": False}
_STRUCTURE: Final = frozenset({b"obj", b"endobj", b"stream", b"endstream", b"xref", b"trailer", b"startxref"})
_NOT_HEX: Final = b"\x00\t\n\x0c\r "
_SHORT: Final = 19
_SHORT_NAME: Final = 64
_ONLY_NAMES: Final = frozenset({Name})
_DIGITS: Final = 300  # a longer number is none; Python refuses to convert the longest


class Parser:
    """Reads objects from one run of bytes: the file, or an unpacked object stream."""

    __slots__ = ("_data", "_in_file", "_meter", "_names")

    def __init__(self, data: bytes, meter: Meter, *, in_file: bool = True) -> None:
        self._data = data
        self._meter = meter
        self._in_file = in_file
        self._names: dict[bytes, Name] = {}

    def object_at(self, start: int) -> tuple[Object, int]:
        """The object at `start` and where it ends; null where `endobj` stands at once.

        Raises:
            SyntaxProblem: there is no object, or it nests deeper than the limit.
        """
        self._meter.parsed(1)  # once the limit is passed, nothing is looked at any more
        try:
            value, end = self._object(start)
        except SyntaxProblem:
            # Looking for the end of a string may have gone through all that follows.
            self._meter.parsed(len(self._data) - start)
            raise
        self._meter.parsed(end - start)
        return value, end

    def _object(self, start: int) -> tuple[Object, int]:  # noqa: C901, PLR0912 - one branch a token
        data, match, names = self._data, _TOKEN.match, self._names
        at = start
        stack: list[tuple[list[Object], bool]] = []
        items: list[Object] = []  # of the innermost open array or dictionary
        is_dict = False
        value: Object
        while token := match(data, at):
            at = token.end()
            kind = token.lastindex
            if kind == _NAME:
                raw = token[_NAME]
                value = names.get(raw) or self._name(raw)
            elif kind == _NUMBER:
                text = token[_NUMBER]
                value = int(text) if len(text) < _SHORT and b"." not in text else _number(text)
            elif kind == _REF:
                value = _reference(token[2], token[3])
            elif kind in _OPENING:
                if len(stack) >= self._meter.limits.depth:
                    raise SyntaxProblem("syntax-nested-too-deep", offset=start)
                stack.append((items, is_dict))
                items, is_dict = [], kind == _DICT
                continue
            elif kind in _CLOSING:
                if not stack or is_dict is not (kind == _DICT_END):
                    raise SyntaxProblem("syntax-object-malformed", offset=start)
                value = self._dictionary(items, start) if is_dict else items
                items, is_dict = stack.pop()
            elif kind == _WORD:
                word = token[_WORD]
                if word in _CONSTANTS:
                    value = _CONSTANTS[word]
                elif word == b"R" and len(items) > 1 and type(items[-1]) is type(items[-2]) is int:
                    gen, num = items.pop(), items.pop()  # a comment stood within the reference
                    assert isinstance(num, int)
                    assert isinstance(gen, int)
                    value = Ref(num, gen)
                elif word in _STRUCTURE:
                    if word == b"endobj" and not stack:
                        return None, token.start(_WORD)
                    raise SyntaxProblem("syntax-object-malformed", offset=start)
                else:
                    value = Keyword(word)
            elif kind == _NO_HEX:
                value = Keyword(token[_NO_HEX])
            else:
                value, at = self._string(token, at, start)
            if not stack:
                return value, at
            items.append(value)
        raise SyntaxProblem("syntax-object-malformed", offset=start)

    def _name(self, raw: bytes) -> Name:
        return self._names.setdefault(raw, _decoded_name(raw) if len(raw) < _SHORT_NAME else _name(raw))

    def _string(self, token: re.Match[bytes], at: int, start: int) -> tuple[String, int]:
        kind = token.lastindex
        if kind == _PLAIN:
            value, opening = String(token[_PLAIN]), token.start(_PLAIN) - 1
        elif kind == _ESCAPED:
            opening = token.start(_ESCAPED)
            at = self._closing(at, start)
            value = String(_ESCAPE.sub(_unescape, self._data[opening + 1 : at - 1]))
        else:
            assert kind is not None
            opening = token.start(kind) - 1
            digits = token[kind].translate(None, _NOT_HEX) if kind == _SPACED_HEX else token[kind]
            value = String(binascii.unhexlify(digits + b"0" if len(digits) % 2 else digits))
        if self._in_file:
            value.span = (opening, at)
        return value, at

    def _closing(self, at: int, start: int) -> int:
        """Behind the parenthesis that closes the string whose contents begin at `at`."""
        depth = 1
        for found in _PAREN.finditer(self._data, at):
            mark = found[0]
            if mark == b"(":
                depth += 1
            elif mark == b")":
                depth -= 1
                if depth == 0:
                    return found.end()
        raise SyntaxProblem("syntax-object-malformed", offset=start)

    @staticmethod
    def _dictionary(items: list[Object], start: int) -> Dict:
        keys: list[Any] = items[::2]
        if len(items) % 2 or not _ONLY_NAMES.issuperset(map(type, keys)):
            raise SyntaxProblem("syntax-object-malformed", offset=start)
        result = Dict(zip(keys, items[1::2], strict=True))
        if len(result) != len(keys):
            result.duplicates = tuple(sorted(key for key, count in Counter(keys).items() if count > 1))
        return result


def _name(raw: bytes) -> Name:
    decoded = _HASH.sub(lambda m: bytes.fromhex(m[1].decode()), raw) if b"#" in raw else raw
    return Name(decoded.decode("latin-1"))


_decoded_name = lru_cache(maxsize=1024)(_name)
"""Nearly all names in all files are the standard's."""


def _number(text: bytes) -> Object:
    if len(text) > _DIGITS:
        return Keyword(text)
    return float(text) if b"." in text else int(text)


def _reference(num: bytes, gen: bytes) -> Object:
    # Nothing has such a number (§7.3.10, Annex C): it refers to null, whatever it is.
    return Ref(int(num), int(gen)) if len(num) <= 10 and len(gen) <= 5 else None


def _unescape(match: re.Match[bytes]) -> bytes:
    escaped = match[1]
    if escaped is None:
        return b"\n"  # an end of line is a line feed, however it is written (§7.3.4.2)
    if escaped[:1] in b"01234567":
        return bytes([int(escaped, 8) & 0xFF])
    return _ESCAPES.get(escaped, escaped)
