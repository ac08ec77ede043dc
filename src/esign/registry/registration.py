"""What is registered of a signed file: its facts, its signers, its level, and the level that is promised."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from esign.document import SignerRole
from esign.keys import Mechanism
from esign.profile import Level
from esign.reasons import Reason

__all__ = ["FileVersion", "Registration", "SignerCertificate", "Upgrade", "UpgradeState"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerCertificate:
    """Whose certificate signed, without the person's name."""

    sha256: str
    """Of the certificate's DER, hexadecimal."""
    issuer: str
    """The issuer's distinguished name (RFC 4514)."""
    serial: str
    """The serial number, hexadecimal."""
    role: SignerRole = SignerRole.AGENCY
    """In which role; the agency's is the only signature that every result has."""


class UpgradeState(Enum):
    """Where a promised level stands."""

    DONE = "done"
    """Reached."""
    PENDING = "pending"
    """To be reached in time."""
    LATE = "late"
    """Its time is over, its grace is not."""
    OVERDUE = "overdue"
    """Its grace is over: somebody must act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """A level that was promised for later than the issuing."""

    level: Level
    """The level that is wanted."""
    due: datetime
    """Until when."""
    alarm: datetime
    """From when on it is nobody's delay but a failure; not before `due`."""
    tries: int = 0
    """How often it was tried in vain."""
    tried_at: datetime | None = None
    """When it last was."""
    problem: Reason | None = None
    """Why that failed."""
    done_at: datetime | None = None
    """When it was reached."""

    def state(self, now: datetime) -> UpgradeState:
        """Where it stands at `now`."""
        if self.done_at is not None:
            return UpgradeState.DONE
        if now < self.due:
            return UpgradeState.PENDING
        return UpgradeState.LATE if now < self.alarm else UpgradeState.OVERDUE


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVersion:
    """A state of the file: what was issued, or what it became by appending."""

    position: int = 0
    """0 is the file as it was issued."""
    sha256: str
    """Of the whole file, hexadecimal."""
    size: int
    """Its bytes; earlier versions are the first bytes of later ones."""
    level: Level
    """The level that it reaches."""
    at: datetime
    """When it was registered, UTC."""
    notices: tuple[Reason, ...] = ()
    """What was let pass when it was made."""
    delivered_at: datetime | None = None
    """When it was first delivered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is known of a signed file when it is registered; written once."""

    sha256: str
    """Of the final file, hexadecimal."""
    size: int
    """Its bytes."""
    signers: tuple[SignerCertificate, ...]
    """In the order of the signatures."""
    signing_time: datetime
    """The claimed signing time of the last signature, UTC."""
    level: Level
    """The level that was reached, not the one that was asked for."""
    mechanism: Mechanism
    """The last signature's."""
    pages: int
    """How many pages the file has."""
    seal_token_sha256: str | None = None
    """Of the QR seal's token; None for a file without a seal."""
    fonts: tuple[str, ...] = ()
    """The fonts that the page was set in."""
    profile: str
    """The signature profile's name."""
    notices: tuple[Reason, ...] = ()
    """What preflight found and let pass, and what was replaced."""
    upgrade: Upgrade | None = None
    """What is still to be reached."""
