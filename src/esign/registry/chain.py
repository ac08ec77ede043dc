"""The audit chain: what an entry says, and the hash that ties it to the one before it (docs/spec/audit.md §2).

Only bytes and hashes: nothing here knows of databases, so whoever checks a chain needs no more than this.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

__all__ = ["FORMAT", "GENESIS_PREVIOUS", "Entry", "chain_hash", "moment", "printable"]

FORMAT = "esign-audit/1"
GENESIS_PREVIOUS = "0" * 64
"""What the first entry of a chain names as the hash before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry; every value is text as it is hashed, but for the number."""

    sequence: int
    """From 0 on, without gaps."""
    at: str
    """When, in UTC: `2026-11-21T02:00:00.000000Z`."""
    actor: str
    """Who: `key:portal`, `oidc:staff#…`, `mtls:gateway`, `cli:ward`, `work`, `unknown`."""
    request: str
    """The request of the service that it belongs to; empty elsewhere."""
    act: str
    """What was done, or asked for: `result.issued`, `request.refused`, …"""
    agency: str
    """Where; empty for what belongs to no agency."""
    object: str
    """To what: the id of a result, of a key, of a route."""
    digest: str
    """SHA-256 of what was signed, registered or approved, hex; empty where there is nothing of the kind."""
    outcome: str
    """`ok`, or the code of the reason why not."""
    previous: str
    """The hash of the entry before."""
    hash: str
    """Of all this."""


def chain_hash(  # noqa: PLR0913  # the fields of an entry
    *,
    sequence: int,
    at: str,
    actor: str,
    request: str,
    act: str,
    agency: str,
    object: str,  # noqa: A002
    digest: str,
    outcome: str,
    previous: str,
) -> str:
    """SHA-256 over the fields in their order, one a line; no field holds a line break, so there is one reading."""
    lines = (FORMAT, str(sequence), at, actor, request, act, agency, object, digest, outcome, previous)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@lru_cache(maxsize=64)
def moment(at: datetime) -> str:
    """A time as entries spell it; those of one transaction have one."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def printable(text: str, *, most: int) -> str:
    """`text` as one line that nobody can forge another line with; what does not print is spelled out."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return text[:most]
