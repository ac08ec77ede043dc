"""X.509 validation of a signing certificate: a path to a given anchor, and its revocation, at a given time.

Works offline: certificates and revocation lists are given. EN 319 102-1 §5.2.6, RFC 5280 §6.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from datetime import datetime
from itertools import pairwise
from typing import Any, TypeVar, cast

from asn1crypto import crl, x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.x509 import load_der_x509_certificate, load_der_x509_crl
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    ExpiredError,
    InsufficientRevinfoError,
    NotYetValidError,
    PathBuildingError,
    PathError,
    RevokedError,
    ValidationError,
)
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import (
    NO_REVOCATION,
    REQUIRE_REVINFO,
    CertRevTrustPolicy,
    RevocationCheckingPolicy,
)

from esign.errors import SigningError
from esign.pades._quiet import quiet
from esign.reasons import Reason
from esign.report import Check, Indication, Outcome, SubIndication
from esign.trust import TrustStore

__all__ = ["ChainResult", "check_before_signing", "common_name", "signer_facts", "validate_chain"]

_logger = logging.getLogger(__name__)
_CLAUSE = "EN 319 102-1 §5.2.6"
T = TypeVar("T")

# What a certificate with an extended key usage must also be for, or it signs no documents (RFC 5280 §4.2.1.12: "MUST
# only be used for one of the purposes indicated"). Until RFC 9336 there was none for documents and authorities wrote
# what was near; those of people commonly have emailProtection beside clientAuth. clientAuth alone is not enough:
# such a key signs what servers send it, and that proves nothing about its owner's will.
_DOCUMENT_PURPOSES = frozenset(
    {
        "2.5.29.37.0",  # anyExtendedKeyUsage
        "1.3.6.1.5.5.7.3.36",  # documentSigning (RFC 9336)
        "1.3.6.1.5.5.7.3.4",  # emailProtection: S/MIME is CMS signed by a person
        "1.2.840.113583.1.1.5",  # Adobe: authentic documents trust
        "1.3.6.1.4.1.311.10.3.12",  # Microsoft: document signing
    }
)

ChainResult = tuple[Indication, SubIndication | None, tuple[Check, ...], tuple[bytes, ...]]
"""The indication of the X.509 block, why, the checks, and the validated path (DER, signer first)."""

# The sub-indications of EN 319 102-1 §5.2.6.4 for what the path validator reports; the first that matches is used.
_FAILURES: tuple[tuple[type[Exception], str, SubIndication], ...] = (
    (RevokedError, "certificate-revoked", SubIndication.REVOKED_NO_POE),
    (ExpiredError, "certificate-expired", SubIndication.OUT_OF_BOUNDS_NO_POE),
    (NotYetValidError, "certificate-not-yet-valid", SubIndication.OUT_OF_BOUNDS_NO_POE),
    (InsufficientRevinfoError, "revocation-unknown", SubIndication.TRY_LATER),
    (PathBuildingError, "no-path-to-anchor", SubIndication.NO_CERTIFICATE_CHAIN_FOUND),
)


def validate_chain(
    certificate: x509.Certificate, others: Sequence[x509.Certificate], *, trust: TrustStore, at: datetime
) -> ChainResult:
    """Find and validate a path from `certificate` to an anchor of `trust`, as of `at`.

    Revocation must be known: where no list of `trust` answers for a certificate of the path, the result is
    INDETERMINATE / TRY_LATER, never a silent pass (DESIGN law 7). So must what the certificate is for: an authority,
    a server or a time-stamping unit signs no documents.
    """
    try:
        misused = _misuse(certificate)
        notes = tuple(_notes(certificate))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        # asn1crypto parses an extension when it is looked at, and raises anything for a malformed one.
        _logger.debug("certificate cannot be processed: %s", type(e).__name__)
        return _failed("chain-invalid", SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE)
    if misused:
        return _failed(misused, SubIndication.CHAIN_CONSTRAINTS_FAILURE)
    if not trust.anchors:
        return _failed("no-anchors", SubIndication.NO_CERTIFICATE_CHAIN_FOUND)
    others = (*others, *(x509.Certificate.load(c) for c in trust.intermediates))
    found = _validate(certificate, others, trust=trust, at=at, revocation=REQUIRE_REVINFO)
    if isinstance(found, ValidationPath):
        checks = (Check(name="chain", outcome=Outcome.PASSED, clause=_CLAUSE), *notes)
        return Indication.TOTAL_PASSED, None, checks, tuple(c.dump() for c in _signer_first(found))
    if found[1] is not SubIndication.TRY_LATER:
        return found
    # pyHanko stops at the first certificate that no current list speaks of. What lies behind it may be worse than
    # unknown: the signer revoked by a list that is there, while the list of the root is missing.
    path = _validate(certificate, others, trust=trust, at=at, revocation=NO_REVOCATION)
    if not isinstance(path, ValidationPath):
        return path
    if any(_is_listed(c, i, trust=trust, at=at) for c, i in pairwise(_signer_first(path))):
        return _failed("certificate-revoked", SubIndication.REVOKED_NO_POE)
    return found


def _misuse(certificate: x509.Certificate) -> str:
    """Why the certificate signs no documents, whoever issued it; "" where it may."""
    constraints = certificate.basic_constraints_value
    if constraints is not None and constraints["ca"].native:
        return "certificate-of-authority"
    usage = certificate.key_usage_value
    if usage is not None and not {"digital_signature", "non_repudiation"} & usage.native:
        return "key-usage"
    purposes = certificate.extended_key_usage_value
    if purposes is not None and not _DOCUMENT_PURPOSES & {purpose.dotted for purpose in purposes}:
        return "extended-key-usage"
    return ""


def _notes(certificate: x509.Certificate) -> Iterator[Check]:
    # RFC 5280 §4.2.1.3 asks authorities for it in their own certificates alone: without it every use is open.
    if certificate.key_usage_value is None:
        reason = Reason("key-usage-missing")
        yield Check(name="key-usage", outcome=Outcome.NOTED, clause="RFC 5280 §4.2.1.3", reason=reason)


def _validate(
    certificate: x509.Certificate,
    others: Sequence[x509.Certificate],
    *,
    trust: TrustStore,
    at: datetime,
    revocation: RevocationCheckingPolicy,
) -> ValidationPath | ChainResult:
    """The path, or why there is none."""
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(a.der) for a in trust.anchors],
        other_certs=others,
        crls=[crl.CertificateList.load(c) for c in trust.crls],
        moment=at,
        allow_fetching=False,
        revinfo_policy=CertRevTrustPolicy(revocation),
    )
    validator = CertificateValidator(certificate, intermediate_certs=[], validation_context=context)
    try:
        with quiet():
            return _run(validator.async_validate_path())
    except (ValidationError, PathError) as e:
        for kind, code, sub in _FAILURES:
            if isinstance(e, kind):
                return _failed(code, sub)
        _logger.debug("path validation failed: %s", e)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        # Certificates of hostile documents reach asn1crypto's lazy parsing here.
        _logger.debug("certificate cannot be processed: %s", type(e).__name__)
    return _failed("chain-invalid", SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE)


def _is_listed(certificate: x509.Certificate, issuer: x509.Certificate, *, trust: TrustStore, at: datetime) -> bool:
    """Whether the newest list of `issuer` names `certificate`; one that is out of date still tells bad news."""
    told: list[tuple[datetime, bool]] = []
    for der in trust.crls:
        # What cryptography cannot read or verify says nothing; the path stays without an answer.
        with suppress(TypeError, ValueError, UnsupportedAlgorithm):
            found = load_der_x509_crl(der)
            if found.issuer.public_bytes() != issuer.subject.dump() or found.last_update_utc > at:
                continue
            authority = load_der_x509_certificate(issuer.dump()).public_key()
            if found.is_signature_valid(cast(CertificateIssuerPublicKeyTypes, authority)):
                entry = found.get_revoked_certificate_by_serial_number(certificate.serial_number)
                told.append((found.last_update_utc, entry is not None and entry.revocation_date_utc <= at))
    return max(told, default=(at, False))[1]


def check_before_signing(certificates: Sequence[bytes], *, trust: TrustStore, at: datetime) -> tuple[Reason, ...]:
    """Refuse a certificate that must not sign now; return what could not be checked, for the record.

    NĐ 68/2024 Đ.29, Đ.31–32 and TT 15/2025 Đ.5: validity and path before signing. Without anchors, or without a
    current revocation list, the result is recorded as not checked, never as good.

    Raises:
        SigningError: Expired, not yet valid, revoked, not meant for signing, or no path to a given anchor.
    """
    certificate, *others = (x509.Certificate.load(c) for c in certificates)
    if at > certificate.not_valid_after:
        raise SigningError("certificate-expired")
    if at < certificate.not_valid_before:
        raise SigningError("certificate-not-yet-valid")
    _, sub, checks, _ = validate_chain(certificate, others, trust=trust, at=at)
    reasons = tuple(c.reason for c in checks if c.reason is not None)
    failed = any(c.outcome is Outcome.FAILED for c in checks)
    undecidable = sub is SubIndication.TRY_LATER or not trust.anchors
    if sub is not None and (failed or not undecidable):
        raise SigningError(reasons[0].code, **reasons[0].facts)
    return reasons


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


def _failed(code: str, sub: SubIndication) -> ChainResult:
    unknown = sub in {SubIndication.TRY_LATER, SubIndication.NO_CERTIFICATE_CHAIN_FOUND}
    outcome = Outcome.UNKNOWN if unknown else Outcome.FAILED
    check = Check(name="chain", outcome=outcome, clause=_CLAUSE, reason=Reason(code))
    return Indication.INDETERMINATE, sub, (check,), ()


def _signer_first(path: ValidationPath) -> list[x509.Certificate]:
    return [c for c in reversed(list(path)) if isinstance(c, x509.Certificate)]


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Finish a coroutine also where the caller is inside an event loop of its own (an async web view)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, asyncio.run, work).result()
