"""What inspecting a document found: checks, signatures and the headline; values only.

A report is not a verdict (DESIGN law 5): it has no truth value, and `Verifier.verify` is what raises.
The words are those of EN 319 102-1 (indications) and TS 119 102-2 (reports).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NoReturn

from esign.document import Standing, StandingChange
from esign.profile import Level
from esign.reasons import Reason

__all__ = [
    "Block",
    "Change",
    "ChangeKind",
    "Check",
    "Indication",
    "Integrity",
    "NamePart",
    "Outcome",
    "PageDifference",
    "SealFinding",
    "SignatureKind",
    "SignatureReport",
    "StandingReport",
    "SubIndication",
    "TimestampKind",
    "TimestampReport",
    "VerificationReport",
]


class Integrity(Enum):
    """The trust-independent headline of a file."""

    INTACT = "INTACT"
    """Every signature and time-stamp is sound, covers what it must, and all later changes are permitted."""
    ALTERED = "ALTERED"
    """Something that was signed is not as it was."""
    UNSIGNED = "UNSIGNED"
    """A document without any signature."""
    UNREADABLE = "UNREADABLE"
    """Not a PDF that can be read safely."""


class Indication(Enum):
    """The overall status of a signature (EN 319 102-1 §5.1.3)."""

    TOTAL_PASSED = "TOTAL-PASSED"
    TOTAL_FAILED = "TOTAL-FAILED"
    INDETERMINATE = "INDETERMINATE"


class SubIndication(Enum):
    """Why a signature did not pass, in the standard's words (EN 319 102-1 §5.1.3, tables 5 and 6)."""

    # with TOTAL-FAILED
    FORMAT_FAILURE = "FORMAT_FAILURE"
    HASH_FAILURE = "HASH_FAILURE"
    SIG_CRYPTO_FAILURE = "SIG_CRYPTO_FAILURE"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    NOT_YET_VALID = "NOT_YET_VALID"
    # with INDETERMINATE
    SIG_CONSTRAINTS_FAILURE = "SIG_CONSTRAINTS_FAILURE"
    CHAIN_CONSTRAINTS_FAILURE = "CHAIN_CONSTRAINTS_FAILURE"
    CERTIFICATE_CHAIN_GENERAL_FAILURE = "CERTIFICATE_CHAIN_GENERAL_FAILURE"
    CRYPTO_CONSTRAINTS_FAILURE = "CRYPTO_CONSTRAINTS_FAILURE"
    POLICY_PROCESSING_ERROR = "POLICY_PROCESSING_ERROR"
    SIGNATURE_POLICY_NOT_AVAILABLE = "SIGNATURE_POLICY_NOT_AVAILABLE"
    TIMESTAMP_ORDER_FAILURE = "TIMESTAMP_ORDER_FAILURE"
    NO_SIGNING_CERTIFICATE_FOUND = "NO_SIGNING_CERTIFICATE_FOUND"
    NO_CERTIFICATE_CHAIN_FOUND = "NO_CERTIFICATE_CHAIN_FOUND"
    REVOKED_NO_POE = "REVOKED_NO_POE"
    REVOKED_CA_NO_POE = "REVOKED_CA_NO_POE"
    OUT_OF_BOUNDS_NO_POE = "OUT_OF_BOUNDS_NO_POE"
    OUT_OF_BOUNDS_NOT_REVOKED = "OUT_OF_BOUNDS_NOT_REVOKED"
    CRYPTO_CONSTRAINTS_FAILURE_NO_POE = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"
    NO_POE = "NO_POE"
    TRY_LATER = "TRY_LATER"
    SIGNED_DATA_NOT_FOUND = "SIGNED_DATA_NOT_FOUND"


class Block(Enum):
    """The building blocks of a validation (EN 319 102-1 §5.2 and §5.6.2), and ours for what a PDF adds."""

    FORMAT = "format-checking"
    IDENTIFICATION = "identification-of-the-signing-certificate"
    CONTEXT = "validation-context-initialization"
    CRYPTOGRAPHIC = "cryptographic-verification"
    X509 = "x509-certificate-validation"
    ACCEPTANCE = "signature-acceptance-validation"
    TIMESTAMP = "time-stamp-validation"
    PAST = "past-signature-validation"
    INTEGRITY = "document-integrity"
    """ISO 32000: what the signature covers, and what became of it since (DESIGN §6)."""
    STANDING = "standing"
    """What seal, register and form say: none of it is a matter of cryptography."""


class Outcome(Enum):
    """How one check ended."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It could not be decided: data is missing."""
    NOTED = "noted"
    """A fact that decides nothing, and that a reader should know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One step of a verification."""

    name: str
    """What was checked: `byte-range`, `digest`, `chain`, …"""
    outcome: Outcome
    """How it ended."""
    clause: str
    """Where the rule stands, for instance `ISO 32000-1 §12.8.1`."""
    reason: Reason | None = None
    """Why; always there unless the check passed."""
    block: Block = Block.INTEGRITY
    """Which part of the process it belongs to."""


class ChangeKind(Enum):
    """What a later revision did; the categories in which people think of changes."""

    SIGNATURE = "signature"
    """A further signature or document time-stamp, with its field and appearance."""
    EVIDENCE = "evidence"
    """Validation data: /DSS, /VRI (EN 319 142-1 §5.4)."""
    METADATA = "metadata"
    """What no page shows: XMP, /Info, extensions."""
    FORM = "form"
    """The value of a form field."""
    ANNOTATION = "annotation"
    """A note, drawing or stamp was added, changed or removed."""
    PAGE = "page"
    """A page's content, resources or geometry; a page added, removed or moved."""
    FONT = "font"
    """A font that already shown text uses."""
    ACTION = "action"
    """A script or action."""
    ATTACHMENT = "attachment"
    """An embedded file."""
    STRUCTURE = "structure"
    """Objects or tables in a way that no honest writer makes: redefined, freed, hidden, ambiguous."""
    OTHER = "other"
    """Anything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that became different after a signature."""

    kind: ChangeKind
    """The category."""
    reason: Reason
    """What happened, with a sentence in both languages."""
    permitted: bool
    """Whether the signature allows it (DocMDP, FieldMDP, ISO 32000-2 §12.8.2)."""
    revision: int
    """The revision that did it, from 0."""
    page: int | None = None
    """The page that it concerns, from 1, where it concerns one."""
    field: str = ""
    """The fully qualified name of the form field that it concerns."""


class TimestampKind(Enum):
    """What a time-stamp speaks for (EN 319 142-1 §5.3, §5.4.3)."""

    SIGNATURE = "signature-time-stamp"
    CONTENT = "content-time-stamp"
    DOCUMENT = "document-time-stamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampReport:
    """One time-stamp token inside a signature (RFC 3161); document time-stamps are signatures of their own kind."""

    kind: TimestampKind
    """What it speaks for."""
    time: datetime | None
    """genTime; None where the token cannot be read."""
    authority: str
    """The common name of the authority's certificate."""
    certificate_sha256: str
    """Hex, of that certificate."""
    indication: Indication
    """The verdict for the token alone."""
    sub_indication: SubIndication | None
    """Why it did not pass."""
    checks: tuple[Check, ...]
    """What was checked, in order."""
    certificates: tuple[bytes, ...] = field(default=(), repr=False)
    """Its validated chain, DER."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamePart:
    """One attribute of a distinguished name, as people may see it."""

    label: str
    """The short name: `CN`, `O`, `MST`, `CCCD`, …"""
    value: str
    """The value; personal numbers are masked (DESIGN law 8)."""


class SignatureKind(Enum):
    """What a signature dictionary holds."""

    SIGNATURE = "signature"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureReport:
    """One signature or document time-stamp of a file, in the order of signing."""

    field_name: str
    """The fully qualified name of its field."""
    kind: SignatureKind
    """A person's or agency's signature, or a document time-stamp."""
    level: str
    """`PAdES-B-B` …, or what it is instead: `PKCS7-B`, `PDF-NOT-ETSI`."""
    covers_whole_file: bool
    """Whether nothing follows the bytes that it signs."""
    signed_bytes: int = 0
    """It speaks for so many bytes from the start of the file, `/Contents` aside; 0 where its range makes no sense."""
    signer: str
    """The subject's common name, as the certificate spells it; empty where no certificate was found."""
    certificate_sha256: str
    """Hex, of the signing certificate in DER; empty where none was found."""
    signing_time: datetime | None
    """When the signer says that it was made; a claim, not a proof."""
    mechanism: str
    """The algorithm, as the signature names it."""
    indication: Indication
    """The verdict for this signature alone."""
    sub_indication: SubIndication | None
    """Why it did not pass."""
    checks: tuple[Check, ...]
    """What was checked, in order."""
    certificates: tuple[bytes, ...] = field(default=(), repr=False)
    """The signing certificate and its validated chain, DER."""
    revision: int = 0
    """The revision that it ends, from 0."""
    subject: tuple[NamePart, ...] = ()
    """The signer's distinguished name in its order, masked."""
    best_time: datetime | None = None
    """The earliest time at which the signature is proven to have existed (EN 319 102-1 §5.5); `at` without a proof."""
    timestamps: tuple[TimestampReport, ...] = ()
    """The time-stamps inside it."""
    changes: tuple[Change, ...] = ()
    """What became different after it, in the order of the revisions."""
    policy: str = ""
    """The identifier of its signature policy (EPES), dotted."""

    @property
    def intact(self) -> bool:
        """Whether its bytes are as signed, and known to be: format, digest and signature; says nothing about trust."""
        bad = {c.name for c in self.checks if c.outcome in {Outcome.FAILED, Outcome.UNKNOWN}}
        return not bad & {"format", "byte-range", "digest", "signature", "modifications", "contents"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDifference:
    """A page that looks otherwise than when somebody signed it; whether it may is what `Change` says."""

    page: int
    """The page, from 1."""
    signature: int
    """Since which signature, by its position in the report from 0."""
    share: float
    """How much of the page's area differs, from 0 to 1; 1 where one of the two has no such page."""
    before: bytes = field(default=b"", repr=False)
    """A picture of the page as signed, PNG; empty where none was kept or there was no such page."""
    after: bytes = field(default=b"", repr=False)
    """The same page later: at the next signature, or in the file as it is."""
    before_detail: bytes = field(default=b"", repr=False)
    """What differs, enlarged; empty where that is most of the page."""
    after_detail: bytes = field(default=b"", repr=False)
    """The same place later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealFinding:
    """The QR seal that a document carries."""

    url: str = field(repr=False)
    """What the symbol says. It names the document: keep it out of logs."""
    checks: tuple[Check, ...]
    """Signature of the seal, its key, its binding to this file, its picture."""
    number: str = ""
    """The document number in the seal."""
    issued_at: datetime | None = None
    """When the seal says that the result was issued."""
    result_id: str = ""
    """The printed id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingReport:
    """What a register says about the document, apart from its signatures (DESIGN law 4)."""

    standing: Standing | None
    """None: the register does not know this file."""
    checks: tuple[Check, ...]
    """Whether the file is the registered one, and in force."""
    number: str = ""
    """The registered number."""
    history: tuple[StandingChange, ...] = ()
    """Every change, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """Everything that inspecting one file found."""

    integrity: Integrity
    """The headline, whoever signed."""
    at: datetime
    """The time of validation: trust and standing are as of then."""
    sha256: str
    """Hex, of the whole file."""
    signatures: tuple[SignatureReport, ...] = ()
    """In the order of signing."""
    checks: tuple[Check, ...] = ()
    """Checks of the file as a whole."""
    seal: SealFinding | None = None
    """The QR seal; None where the file has none, or it was not looked for."""
    standing: StandingReport | None = None
    """None where no register was asked."""
    pages: tuple[PageDifference, ...] | None = None
    """Which pages look different; None where the pages were not compared."""

    def __bool__(self) -> NoReturn:
        message = "a report is not a verdict: look at its fields, or call Verifier.verify()"
        raise TypeError(message)

    def all_checks(self) -> Iterator[Check]:
        """Every check of the file, its signatures, its seal and its standing."""
        yield from self.checks
        for part in (*self.signatures, self.seal, self.standing):
            if part is not None:
                yield from part.checks

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why the file does not simply pass, in the order of the checks."""
        return tuple(
            c.reason
            for c in self.all_checks()
            if c.reason is not None and c.outcome in {Outcome.FAILED, Outcome.UNKNOWN}
        )

    @property
    def levels(self) -> tuple[Level, ...]:
        """The PAdES baseline levels that were reached."""
        known = {level.value: level for level in Level}
        return tuple(known[s.level] for s in self.signatures if s.level in known)
