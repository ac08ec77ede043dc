"""The manifest of a host's shards, for kits, mirrors and the publisher itself (docs/spec/status.md §7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from esign.errors import SealError
from esign.keys import SigningKey
from esign.seal import labels
from esign.seal.signed_file import SignedFile, sign_file
from esign.seal.status_list import moment

__all__ = ["PublishedShard", "StatusManifest", "make_manifest", "read_manifest"]

_TYP = "application/vnd.esign.status-manifest+cwt"
_LIMIT = 1 << 21  # 32,768 shards have 1 MB
_MAX_SHARD = 1 << 15
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedShard:
    """One shard as it was published."""

    counter: int
    """Its counter then."""
    issued_at: datetime
    """When it was signed."""
    digest: bytes
    """SHA-256/128 of its file."""
    size: int
    """Bytes of its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusManifest:
    """Everything that a host has published."""

    uri: str
    """Its own address."""
    issued_at: datetime
    """When it was written."""
    shards: Mapping[int, PublishedShard]
    """By number."""


def make_manifest(manifest: StatusManifest, *, kid: bytes, key: SigningKey) -> bytes:
    """The signed file."""
    shards = {
        number: [shard.counter, int(shard.issued_at.timestamp()), shard.digest, shard.size]
        for number, shard in manifest.shards.items()
    }
    claims = {labels.SUB: manifest.uri, labels.IAT: int(manifest.issued_at.timestamp()), labels.MANIFEST: shards}
    return sign_file(claims, typ=_TYP, kid=kid, key=key)


def read_manifest(data: bytes) -> tuple[SignedFile, StatusManifest]:
    """The envelope, whose signature is not checked yet, and what it says.

    Raises:
        SealError: A code of `SignedFile.read`, or `status-manifest-invalid`.
    """
    file = SignedFile.read(data, typ=_TYP, limit=_LIMIT)
    match file.claims():
        case {labels.SUB: str(uri), labels.IAT: iat, labels.MANIFEST: dict(entries), **rest} if not rest:
            shards = {_number(number): _shard(entry) for number, entry in entries.items()}
            issued_at = moment(iat, "iat", code="status-manifest-invalid")
            return file, StatusManifest(uri=uri, issued_at=issued_at, shards=shards)
    raise SealError("status-manifest-invalid", field="claims")


def _number(number: object) -> int:
    if type(number) is not int or not 0 <= number < _MAX_SHARD:
        raise SealError("status-manifest-invalid", field="shard")
    return number


def _shard(entry: object) -> PublishedShard:
    match entry:
        case [int(counter), iat, bytes(digest), int(size)] if (
            counter >= 0 and size >= 0 and len(digest) == _DIGEST_BYTES and not {type(counter), type(size)} & {bool}
        ):
            issued_at = moment(iat, "iat", code="status-manifest-invalid")
            return PublishedShard(counter=counter, issued_at=issued_at, digest=digest, size=size)
    raise SealError("status-manifest-invalid", field="shard")
