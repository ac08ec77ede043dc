"""`[access]` and `[audit]` of esign.toml: who may ask the service for what, and where the audit is anchored."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from esign.service.access import Role

__all__ = [
    "AccessSection",
    "AuditSection",
    "GrantSection",
    "Persons",
    "PinnedSection",
    "ProxySection",
    "TokenIssuerSection",
    "access_ranges",
]


class Persons(Enum):
    """`[access] persons`."""

    OPTIONAL = "optional"
    """Where no person is known, two names are two."""
    REQUIRED = "required"
    """Where no person is known, nothing is approved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantSection:
    """`[[access.issuers.grants]]`: see `esign.service.identity.bearer.GrantRule`."""

    claim: str
    """The name of a claim."""
    value: str
    """What it is or has."""
    role: Role
    """What somebody with it is at this agency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssuerSection:
    """`[[access.issuers]]`: see `esign.service.identity.bearer.Issuer`."""

    name: str
    """For the audit."""
    issuer: str
    """`iss`."""
    audience: str
    """`aud`."""
    algorithms: tuple[str, ...] = ("RS256",)
    """Asymmetric ones alone."""
    keys_file: Path | None = None
    """A JWK Set."""
    keys_url: str = ""
    """Where it is fetched, in the place of a file."""
    person_claim: str = ""
    """The claim with the code of the person."""
    leeway_seconds: int = 60
    """How far clocks may differ."""
    grants: tuple[GrantSection, ...] = ()
    """Without any its tokens open nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedSection:
    """`[[access.proxy.certificates]]`: see `esign.service.identity.proxy.Pin`."""

    name: str
    """For the audit."""
    sha256: str
    """Of the certificate, hex."""
    roles: tuple[Role, ...]
    """At this agency."""
    person: str = ""
    """The code of the person who has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySection:
    """`[access.proxy]`: see `esign.service.identity.proxy.ClientCertificates`."""

    header: str = "Client-Cert"
    """Where the proxy puts the certificate that it has checked."""
    peers: tuple[str, ...] = ()
    """The proxy's addresses or networks."""
    unix_socket: bool = False
    """Whether everything comes through a socket that only the proxy can open."""
    certificates: tuple[PinnedSection, ...] = ()
    """Which open something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSection:
    """`[access]`."""

    four_eyes: bool = False
    """Whether a second person approves each document before the agency's key signs it."""
    persons: Persons = Persons.OPTIONAL
    """Whether four eyes need to know the persons, or names will do."""
    actor: str = ""
    """How the audit names this command line: `cli:<actor>`; the agency's code if empty."""
    actor_person: str = ""
    """The code of the person at this command line."""
    issuers: tuple[TokenIssuerSection, ...] = ()
    """Whose bearer tokens are taken."""
    proxy: ProxySection | None = None
    """None believes no header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSection:
    """`[audit]`: see `esign.auditing.Anchoring`."""

    anchors: Path | None = None
    """A folder that is kept elsewhere: a mount, a synchronised folder."""
    entries: int = 1000
    """An anchor after so many entries, …"""
    minutes: int = 60
    """… or so long after something happened."""
    certificates: tuple[Path, ...] = field(default=())
    """Whose anchors count; none takes whoever the trust anchors lead to."""


def access_ranges(access: AccessSection, audit: AuditSection) -> Iterator[tuple[str, int, int, int]]:
    """Every number of the sections that has bounds: its key, itself, the least and the most."""
    for issuer in access.issuers:
        yield "access.issuers.leeway_seconds", issuer.leeway_seconds, 0, 600
    yield "audit.entries", audit.entries, 1, 1_000_000
    yield "audit.minutes", audit.minutes, 1, 60 * 24 * 31
