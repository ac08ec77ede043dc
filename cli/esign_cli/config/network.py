"""`[network]` and `[timestamp]` of esign.toml: who may be asked on the network, and who gives time-stamps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from esign.profile import Timestamping, TimestampPolicy

__all__ = ["NetworkSection", "TimestampAuthoritySection", "TimestampSection", "network_ranges"]

_TEN_YEARS_OF_HOURS = 24 * 3650


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSection:
    """`[network]`: see `esign.net.NetworkRules`."""

    inside: tuple[str, ...] = ()
    """Hosts and networks that are not on the public Internet and may be asked."""
    only: tuple[str, ...] = ()
    """If there are any, no other hosts are asked."""
    rewrite: Mapping[str, str] = field(default_factory=dict)
    """What certificates call a host to what it is called here."""
    at_once: int = 4
    """Requests that one host gets at the same moment."""
    deadline_seconds: int = 20
    """For a whole request."""
    tls_anchors: tuple[Path, ...] = ()
    """Authorities for https, in the place of the system's."""
    cache: Path | None = None
    """Where answers are kept until they end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampAuthoritySection:
    """`[[timestamp.authorities]]`: see `esign.timestamp.TimestampAuthority`."""

    name: str
    """What messages call it."""
    url: str
    """Where to ask."""
    policy: str = ""
    """Under which policy."""
    deadline_seconds: int = 30
    """For one answer."""
    username: str = ""
    """Basic authentication."""
    password_file: Path | None = None
    """Its password; never in this file."""
    certificate: Path | None = None
    """A client certificate with its key, PEM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampSection:
    """`[timestamp]`: see `esign.profile.Timestamping`."""

    policy: TimestampPolicy = TimestampPolicy.WAIT
    """Wait for a time-stamp, or promise it."""
    within_hours: int = 24
    """By when a promised one is there."""
    grace_hours: int = 144
    """How long after that a delay is no failure yet."""
    anchors: tuple[Path, ...] = ()
    """The authorities' root certificates."""
    authorities: tuple[TimestampAuthoritySection, ...] = ()
    """Who is asked, in this order."""

    @property
    def timestamping(self) -> Timestamping:
        """For the signature profile."""
        return Timestamping(
            policy=self.policy, within=timedelta(hours=self.within_hours), grace=timedelta(hours=self.grace_hours)
        )


def network_ranges(network: NetworkSection, timestamp: TimestampSection) -> Iterator[tuple[str, int, int, int]]:
    """Every number of the sections that has bounds: its key, itself, the least and the most."""
    yield "network.at_once", network.at_once, 1, 64
    yield "network.deadline_seconds", network.deadline_seconds, 1, 600
    yield "timestamp.within_hours", timestamp.within_hours, 1, _TEN_YEARS_OF_HOURS
    yield "timestamp.grace_hours", timestamp.grace_hours, 0, _TEN_YEARS_OF_HOURS
    for authority in timestamp.authorities:
        yield "timestamp.authorities.deadline_seconds", authority.deadline_seconds, 1, 600
