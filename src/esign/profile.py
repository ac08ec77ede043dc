"""How to sign and how to issue, as data that an operator reviews and versions.

Two families of signatures are seen in Vietnam (docs/spec/conformity.md): tokens of the government CA in practice use
RSA PKCS#1 v1.5 (`vgca-compat`), TT 15/2025 Phụ lục I asks for RSASSA-PSS (`tt15`).
"""

from dataclasses import dataclass, field
from datetime import timedelta, timezone
from enum import Enum

from esign.keys import KeyType, Mechanism

__all__ = [
    "TT15",
    "VGCA_COMPAT",
    "VIETNAM",
    "ContentPolicy",
    "DuplicatePolicy",
    "IssuanceProfile",
    "Level",
    "Numbering",
    "SealProfile",
    "SignatureProfile",
    "TimestampPolicy",
    "Timestamping",
]

VIETNAM = timezone(timedelta(hours=7), "+07:00")
"""Without summer time since 1975; what people read is in it, whatever the host's zone (ND30 Phụ lục I, II.8)."""


class Level(Enum):
    """PAdES baseline levels (EN 319 142-1 §6)."""

    B_B = "PAdES-B-B"
    B_T = "PAdES-B-T"
    B_LT = "PAdES-B-LT"
    B_LTA = "PAdES-B-LTA"


class TimestampPolicy(Enum):
    """What happens while no time-stamp is to be had; neither way is a lower level passed off as the wanted one."""

    WAIT = "wait"
    """Nothing is issued before the signature has its time-stamp; a try that fails is resumed later."""
    QUEUE = "queue"
    """It is issued as B-B at once, and the register keeps what is promised and by when (`esign augment --queue`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timestamping:
    """When a signature gets its time-stamp, for levels from B-T on."""

    policy: TimestampPolicy = TimestampPolicy.WAIT
    """Wait for it, or issue and add it later."""
    within: timedelta = timedelta(days=1)
    """With QUEUE: by when the level is promised."""
    grace: timedelta = timedelta(days=6)
    """With QUEUE: how long after that a delay is told but is no failure yet."""
    room: int = 16 * 1024
    """With WAIT: bytes kept free in `/Contents` for the token with its certificates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureProfile:
    """How one signature is made."""

    name: str
    """What the record says was used."""
    mechanisms: tuple[Mechanism, ...]
    """In order of preference; the first that the key's kind can do is used, and none is replaced silently."""
    level: Level = Level.B_B
    """The level to reach."""
    timestamping: Timestamping = field(default_factory=Timestamping)
    """When it gets its time-stamp; means nothing for B-B."""
    time_format: str = "%d.%m.%Y %H:%M:%S +07:00"
    """The signing time as the appearance prints it, always in +07:00 (docs/spec/conformity.md, ND30)."""
    reason: str = ""
    """/Reason of the signature dictionary; empty leaves it out."""

    def mechanism(self, key_type: KeyType, offered: frozenset[Mechanism]) -> Mechanism | None:
        """The mechanism to use with such a key, or None where the profile allows none that is offered."""
        return next((m for m in self.mechanisms if m.key_type is key_type and m in offered), None)

    @property
    def timestamp_room(self) -> int:
        """How many bytes of `/Contents` wait for a time-stamp that is taken at signing; 0 where none is."""
        stamped = self.level is not Level.B_B and self.timestamping.policy is TimestampPolicy.WAIT
        return self.timestamping.room if stamped else 0


VGCA_COMPAT = SignatureProfile(
    name="vgca-compat",
    mechanisms=(
        Mechanism.RSA_PKCS1_SHA256,
        Mechanism.ECDSA_P256_SHA256,
        Mechanism.ECDSA_P384_SHA384,
        Mechanism.ED25519,
    ),
)
"""What tokens and readers in the field understand today."""

TT15 = SignatureProfile(
    name="tt15",
    mechanisms=(Mechanism.RSA_PSS_SHA256, Mechanism.ECDSA_P256_SHA256, Mechanism.ECDSA_P384_SHA384),
)
"""What TT 15/2025/TT-BKHCN Phụ lục I row 1.2 asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealProfile:
    """The QR seal (docs/spec/seal.md)."""

    host: str
    """The host that the QR opens, without scheme, for instance `q.gov.vn`; short ones print smaller."""
    agency_number: int
    """u16, assigned by the trust list."""
    key_sequence: int = 1
    """u16: which of the agency's seal keys."""
    size_mm: float = 20.0
    """The symbol's side without its quiet zone; never smaller, larger where a long host needs it."""
    with_holder: bool = False
    """Whether the masked holder is in the seal (personal data; off unless the operator decides otherwise)."""
    with_procedure: bool = True
    """Whether the seal says what kind of result it is; off for criminal records, health and civil status."""
    allow_list: bool = False
    """Whether its seals count only once their result is issued, for titles and licences (docs/spec/status.md §6)."""


class DuplicatePolicy(Enum):
    """What to do when a given number was already issued by the same agency in the same year."""

    REFUSE = "refuse"
    WARN = "warn"


class ContentPolicy(Enum):
    """What to do with active content (scripts, launch actions, embedded media) in a given PDF."""

    REFUSE = "refuse"
    ALLOW = "allow"


class Numbering(Enum):
    """When a result gets its number and date (ND30 Đ.15, DESIGN §5)."""

    RESERVED = "reserved"
    """Before the first signature: page and seal carry them when the person signs."""
    AT_RELEASE = "at-release"
    """After the person signed: the records clerk (văn thư) numbers, dates and seals, perhaps days later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuanceProfile:
    """How results of one kind are issued."""

    name: str = "default"
    """What the record says was used."""
    signature: SignatureProfile = VGCA_COMPAT
    """The agency's signature."""
    person_signature: SignatureProfile | None = None
    """The competent person's; None: as the agency's, its time-stamp included."""
    seal: SealProfile | None = None
    """The QR seal; None issues without one."""
    visible: bool = True
    """Whether the signature has an appearance (the red seal and its text)."""
    person: bool = False
    """Whether a competent person signs before the agency (ND30 Đ.5, Đ.32.2.d)."""
    person_within: timedelta = timedelta(days=30)
    """How long a prepared document waits for the person's signature before it is void."""
    numbering: Numbering = Numbering.RESERVED
    """When number and date are taken; AT_RELEASE needs `person`."""
    duplicates: DuplicatePolicy = DuplicatePolicy.REFUSE
    """For numbers that another system gave."""
    active_content: ContentPolicy = ContentPolicy.REFUSE
    """For given PDFs; what was found is recorded either way."""
    attach_data: bool = False
    """Whether a template's data travel in the PDF as JSON with their schema (PDF/A-3b, else 2b)."""
    max_bytes: int = field(default=64 * 1024 * 1024)
    """Larger files are refused before they are parsed."""
    max_pages: int = 2000
    """Documents with more pages are refused."""
