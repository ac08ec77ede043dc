"""Known authorities as data: where their certificates lie, and the fingerprints that they must have.

Nothing in it is trusted. What a server gives for an entry is that certificate, or it is refused.
"""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Self

from esign.errors import ConfigurationError, InputError
from esign.net import Kind, Query
from esign.trust.gathering import Fetcher
from esign.trust.store import certificates

__all__ = ["KnownAuthorities", "KnownAuthority"]

_FIELDS = frozenset({"id", "since", "name", "world", "generation", "role", "years", "url", "sha256", "evidence"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAuthority:
    """One authority that is known, and not trusted by that."""

    id: str
    """How commands name it."""
    since: int
    """The version of the list that brought it."""
    name: str
    """As people know it."""
    world: str
    """`vgca` or `neac`: two roots that do not certify each other."""
    generation: str
    """`G1`, `G2`, …"""
    role: str
    """`root` or `intermediate`."""
    years: str
    """Its validity, where a source says so."""
    url: str
    """Where it lies."""
    sha256: str
    """Of the certificate in DER, hex; empty where nobody told."""
    evidence: str
    """`V`: two independent sources agree; `V1`: one, not official."""
    superseded_by: str = ""
    """The entry that takes its place; it stays for documents of its time."""

    def pinned(self, sha256: str) -> "KnownAuthority":
        """With the fingerprint that the operator learned by another way.

        Raises:
            InputError: `fingerprint-differs` from the one in the list.
        """
        given = sha256.replace(":", "").replace(" ", "").lower()
        if self.sha256 and given != self.sha256:
            raise InputError("fingerprint-differs", name=self.name, expected=self.sha256, found=given)
        return replace(self, sha256=given)

    def fetch(self, network: Fetcher) -> bytes:
        """Its certificate, DER.

        Raises:
            InputError: `fingerprint-unknown` or `fingerprint-differs`.
            NetworkError: It could not be fetched.
        """
        if not self.sha256:
            raise InputError("fingerprint-unknown", name=self.name, url=self.url)
        found = certificates(network.fetch(Query(kind=Kind.CERTIFICATES, url=self.url)).body)
        digests = {hashlib.sha256(der).hexdigest(): der for der in found}
        if self.sha256 not in digests:
            told = ", ".join(digests) or "-"
            raise InputError("fingerprint-differs", name=self.name, expected=self.sha256, found=told)
        return digests[self.sha256]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAuthorities:
    """A versioned, append-only list of authorities."""

    version: int
    """Higher ones only add."""
    entries: tuple[KnownAuthority, ...]
    """In the order of the file."""

    @classmethod
    def vietnam(cls) -> Self:
        """The one that comes with esign."""
        return cls.from_toml(files("esign.trust").joinpath("data/vietnam.toml").read_bytes())

    @classmethod
    def from_toml(cls, content: bytes) -> Self:
        """In the form of `trust/data/vietnam.toml`.

        Raises:
            ConfigurationError: `authorities-unreadable`.
        """
        try:
            table = tomllib.loads(content.decode("utf-8"))
            return cls(version=int(table["version"]), entries=_entries(table["entry"]))
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise ConfigurationError("authorities-unreadable", problem=str(e) or type(e).__name__) from e

    def find(self, entry_id: str) -> KnownAuthority:
        """The entry of that id.

        Raises:
            InputError: `authority-not-listed`.
        """
        for entry in self.entries:
            if entry.id == entry_id:
                return entry
        raise InputError("authority-not-listed", id=entry_id, known=", ".join(e.id for e in self.entries))


def _entries(tables: Sequence[Mapping[str, Any]]) -> tuple[KnownAuthority, ...]:
    entries = tuple(_entry(table) for table in tables)
    if len({e.id for e in entries}) != len(entries):
        raise ValueError("an id twice")
    return entries


def _entry(table: Mapping[str, Any]) -> KnownAuthority:
    if not _FIELDS <= table.keys() <= _FIELDS | {"superseded_by"}:
        raise ValueError(f"an entry with other fields: {table.get('id', '?')}")
    return KnownAuthority(**table)
