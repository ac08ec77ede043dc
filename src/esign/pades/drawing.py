"""Marks as Form XObjects: pictures that somebody drew as a PDF page, brought into a document that is updated.

ISO 32000-2 §8.10 (form XObjects), §12.5.5 (appearance streams).
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from esign.document import Box, Mark
from esign.pades.page_tree import read_pages
from esign.pades.reading import Reader
from esign.pades.updating import numbers
from esign.syntax import Dict, Name, Object, Ref, Stream, SyntaxProblem, View, read
from esign.syntax.update import Update
from esign.syntax.writing import Data, Raw, Writable, object_text, written

__all__ = ["WrittenMark", "drawing", "import_mark", "placement"]

# The page's /Rotate as the matrix that stands a mark upright again: a b c d (§8.3.3).
_UPRIGHT = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}

# Numbers that no document has, to be found again in what is written.
_NUMBERED = 9_000_000_000
_NUMBER = re.compile(rb"(?<![0-9])9(\d{9})(?= 0 R)")
_DEFLATED = b"/Filter/FlateDecode"

Pieces: TypeAlias = Sequence[bytes | int]
"""What is written, in pieces: an integer stands for the number of one of the objects beside it."""


def import_mark(update: Update, mark: Mark, *, rotate: int) -> Ref:
    """`mark` as a Form XObject, turned so that it stands upright on a page with /Rotate."""
    *others, form = WrittenMark(mark, rotate=rotate).at(update.next)
    for text in others:
        update.add(Raw(text))
    return update.add(Raw(form))


class WrittenMark:
    """The objects that draw a mark, as bytes that lack only their numbers."""

    def __init__(self, mark: Mark, *, rotate: int) -> None:
        shared = mark.drawing
        picture = _picture(shared.page if shared else mark.pdf, rotate)
        self._objects, self._form = picture.objects, picture.form
        packing, content = (_DEFLATED, shared.content) if shared else (picture.packing, picture.content)
        self._stream = b"%s/Length %d>>\nstream\n%s\nendstream" % (packing, len(content), content)

    def at(self, first: int) -> list[bytes]:
        """The objects, numbered from `first`; the last one is the form."""
        objects = [_numbered(pieces, first) for pieces in self._objects]
        return [*objects, _numbered(self._form, first) + self._stream]


def _in_pieces(text: bytes, data: bytes = b"") -> Pieces:
    """`text` in pieces, and behind it the `data` of what is a stream."""
    return [*(int(piece) if i % 2 else piece for i, piece in enumerate(_NUMBER.split(text))), data]


def _numbered(pieces: Pieces, first: int) -> bytes:
    """What is written, where the objects are numbered from `first`."""
    return b"".join([b"%d" % (first + piece) if isinstance(piece, int) else piece for piece in pieces])


def placement(mark: Mark, box: Box) -> tuple[float, ...]:
    """The `cm` operands that draw the form of `mark`, already upright, into `box`."""
    points = 72 / 25.4
    width, height = mark.width_mm * points, mark.height_mm * points
    if box.rotate in {90, 270}:
        width, height = height, width
    x, y = box.width / width, box.height / height
    a, b, c, d = _upright(box.rotate)
    # The turned form lies left of or below the origin wherever its matrix is negative: shift it back.
    left = box.left + (box.width if a + c < 0 else 0)
    bottom = box.bottom + (box.height if b + d < 0 else 0)
    return (x, 0, 0, y, left, bottom)


def drawing(update: Update, mark: Mark, box: Box) -> Ref:
    """A Form XObject of the size of `box` with `mark` in its middle: as large as fits, not distorted."""
    width, height = (mark.height_mm, mark.width_mm) if box.rotate in {90, 270} else (mark.width_mm, mark.height_mm)
    scale = min(box.width / width, box.height / height)
    width, height = width * scale, height * scale
    inner = replace(box, left=(box.width - width) / 2, bottom=(box.height - height) / 2, width=width, height=height)
    matrix = b" ".join(b"%.4f" % v for v in placement(mark, inner))
    form = Dict(
        {
            "Type": Name("XObject"),
            "Subtype": Name("Form"),
            "BBox": numbers(0, 0, box.width, box.height),
            "Resources": Dict({"XObject": Dict({"Mark": import_mark(update, mark, rotate=box.rotate)})}),
        }
    )
    return update.add(Data(form, b"q %s cm /Mark Do Q\n" % matrix))


def _upright(rotate: int) -> tuple[int, int, int, int]:
    if rotate not in _UPRIGHT:  # §7.7.3.3: a multiple of 90
        raise SyntaxProblem("syntax-not-updatable", problem=f"/Rotate {rotate}")
    return _UPRIGHT[rotate]


class _Picture(NamedTuple):
    """The page of a mark as a form, ready to be copied."""

    objects: list[Pieces]
    """Every object that it draws with."""
    form: Pieces
    """The form's dictionary, up to what is said of its stream."""
    packing: bytes
    """How that is packed, as entries of the dictionary."""
    content: bytes
    """The stream."""


@lru_cache(maxsize=64)
def _picture(pdf: bytes, rotate: int) -> _Picture:
    # An office draws the same few marks again and again, but for the time that a text says.
    view = read(pdf).latest
    reader = Reader(view)
    page = read_pages(reader, view.root).pages[0]
    box = reader.resolve(page.attribute("MediaBox"))
    found = reader.resolve(page.attribute("Resources"))
    resources = found if isinstance(found, Dict) else Dict()
    reached = _reachable(view, resources)
    copied = {ref: Ref(_NUMBERED + i) for i, ref in enumerate(reached)}
    form = Dict(
        {
            "Type": Name("XObject"),
            "Subtype": Name("Form"),
            "BBox": box if isinstance(box, list) else numbers(0, 0, 0, 0),
            "Matrix": numbers(*_upright(rotate), 0, 0),
            "Resources": _renumbered_object(resources, copied),
        }
    )
    content, packing = _content(reader, page.node)
    return _Picture(
        objects=[_in_pieces(*object_text(_renumbered(value, copied))) for value in reached.values()],
        form=_in_pieces(written(form).removesuffix(b">>")),
        packing=written(packing)[2:-2],
        content=content,
    )


def _content(reader: Reader, page: Dict) -> tuple[bytes, Dict]:
    """What the page draws, and how that is packed: one stream stays as it is, several are joined."""
    held = reader.entry(page, "Contents")
    streams = [reader.resolve(item) for item in (held if isinstance(held, list) else [held])]
    if len(streams) == 1 and isinstance(streams[0], Stream):
        return reader.raw(streams[0]), _packing(streams[0])
    parts = [reader.decoded(stream) or b"" for stream in streams if isinstance(stream, Stream)]
    return b"\n".join(parts), Dict()


def _packing(stream: Stream) -> Dict:
    return Dict({k: v for k, v in stream.dictionary.items() if k in {"Filter", "DecodeParms"}})


def _reachable(view: View, start: Dict) -> dict[Ref, Writable]:
    """Every object that `start` leads to; streams as they are packed."""
    found: dict[Ref, Writable] = {}
    waiting: list[Object] = [start]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, Dict):
            waiting += value.values()
        elif isinstance(value, Ref) and value not in found:
            target = view.get(value)
            if isinstance(target, Stream):
                data = view.file.data[target.start : target.start + target.length]
                found[value] = Data(Dict({k: v for k, v in target.dictionary.items() if k != "Length"}), data)
                waiting.append(target.dictionary)
            else:
                found[value] = target
                waiting.append(target)
    return found


def _renumbered(value: Writable, copied: dict[Ref, Ref]) -> Writable:
    if isinstance(value, Data):
        return Data(Dict({k: _renumbered_object(v, copied) for k, v in value.dictionary.items()}), value.content)
    return value if isinstance(value, Raw) else _renumbered_object(value, copied)


def _renumbered_object(value: Object, copied: dict[Ref, Ref]) -> Object:
    if isinstance(value, Ref):
        return copied.get(value)
    if isinstance(value, list):
        return [_renumbered_object(item, copied) for item in value]
    if isinstance(value, Dict):
        return Dict({k: _renumbered_object(v, copied) for k, v in value.items()})
    return value
