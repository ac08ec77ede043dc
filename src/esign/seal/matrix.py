"""QR matrices of one version and level (ISO/IEC 18004), drawn from a table in some hundred microseconds.

A symbol is an affine function of its data over GF(2): Reed–Solomon coding, interleaving and placement only copy and
add bits. So what each bit of the data turns in the matrix is found out once, with the `qrcode` package as the
generator, and a symbol is the sum of what its bits turn. A mask turns always the same modules: the eight candidates of
§7.8 are eight constants, and their penalties (§7.8.3.1) are counted on whole matrices, each an integer with a bit for
each module, the upper left one first.

>>> matrix = Matrices.of(9, constants.ERROR_CORRECT_M).best(codewords)
>>> matrix.mask, format(matrix.modules, "b")
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

from qrcode import QRCode, base, util

__all__ = ["Matrices", "Matrix", "capacity"]

_MASKS = 8
# The sixteen values of a half codeword by their hexadecimal digits, inverted: what differs from all ones.
_INVERTED = bytes.maketrans(b"0123456789abcdef", bytes(range(15, -1, -1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A finished symbol."""

    side: int
    """Modules a side."""
    mask: int
    """0–7: the data mask that it has."""
    modules: int
    """A bit for each module, 1 is dark; the most significant of side² bits is the upper left one, then by rows."""


class Matrices:
    """All symbols of one version and error-correction level."""

    def __init__(self, version: int, level: int) -> None:
        self.capacity = capacity(version, level)
        """Data codewords."""
        self.side = 4 * version + 17
        self._penalty = _Penalty(self.side)
        drawn = _Generator(version, level)
        start = bytes([0xFF]) * self.capacity  # qrcode cannot take the logarithm of a block of zeros
        self._empty = tuple(drawn.symbol(start, mask) for mask in range(_MASKS))
        turns = drawn.turns(start)
        # What each half of a codeword turns in the matrix, for its sixteen values; the start is all ones.
        self._halves = tuple(
            _sums([turns[8 * codeword + bit] for bit in bits])
            for codeword in range(self.capacity)
            for bits in ((3, 2, 1, 0), (7, 6, 5, 4))
        )

    @classmethod
    def of(cls, version: int, level: int) -> "Matrices":
        """The table for a version (1–40) and a level as `qrcode.constants` numbers it; made at its first use."""
        with _MAKING:
            return _made(version, level)

    def all(self, codewords: bytes) -> tuple[Matrix, ...]:
        """The symbol with each of the eight masks."""
        turned = 0
        for table, half in zip(self._halves, codewords.hex().encode().translate(_INVERTED), strict=True):
            turned ^= table[half]
        return tuple(Matrix(side=self.side, mask=m, modules=empty ^ turned) for m, empty in enumerate(self._empty))

    def best(self, codewords: bytes) -> Matrix:
        """The symbol with the mask of the lowest penalty, of equal ones the first.

        §7.8.3.1 scores the complete symbol; the library's own choice leaves out format and version information.
        """
        return min(self.all(codewords), key=lambda matrix: self._penalty.of(matrix.modules))


def capacity(version: int, level: int) -> int:
    """How many data codewords a version holds at a level."""
    return sum(block.data_count for block in base.rs_blocks(version, level))


_MAKING = Lock()
"""Making a table takes long; whoever else wants it waits for that one."""


@lru_cache(maxsize=16)
def _made(version: int, level: int) -> Matrices:
    return Matrices(version, level)


def _sums(parts: Sequence[int]) -> tuple[int, ...]:
    """The sum over GF(2) of each subset of `parts`, by its number."""
    found = [0]
    for part in parts:
        found += [part ^ one for one in found]
    return tuple(found)


class _Generator:
    """The `qrcode` package, asked for symbols without segments: codewords go in, matrices come out."""

    def __init__(self, version: int, level: int) -> None:
        self._version, self._level = version, level
        self._blocks = base.rs_blocks(version, level)
        self._size = sum(block.total_count for block in self._blocks)
        self._side = 4 * version + 17

    def symbol(self, codewords: bytes, mask: int) -> int:
        """The complete symbol."""
        return self._drawn(self._coded(codewords), mask)

    def turns(self, start: bytes) -> list[int]:
        """What each bit of the data codewords turns in the matrix, the most significant bit of each first.

        Blocks do not touch one another, so the same codeword of every block is tried at once.
        """
        places, blocks = self._places(), self._interleaved()
        coded = self._coded(start)
        found = [0] * (8 * len(start))
        for position in range(max(block.data_count for block in self._blocks)):
            tried = self._tried(position)
            changed = bytearray(start)
            for codeword in tried.values():
                changed[codeword] ^= 1
            turned = [one ^ other for one, other in zip(coded, self._coded(bytes(changed)), strict=True)]
            for bit in reversed(range(8)):
                for index in filter(turned.__getitem__, range(len(turned))):
                    for b in range(8):
                        if turned[index] & 0x80 >> b:
                            found[8 * tried[blocks[index]] + bit] |= places[8 * index + b]
                turned = [*map(_doubled, turned)]  # the next bit of the same codeword is worth twice as much
        return found

    def _tried(self, position: int) -> dict[int, int]:
        """Data codeword `position` of each block that has so many, by the number of the block."""
        found, first = {}, 0
        for number, block in enumerate(self._blocks):
            if position < block.data_count:
                found[number] = first + position
            first += block.data_count
        return found

    def _interleaved(self) -> list[int]:
        """Which block each codeword of the message belongs to (§7.6)."""
        data = [b.data_count for b in self._blocks]
        correction = [b.total_count - b.data_count for b in self._blocks]
        return [
            number
            for counts in (data, correction)
            for position in range(max(counts))
            for number, count in enumerate(counts)
            if position < count
        ]

    def _coded(self, codewords: bytes) -> list[int]:
        """The message: data and error correction, interleaved."""
        buffer = util.BitBuffer()
        buffer.buffer, buffer.length = list(codewords), 8 * len(codewords)
        return list(util.create_bytes(buffer, self._blocks))

    def _places(self) -> list[int]:
        """The module of each bit of the message, found by drawing the digits of all bit numbers."""
        count = 8 * self._size
        digits = [
            self._drawn([sum((8 * i + b >> d & 1) << 7 - b for b in range(8)) for i in range(self._size)], 0)
            for d in range(count.bit_length())
        ]
        nothing = self._drawn([0] * self._size, 0)
        ones = self._drawn([0xFF] * self._size, 0)
        numbers = [0] * (self._side**2)
        for d, drawn in enumerate(digits):
            for place, bit in enumerate(reversed(format(drawn ^ nothing, f"0{self._side**2}b"))):
                numbers[place] |= (bit == "1") << d
        found = [0] * count
        for place, holds in enumerate(reversed(format(ones ^ nothing, f"0{self._side**2}b"))):
            if holds == "1":
                found[numbers[place]] = 1 << place
        return found

    def _drawn(self, message: list[int], mask: int) -> int:
        code: QRCode[Any] = QRCode(version=self._version, error_correction=self._level)
        code.data_cache = message
        code.makeImpl(False, mask)
        return int("".join("01"[bool(module)] for row in code.modules for module in row), 2)


def _doubled(codeword: int) -> int:
    """Twice a codeword in the field of the Reed–Solomon code (§7.5.2)."""
    return codeword << 1 ^ (0x11D if codeword & 0x80 else 0)


class _Penalty:
    """The points that a matrix loses (§7.8.3.1), counted for all modules at once: a shift looks at the neighbour."""

    def __init__(self, side: int) -> None:
        self._side = side
        self._all = (1 << side**2) - 1
        # Where a pattern of so many modules may begin without leaving its row, or its column.
        self._within = {n: _rows(side, side - n + 1) for n in (2, 11)}
        self._below = {n: self._all ^ ((1 << side * (n - 1)) - 1) for n in (2, 11)}

    def of(self, modules: int) -> int:
        """All four features together."""
        across = ~(modules ^ modules << 1) & self._within[2]  # equal to the module to the right
        down = ~(modules ^ modules << self._side) & self._below[2]
        return (
            _long_runs(across, 1)
            + _long_runs(down, self._side)
            + 3 * (across & across << self._side & down & self._below[2]).bit_count()
            + 40 * self._finder_like(modules, 1, self._within[11])
            + 40 * self._finder_like(modules, self._side, self._below[11])
            + 10 * int(abs(100 * modules.bit_count() / self._side**2 - 50) / 5)
        )

    def _finder_like(self, modules: int, step: int, where: int) -> int:
        """The ratio 1:1:3:1:1 of a finder with four light modules before or behind it (table 11)."""
        light = ~modules & self._all
        beside = light << step
        three = modules & modules << step & modules << 2 * step
        finder = modules & beside & three << 2 * step & light << 5 * step & modules << 6 * step
        two = light & beside
        four = two & two << 2 * step
        return (finder & four << 7 * step & where).bit_count() + (four & finder << 4 * step & where).bit_count()


def _long_runs(same: int, step: int) -> int:
    """Runs of five and more equal modules lose as many points as they are long, less two."""
    pairs = same & same << step
    four = pairs & pairs << 2 * step  # a run of five begins here, or goes on as one
    return four.bit_count() + 2 * (four & ~(four >> step)).bit_count()


def _rows(side: int, columns: int) -> int:
    """The first `columns` of every row."""
    row = ((1 << columns) - 1) << side - columns
    return sum(row << side * r for r in range(side))
