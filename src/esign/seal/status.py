"""What the published lists say of one seal, and how fresh that is (docs/spec/status.md §3–6); no network of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache

from esign.errors import SealError
from esign.reasons import Reason
from esign.seal.list_keys import CLOCK_SKEW
from esign.seal.shard import SHARD_SIZE, Entry, Shard
from esign.seal.status_details import Detail, detail_uri, digest_of_file, read_details
from esign.seal.token import SealToken
from esign.seal.trust_list import Host, TrustList

__all__ = ["FRESH", "STALE", "Freshness", "GetFile", "StatusAnswer", "StatusFiles"]

GetFile = Callable[[str], bytes | None]
"""What stands at an address, fetched now or kept from before; None if there is nothing."""

FRESH = timedelta(hours=24)
"""Up to this age a shard answers for today."""
STALE = timedelta(days=7)
"""Up to this age it is still shown, as of then."""


class Freshness(Enum):
    """How much the age of a shard lets it say."""

    FRESH = "fresh"
    """At most 24 hours old."""
    STALE = "stale"
    """At most 7 days old: "not checked since"."""
    UNKNOWN = "unknown"
    """Older, or there is none; only what is final still holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer:
    """What is known of a seal's status."""

    entry: Entry | None
    """The entry; None where no shard or detail file could be used."""
    detail: Detail | None = None
    """Corrected or replaced; None with `Entry.DETAIL` means not issued."""
    as_of: datetime | None = None
    """When the shard was signed."""
    freshness: Freshness = Freshness.UNKNOWN
    """How old that is."""
    outside_list: bool = False
    """Whether the seal asks for an allow-list and the shard is none: its entry does not say that it was issued (§6)."""
    ahead: bool = False
    """Whether the shard comes from the future: the reader's clock is wrong."""
    finding: Reason | None = None
    """Why the answer is not a plain one."""


class StatusFiles:
    """Looks seals up in shards that `get` provides; every file is checked against the trust list."""

    def __init__(self, get: GetFile, trust: TrustList) -> None:
        self._get = get
        self._trust = trust

    def look_up(self, token: SealToken, at: datetime) -> StatusAnswer:
        """The status of `token`, whose signature the caller has checked, at the moment `at`."""
        host = self._trust.host(token.kid)
        if host is None:
            return StatusAnswer(entry=None, finding=Reason("status-host-unknown", {"kid": str(token.kid)}))
        number, index = divmod(token.claims.status_number, SHARD_SIZE)
        try:
            shard = self._shard(host, number)
        except SealError as e:
            return StatusAnswer(entry=None, finding=e.reason)
        as_of = shard.issued_at
        if as_of > at + CLOCK_SKEW:
            facts = {"issued_at": as_of.isoformat(), "at": at.isoformat(timespec="seconds")}
            return StatusAnswer(entry=None, as_of=as_of, ahead=True, finding=Reason("status-from-future", facts))
        freshness, finding = self._freshness(as_of, at)
        entry, detail = shard[index], None
        if entry is Entry.DETAIL and shard.content.details is not None:
            try:
                detail = self._details(host, shard, shard.content.details).get(index)
            except SealError as e:
                return StatusAnswer(entry=None, as_of=as_of, freshness=freshness, finding=e.reason)
        needs_list = self._trust.asks_for_allow_list(token.kid, token.claims.procedure)
        outside_list = needs_list and not shard.content.allow_list
        if outside_list:
            finding = Reason("status-allow-list", {"shard": number})
        return StatusAnswer(
            entry=entry, detail=detail, as_of=as_of, freshness=freshness, outside_list=outside_list, finding=finding
        )

    def _shard(self, host: Host, number: int) -> Shard:
        uri = host.shard_uri(number)
        data = self._get(uri)
        if data is None:
            raise SealError("status-missing", shard=number)
        shard = _signed_shard(data, host)
        if shard.uri != uri:
            raise SealError("status-list-invalid", field="sub")
        return shard

    def _details(self, host: Host, shard: Shard, digest: bytes) -> Mapping[int, Detail]:
        data = self._get(detail_uri(shard.uri, digest))
        if data is None or digest_of_file(data) != digest:
            raise SealError("status-details-missing")
        return _signed_details(data, shard.uri, host)

    def _freshness(self, as_of: datetime, at: datetime) -> tuple[Freshness, Reason | None]:
        shown = as_of.isoformat()
        if at >= self._trust.expires:
            return Freshness.UNKNOWN, Reason("trust-list-expired", {"expires": self._trust.expires.isoformat()})
        if at - as_of <= FRESH:
            return Freshness.FRESH, None
        if at - as_of <= STALE:
            return Freshness.STALE, Reason("status-stale", {"as_of": shown})
        return Freshness.UNKNOWN, Reason("status-too-old", {"as_of": shown})


# A shard is asked about many times while it holds: its signature is checked once.
@lru_cache(maxsize=256)
def _signed_shard(data: bytes, host: Host) -> Shard:
    shard = Shard.read(data)
    key = host.status_key(shard.file.kid, shard.issued_at)
    if key is None:
        raise SealError("status-key-unknown", kid=shard.file.kid.hex())
    shard.check(key.public_key)
    return shard


@lru_cache(maxsize=16)
def _signed_details(data: bytes, uri: str, host: Host) -> Mapping[int, Detail]:
    file, details = read_details(data, uri=uri)
    key = host.status_key(file.kid, details.issued_at)
    if key is None:
        raise SealError("status-key-unknown", kid=file.kid.hex())
    file.check(key.public_key)
    return details.entries
