"""The bytes of a file, with what was read from them: every offset is parsed once, whichever revision asks.

That two revisions have an object in common is therefore the identity of its value.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from esign.reasons import Reason
from esign.syntax.encryption import Decryptor
from esign.syntax.filters import unfiltered
from esign.syntax.objects import Dict, Name, Object, Ref, Stream
from esign.syntax.parser import REGULAR, SPACE, Parser
from esign.syntax.problems import Limits, Meter, SyntaxProblem

__all__ = ["Indirect", "ObjectStream", "Source"]

_OBJECT: Final = re.compile(
    SPACE + rb"*+(\d{1,10})" + SPACE + rb"++(\d{1,10})" + SPACE + rb"++obj(?!" + REGULAR + rb")"
)
_STREAM: Final = re.compile(SPACE + rb"*+stream(?:\r\n|\n|\r)?+")
_ENDSTREAM: Final = re.compile(SPACE + rb"*+endstream")
_ENDOBJ: Final = re.compile(rb"(?:" + SPACE + rb"++|%[^\r\n]*+)*+endobj")
_INTEGER_OBJECT: Final = re.compile(
    SPACE + rb"*+\d++" + SPACE + rb"++\d++" + SPACE + rb"++obj" + SPACE + rb"++(\d{1,12})" + SPACE + rb"*+endobj"
)
_PAIR: Final = re.compile(rb"(\d{1,10})" + SPACE + rb"++(\d{1,10})")


@dataclass(frozen=True, slots=True, eq=False)
class Indirect:
    """An object as it stands in the file (§7.3.10)."""

    ref: Ref
    """What it calls itself."""
    value: Object
    """What it is."""
    start: int
    """Its first digit."""
    end: int
    """Behind `endobj`; where that is missing, behind the value."""
    closed: bool
    """Whether `endobj` stands where it must."""


@dataclass(frozen=True, slots=True, eq=False)
class ObjectStream:
    """The objects that one stream holds (§7.5.7)."""

    pairs: tuple[tuple[int, int], ...]
    """Object number and offset of each."""
    index_of: Mapping[int, int]
    """Where a number stands first."""
    parser: Parser
    """Over the unpacked data."""
    values: dict[int, Object]
    """What was read so far, by index."""

    def get(self, num: int, index: int) -> Object:
        """The object number `num`, at `index` unless it stands elsewhere; null where it is not there."""
        if not (index < len(self.pairs) and self.pairs[index][0] == num):
            if num not in self.index_of:
                return None
            index = self.index_of[num]
        if index not in self.values:
            self.values[index], _ = self.parser.object_at(self.pairs[index][1])
        return self.values[index]


class Source:
    """Objects at offsets of one file."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data = data
        self.meter = Meter(limits, len(data))
        self.decryptor: Decryptor | None = None
        self.length_of: Callable[[Ref, int], int | None] = lambda _ref, _offset: None
        """What a /Length that is a reference says to the stream at an offset; known once the revisions are."""
        self._parser = Parser(data, self.meter)
        self._objects: dict[int, Indirect | Reason] = {}
        self._object_streams: dict[int, ObjectStream] = {}

    def header(self, offset: int) -> Ref | None:
        """What the object at `offset` calls itself; None where no object is."""
        match = _OBJECT.match(self.data, offset) if 0 <= offset < len(self.data) else None
        return Ref(int(match[1]), int(match[2])) if match else None

    def indirect(self, offset: int) -> Indirect:
        """The object at `offset`.

        Raises:
            SyntaxProblem: there is none, or it cannot be read; the next call says the same without looking again.
        """
        known = self._objects.get(offset)
        if known is None:
            try:
                known = self._read(offset)
            except SyntaxProblem as e:
                known = e.reason  # not the exception: it would keep a trace of every call
            self._objects[offset] = known
        if isinstance(known, Reason):
            raise SyntaxProblem(known.code, **known.facts)
        return known

    def _read(self, offset: int) -> Indirect:
        header = _OBJECT.match(self.data, offset) if 0 <= offset < len(self.data) else None
        if header is None:
            raise SyntaxProblem("syntax-object-missing", offset=offset)
        ref = Ref(int(header[1]), int(header[2]))
        value, end = self._parser.object_at(header.end())
        if isinstance(value, Dict) and (keyword := _STREAM.match(self.data, end)):
            value = self._stream(value, keyword.end(), ref, offset)
            after = _ENDSTREAM.match(self.data, value.start + value.length)
            end = after.end() if after else value.start + value.length
        if self.decryptor is not None:
            value = self.decryptor.value(value, ref)
        closing = _ENDOBJ.match(self.data, end)
        return Indirect(ref, value, header.start(1), closing.end() if closing else end, closed=closing is not None)

    def _stream(self, dictionary: Dict, start: int, ref: Ref, offset: int) -> Stream:
        length = dictionary.get("Length")
        if isinstance(length, Ref):
            length = self.length_of(length, offset)
        length = length if type(length) is int and 0 <= length <= len(self.data) - start else -1
        if length >= 0 and _ENDSTREAM.match(self.data, start + length):
            return Stream(dictionary, start, length, ref)
        end = self.data.find(b"endstream", start)
        end = len(self.data) if end < 0 else end
        self.meter.parsed(end - start)
        # One end of line before `endstream` is not data (§7.3.8.1).
        if self.data[start:end].endswith(b"\r\n"):
            end -= 2
        elif end > start and self.data[end - 1] in b"\r\n":
            end -= 1
        return Stream(dictionary, start, end - start, ref, length_wrong=True)

    def integer_at(self, offset: int) -> int | None:
        """The integer that the object at `offset` is, found without parsing, so that no length asks for a length."""
        match = _INTEGER_OBJECT.match(self.data, offset)
        return int(match[1]) if match else None

    def raw(self, stream: Stream) -> bytes:
        """The data of `stream` as they stand in the file."""
        return self.data[stream.start : stream.start + stream.length]

    def decoded(self, stream: Stream, resolve: Callable[[Object], Object], *, encrypted: bool = True) -> bytes:
        """The data of `stream`, unpacked, and decrypted before where it is `encrypted`.

        Raises:
            SyntaxProblem: they cannot be unpacked, or to more than is allowed.
        """
        filters = _filters(stream.dictionary, resolve)
        if len(filters) > self.meter.limits.filters:
            raise SyntaxProblem("syntax-expands-too-much")
        data = self.raw(stream)
        if encrypted and self.decryptor is not None:
            data = self.decryptor.stream(data, stream)
        result = unfiltered(data, filters, most=self.meter.may_unpack())
        self.meter.unpacked(len(result))
        return result

    def object_stream(self, offset: int) -> ObjectStream:
        """The object stream at `offset`.

        Raises:
            SyntaxProblem: there is none, or it cannot be read.
        """
        known = self._object_streams.get(offset)
        if known is None:
            known = self._object_streams[offset] = self._read_object_stream(offset)
        return known

    def _read_object_stream(self, offset: int) -> ObjectStream:
        stream = self.indirect(offset).value
        if not isinstance(stream, Stream) or stream.dictionary.get("Type") != "ObjStm":
            raise SyntaxProblem("syntax-object-missing", offset=offset)
        data = self.decoded(stream, _direct)
        first, count = stream.dictionary.get("First"), stream.dictionary.get("N")
        if type(first) is not int or type(count) is not int or not 0 <= first <= len(data):
            raise SyntaxProblem("syntax-object-malformed", offset=offset)
        found = islice(_PAIR.finditer(data, 0, first), max(0, count))
        pairs = tuple((int(m[1]), first + int(m[2])) for m in found)
        index_of = {num: index for index, (num, _) in reversed(list(enumerate(pairs)))}
        return ObjectStream(pairs, index_of, Parser(data, self.meter, in_file=False), {})


def _direct(value: Object) -> Object:
    """Entries of an object stream that are needed to read it may not be references (§7.5.7)."""
    return None if isinstance(value, Ref) else value


def _filters(dictionary: Dict, resolve: Callable[[Object], Object]) -> list[tuple[str, Dict]]:
    """/Filter with /DecodeParms (Table 5), each one or several."""
    names = resolve(dictionary.get("Filter"))
    given = resolve(dictionary.get("DecodeParms"))
    parameters = given if isinstance(given, list) else [given]
    result: list[tuple[str, Dict]] = []
    for i, entry in enumerate(names if isinstance(names, list) else [names]):
        name = resolve(entry)
        if name is None and not isinstance(names, list):
            break
        if not isinstance(name, Name):
            raise SyntaxProblem("syntax-filter-unknown", filter="?")
        own = resolve(parameters[i]) if i < len(parameters) else None
        plain = {key: resolve(value) for key, value in own.items()} if isinstance(own, Dict) else {}
        result.append((name, Dict(plain)))
    return result
