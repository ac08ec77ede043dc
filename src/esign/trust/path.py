"""Certification path validation without revocation (RFC 5280 §6.1): one path, one moment, the first thing that fails.

Signatures and the order of names were checked when the path was built (`esign.trust.building`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from esign.cms import ber
from esign.reasons import Reason
from esign.report import SubIndication
from esign.trust.certificate import BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, KEY_USAGE, Certificate, KeyUsage
from esign.trust.constraints import NAME_CONSTRAINTS, SUBJECT_ALTERNATIVE_NAME, NameConstraints
from esign.trust.policies import (
    ANY_POLICY,
    CERTIFICATE_POLICIES,
    INHIBIT_ANY_POLICY,
    POLICY_CONSTRAINTS,
    POLICY_MAPPINGS,
    PolicyProcessor,
)

__all__ = ["Failure", "Path", "check_structure", "check_validity"]

Path = tuple[Certificate, ...]
"""The certificate in question first, the trust anchor last."""

# What is understood here; a critical extension beyond these refuses the certificate (RFC 5280 §4.2).
_KNOWN = frozenset(
    {
        BASIC_CONSTRAINTS,
        KEY_USAGE,
        EXTENDED_KEY_USAGE,
        NAME_CONSTRAINTS,
        SUBJECT_ALTERNATIVE_NAME,
        CERTIFICATE_POLICIES,
        POLICY_MAPPINGS,
        POLICY_CONSTRAINTS,
        INHIBIT_ANY_POLICY,
        "2.5.29.14",  # subjectKeyIdentifier and
        "2.5.29.35",  # authorityKeyIdentifier help to build paths
        "2.5.29.31",  # cRLDistributionPoints: matched with the scope of a list
        "1.3.6.1.5.5.7.1.3",  # qcStatements say more about a signer, and forbid nothing
        "1.3.6.1.5.5.7.48.1.5",  # id-pkix-ocsp-nocheck
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a path is not acceptable."""

    sub_indication: SubIndication
    """In the standard's words."""
    reason: Reason
    """In ours."""


def check_structure(path: Path, *, policies: frozenset[str], explicit: bool) -> Failure | None:
    """What no moment in time can mend: who may issue, for which names, under which policies."""
    try:
        reason = next(_structure(path, policies=policies, explicit=explicit), None)
    except ber.Malformed:
        reason = Reason("chain-invalid")
    return Failure(SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE, reason) if reason else None


def _structure(path: Path, *, policies: frozenset[str], explicit: bool) -> Iterator[Reason]:
    anchor, *certificates = reversed(path)
    processor = PolicyProcessor(length=len(certificates), initial=policies, explicit=explicit)
    # RFC 5937 §3.2: what the anchor's own certificate says of paths below it counts.
    constraints = [c for c in (NameConstraints.of(anchor),) if c is not None]
    remaining = anchor.path_length
    for number, certificate in enumerate(certificates, 1):
        final = number == len(certificates)
        unknown = [oid for oid, e in certificate.extensions.items() if e.critical and oid not in _KNOWN]
        if unknown:
            yield Reason("critical-extension-unknown", {"oid": unknown[0]})
        if (final or not certificate.is_self_issued) and not all(c.admit(certificate) for c in constraints):
            yield Reason("name-not-permitted")
        if not processor.process(certificate, final=final):
            yield Reason("policy-not-acceptable")
        if final:
            return
        yield from _issuer(certificate)
        if not certificate.is_self_issued and remaining is not None:
            if remaining == 0:
                yield Reason("path-too-long")
            remaining -= 1
        if certificate.path_length is not None:
            remaining = min(certificate.path_length, certificate.path_length if remaining is None else remaining)
        imposed = NameConstraints.of(certificate)
        if imposed is not None:
            constraints.append(imposed)


def _issuer(certificate: Certificate) -> Iterator[Reason]:
    """§6.1.4 k–n: whoever issues is an authority, and says so."""
    if certificate.version != 3 or not certificate.is_authority:
        yield Reason("issuer-not-authority")
    if not certificate.may(KeyUsage.KEY_CERT_SIGN):
        yield Reason("issuer-key-usage")


def check_validity(certificates: Sequence[Certificate], at: datetime) -> Failure | None:
    """§6.1.3 a 2, for the certificate in question first: an anchor is trusted by the operator, not by its dates."""
    for certificate in certificates:
        if at > certificate.not_after:
            return Failure(SubIndication.OUT_OF_BOUNDS_NO_POE, Reason("certificate-expired"))
        if at < certificate.not_before:
            return Failure(SubIndication.OUT_OF_BOUNDS_NO_POE, Reason("certificate-not-yet-valid"))
    return None


ANYTHING = frozenset({ANY_POLICY})
"""The default of user-initial-policy-set (§6.1.1 c)."""
