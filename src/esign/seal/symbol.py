"""The QR symbol of a seal (ISO/IEC 18004): as small, as robust and as sharply drawn as paper allows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from qrcode import constants

from esign.errors import SealError
from esign.seal.matrix import Matrices, capacity
from esign.seal.token import split_url

__all__ = ["MIN_MODULE_MM", "QUIET_MODULES", "Level", "Symbol"]

MIN_MODULE_MM = 0.375
"""Below this, cheap phones fail under blur (measured: docs/adr/0004-seal.md)."""
QUIET_MODULES = 4
"""White on every side, outside the symbol (ISO/IEC 18004 §6.3.8)."""
_SIZES_MM = (5.0, 200.0)


class Level(Enum):
    """Error-correction levels (ISO/IEC 18004 §7.5.1), from the lowest; L is not used for seals."""

    M = constants.ERROR_CORRECT_M
    Q = constants.ERROR_CORRECT_Q
    H = constants.ERROR_CORRECT_H


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A symbol and the size that it is printed at."""

    url: str = field(repr=False)
    """What it says."""
    version: int
    """1–40: 4·version + 17 modules a side."""
    level: Level
    """How much of it may be dirty."""
    mask: int
    """0–7: which data mask was best."""
    rows: tuple[str, ...] = field(repr=False)
    """From the top, a character for each module: `1` is dark. Without the quiet zone."""
    size_mm: float
    """The side without the quiet zone: what was asked for, or larger where the modules would be too small."""

    @classmethod
    def of(cls, url: str, *, size_mm: float = 20.0) -> "Symbol":
        """The symbol for a seal's `url`, printed `size_mm` wide.

        The highest error-correction level whose modules are at least 0.375 mm at that size; if not even M's are,
        M, enlarged until they are.

        Raises:
            SealError: `seal-url-invalid`, `seal-host-invalid`, `seal-size-invalid`,
                or `seal-too-long`.
        """
        split_url(url)
        if not _SIZES_MM[0] <= size_mm <= _SIZES_MM[1]:
            raise SealError("seal-size-invalid", found=size_mm, least=_SIZES_MM[0], most=_SIZES_MM[1])
        prefix, mark, digits = url.partition("#")
        for level in (Level.H, Level.Q, Level.M):
            version = _version(len(prefix + mark), len(digits), level)
            smallest = MIN_MODULE_MM * (4 * version + 17)  # Exact: 0.375 is 3/8.
            if smallest <= size_mm or level is Level.M:
                matrices = Matrices.of(version, level.value)
                drawn = matrices.best(_codewords(prefix + mark, digits, version, matrices.capacity))
                bits = format(drawn.modules, f"0{drawn.side**2}b")
                return cls(
                    url=url,
                    version=version,
                    level=level,
                    mask=drawn.mask,
                    rows=tuple(bits[y : y + drawn.side] for y in range(0, len(bits), drawn.side)),
                    size_mm=max(size_mm, smallest),
                )
        raise AssertionError

    @property
    def module_mm(self) -> float:
        """The side of one module as printed."""
        return self.size_mm / len(self.rows)

    @property
    def modules(self) -> tuple[tuple[bool, ...], ...]:
        """Rows from the top; True is dark."""
        return tuple(tuple(module == "1" for module in row) for row in self.rows)

    @property
    def quiet_mm(self) -> float:
        """The white that must stay free on every side, outside `size_mm`."""
        return QUIET_MODULES * self.module_mm

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """Dark runs as column, row (from the top) and length, in modules."""
        for y, row in enumerate(self.rows):
            for run in _DARK.finditer(row):
                x, end = run.span()
                yield x, y, end - x

    def path(self) -> str:
        """All dark modules as one SVG path in module units: seams appear where each run is filled by itself."""
        return "".join(f"M{x} {y}h{length}v1h-{length}z" for x, y, length in self.runs())

    def svg(self, *, quiet_zone: bool = False) -> str:
        """The symbol in real size: one path, one fill, no background; with `quiet_zone` its white margin is added."""
        margin = QUIET_MODULES if quiet_zone else 0
        count = len(self.rows) + 2 * margin
        side = f"{count * self.module_mm:.4f}mm"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}" '
            f'viewBox="{-margin} {-margin} {count} {count}"><path fill="#000" d="{self.path()}"/></svg>'
        )


# What follows is ISO/IEC 18004 §7.4: two segments, the prefix in byte mode and the digits in numeric mode.
_BYTES, _NUMERIC = "0100", "0001"
_PADDING = b"\xec\x11"


def _count_bits(version: int) -> tuple[int, int]:
    """How long the character counts of the two segments are (§7.4.1, table 3)."""
    return (8, 10) if version < 10 else (16, 12) if version < 27 else (16, 14)


@lru_cache(maxsize=256)
def _version(prefix: int, digits: int, level: Level) -> int:
    """The smallest version that holds a prefix and a number of such lengths at `level`."""
    for version in range(1, 41):
        counts = sum(_count_bits(version))
        size = 8 + counts + 8 * prefix + 10 * (digits // 3) + (0, 4, 7)[digits % 3]
        if size <= 8 * capacity(version, level.value):
            return version
    raise SealError("seal-too-long", length=prefix + digits, limit=0)


def _codewords(prefix: str, digits: str, version: int, size: int) -> bytes:
    """The data codewords: both segments, terminated and padded (§7.4.3–§7.4.10)."""
    of_bytes, of_digits = _count_bits(version)
    parts = [
        _BYTES,
        format(len(prefix), f"0{of_bytes}b"),
        format(int.from_bytes(prefix.encode("ascii"), "big"), f"0{8 * len(prefix)}b"),
        _NUMERIC,
        format(len(digits), f"0{of_digits}b"),
        *map(_THREE.__getitem__, _IN_THREES.findall(digits)),
    ]
    rest = len(digits) % 3
    if rest:
        parts.append(format(int(digits[-rest:]), f"0{3 * rest + 1}b"))
    bits = "".join(parts)
    bits += "0" * min(4, 8 * size - len(bits))
    bits += "0" * (-len(bits) % 8)
    message = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return message + (_PADDING * (size // 2 + 1))[: size - len(message)]


_IN_THREES = re.compile("...")
_THREE = {f"{number:03}": format(number, "010b") for number in range(1000)}
_DARK = re.compile("1+")
