"""Brings a store up to date: shards that changed, and those that grow old; nothing else is signed or written.

The store itself is the memory: its manifest says which counter of each shard readers have, so a publisher that starts
anew, here or on another machine, goes on where the last one stopped.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Protocol
from urllib.parse import urlsplit

from esign.errors import Error, PINError, PublishingError, RequestInFlight, SealError
from esign.keys import SigningKey
from esign.publishing.stores import Store
from esign.seal.list_keys import CLOCK_SKEW
from esign.seal.shard import LIFETIME, SHARD_SIZE, Entry, Shard, ShardContent, make_shard
from esign.seal.signed_file import point_of
from esign.seal.status_details import Detail, detail_uri, digest_of_file, make_details
from esign.seal.status_list import StatusList
from esign.seal.status_manifest import PublishedShard, StatusManifest, make_manifest, read_manifest
from esign.seal.trust_list import Host

__all__ = ["Published", "Publisher", "ShardState", "StatusSource"]

_RENEW_AFTER = LIFETIME / 2
_KEEP_DETAILS = timedelta(days=2)
_BITS = 2

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardState:
    """How far a shard has come."""

    number: int
    """Which shard."""
    counter: int
    """Counts its changes; never goes back."""
    allow_list: bool
    """Whether its documents begin as not issued."""


class StatusSource(Protocol):
    """Knows the standing of everything that was issued.

    What `entries` says is at least as new as the counter that `shards` gave before.
    """

    def shards(self) -> Sequence[ShardState]:
        """Every shard that has documents, by number."""

    def entries(self, shard: int) -> Mapping[int, tuple[Entry, Detail | None]]:
        """By index, the documents of a shard whose entry is another than they begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What one pass did."""

    changed: tuple[int, ...] = ()
    """Shards whose documents had changed."""
    renewed: tuple[int, ...] = ()
    """Shards that were only signed anew."""
    written: int = 0
    """Bytes that were written."""
    shards: int = 0
    """How many shards are published."""
    next_due: datetime | None = None
    """When the next one must be signed anew."""


@dataclass(slots=True)
class _Pass:
    """What a pass has done so far."""

    shards: dict[int, PublishedShard]
    changed: list[int] = field(default_factory=list)
    renewed: list[int] = field(default_factory=list)
    written: int = 0


class Publisher:
    """Publishes the shards of one host, one pass at a time among all that publish there."""

    def __init__(
        self,
        *,
        source: StatusSource,
        store: Store,
        host: Host,
        kid: bytes,
        key: SigningKey,
        now: Callable[[], datetime],
        alone: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """`key` signs as the host's status key `kid`; the trust list should name it before it is used.

        `alone` is held during a pass; it raises RequestInFlight where somebody else publishes.
        """
        self._source = source
        self._store = store
        self._host = host
        self._kid = kid
        self._key = key
        self._point = point_of(key.public_key)
        self._now = now
        self._alone = alone

    def publish(self) -> Published:
        """Bring the store up to date: detail files first, then shards, then the manifest.

        Raises:
            PublishingError: `status-key-not-listed`: nobody would believe it. `status-register-older`: the store knows
                more than the register. `status-clock-back`: this clock is behind what was published. Or what the store
                says.
            SealError: The manifest in the store is not one of this key's.
            KeyStoreError: What the key's backend says.
            RequestInFlight: `status-publishing`.
        """
        with self._alone():
            return self._publish()

    def _publish(self) -> Published:
        listed = self._host.status_key(self._kid, self._now())
        if listed is None or listed.public_key != self._point:
            raise PublishingError("status-key-not-listed", kid=self._kid.hex(), host=self._host.name)
        states = self._source.shards()
        done = _Pass(shards=dict(self._published()))
        self._refuse_older(states, done.shards)
        for state in states:
            known = done.shards.get(state.number)
            if known is None or known.counter != state.counter:
                self._write(state.number, self._content(state), done)
                done.changed.append(state.number)
            elif self._now() - known.issued_at >= _RENEW_AFTER:
                self._write(state.number, self._stored_content(state, known), done)
                done.renewed.append(state.number)
        if done.written:
            self._put_manifest(done)
        oldest = min((s.issued_at for s in done.shards.values()), default=None)
        return Published(
            changed=tuple(done.changed),
            renewed=tuple(done.renewed),
            written=done.written,
            shards=len(done.shards),
            next_due=None if oldest is None else oldest + _RENEW_AFTER,
        )

    def watch(
        self,
        *,
        every: timedelta,
        stop: threading.Event,
        on_pass: Callable[[Published], None] = lambda _published: None,
        on_error: Callable[[Error], None] = lambda _error: None,
    ) -> None:
        """Publish again and again until `stop` is set; what fails is told to `on_error` and tried again.

        Raises:
            PINError: A PIN was refused: it must not be sent again (DESIGN law 2).
        """
        while not stop.is_set():
            try:
                on_pass(self.publish())
            except PINError:
                raise
            except RequestInFlight:
                pass  # another process does it, perhaps on another host
            except Error as e:
                _logger.warning("status was not published: %s", e.code)
                on_error(e)
            stop.wait(every.total_seconds())

    # --- what readers have -----------------------------------------------------------------------------------------

    def _published(self) -> Mapping[int, PublishedShard]:
        data = self._store.get(_name(self._host.manifest_uri))
        if data is None:
            return {}
        file, manifest = read_manifest(data)
        # An earlier status key's manifest counts as long as the trust list names that key.
        known = self._host.status_key(file.kid, manifest.issued_at)
        if known is None:
            raise SealError("status-key-unknown", kid=file.kid.hex())
        file.check(known.public_key)
        if manifest.uri != self._host.manifest_uri:
            raise SealError("status-manifest-invalid", field="sub")
        if self._now() < manifest.issued_at - CLOCK_SKEW:
            raise PublishingError("status-clock-back", published=manifest.issued_at.isoformat())
        return manifest.shards

    def _refuse_older(self, states: Sequence[ShardState], published: Mapping[int, PublishedShard]) -> None:
        counters = {s.number: s.counter for s in states}
        for number, shard in published.items():
            if counters.get(number, -1) < shard.counter:
                facts = {"found": counters.get(number, 0), "published": shard.counter}
                raise PublishingError("status-register-older", shard=number, **facts)

    # --- writing ---------------------------------------------------------------------------------------------------

    def _content(self, state: ShardState) -> ShardContent:
        """What the shard says now; its detail file is written first."""
        entries = self._source.entries(state.number)
        details = {index: detail for index, (_, detail) in entries.items() if detail is not None}
        digest = None
        if details:
            uri = self._host.shard_uri(state.number)
            data = make_details(details, uri=uri, kid=self._kid, key=self._key, at=self._now())
            digest = digest_of_file(data)
            self._store.put(_name(detail_uri(uri, digest)), data)
        statuses = StatusList.pack(
            {index: entry for index, (entry, _) in entries.items()},
            size=SHARD_SIZE,
            bits=_BITS,
            default=Entry.DETAIL if state.allow_list else Entry.VALID,
        )
        return ShardContent(counter=state.counter, allow_list=state.allow_list, details=digest, statuses=statuses)

    def _stored_content(self, state: ShardState, known: PublishedShard) -> ShardContent:
        """What the shard said when it was signed last; from the register again, where the store has lost it."""
        data = self._store.get(_name(self._host.shard_uri(state.number)))
        if data is None or digest_of_file(data) != known.digest:
            return self._content(state)
        content = Shard.read(data).content
        if content.details is not None:
            name = _name(detail_uri(self._host.shard_uri(state.number), content.details))
            if self._store.get(name) is None:
                return self._content(state)
        return content

    def _write(self, number: int, content: ShardContent, done: _Pass) -> None:
        uri, at = self._host.shard_uri(number), self._now()
        data = make_shard(content, uri=uri, kid=self._kid, key=self._key, at=at)
        self._store.put(_name(uri), data)
        done.shards[number] = PublishedShard(
            counter=content.counter, issued_at=at.replace(microsecond=0), digest=digest_of_file(data), size=len(data)
        )
        done.written += len(data)

    def _put_manifest(self, done: _Pass) -> None:
        uri = self._host.manifest_uri
        manifest = StatusManifest(uri=uri, issued_at=self._now(), shards=done.shards)
        data = make_manifest(manifest, kid=self._kid, key=self._key)
        self._store.put(_name(uri), data)
        done.written += len(data)
        self._sweep(done.changed)

    def _sweep(self, changed: Sequence[int]) -> None:
        """Take away detail files that no shard names any more, once no cache can have the shard that did."""
        folder = str(PurePosixPath(_name(self._host.manifest_uri)).parent)
        old = [name for name, age in self._store.ages(folder).items() if age > _KEEP_DETAILS]
        for number in changed:
            stem = PurePosixPath(_name(self._host.shard_uri(number))).stem
            current = Shard.read(self._store.get(_name(self._host.shard_uri(number))) or b"").content.details
            for name in old:
                if PurePosixPath(name).stem.startswith(f"{stem}-") and (current is None or current.hex() not in name):
                    self._store.discard(name)


def _name(uri: str) -> str:
    """Where an address stands in the store, whose root is the host's."""
    return urlsplit(uri).path.removeprefix("/")
