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
    "Check",
    "Indication",
    "Integrity",
    "Outcome",
    "SealFinding",
    "SignatureKind",
    "SignatureReport",
    "StandingReport",
    "SubIndication",
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
    """Why a signature did not pass (EN 319 102-1 §5.1.3, tables 5 and 6); those that esign gives today."""

    FORMAT_FAILURE = "FORMAT_FAILURE"
    HASH_FAILURE = "HASH_FAILURE"
    SIG_CRYPTO_FAILURE = "SIG_CRYPTO_FAILURE"
    REVOKED_NO_POE = "REVOKED_NO_POE"
    OUT_OF_BOUNDS_NO_POE = "OUT_OF_BOUNDS_NO_POE"
    NOT_YET_VALID = "NOT_YET_VALID"
    NO_SIGNING_CERTIFICATE_FOUND = "NO_SIGNING_CERTIFICATE_FOUND"
    NO_CERTIFICATE_CHAIN_FOUND = "NO_CERTIFICATE_CHAIN_FOUND"
    CERTIFICATE_CHAIN_GENERAL_FAILURE = "CERTIFICATE_CHAIN_GENERAL_FAILURE"
    CHAIN_CONSTRAINTS_FAILURE = "CHAIN_CONSTRAINTS_FAILURE"
    SIG_CONSTRAINTS_FAILURE = "SIG_CONSTRAINTS_FAILURE"
    CRYPTO_CONSTRAINTS_FAILURE_NO_POE = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"
    TRY_LATER = "TRY_LATER"


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

    @property
    def intact(self) -> bool:
        """Whether its bytes are as signed: format, digest and signature; says nothing about trust."""
        failed = {c.name for c in self.checks if c.outcome is Outcome.FAILED}
        return not failed & {"format", "byte-range", "digest", "signature", "modifications", "contents"}


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
