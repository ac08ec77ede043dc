"""Digests of what signatures cover: all ranges begin with the file, so what they share is hashed once.

A file with many signatures is hashed in one pass instead of once for each (ISO 32000-2 §12.8.1: a range covers its
revision from the first byte).
"""

import hashlib
from bisect import bisect_right, insort
from typing import Any

from esign.cms import Content
from esign.cms.algorithms import SHAKE_OCTETS, Unsupported

__all__ = ["CoveredBytes", "Prefixes"]


class Prefixes:
    """Hash states of a file's beginning, by digest and length."""

    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)
        self._states: dict[str, list[tuple[int, Any]]] = {}

    def state(self, name: str, length: int) -> Any:
        """A hash object that has taken the first `length` bytes; the caller's own.

        Raises:
            Unsupported: hashlib does not compute it here.
        """
        if name not in self._states:
            try:
                self._states[name] = [(0, hashlib.new(name, usedforsecurity=False))]
            except ValueError:
                raise Unsupported(name) from None
        known = self._states[name]
        taken, state = known[bisect_right(known, length, key=lambda entry: entry[0]) - 1]
        if taken < length:
            state = state.copy()
            state.update(self.data[taken:length])
            insort(known, (length, state), key=lambda entry: entry[0])
        return state.copy()


class CoveredBytes(Content):
    """The two ranges of one signature."""

    def __init__(self, prefixes: Prefixes, ranges: tuple[tuple[int, int], tuple[int, int]]) -> None:
        (start, gap), (rest, end) = ranges
        super().__init__(prefixes.data[start:gap], prefixes.data[rest:end])
        self._prefixes = prefixes
        self._found: dict[str, bytes] = {}
        self._gap, self._rest = gap, prefixes.data[rest:end]

    def digest(self, name: str) -> bytes:
        """The digest of both; raises `Unsupported`."""
        if name not in self._found:
            state = self._prefixes.state(name, self._gap)
            state.update(self._rest)
            octets = SHAKE_OCTETS.get(name)
            self._found[name] = state.digest(octets) if octets else state.digest()
        return self._found[name]
