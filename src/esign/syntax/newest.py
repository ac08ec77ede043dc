"""The document as it is now, of a file that something is to be appended to: no more of it is read than is asked for.

Where the file is written plainly (`esign.syntax.outline`), a trailer and a few objects are looked at where they stand,
and what programs spell alike in one document after the other is parsed once. For anything else, and from the first
object on that is written oddly, the file is read whole: `View` and `read` know all of the standard.
"""

import logging
from functools import cached_property, lru_cache
from typing import Final

from esign.syntax.file import File, View, read
from esign.syntax.objects import Dict, Object, Ref, Stream
from esign.syntax.outline import NotPlain, Outline
from esign.syntax.parser import Parser
from esign.syntax.problems import DEFAULT, Meter, SyntaxProblem
from esign.syntax.source import Source
from esign.syntax.xref import SectionKind

__all__ = ["PlainView", "newest"]

_logger = logging.getLogger(__name__)

_LARGEST_OFFSET: Final = 10**10
"""What ten digits of a table can say."""
_SHORT: Final = 4096
"""Bytes of an object whose value is kept."""
_WHITE: Final = b"\x00\t\n\x0c\r "


def newest(pdf: bytes) -> View:
    """The document as it is now.

    Raises:
        SyntaxProblem: `syntax-not-updatable`, or whatever `read` says.
    """
    if len(pdf) >= _LARGEST_OFFSET // 2:
        raise SyntaxProblem("syntax-not-updatable", problem="too large")
    try:
        return PlainView(pdf)
    except NotPlain as e:
        _logger.debug("a file is read whole: %s", e)
        return _read_whole(pdf).latest


class PlainView(View):
    """The newest revision of a plainly written file; what is not overridden here reads the file whole."""

    def __init__(self, pdf: bytes) -> None:
        """Raises: NotPlain."""
        self._outline = Outline(pdf)
        self._source = Source(pdf, DEFAULT)
        self._source.length_of = self._length_of
        self._values: dict[Ref, Object] = {}
        self._trailer = Dict({key.decode("latin-1"): _value(text) for key, text in self._outline.trailer.items()})

    @cached_property
    def file(self) -> File:
        """The file, read whole."""
        return _read_whole(self._source.data)

    @property
    def index(self) -> int:
        """Of the revision, the last."""
        return len(self.file.revisions) - 1

    @property
    def trailer(self) -> Dict:
        """The trailer."""
        return self._trailer

    @property
    def startxref(self) -> int:
        """Where its section begins."""
        return self._outline.startxref

    @property
    def kind(self) -> SectionKind:
        """How that is written: a plain one is a table."""
        return SectionKind.TABLE

    @property
    def next(self) -> int:
        """The first object number that nothing has."""
        return self._outline.next

    def get(self, ref: Ref) -> Object:
        """As of a `View`."""
        if ref not in self._values:
            try:
                self._values[ref] = self._look(ref)
            except NotPlain as e:
                _logger.debug("a file is read whole for object %d: %s", ref.num, e)
                self._values[ref] = super().get(ref)
        return self._values[ref]

    def array(self, value: Object) -> list[Object] | None:
        """As of a `View`; what a stream holds, which is the most of many files, is not looked at."""
        return None if isinstance(value, Ref) and self._is_stream(value) else super().array(value)

    def _is_stream(self, ref: Ref) -> bool:
        try:
            return self._outline.is_stream(_first_of(ref))
        except NotPlain:
            return False

    def _look(self, ref: Ref) -> Object:
        place, start = self._outline.place(_first_of(ref))
        data = self._source.data
        end = data.find(b"endobj", start, start + _SHORT)
        text = data[start:end]
        if end < 0 or b"stream" in text:
            return self._source.indirect(place).value
        value = _value(text)
        if not isinstance(value, Dict | list):
            raise NotPlain("a value without brackets: `endobj` may be a part of it")
        return value

    def _length_of(self, ref: Ref, _offset: int) -> int | None:
        """What a /Length that is a reference says; it counts as of the revision that its stream came with."""
        place, _ = self._outline.place(_first_of(ref))
        if self._outline.is_updated(ref.num):
            raise NotPlain("a length that was another one")
        return self._source.integer_at(place)

    def decoded(self, stream: Stream) -> bytes:
        """As of a `View`."""
        return self._source.decoded(stream, self.resolve)


def _first_of(ref: Ref) -> int:
    """The number of an object that is the first to have it (§7.5.4)."""
    if ref.gen:
        raise NotPlain("an object whose number had another")
    return ref.num


@lru_cache(maxsize=256)
def _value(text: bytes) -> Object:
    """The dictionary, array or trailer's value that `text` is; shared by all files that spell it so."""
    try:
        value, end = Parser(text, Meter(DEFAULT, len(text)), in_file=False).object_at(0)
    except SyntaxProblem as e:
        raise NotPlain(e.code) from e
    if text[end:].strip(_WHITE):
        raise NotPlain("more than one value")
    return value


def _read_whole(pdf: bytes) -> File:
    """Raises: SyntaxProblem: `read` does, or nothing can be appended."""
    file = read(pdf)
    for problem, applies in (
        ("no cross-reference section", file.rebuilt),
        ("encrypted", file.encrypted),
        ("bytes before the header", file.history.shift != 0),
    ):
        if applies:
            raise SyntaxProblem("syntax-not-updatable", problem=problem)
    return file
