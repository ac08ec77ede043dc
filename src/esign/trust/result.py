"""What validating a certificate gives, and the evidence that it takes; values only."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from esign.report import Check, Indication, SubIndication
from esign.trust.signatures import Suite
from esign.trust.store import TrustStore

__all__ = ["CertificateResult", "Evidence", "RevocationState", "RevocationStatus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a document or a network brought along, DER; none of it is believed before it is verified."""

    certificates: tuple[bytes, ...] = field(default=(), repr=False)
    """Possible issuers."""
    crls: tuple[bytes, ...] = field(default=(), repr=False)
    """Revocation lists."""
    ocsps: tuple[bytes, ...] = field(default=(), repr=False)
    """OCSP responses, or bare BasicOCSPResponses as CMS carries them."""

    def __or__(self, other: "Evidence") -> "Evidence":
        """Both, each piece once."""
        return Evidence(
            certificates=_once(self.certificates, other.certificates),
            crls=_once(self.crls, other.crls),
            ocsps=_once(self.ocsps, other.ocsps),
        )

    def with_store(self, trust: TrustStore) -> "Evidence":
        """What the operator gave, and this: limits on how much is looked at never hide the operator's part."""
        return Evidence(certificates=trust.intermediates, crls=trust.crls, ocsps=trust.ocsps) | self


def _once(*parts: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(piece for part in parts for piece in part))


class RevocationState(Enum):
    """What is known of one certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    ON_HOLD = "on-hold"
    """Suspended (certificateHold): the authority may yet decide either way."""
    NOT_NEEDED = "not-needed"
    """Its authority never revokes it, for it does not live long (RFC 9608)."""
    STALE = "stale"
    """The last good news is too old to count (EN 319 102-1 §5.2.5)."""
    UNKNOWN = "unknown"
    """Nobody entitled says anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationStatus:
    """What revocation information says about one certificate of a chain."""

    certificate_sha256: str
    """Hex."""
    state: RevocationState
    """The verdict."""
    source: str = ""
    """`crl` or `ocsp`; empty without any."""
    issued_at: datetime | None = None
    """thisUpdate."""
    next_update: datetime | None = None
    """nextUpdate."""
    revoked_at: datetime | None = None
    """When it was revoked or put on hold."""
    reason: str = ""
    """The CRLReason in the words of RFC 5280 §5.3.1: `keyCompromise`, …; empty where none is given."""
    evidence: bytes = field(default=b"", repr=False)
    """The revocation list or OCSP response that decided, DER: what a DSS keeps."""
    suites: tuple[Suite, ...] = ()
    """The algorithms that it rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateResult:
    """The outcome of X.509 certificate validation (EN 319 102-1 §5.2.6), or of its past form (§5.6.2.1)."""

    indication: Indication
    """TOTAL-PASSED where the block passed, else INDETERMINATE."""
    sub_indication: SubIndication | None
    """Why it did not pass."""
    checks: tuple[Check, ...]
    """What was checked; the failing one has the reason."""
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    """The certificate first, the anchor last, DER; also where it did not pass but a path was found."""
    revocation: tuple[RevocationStatus, ...] = ()
    """One for each certificate of `chain` but the anchor, in its order."""
    time: datetime
    """The moment for which this holds: `at`, or the control time of past validation."""
    algorithms_until: datetime | None = None
    """When the first algorithm of the chain and its revocation information gives out; None: no end is known."""

    @property
    def passed(self) -> bool:
        """Whether the certificate may be relied on at `time`."""
        return self.indication is Indication.TOTAL_PASSED
