"""The kit: page, trust list and every shard in one file, for a village without network (docs/spec/status.md §9)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from esign.citizen import Page
from esign.errors import PublishingError
from esign.seal.list_keys import Root
from esign.seal.shard import Shard
from esign.seal.status import GetFile
from esign.seal.status_details import detail_uri
from esign.seal.status_manifest import read_manifest
from esign.seal.trust_list import Host, TrustList

__all__ = ["Kit", "collect", "make_kit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """A kit and what is in it."""

    html: str
    """The file."""
    shards: int
    """How many shards it knows."""
    oldest: datetime | None
    """When the oldest of them was signed: what the kit says grows old from there."""


def make_kit(
    *,
    host: Host,
    trust: TrustList,
    trust_files: Mapping[str, bytes],
    roots: Iterable[Root],
    get: GetFile,
    at: datetime,
) -> Kit:
    """A kit of `host` with the parts of the trust list by name; `get` gives what is published at an address.

    Raises:
        PublishingError: `status-not-published`, or `status-file-missing`.
        SealError: What is published cannot be read.
    """
    published, issued = collect(host, get)
    published |= {f"https://{host.name}/t/{name}": data for name, data in trust_files.items()}
    hosts = {k.host.name: k.host for a in trust.agencies.values() for k in a.keys}
    origins = {uri.shard_uri(0).split("/", 3)[2] for uri in hosts.values()} - {host.name}
    page = Page(host=host.name, roots=tuple(roots), status_origins=tuple(f"https://{o}" for o in sorted(origins)))
    return Kit(html=page.kit(published, at=at), shards=len(issued), oldest=min(issued, default=None))


def collect(host: Host, get: GetFile) -> tuple[dict[str, bytes], list[datetime]]:
    """Everything that the manifest of `host` names, by address, and when each shard was signed."""
    data = get(host.manifest_uri)
    if data is None:
        raise PublishingError("status-not-published", host=host.name)
    _, manifest = read_manifest(data)
    published: dict[str, bytes] = {}
    issued = []
    for number in sorted(manifest.shards):
        uri = host.shard_uri(number)
        published[uri] = _there(get, uri)
        shard = Shard.read(published[uri])
        issued.append(shard.issued_at)
        if shard.content.details is not None:
            uri = detail_uri(uri, shard.content.details)
            published[uri] = _there(get, uri)
    return published, issued


def _there(get: GetFile, uri: str) -> bytes:
    data = get(uri)
    if data is None:
        raise PublishingError("status-file-missing", uri=uri)
    return data
