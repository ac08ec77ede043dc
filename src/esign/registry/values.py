"""Intents: what is asked for, and how far each has come; frozen values, never rows."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum

from esign.codes import AgencyCode, DocumentNumber, ResultId
from esign.document import ResultMetadata
from esign.errors import InputError
from esign.profile import DuplicatePolicy, Numbering
from esign.reasons import Reason
from esign.registry.registration import FileVersion, Registration, Upgrade

__all__ = [
    "FOR_CODE",
    "FOR_PEOPLE",
    "Delivery",
    "Intent",
    "IntentKind",
    "IntentState",
    "NewIntent",
    "NextNumber",
    "NumberSource",
    "Page",
    "aware",
]


def aware(moment: datetime) -> datetime:
    """`moment`, if it says in which zone it is meant.

    Raises:
        InputError: `time-without-zone`.
    """
    if moment.tzinfo is None:
        raise InputError("time-without-zone", found=moment.isoformat(sep=" "))
    return moment


class IntentState(Enum):
    """How far an intent has come (docs/adr/0003-intents.md)."""

    RESERVED = "reserved"
    """Recorded: id, number, status number and request are durable; nothing was made yet."""
    AWAITING = "awaiting"
    """The bytes that the competent person is to sign are fixed and stored; it waits for that signature."""
    APPROVED = "approved"
    """The file with the person's signature is stored; it waits for the agency (văn thư)."""
    PREPARED = "prepared"
    """The bytes that the agency signs are fixed and stored; its key may be touched from here on."""
    SIGNED = "signed"
    """The signed bytes are stored; nobody has them yet."""
    ISSUED = "issued"
    """Registered; the file may be handed out. Final."""
    VOID = "void"
    """Given up, with a reason; its number and its status number stay taken. Final."""

    @property
    def final(self) -> bool:
        """Whether nothing can follow."""
        return self in {IntentState.ISSUED, IntentState.VOID}

    @property
    def word(self) -> Reason:
        """As a fact that people read in their language."""
        return _STATE_WORDS[self]


FOR_CODE = (IntentState.RESERVED, IntentState.PREPARED, IntentState.SIGNED)
"""Where code can go on."""
FOR_PEOPLE = (IntentState.AWAITING, IntentState.APPROVED)
"""Where people are waited for."""

_STATE_WORDS = {
    IntentState.RESERVED: Reason("intent-is-reserved"),
    IntentState.AWAITING: Reason("intent-is-awaiting"),
    IntentState.APPROVED: Reason("intent-is-approved"),
    IntentState.PREPARED: Reason("intent-is-prepared"),
    IntentState.SIGNED: Reason("intent-is-signed"),
    IntentState.ISSUED: Reason("intent-is-issued"),
    IntentState.VOID: Reason("intent-is-void"),
}


class IntentKind(Enum):
    """What is being made."""

    RESULT = "result"
    """A result with số, ký hiệu."""
    SIGNATURE = "signature"
    """A signature on a file that has no number of ours."""
    ATTACHMENT = "attachment"
    """A file that belongs to a result and prints its number (ND30 Phụ lục I, II.8); it stands and falls with it."""
    COPY = "copy"
    """SAO Y, SAO LỤC or TRÍCH SAO (ND30 Phụ lục I, Phần II); numbered where the office numbers its copies."""

    @property
    def word(self) -> Reason:
        """As a fact that people read in their language."""
        return _KIND_WORDS[self]


_KIND_WORDS = {
    IntentKind.RESULT: Reason("kind-is-result"),
    IntentKind.SIGNATURE: Reason("kind-is-signature"),
    IntentKind.ATTACHMENT: Reason("kind-is-attachment"),
    IntentKind.COPY: Reason("kind-is-copy"),
}


class NumberSource(Enum):
    """Who counted."""

    BOOK = "book"
    """The register's own number book."""
    GIVEN = "given"
    """Another system, which gave the number with the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextNumber:
    """Ask for the next number of a number book (sổ đăng ký văn bản đi)."""

    symbol: str
    """Ký hiệu, for instance `QĐ-UBND`."""
    with_year: bool = False
    """Whether the year is printed in the number, as legal documents do (`05/2026/QĐ-UBND`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIntent:
    """A request to issue one document, as far as the register must know it."""

    kind: IntentKind = IntentKind.RESULT
    """A result needs `number` or AT_RELEASE, an attachment its `main`; a plain signature has neither."""
    agency: AgencyCode
    """Who issues."""
    idempotency_key: str
    """Chosen by the caller: one key stands for one request, however often it is sent."""
    request_digest: str
    """SHA-256 of the whole request, hexadecimal; the same key with another digest is refused."""
    profile: str
    """The name of the issuance profile."""
    metadata: ResultMetadata | None = None
    """What the result is. Its `holder` is not stored (DESIGN law 8)."""
    masked_holder: str = field(default="", repr=False)
    """Stored as it is: only what the profile allows, already masked."""
    number: DocumentNumber | NextNumber | None = None
    """A number that another system gave, or the next one of a book; None with AT_RELEASE."""
    numbering: Numbering = Numbering.RESERVED
    """AT_RELEASE: `assign_number` follows once the person has signed; only for results."""
    allow_list: bool = False
    """Whether its seal is to count only once it is issued (docs/spec/status.md §6)."""
    person: bool = False
    """Whether a competent person signs first: the agency's bytes are then prepared only from APPROVED."""
    main: ResultId | None = None
    """An attachment's main result."""
    duplicates: DuplicatePolicy = DuplicatePolicy.REFUSE
    """For a given number that is taken."""
    issue_date: date | None = None
    """The date that the document carries; None takes today's in +07:00. Its year is the book's year.
    With AT_RELEASE a guess, for pages that print the year beforehand; an attachment has its main result's date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One entry of the register, in whatever state."""

    id: ResultId
    """The result's own identifier."""
    sequence: int
    """The order in which intents were recorded; by counter, because clocks step back."""
    state: IntentState
    """How far it has come."""
    kind: IntentKind
    """What is being made."""
    agency: AgencyCode
    """Who issues."""
    main: ResultId | None
    """An attachment's main result; None for all others."""
    person: bool
    """Whether a competent person signs first."""
    idempotency_key: str
    """The caller's name for the request."""
    request_digest: str
    """SHA-256 of the request, hexadecimal."""
    profile: str
    """The issuance profile's name."""
    metadata: ResultMetadata | None
    """What it is; `holder` is always empty here."""
    masked_holder: str = field(repr=False)
    """The masked holder, if the profile stores it."""
    number: DocumentNumber | None
    """Số, ký hiệu; an attachment shows its main result's. None until a result AT_RELEASE is numbered."""
    numbering: Numbering
    """When it is numbered."""
    number_source: NumberSource | None
    """Who counted; None for an attachment, which takes no number."""
    duplicate_of: ResultId | None
    """The result that had this given number first, where the profile only warns."""
    issue_date: date
    """The date that the document carries; a guess until a result AT_RELEASE is numbered."""
    status_number: int
    """u32: its place in the status lists (shard = n >> 17, index = n & 0x1FFFF)."""
    reserved_at: datetime
    """When it was recorded, UTC."""
    awaiting_at: datetime | None = None
    """When the bytes for the person were fixed."""
    person_prepared_sha256: str | None = None
    """Of the file with the person's empty signature."""
    person_to_be_signed_sha256: str | None = None
    """Of the bytes that the person's key signs (the CMS signed attributes)."""
    person_signing_time: datetime | None = None
    """The claimed time inside them."""
    expires_at: datetime | None = None
    """Until when the person's signature is waited for; not the result's own end."""
    approved_at: datetime | None = None
    """When the file with the person's signature was stored."""
    approved_sha256: str | None = None
    """Of that file, which stays a prefix of all that follows."""
    numbered_at: datetime | None = None
    """When `assign_number` gave it its number; None where that was reserved."""
    prepared_at: datetime | None = None
    """When the bytes that the agency signs were fixed."""
    prepared_sha256: str | None = None
    """Of the file with the agency's empty signature."""
    to_be_signed_sha256: str | None = None
    """Of the bytes that the agency's key signs (the CMS signed attributes)."""
    signing_time: datetime | None = None
    """The claimed time inside the prepared bytes; a retry keeps it, so the digest stays."""
    signed_at: datetime | None = None
    """When the signed file was stored."""
    signed_sha256: str | None = None
    """Of the signed file."""
    issued_at: datetime | None = None
    """When it was registered."""
    delivered_at: datetime | None = None
    """When it was first delivered."""
    voided_at: datetime | None = None
    """When it was given up."""
    void_reason: Reason | None = None
    """Why, as a reason code with its facts."""
    void_why: str = ""
    """Why, in a person's words."""
    registration: Registration | None = None
    """The file's facts when it was issued; `upgrade` in it says what became of that since."""
    later: tuple[FileVersion, ...] = ()
    """What the file became since, oldest first."""

    @property
    def upgrade(self) -> Upgrade | None:
        """The level that was promised for later, and what became of that."""
        return self.registration.upgrade if self.registration is not None else None

    @property
    def versions(self) -> tuple[FileVersion, ...]:
        """Every state of the file that was registered, oldest first; none before it is ISSUED."""
        if self.registration is None or self.issued_at is None:
            return ()
        r = self.registration
        first = FileVersion(
            sha256=r.sha256,
            size=r.size,
            level=r.level,
            at=self.issued_at,
            notices=r.notices,
            delivered_at=self.delivered_at,
        )
        return (first, *self.later)

    @property
    def notices(self) -> tuple[Reason, ...]:
        """What the register let pass and must not be forgotten."""
        if self.duplicate_of is None:
            return ()
        return (Reason("number-duplicate", {"number": str(self.number), "other": str(self.duplicate_of)}),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A file that reached a place."""

    at: datetime
    """When, UTC."""
    where: str
    """A folder, a bucket, a webhook; no personal data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a listing."""

    entries: tuple[Intent, ...]
    """Newest first."""
    next: ResultId | None
    """Give this as `after` to go on; None at the end."""
