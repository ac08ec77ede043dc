"""The QR seal as a mark: typeset once for a size and a host, then drawn for each symbol.

What differs from seal to seal are the modules and the characters of the id below them. So typst sets a pattern, with
one dark module and every character that an id has; in its content the module and the id are replaced, and fonts,
places and colours stay as typst made them.

All dark modules are one path with one fill: where each is filled by itself, seams appear that readers stumble over
(docs/adr/0004-seal.md).
"""

import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import floor
from operator import getitem

import pikepdf

from esign.document import Drawing, Mark
from esign.errors import InputError
from esign.pdf._typst import Project
from esign.pdf.fonts import FontSet
from esign.pdf.marks import NO_TIME, template_source

__all__ = ["qr_mark", "seal_mark", "seal_mark_size"]

# DejaVu Sans Mono, which is inside typst: 1233/2048 em a character, so widths are known without setting the text.
_MONO_ADVANCE_MM = 7 * 1233 / 2048 * 25.4 / 72
_LINE_MM = 2.9
_ID_CHARACTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ-"  # Crockford's base 32, in groups
_SQUEEZE = 1
"""Deflate level: higher ones take up to ten times as long and save a tenth."""


def seal_mark_size(*, size_mm: float, quiet_mm: float, host: str, printed_id: str) -> tuple[float, float]:
    """Width and height in mm of `seal_mark` with the same arguments, known before there is a symbol."""
    lines = _lines(size_mm, quiet_mm, host=host, printed_id=printed_id)
    width = _width(size_mm, quiet_mm, printed_id)
    return width, size_mm + 2 * quiet_mm + len(lines) * _LINE_MM


def seal_mark(rows: Sequence[str], *, size_mm: float, quiet_mm: float, host: str, printed_id: str) -> Mark:
    """The QR symbol with its quiet zone, the id below it, and the host.

    `rows` are those of the symbol from the top, a character for each module, `1` for a dark one, without a quiet zone;
    `size_mm` is its side.

    Raises:
        InputError: `seal-rows-invalid`.
    """
    _check(rows)
    width, height = seal_mark_size(size_mm=size_mm, quiet_mm=quiet_mm, host=host, printed_id=printed_id)
    pattern = _pattern(len(rows), size_mm, quiet_mm, host, _shape_of(printed_id))
    return pattern.mark(rows, printed_id, size=(width, height), alt=f"QR {printed_id} {host}")


def qr_mark(rows: Sequence[str], *, size_mm: float, quiet_mm: float, alt: str) -> Mark:
    """The QR symbol with its quiet zone and nothing else, for places that say the rest in their own words.

    Raises:
        InputError: `seal-rows-invalid`.
    """
    _check(rows)
    side = size_mm + 2 * quiet_mm
    return _pattern(len(rows), size_mm, quiet_mm, "", "").mark(rows, "", size=(side, side), alt=alt)


def _check(rows: Sequence[str]) -> None:
    modules = "".join(rows)
    square = {*map(len, rows)} == {len(rows)}
    if not square or modules.count("0") + modules.count("1") != len(modules):
        raise InputError("seal-rows-invalid")


def _shape_of(printed_id: str) -> str:
    """What of an id is always the same: how long it is, and where its groups end."""
    if not set(printed_id) <= set(_ID_CHARACTERS):
        raise InputError("seal-rows-invalid")
    return re.sub("[^-]", "0", printed_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pattern:
    """A page with one symbol and one id, and what of its content goes around them."""

    page: bytes = field(repr=False)
    contents: int
    """The object that holds the page's content."""
    startxref: int
    size: int
    root: int
    before: bytes
    """Up to the path of the modules."""
    between: bytes
    """Up to the id."""
    after: bytes
    glyphs: dict[str, bytes]
    """The codes of the characters in the font, hexadecimal."""

    def mark(self, rows: Sequence[str], printed_id: str, *, size: tuple[float, float], alt: str) -> Mark:
        """The pattern with another symbol and another id."""
        path = _fours(len(rows)).path(rows)
        shown = b"".join([self.glyphs[character] for character in printed_id])
        id_ = b"<%s>Tj\n" % shown if shown else b""
        packed = zlib.compress(b"".join((self.before, path, self.between, id_, self.after)), _SQUEEZE)
        drawing = Drawing(page=self.page, content=packed)
        return Mark(pdf=self._updated(packed), width_mm=size[0], height_mm=size[1], alt=alt, drawing=drawing)

    def _updated(self, packed: bytes) -> bytes:
        """The page with other content, as an incremental update of the pattern (ISO 32000-2 §7.5.6)."""
        place = len(self.page) + 1
        stream = b"%d 0 obj\n<</Length %d/Filter/FlateDecode>>\nstream\n%s\nendstream\nendobj\n" % (
            self.contents,
            len(packed),
            packed,
        )
        table = b"xref\n%d 1\n%010d 00000 n\r\n" % (self.contents, place)
        trailer = b"trailer\n<</Size %d/Root %d 0 R/Prev %d>>\n" % (self.size, self.root, self.startxref)
        end = b"startxref\n%d\n%%%%EOF\n" % (place + len(stream))
        return b"".join((self.page, b"\n", stream, table, trailer, end))


class _Fours:
    """How each four modules of a row are drawn, in symbols of one size.

    A symbol has some eight hundred dark runs; what begins them is looked up for four modules at a time. Where a run is
    cut, two rectangles of one path meet, as they do between the rows: no seam is there (docs/adr/0004-seal.md).
    """

    def __init__(self, side: int) -> None:
        self._gap = "0" * (-side % 4)
        places = ((x, y) for y in range(side) for x in range(0, side, 4))
        self._drawn = [tuple(_rectangles(x, y, runs) for runs in _RUNS) for x, y in places]

    def path(self, rows: Sequence[str]) -> bytes:
        """All dark modules of `rows`."""
        digits = format(int(self._gap.join((*rows, "")), 2), f"0{len(self._drawn)}x")
        return b"".join(map(getitem, self._drawn, digits.encode().translate(_VALUES)))


_RUNS = tuple(tuple(run.span() for run in re.finditer("1+", format(four, "04b"))) for four in range(16))
"""Where the dark runs of four modules begin and end, for each way to have them."""
_VALUES = bytes.maketrans(b"0123456789abcdef", bytes(range(16)))
"""Of hexadecimal digits."""


def _rectangles(x: int, y: int, runs: Sequence[tuple[int, int]]) -> bytes:
    return b"".join([b"%d %d %d 1 re\n" % (x + start, y, end - start) for start, end in runs])


@lru_cache(maxsize=4)
def _fours(side: int) -> _Fours:
    return _Fours(side)


@lru_cache(maxsize=32)
def _pattern(side: int, size_mm: float, quiet_mm: float, host: str, shape: str) -> _Pattern:
    width, height = size_mm + 2 * quiet_mm, size_mm + 2 * quiet_mm
    lines: list[str] = []
    if shape:
        width, height = seal_mark_size(size_mm=size_mm, quiet_mm=quiet_mm, host=host, printed_id=shape)
        spare = (c for c in _ID_CHARACTERS if c != "-")
        first = "".join(c if c == "-" else next(spare) for c in shape)
        # Characters that have no place in the first id stand in a line of their own, which is taken out again.
        lines = [first, *_lines(size_mm, quiet_mm, host=host, printed_id=shape)[1:], "".join(spare)]
    module = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}"><path d="M0 0h1v1h-1z"/></svg>'
    inputs = {
        "width": width,
        "height": height,
        "size": size_mm,
        "quiet": quiet_mm,
        "text-top": size_mm + 2 * quiet_mm,
        "line-height": _LINE_MM,
        "lines": lines,
        "svg": module,
    }
    return _taken_apart(_project().typeset(inputs, at=NO_TIME, tags=False).pdf, lines)


def _taken_apart(pdf: bytes, lines: Sequence[str]) -> _Pattern:
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        page = opened.pages[0]
        steps = [s for s in pikepdf.parse_content_stream(page) if isinstance(s, pikepdf.ContentStreamInstruction)]
        operators = [str(step.operator) for step in steps]
        fill = operators.index("f")
        path = fill - operators[fill::-1].index("scn") + 1
        shown = [i for i, operator in enumerate(operators) if operator in {"Tj", "TJ"}]
        codes = [_codes(steps[i]) for i in shown]
        glyphs = {
            c: code for line, found in zip(lines, codes, strict=True) for c, code in zip(line, found, strict=True)
        }
        if lines:
            start, end = _block_around(operators, shown[-1])
            del steps[start:end]
        id_ = shown[0] if lines else fill + 1
        return _Pattern(
            page=pdf,
            contents=page.Contents.objgen[0],
            startxref=int(pdf[pdf.rindex(b"startxref") :].split()[1]),
            size=int(opened.trailer.Size),
            root=opened.Root.objgen[0],
            before=_written(steps[:path]),
            between=_written(steps[fill:id_]),
            after=_written(steps[id_ + (1 if lines else 0) :]),
            glyphs=glyphs,
        )


def _codes(step: pikepdf.ContentStreamInstruction) -> list[bytes]:
    """The codes of the characters that are shown: two bytes each, for typst embeds fonts as CIDFonts."""
    shown = step.operands[0]
    parts = [shown] if isinstance(shown, pikepdf.String) else [p for p in shown if isinstance(p, pikepdf.String)]
    text = b"".join(map(bytes, parts))
    return [text[i : i + 2].hex().encode() for i in range(0, len(text), 2)]


def _block_around(operators: Sequence[str], position: int) -> tuple[int, int]:
    """The q … Q around a text, which has none in it."""
    start = position - operators[position::-1].index("q")
    return start, operators.index("Q", position) + 1


def _written(steps: Sequence[pikepdf.ContentStreamInstruction]) -> bytes:
    return bytes(pikepdf.unparse_content_stream(steps)) + b"\n"


@lru_cache(maxsize=1)
def _project() -> Project:
    own = {"seal-mark.typ": template_source("seal-mark.typ")}
    # Only the monospaced font inside typst is used, on every machine the same.
    return Project("seal-mark", own, main="seal-mark.typ", fonts=FontSet.find(("Libertinus Serif",)))


def _width(size_mm: float, quiet_mm: float, printed_id: str) -> float:
    return max(size_mm + 2 * quiet_mm, len(printed_id) * _MONO_ADVANCE_MM)


def _lines(size_mm: float, quiet_mm: float, *, host: str, printed_id: str) -> list[str]:
    per_line = floor(_width(size_mm, quiet_mm, printed_id) / _MONO_ADVANCE_MM + 1e-6)
    lines, line = [], ""
    for label in host.replace(".", ".\0").split("\0"):
        if line and len(line) + len(label) > per_line:
            lines.append(line)
            line = ""
        line += label
        while len(line) > per_line:
            lines.append(line[:per_line])
            line = line[per_line:]
    return [printed_id, *lines, *([line] if line else [])]
