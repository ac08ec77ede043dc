"""What stops the reader, and the bounds that nothing hostile passes."""

from dataclasses import dataclass

from esign.errors import InputError

__all__ = ["DEFAULT", "Limits", "Meter", "SyntaxProblem"]


class SyntaxProblem(InputError):
    """A file, or one object of it, that cannot be read; the only exception that `esign.syntax` raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far the reader goes. The defaults are far beyond documents and keep within seconds and 512 MiB."""

    depth: int = 200
    """Arrays and dictionaries within each other."""
    stream: int = 64 << 20
    """Bytes that one stream may unpack to."""
    unpacked: int = 256 << 20
    """Bytes that all streams together may unpack to."""
    filters: int = 8
    """Filters on one stream."""
    parsed: int = 20
    """How many times the size of the file may be parsed, in all: every byte once, in a well-formed file."""
    revisions: int = 20_000
    """Cross-reference sections."""
    entries: int = 8_000_000
    """Cross-reference entries, in all."""


DEFAULT = Limits()


class Meter:
    """Counts the work that one file causes and stops it at the limits."""

    def __init__(self, limits: Limits, size: int) -> None:
        self.limits = limits
        self._parse = limits.parsed * size + (1 << 20)
        self._unpack = limits.unpacked
        self._entries = limits.entries

    def parsed(self, count: int) -> None:
        """`count` bytes were looked at."""
        self._parse -= count
        if self._parse < 0:
            raise SyntaxProblem("syntax-too-much-work")

    def may_unpack(self) -> int:
        """How many bytes the next stream may unpack to."""
        return min(self.limits.stream, self._unpack)

    def unpacked(self, count: int) -> None:
        """`count` bytes were unpacked."""
        self._unpack -= count
        self.parsed(count)
        if self._unpack < 0:
            raise SyntaxProblem("syntax-expands-too-much")

    def entries(self, count: int) -> None:
        """A cross-reference section has `count` entries."""
        self._entries -= count
        if self._entries < 0:
            raise SyntaxProblem("syntax-too-many-entries")
