"""What the status lists told the world, read back from where they are published (docs/spec/status.md)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from esign.codes import ResultId
from esign.document import Standing
from esign.errors import SealError
from esign.publishing import Store
from esign.seal.shard import SHARD_SIZE, Entry, Shard
from esign.seal.status_details import Corrected, Detail, Replaced, detail_uri, read_details
from esign.seal.status_manifest import read_manifest
from esign.seal.trust_list import Host

__all__ = ["Change", "PublishedStatus", "published_counters", "read_published"]

Change = tuple[int, tuple[tuple[Standing, ResultId | None], ...]]
"""A place in the status lists and what stands there, in the order in which it came to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedStatus:
    """One shard as readers have it."""

    counter: int
    """How many changes it has seen."""
    issued_at: datetime
    """When it was signed."""
    first: int
    """Its first place."""
    changes: tuple[Change, ...]
    """What stands otherwise than it began."""
    indexes: frozenset[int] = field(default_factory=frozenset)
    """Of those."""


def read_published(store: Store, host: Host) -> Mapping[int, PublishedStatus]:
    """Every shard that `host` has published, each signed by a status key of the trust list; empty before the first.

    Raises:
        SealError: What is published is not what that key signed.
        PublishingError: It cannot be read.
    """
    return {number: _shard(store, host, number) for number in published_counters(store, host)}


def published_counters(store: Store, host: Host) -> Mapping[int, int]:
    """How many changes each shard had seen when it was published, as the signed manifest says; one small file.

    Raises:
        SealError, PublishingError: as `read_published`.
    """
    data = store.get(_name(host.manifest_uri))
    if data is None:
        return {}
    file, manifest = read_manifest(data)
    file.check(_key(host, file.kid, manifest.issued_at))
    return {number: shard.counter for number, shard in manifest.shards.items()}


def _shard(store: Store, host: Host, number: int) -> PublishedStatus:
    uri = host.shard_uri(number)
    data = store.get(_name(uri))
    if data is None:
        raise SealError("status-missing", shard=number)
    shard = Shard.read(data)
    shard.check(_key(host, shard.file.kid, shard.issued_at))
    details: Mapping[int, Detail] = {}
    if shard.content.details is not None:
        found = store.get(_name(detail_uri(uri, shard.content.details)))
        if found is None:
            raise SealError("status-details-missing")
        signed, read = read_details(found, uri=uri)
        signed.check(_key(host, signed.kid, read.issued_at))
        details = read.entries
    changes = tuple(_changes(shard, details, number * SHARD_SIZE))
    return PublishedStatus(
        counter=shard.content.counter,
        issued_at=shard.issued_at,
        first=number * SHARD_SIZE,
        changes=changes,
        indexes=frozenset(place - number * SHARD_SIZE for place, _ in changes),
    )


def _key(host: Host, kid: bytes, at: datetime) -> bytes:
    key = host.status_key(kid, at)
    if key is None:
        raise SealError("status-key-unknown", kid=kid.hex())
    return key.public_key


def _changes(shard: Shard, details: Mapping[int, Detail], first: int) -> Iterator[Change]:
    for index in range(SHARD_SIZE):
        match shard[index]:
            case Entry.WITHDRAWN:
                yield first + index, ((Standing.WITHDRAWN, None),)
            case Entry.SUSPENDED:
                yield first + index, ((Standing.SUSPENDED, None),)
            case Entry.DETAIL if index in details:
                yield first + index, _detailed(details[index])


def _detailed(detail: Detail) -> tuple[tuple[Standing, ResultId | None], ...]:
    match detail:
        case Corrected(by=others):
            return tuple((Standing.CORRECTED, other.id) for other in others)
        case Replaced(by=other):
            return ((Standing.REPLACED, other.id),)


def _name(uri: str) -> str:
    """Where an address stands in the store, whose root is the host's."""
    return urlsplit(uri).path.removeprefix("/")
