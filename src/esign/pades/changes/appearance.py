"""What an annotation shows: nothing, a mark that lets the page be read, or something that passes for the page's own.

Looked at is what its appearance streams do (ISO 32000-2 §12.5.5); what cannot be read may do anything.
"""

import re
from collections.abc import Iterator
from typing import Final

from esign.pades.reading import Reader
from esign.syntax import Dict, Object, Stream

__all__ = ["hides", "is_blank", "speaks"]

_SPEAKS: Final = re.compile(rb"(?<![^\s\]>)])(?:Tj|TJ|'|\"|BI|sh)(?![^\s\[<(/])")
_FILLS: Final = re.compile(rb"(?<![^\s\]>)])(?:f\*?|F|[Bb]\*?)(?![^\s\[<(/])")
_WIDTH: Final = re.compile(rb"(\d{1,9}(?:\.\d{0,9})?)\s+w(?![^\s])")
_WIDEST: Final = 24.0
"""Points: a wider line is no mark, it hides what lies below."""
_SHINES_THROUGH: Final = 0.6
"""The opacity up to which what lies below can be read."""
_DEEPEST: Final = 6


def is_blank(reader: Reader, node: Dict) -> bool:
    """Whether an annotation shows nothing: no picture, an empty one, or no room for one."""
    box = [reader.resolve(v) for v in reader.items(node, "Rect")]
    if len(box) == 4 and (box[0] == box[2] or box[1] == box[3]):
        return True
    shown = reader.entry(reader.dictionary(node, "AP"), "N")
    return all(_is_empty(reader, s) for s in (_states(reader, shown) if isinstance(shown, Dict) else [shown]))


def _is_empty(reader: Reader, shown: Object) -> bool:
    if not isinstance(shown, Stream):
        return shown is None
    data = reader.decoded(shown)
    return data is not None and not data.strip()


def speaks(reader: Reader, node: Dict) -> bool:
    """Whether it shows text or an image."""
    return any(_speaks(reader, stream) for stream in _streams(reader, node))


def hides(reader: Reader, node: Dict, *, areas: bool) -> bool:
    """Whether what lies below cannot be read: a broad line or, with `areas`, one that is filled and not translucent."""
    streams = list(_streams(reader, node))
    if _line_width(reader, node) > _WIDEST or any(_strokes_broadly(reader, s) for s in streams):
        return True
    if not areas:
        return False
    filled = bool(reader.items(node, "IC")) or any(_FILLS.search(reader.decoded(s) or b"f") for s in streams)
    return filled and not _is_translucent(reader, node, streams)


def _streams(reader: Reader, node: Dict) -> Iterator[Stream]:
    """Every appearance, of every state."""
    for value in reader.dictionary(node, "AP").values():
        shown = reader.resolve(value)
        yield from (s for s in (shown, *_states(reader, shown)) if isinstance(s, Stream))


def _states(reader: Reader, shown: Object) -> list[Object]:
    return [reader.resolve(state) for state in shown.values()] if isinstance(shown, Dict) else []


def _speaks(reader: Reader, stream: Stream, depth: int = 0) -> bool:
    """Whether a picture shows text or an image, itself or through a form in it."""
    data = reader.decoded(stream)
    if data is None or depth > _DEEPEST or _SPEAKS.search(data):
        return True
    inner = [reader.resolve(v) for v in reader.dictionary(_resources(reader, stream), "XObject").values()]
    return any(
        isinstance(x, Stream) and (reader.name(x.dictionary, "Subtype") == "Image" or _speaks(reader, x, depth + 1))
        for x in inner
    )


def _line_width(reader: Reader, node: Dict) -> float:
    """How broad its lines are drawn (§12.5.4)."""
    width = reader.entry(reader.dictionary(node, "BS"), "W")
    border = [reader.resolve(v) for v in reader.items(node, "Border")[2:3]]
    return max((v for v in (width, *border) if isinstance(v, int | float)), default=1)


def _strokes_broadly(reader: Reader, stream: Stream) -> bool:
    return any(float(m[1]) > _WIDEST for m in _WIDTH.finditer(reader.decoded(stream) or b""))


def _is_translucent(reader: Reader, node: Dict, streams: list[Stream]) -> bool:
    """Whether what lies below shines through."""
    if _is_weak(reader.entry(node, "CA")):
        return True
    states = [
        reader.resolve(state)
        for stream in streams
        for state in reader.dictionary(_resources(reader, stream), "ExtGState").values()
    ]
    return bool(states) and all(
        isinstance(s, Dict) and (reader.name(s, "BM") == "Multiply" or _is_weak(reader.entry(s, "ca"))) for s in states
    )


def _is_weak(opacity: Object) -> bool:
    return isinstance(opacity, int | float) and opacity <= _SHINES_THROUGH


def _resources(reader: Reader, stream: Stream) -> Dict:
    return reader.dictionary(stream.dictionary, "Resources")
