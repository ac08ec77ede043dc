"""A shard: the status list of 131,072 documents of one host, as esign publishes and reads it (docs/spec/status.md §3).

A shard that exists is well-formed; `Shard.check` says whether a key signed it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Self

from esign.errors import SealError
from esign.keys import SigningKey
from esign.seal import labels
from esign.seal.signed_file import SignedFile, sign_file
from esign.seal.status_list import TYP, StatusList, moment

__all__ = ["LIFETIME", "SHARD_SIZE", "TIME_TO_LIVE", "Entry", "Shard", "ShardContent", "make_shard"]

SHARD_SIZE = 1 << 17
"""Documents of a shard."""
LIFETIME = timedelta(hours=24)
"""From iat to exp."""
TIME_TO_LIVE = timedelta(seconds=30)
"""After which an online reader asks again."""
_BITS = 2
_UNPACKED = SHARD_SIZE * _BITS // 8
_LIMIT = 1 << 16
_DIGEST_BYTES = 16


class Entry(IntEnum):
    """The status of one document (TSL §7.1)."""

    VALID = 0
    """In force."""
    WITHDRAWN = 1
    """INVALID: withdrawn, for good."""
    SUSPENDED = 2
    """Suspended; that may end."""
    DETAIL = 3
    """Application specific: see the detail file; without an entry there, not issued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardContent:
    """What a shard says, whenever it is signed."""

    counter: int
    """Counts every change of the shard."""
    allow_list: bool
    """Whether documents begin as not issued, rather than in force."""
    details: bytes | None = None
    """SHA-256/128 of the detail file; None without one."""
    statuses: StatusList
    """The entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A shard's file that was read."""

    uri: str
    """Its own address, as it says."""
    issued_at: datetime
    """When it was signed: what it says held then."""
    expires: datetime
    """`issued_at` and 24 hours."""
    content: ShardContent
    """What it says."""
    file: SignedFile = field(repr=False)
    """The envelope: kid and signature."""

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read a shard's file.

        Raises:
            SealError: A code of `SignedFile.read`, or a `status-list-…` code.
        """
        file = SignedFile.read(data, typ=TYP, limit=_LIMIT)
        claims = file.claims()
        match claims:
            case {
                labels.SUB: str(uri),
                labels.TTL: int(),
                labels.STATUS_LIST: {"bits": 2} as packed,
                labels.SHARD: about,
            }:
                pass
            case _:
                raise SealError("status-list-invalid", field="claims")
        match about:
            case [int(counter), bool(allow_list), None | bytes() as details] if (
                counter >= 0 and not isinstance(counter, bool) and len(details or bytes(_DIGEST_BYTES)) == _DIGEST_BYTES
            ):
                pass
            case _:
                raise SealError("status-list-invalid", field="about")
        statuses = StatusList.from_claim(packed, limit=_UNPACKED)
        if len(statuses) != SHARD_SIZE:
            raise SealError("status-list-invalid", field="lst")
        return cls(
            uri=uri,
            issued_at=moment(claims.get(labels.IAT), "iat"),
            expires=moment(claims.get(labels.EXP), "exp"),
            content=ShardContent(counter=counter, allow_list=allow_list, details=details, statuses=statuses),
            file=file,
        )

    def __getitem__(self, index: int) -> Entry:
        return Entry(self.content.statuses[index])

    def check(self, public_key: bytes) -> None:
        """Return if the private half of `public_key` (an uncompressed point) signed it.

        Raises:
            SealError: `seal-signature-invalid`.
        """
        self.file.check(public_key)


def make_shard(content: ShardContent, *, uri: str, kid: bytes, key: SigningKey, at: datetime) -> bytes:
    """The signed file of a shard, good for 24 hours from `at`.

    Raises:
        KeyStoreError: What the key's backend says.
    """
    issued = int(at.timestamp())
    claims: Mapping[int, Any] = {
        labels.SUB: uri,
        labels.EXP: issued + int(LIFETIME.total_seconds()),
        labels.IAT: issued,
        labels.STATUS_LIST: content.statuses.claim,
        labels.TTL: int(TIME_TO_LIVE.total_seconds()),
        labels.SHARD: [content.counter, content.allow_list, content.details],
    }
    return sign_file(claims, typ=TYP, kid=kid, key=key)
