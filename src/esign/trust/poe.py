"""Proofs of existence: from when on each piece of evidence is known to have existed (EN 319 102-1 §5.6.1.3).

>>> now, before = datetime(2046, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
>>> poe = ProofsOfExistence.at(now).with_proof(before, b"signature")
>>> poe.of(b"signature") == before, poe.of(b"anything else") == now
(True, True)
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Self

__all__ = ["ProofsOfExistence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofsOfExistence:
    """The earliest proven time of each object; whatever is at hand exists at the time of validation."""

    now: datetime
    """The time of validation: a proof for everything."""
    times: Mapping[bytes, datetime] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """By SHA-256; only those before `now`."""

    @classmethod
    def at(cls, now: datetime) -> Self:
        """No proof but the moment itself."""
        return cls(now=now)

    def with_proof(self, time: datetime, *objects: bytes) -> Self:
        """And a proof for `objects` (certificates, lists, responses, tokens, signature values) at `time`."""
        times = dict(self.times)
        for digest in map(_digest, objects):
            times[digest] = min(time, times.get(digest, self.now))
        return type(self)(now=self.now, times=MappingProxyType(times))

    def of(self, item: bytes) -> datetime:
        """The earliest time at which `item` is proven to have existed."""
        return self.times.get(_digest(item), self.now)

    def proves(self, item: bytes, *, by: datetime) -> bool:
        """Whether `item` existed at `by` or before."""
        return self.of(item) <= by


def _digest(item: bytes) -> bytes:
    return hashlib.sha256(item).digest()
