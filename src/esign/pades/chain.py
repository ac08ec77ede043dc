"""X.509 validation of a signing certificate, in the terms of pyHanko's readers: a bridge to `esign.trust`."""

from collections.abc import Sequence
from datetime import datetime

from asn1crypto import x509

from esign.report import Check, Indication, SubIndication
from esign.trust import Evidence, TrustStore, check_before_signing, common_name, signer_facts, validate_certificate

__all__ = ["ChainResult", "check_before_signing", "common_name", "signer_facts", "validate_chain"]

ChainResult = tuple[Indication, SubIndication | None, tuple[Check, ...], tuple[bytes, ...]]
"""The indication of the X.509 block, why, the checks, and the path (DER, signer first)."""


def validate_chain(
    certificate: x509.Certificate, others: Sequence[x509.Certificate], *, trust: TrustStore, at: datetime
) -> ChainResult:
    """Find and validate a path from `certificate` to an anchor of `trust`, as of `at`."""
    evidence = Evidence(certificates=tuple(c.dump() for c in others))
    found = validate_certificate(certificate.dump(), trust=trust, at=at, evidence=evidence)
    return found.indication, found.sub_indication, found.checks, found.chain
