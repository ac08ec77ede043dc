"""`[network]` and `[timestamp]` of `esign.toml`, and what is built from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from esign.errors import ConfigurationError
from esign.profile import Level, Timestamping, TimestampPolicy
from esign.reasons import system_problem

if TYPE_CHECKING:
    from esign.net import Client, Identity
    from esign.timestamp import TimestampAuthority, Timestamper
    from esign.trust import TrustStore

__all__ = ["AuthoritySection", "LevelChoice", "NetworkSection", "TimestampSection", "client", "timestamper"]


class LevelChoice(Enum):
    """The levels that `[issuance] level` names."""

    B_B = "B-B"
    B_T = "B-T"
    B_LT = "B-LT"
    B_LTA = "B-LTA"

    @property
    def level(self) -> Level:
        """The level itself."""
        return Level(f"PAdES-{self.value}")


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
class AuthoritySection:
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
    authorities: tuple[AuthoritySection, ...] = ()
    """Who is asked, in this order."""

    @property
    def timestamping(self) -> Timestamping:
        """For the signature profile."""
        return Timestamping(
            policy=self.policy, within=timedelta(hours=self.within_hours), grace=timedelta(hours=self.grace_hours)
        )


def client(section: NetworkSection, *, now: Callable[[], datetime]) -> "Client":
    """The guarded client.

    Raises:
        ConfigurationError: `network-rule-invalid`, `tls-files-unreadable`.
    """
    from esign.net import Cache, Client, NetworkRules

    rules = NetworkRules(
        inside=section.inside,
        only=section.only,
        rewrite=section.rewrite,
        at_once=section.at_once,
        deadline=timedelta(seconds=section.deadline_seconds),
        tls_anchors=tuple(_text(path) for path in section.tls_anchors),
    )
    return Client(rules, now=now, cache=Cache(section.cache))


def timestamper(
    section: TimestampSection, *, client: "Client", trust: "TrustStore", now: Callable[[], datetime]
) -> "Timestamper | None":
    """Who gives time-stamps; None where no authority is named.

    Raises:
        ConfigurationError: `timestamp-no-anchors`, `tls-files-unreadable`.
    """
    from esign.timestamp import Timestamper

    if not section.authorities:
        return None
    return Timestamper([_authority(a) for a in section.authorities], client=client, trust=trust, now=now)


def _authority(section: AuthoritySection) -> "TimestampAuthority":
    from esign.timestamp import TimestampAuthority

    return TimestampAuthority(
        name=section.name,
        url=section.url,
        policy=section.policy or None,
        identity=_identity(section),
        deadline=timedelta(seconds=section.deadline_seconds),
    )


def _identity(section: AuthoritySection) -> "Identity | None":
    from esign.net import Identity

    if not section.username and section.certificate is None:
        return None
    password = _text(section.password_file).rstrip("\r\n") if section.password_file is not None else ""
    return Identity(username=section.username, password=password, certificate=section.certificate)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as e:
        problem = system_problem(e) if isinstance(e, OSError) else "UTF-8"
        raise ConfigurationError("network-file-unreadable", file=path, problem=problem) from e
