"""The QR symbol of a seal (ISO/IEC 18004): as small, as robust and as sharply drawn as paper allows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from qrcode import QRCode, constants, util
from qrcode.exceptions import DataOverflowError

from esign.errors import SealError
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
    modules: tuple[tuple[bool, ...], ...] = field(repr=False)
    """Rows from the top; True is dark. Without the quiet zone."""
    size_mm: float
    """The side without the quiet zone: what was asked for, or larger where the modules would be too small."""

    @classmethod
    def of(cls, url: str, *, size_mm: float = 20.0) -> "Symbol":
        """The symbol for a seal's `url`, printed `size_mm` wide.

        The highest error-correction level whose modules are at least 0.375 mm at that size; if not even M's are,
        M, enlarged until they are.

        Raises:
            SealError: `seal-url-invalid`, `seal-host-invalid`, `seal-size-invalid`,
                `seal-too-long` or `seal-symbol-failed`.
        """
        split_url(url)
        if not _SIZES_MM[0] <= size_mm <= _SIZES_MM[1]:
            raise SealError("seal-size-invalid", found=size_mm, least=_SIZES_MM[0], most=_SIZES_MM[1])
        for level in (Level.H, Level.Q, Level.M):
            code = _fitted(url, level)
            smallest = MIN_MODULE_MM * (4 * code.version + 17)  # Exact: 0.375 is 3/8.
            if smallest <= size_mm or level is Level.M:
                mask = _mask(code)
                return cls(
                    url=url,
                    version=code.version,
                    level=level,
                    mask=mask,
                    modules=tuple(tuple(bool(m) for m in row) for row in code.modules),
                    size_mm=max(size_mm, smallest),
                )
        raise AssertionError

    @property
    def module_mm(self) -> float:
        """The side of one module as printed."""
        return self.size_mm / len(self.modules)

    @property
    def quiet_mm(self) -> float:
        """The white that must stay free on every side, outside `size_mm`."""
        return QUIET_MODULES * self.module_mm

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """Dark runs as column, row (from the top) and length, in modules."""
        for y, row in enumerate(self.modules):
            x = 0
            while x < len(row):
                end = x
                while end < len(row) and row[end]:
                    end += 1
                if end > x:
                    yield x, y, end - x
                x = end + 1

    def path(self) -> str:
        """All dark modules as one SVG path in module units: seams appear where each run is filled by itself."""
        return "".join(f"M{x} {y}h{length}v1h-{length}z" for x, y, length in self.runs())

    def svg(self, *, quiet_zone: bool = False) -> str:
        """The symbol in real size: one path, one fill, no background; with `quiet_zone` its white margin is added."""
        margin = QUIET_MODULES if quiet_zone else 0
        count = len(self.modules) + 2 * margin
        side = f"{count * self.module_mm:.4f}mm"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}" '
            f'viewBox="{-margin} {-margin} {count} {count}"><path fill="#000" d="{self.path()}"/></svg>'
        )


def _fitted(url: str, level: Level) -> "QRCode[Any]":
    """The smallest code for `url`: the prefix in byte mode, the digits in numeric mode, nothing left to guess."""
    prefix, mark, digits = url.partition("#")
    code: QRCode[Any] = QRCode(error_correction=level.value)
    code.add_data(util.QRData((prefix + mark).encode("ascii"), mode=util.MODE_8BIT_BYTE), optimize=0)
    code.add_data(util.QRData(digits.encode("ascii"), mode=util.MODE_NUMBER), optimize=0)
    try:
        code.best_fit()
    except (DataOverflowError, ValueError) as e:
        raise SealError("seal-too-long", length=len(url), limit=0) from e
    return code


def _mask(code: "QRCode[Any]") -> int:
    """Draw `code` with the best of the eight masks and say which.

    ISO/IEC 18004 §7.8.3.1 scores the complete symbol. The library's own choice scores it without its format and
    version information, so it is not used.
    """

    def score(mask: int) -> int:
        code.makeImpl(False, mask)
        return int(util.lost_point(code.modules))

    try:
        best = min(range(8), key=score)
        code.makeImpl(False, best)
    except ValueError as e:
        # qrcode 8.2 cannot take the logarithm of an error-correction block of zeros. That takes some 30 digits 0 in
        # a row: a digest, id or signature that was not random, or not made by us.
        raise SealError("seal-symbol-failed") from e
    return best
