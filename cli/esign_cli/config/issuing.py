"""`[agency]`, `[issuance]`, `[authority]`, `[seal]` and `[status]` of esign.toml: who issues what, and how."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from esign.codes import AgencyCode
from esign.keys import KeyRef
from esign.profile import (
    TT15,
    VGCA_COMPAT,
    ContentPolicy,
    DuplicatePolicy,
    Level,
    Numbering,
    SealProfile,
    SignatureProfile,
)

__all__ = [
    "AgencySection",
    "AuthoritySection",
    "IssuanceSection",
    "LevelChoice",
    "SealSection",
    "SignatureChoice",
    "StatusSection",
]


class SignatureChoice(Enum):
    """The signature profiles that `[issuance] signature` names."""

    VGCA_COMPAT = "vgca-compat"
    TT15 = "tt15"

    @property
    def profile(self) -> SignatureProfile:
        """The profile itself."""
        return VGCA_COMPAT if self is SignatureChoice.VGCA_COMPAT else TT15


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
class AgencySection:
    """`[agency]`: see `esign.document.Agency`."""

    code: AgencyCode
    """Mã định danh."""
    name: str
    """As printed."""
    parent: str = ""
    """The authority above."""
    place: str
    """Địa danh."""
    address: str = ""
    """Footer."""
    seal_image: Path | None = None
    """A PNG with transparency."""
    seal_diameter_mm: float = 36.0
    """Real size."""
    system: str = ""
    """Information system."""
    system_owner: str = ""
    """Chủ quản."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuanceSection:
    """`[issuance]`: see `esign.profile.IssuanceProfile`."""

    profile: str = "default"
    """The name that the register records."""
    signature: SignatureChoice = SignatureChoice.VGCA_COMPAT
    """The signature profile."""
    level: LevelChoice = LevelChoice.B_B
    """The level to reach; from B-T on [timestamp] says how."""
    visible: bool = True
    """Whether the signature has an appearance."""
    duplicates: DuplicatePolicy = DuplicatePolicy.REFUSE
    """For numbers that another system gave."""
    active_content: ContentPolicy = ContentPolicy.REFUSE
    """For given PDFs."""
    max_mebibytes: int = 64
    """Larger PDFs are refused before they are looked at."""
    attach_data: bool = False
    """PDF/A-3b with the data inside."""
    person: bool = False
    """Whether a competent person signs every result before the agency."""
    person_within_days: int = 30
    """How long a result waits for that signature."""
    numbering: Numbering = Numbering.RESERVED
    """When results of two officials get number and date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoritySection:
    """`[authority]`: who may sign what."""

    table: Path | None = None
    """An `esign.authority.AuthorityTable`; without it nothing is checked, and the record of each result says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealSection:
    """`[seal]`: see `esign.profile.SealProfile`."""

    host: str
    """The host that the QR opens."""
    agency_number: int
    """Assigned by the trust list."""
    key_sequence: int = 1
    """Which of the agency's seal keys."""
    size_mm: float = 20.0
    """The symbol's side."""
    with_holder: bool = False
    """Masked holder in the seal."""
    with_procedure: bool = True
    """The kind of result in the seal."""
    allow_list: bool = False
    """Seals count only once their result is issued."""
    key: KeyRef
    """The seal key."""

    @property
    def profile(self) -> SealProfile:
        """What the seals look like and say."""
        return SealProfile(
            host=self.host,
            agency_number=self.agency_number,
            key_sequence=self.key_sequence,
            size_mm=self.size_mm,
            with_holder=self.with_holder,
            with_procedure=self.with_procedure,
            allow_list=self.allow_list,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSection:
    """`[status]`: publishing what holds of results today (docs/spec/status.md)."""

    key: KeyRef
    """The status key: P-256, and no other than this."""
    kid: str
    """How the trust list names it: eight small hex digits."""
    target: str = "site"
    """A folder, relative to the file, or the URL of an object store."""

    @property
    def kid_bytes(self) -> bytes:
        """The four bytes."""
        return bytes.fromhex(self.kid)
