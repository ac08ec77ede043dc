"""Our own signer's certificate: refused before signing where it must not sign, and what the register keeps of it."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from asn1crypto import x509

from esign.errors import SigningError
from esign.reasons import Reason
from esign.report import Outcome, SubIndication
from esign.trust.certificate import parse_certificate
from esign.trust.result import Evidence
from esign.trust.store import TrustStore
from esign.trust.validation import validate_certificate

__all__ = ["check_before_signing", "common_name", "signer_facts"]


def check_before_signing(certificates: Sequence[bytes], *, trust: TrustStore, at: datetime) -> tuple[Reason, ...]:
    """Refuse a certificate that must not sign now; return what could not be checked, for the record.

    NĐ 68/2024 Đ.29, Đ.31–32 and TT 15/2025 Đ.5: validity and path before signing. Without anchors, or without current
    revocation information, the result is recorded as not checked, never as good.

    Raises:
        SigningError: Expired, not yet valid, revoked, suspended, not meant for signing, or no path to a given anchor.
    """
    signer, *others = certificates
    found = validate_certificate(signer, trust=trust, at=at, evidence=Evidence(certificates=tuple(others)))
    reasons = tuple(c.reason for c in found.checks if c.reason is not None)
    if not found.passed:
        _check_dates(signer, at)  # also where nobody is trusted, so that no path was looked for
        unknown = not any(c.outcome is Outcome.FAILED for c in found.checks)
        undecidable = found.sub_indication is SubIndication.TRY_LATER or not trust.anchors
        if not (unknown and undecidable):
            raise SigningError(reasons[0].code, **reasons[0].facts)
    return reasons


def _check_dates(signer: bytes, at: datetime) -> None:
    certificate = parse_certificate(signer)
    if at > certificate.not_after:
        raise SigningError("certificate-expired")
    if at < certificate.not_before:
        raise SigningError("certificate-not-yet-valid")


@lru_cache(maxsize=256)
def common_name(certificate: bytes) -> str:
    """The subject's common name, or all of the subject where it has none."""
    subject = x509.Certificate.load(certificate).subject
    found = subject.native.get("common_name", subject.human_friendly)
    return ", ".join(found) if isinstance(found, list) else str(found)


def signer_facts(certificate: bytes) -> dict[str, str]:
    """What the register keeps of a certificate, without the person's name: SHA-256, issuer, serial."""
    parsed = x509.Certificate.load(certificate)
    return {
        "sha256": parsed.sha256.hex(),
        "issuer": parsed.issuer.human_friendly,
        "serial": f"{parsed.serial_number:x}",
    }
