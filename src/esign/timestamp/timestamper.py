"""Time-stamps from the first authority that gives a good one.

>>> timestamper = Timestamper([TimestampAuthority(name="VGCA", url="http://tsa.ca.gov.vn/")], client=client, ...)
>>> timestamper.stamp(sha256(b"..."), digest="sha256").time
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from esign.errors import ConfigurationError, Error, NetworkError, TimestampError
from esign.net import BreakerState, Client, Health, Kind, Query
from esign.reasons import Reason
from esign.timestamp.authority import TimestampAuthority
from esign.timestamp.check import CheckedToken, check_token
from esign.timestamp.request import TimestampRequest, token_of
from esign.trust import Purpose, TrustStore

__all__ = ["AuthorityHealth", "Timestamp", "Timestamper"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timestamp:
    """A token that was checked."""

    token: bytes = field(repr=False)
    """TimeStampToken, DER."""
    time: datetime
    """genTime, UTC."""
    authority: str
    """Which one gave it, by its name."""
    elapsed: timedelta
    """How long it took, with what was tried before."""
    notices: tuple[Reason, ...] = ()
    """What could not be checked of it, and which authorities failed before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityHealth:
    """How an authority does."""

    authority: TimestampAuthority
    """Which."""
    health: Health
    """Its host's."""
    timestamp: Timestamp | None = None
    """What it just gave, where it was asked."""
    problem: Reason | None = None
    """Why it gave none."""


class Timestamper:
    """Asks authorities in their order, those that failed lately last; safe for threads."""

    def __init__(
        self,
        authorities: Sequence[TimestampAuthority],
        *,
        client: Client,
        trust: TrustStore,
        now: Callable[[], datetime],
        tolerance: timedelta = timedelta(minutes=5),
    ) -> None:
        """`trust` has the anchors of the authorities; clocks may differ by `tolerance`.

        Raises:
            ConfigurationError: `timestamp-no-authorities`, `timestamp-no-anchors`.
        """
        if not authorities:
            raise ConfigurationError("timestamp-no-authorities")
        if not trust.anchors_for(Purpose.TIMESTAMP):
            raise ConfigurationError("timestamp-no-anchors")
        self._authorities = tuple(authorities)
        self._client = client
        self._trust = trust
        self._now = now
        self._tolerance = tolerance

    def stamp(self, imprint: bytes, *, digest: str) -> Timestamp:
        """A time-stamp for what has the digest `imprint`.

        Raises:
            TimestampError: `timestamp-unavailable`: no authority gave a good one; `attempts` says why.
        """
        started = time.monotonic()
        attempts: list[Reason] = []
        for authority in self._in_order():
            try:
                checked, token = self._ask(authority, imprint, digest)
            except (NetworkError, TimestampError) as e:
                attempts.append(Reason("timestamp-attempt", {"authority": authority.name, "why": e.reason}))
                continue
            return Timestamp(
                token=token,
                time=checked.token.time,
                authority=authority.name,
                elapsed=timedelta(seconds=time.monotonic() - started),
                notices=(*attempts, *checked.notices),
            )
        first = attempts[0].facts["why"] if attempts else "-"
        raise TimestampError("timestamp-unavailable", attempts=attempts, count=len(attempts), why=first)

    def check(self) -> tuple[AuthorityHealth, ...]:
        """Ask every authority for a time-stamp of nothing in particular, one that rests as well."""
        return tuple(map(self._try, self._authorities))

    def health(self) -> tuple[AuthorityHealth, ...]:
        """What is known without asking."""
        return tuple(AuthorityHealth(authority=a, health=self._client.health(a.url)) for a in self._authorities)

    def _in_order(self) -> list[TimestampAuthority]:
        return sorted(self._authorities, key=lambda a: self._client.health(a.url).state is BreakerState.OPEN)

    def _try(self, authority: TimestampAuthority) -> AuthorityHealth:
        started = time.monotonic()
        try:
            checked, token = self._ask(authority, bytes(32), "sha256")
        except Error as e:
            return AuthorityHealth(authority=authority, health=self._client.health(authority.url), problem=e.reason)
        stamp = Timestamp(
            token=token,
            time=checked.token.time,
            authority=authority.name,
            elapsed=timedelta(seconds=time.monotonic() - started),
            notices=checked.notices,
        )
        return AuthorityHealth(authority=authority, health=self._client.health(authority.url), timestamp=stamp)

    def _ask(self, authority: TimestampAuthority, imprint: bytes, digest: str) -> tuple[CheckedToken, bytes]:
        request = TimestampRequest(digest=digest, imprint=imprint, policy=authority.policy)
        sent = self._now()
        found: list[tuple[CheckedToken, bytes]] = []

        def check(response: bytes) -> None:
            token = token_of(response)
            checked = check_token(
                token, request, trust=self._trust, sent=sent, received=self._now(), tolerance=self._tolerance
            )
            found.append((checked, token))

        self._client.fetch(
            Query(
                kind=Kind.TIMESTAMP,
                url=authority.url,
                body=request.to_der(),
                identity=authority.identity,
                deadline=authority.deadline,
            ),
            check=check,
        )
        return found[0]
