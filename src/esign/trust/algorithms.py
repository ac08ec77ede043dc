"""Until when an algorithm is acceptable: a declarative table that an operator can replace (EN 319 102-1 §5.2.8).

>>> policy = AlgorithmPolicy.default()
>>> policy.weakness(Suite("sha1", "rsa-pkcs1", "RSA-2048"), at=datetime(2026, 11, 22, tzinfo=UTC)).algorithm
'sha1'
>>> policy.weakness(Suite("sha256", "ecdsa", "P-256"), at=datetime(2056, 1, 1, tzinfo=UTC)) is None
True
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cache
from importlib.resources import files
from typing import Any, Self

from esign.errors import ConfigurationError
from esign.trust.signatures import Suite

__all__ = ["AlgorithmPolicy", "Weakness"]

_NEVER = datetime.min.replace(tzinfo=UTC)
Sunsets = Mapping[str, datetime | None]


@dataclass(frozen=True, slots=True)
class Weakness:
    """An algorithm that is not acceptable at some time."""

    algorithm: str
    """As the table names it: `sha1`, `RSA-1024`."""
    until: datetime | None
    """Until when it was; None for one that never was, or is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgorithmPolicy:
    """The table; None as a date means that no end is known."""

    version: str
    """Of the table, for reports."""
    sha256: str
    """The digest of the file that it was read from, hex, for receipts."""
    digests: Sunsets = field(repr=False)
    """By the name that hashlib uses."""
    schemes: Sunsets = field(repr=False)
    """By the words of `esign.keys.Mechanism`."""
    keys: Mapping[str, Mapping[int, datetime | None]] = field(repr=False)
    """For `RSA` and `DSA`: from so many bits on."""
    curves: Sunsets = field(repr=False)
    """Elliptic curves by name."""

    @classmethod
    def default(cls) -> "AlgorithmPolicy":
        """The table that comes with esign."""
        return _default()

    @classmethod
    def from_toml(cls, content: bytes) -> Self:
        """An operator's table, in the form of `trust/data/algorithms.toml`.

        Raises:
            ConfigurationError: `algorithms-unreadable`.
        """
        try:
            table = tomllib.loads(content.decode("utf-8"))
            return cls(
                version=str(table["version"]),
                sha256=hashlib.sha256(content).hexdigest(),
                digests=_sunsets(table["digests"]),
                schemes=_sunsets(table["schemes"]),
                keys={
                    kind: {int(bits): _sunset(entry) for bits, entry in sizes.items()}
                    for kind, sizes in table["keys"].items()
                },
                curves=_sunsets(table["curves"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise ConfigurationError("algorithms-unreadable", problem=str(e) or type(e).__name__) from e

    def weakness(self, suite: Suite, *, at: datetime) -> Weakness | None:
        """The algorithm of `suite` that gave out first, if one had by `at`."""
        weak = [w for w in self._parts(suite) if w.until is not None and at >= w.until]
        found = min(weak, key=lambda w: w.until or _NEVER, default=None)
        return Weakness(found.algorithm, None) if found and found.until == _NEVER else found

    def until(self, suite: Suite) -> datetime | None:
        """When the first algorithm of `suite` gives out; None where no end is known."""
        return min((w.until for w in self._parts(suite) if w.until is not None), default=None)

    def _parts(self, suite: Suite) -> tuple[Weakness, ...]:
        kind, _, size = suite.key.rpartition("-")
        if kind in self.keys and size.isdecimal():
            steps = {bits: until for bits, until in self.keys[kind].items() if bits <= int(size)}
            key = Weakness(suite.key, steps[max(steps)] if steps else _NEVER)
        else:
            key = Weakness(suite.key or "-", self.curves.get(suite.key, _NEVER))
        return (
            Weakness(suite.digest or suite.scheme, self.digests.get(suite.digest, _NEVER)),
            Weakness(suite.scheme, self.schemes.get(suite.scheme, _NEVER)),
            key,
        )


@cache
def _default() -> AlgorithmPolicy:
    return AlgorithmPolicy.from_toml(files("esign.trust").joinpath("data/algorithms.toml").read_bytes())


def _sunsets(entries: Mapping[str, Any]) -> dict[str, datetime | None]:
    return {name: _sunset(entry) for name, entry in entries.items()}


def _sunset(entry: Mapping[str, Any]) -> datetime | None:
    if entry.keys() - {"until"}:
        raise ValueError(f"unknown keys: {', '.join(sorted(entry.keys() - {'until'}))}")
    until = entry.get("until")
    if until is None:
        return None
    if isinstance(until, datetime):
        return until if until.tzinfo else until.replace(tzinfo=UTC)
    if not isinstance(until, date):
        raise TypeError("until is no date")
    return datetime.combine(until, time(), UTC)
