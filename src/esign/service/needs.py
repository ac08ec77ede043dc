"""What issuing needs: a token, a database, certificates, a clock, room on the disk."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from cryptography import x509

from esign.errors import RegistryError
from esign.files import Files
from esign.reasons import Reason
from esign.registry import Registry
from esign.service.checkup import Checked, State

__all__ = [
    "AnchorsNeeded",
    "CertificateNeeded",
    "ClockNeeded",
    "DatabaseNeeded",
    "DiskNeeded",
    "ReadableNeeded",
    "Signer",
    "StoreNeeded",
    "TokenNeeded",
]

_SOON = timedelta(days=30)
_CLOCKS = timedelta(seconds=60)
"""How far the clock may be behind what was recorded (reliability: two honest clocks differ by less)."""
_LEAST, _LITTLE = 100 << 20, 1 << 30
"""Bytes: below the first nothing is begun any more, below the second somebody has to make room."""


class Signer(Protocol):
    """What holds the keys."""

    def check(self) -> None:
        """Look whether token and keys are there, without signing.

        Raises:
            KeyStoreError: They are not.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenNeeded:
    """Implements `Needed`: the token is there, logged in to, and has its keys."""

    name: str
    """Which."""
    signer: Signer
    """What holds it."""

    def check(self) -> Checked:
        """Ask it."""
        self.signer.check()
        return Checked()


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseNeeded:
    """Implements `Needed`: the register can be written to."""

    registry: Registry
    """The register."""
    name: str = "database"
    """Which."""

    def check(self) -> Checked:
        """Begin a transaction that writes, and leave it."""
        self.registry.reachable()
        return Checked()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadableNeeded:
    """Implements `Needed`: the register can be read, for those who do no more."""

    registry: Registry
    """The register."""
    name: str = "database"
    """Which."""

    def check(self) -> Checked:
        """Read one entry."""
        self.registry.listing(limit=1)
        return Checked()


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateNeeded:
    """Implements `Needed`: a certificate that signatures are made with is valid, and for how long."""

    name: str
    """Whose."""
    certificates: Sequence[bytes] = field(repr=False)
    """It and its issuers, DER."""
    now: Callable[[], datetime]
    """The clock."""

    def check(self) -> Checked:
        """The first of the chain that ends says how many days are left."""
        chain = [x509.load_der_x509_certificate(der) for der in self.certificates]
        ends = min(each.not_valid_after_utc for each in chain)
        left = ends - self.now()
        days = round(left / timedelta(days=1), 1)
        if left <= timedelta(0):
            return Checked(
                state=State.FAILED, value=days, reason=Reason("health-certificate-over", {"name": self.name})
            )
        if left < _SOON:
            reason = Reason("health-certificate-soon", {"name": self.name, "days": int(days)})
            return Checked(state=State.SOON, value=days, reason=reason)
        return Checked(value=days)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockNeeded:
    """Implements `Needed`: the clock is not behind what was recorded already."""

    registry: Registry
    """The register."""
    now: Callable[[], datetime]
    """The clock."""
    name: str = "clock"
    """Which."""

    def check(self) -> Checked:
        """Compare it with the newest entry."""
        newest = self.registry.listing(limit=1).entries
        behind = newest[0].reserved_at - self.now() if newest else timedelta(0)
        if behind > _CLOCKS:
            seconds = round(behind.total_seconds())
            return Checked(
                state=State.FAILED, value=-seconds, reason=Reason("health-clock-behind", {"seconds": seconds})
            )
        return Checked()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorsNeeded:
    """Implements `Needed`: anchors of the audit are where they were kept, and the register is as new as they are.

    A folder that is away for a while, being on another machine, stops nobody; an older register does.
    """

    compare: Callable[[], None] = field(repr=False)
    """Raises RegistryError where it is not so."""
    name: str = "anchors"
    """Which."""

    def check(self) -> Checked:
        """Compare."""
        try:
            self.compare()
        except RegistryError as e:
            if e.code == "registry-restored":
                raise
            return Checked(state=State.SOON, reason=e.reason)
        return Checked()


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskNeeded:
    """Implements `Needed`: there is room where documents are kept."""

    name: str
    """Which folder: `archive`, `spool`."""
    folder: Path
    """Where it is."""

    def check(self) -> Checked:
        """Ask the file system; a folder that was not made yet is looked for above."""
        place = next(p for p in (self.folder, *self.folder.parents) if p.exists())
        free = shutil.disk_usage(place).free
        facts = {"name": self.name, "free": free >> 20}
        if free < _LEAST:
            return Checked(state=State.FAILED, value=free, reason=Reason("health-disk-full", facts))
        if free < _LITTLE:
            return Checked(state=State.SOON, value=free, reason=Reason("health-disk-little", facts))
        return Checked(value=free)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreNeeded:
    """Implements `Needed`: an object store, where documents are kept that several hosts share, answers."""

    name: str
    """Which: `archive`, `spool`."""
    files: Files = field(repr=False)
    """What is kept there."""

    def check(self) -> Checked:
        """Ask for something that is not there."""
        self.files.get("esign-readiness")
        return Checked()
