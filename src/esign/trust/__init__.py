"""Whether a certificate may be relied on: paths to anchors, revocation, proofs of existence, algorithm policy.

`validate_certificate` judges at a given time, `validate_past_certificate` by proofs of existence; both are offline,
and never raise for bad input. What asks the network stands apart, in `esign.trust.gathering` and `esign.trust.known`.
"""

from typing import TYPE_CHECKING

from esign import lazy

if TYPE_CHECKING:
    from esign.trust.algorithms import AlgorithmPolicy, Weakness
    from esign.trust.past import settle_past_signature, validate_past_certificate
    from esign.trust.poe import ProofsOfExistence
    from esign.trust.policy import ValidationPolicy
    from esign.trust.purpose import Purpose
    from esign.trust.result import CertificateResult, Evidence, RevocationState, RevocationStatus
    from esign.trust.signatures import Suite
    from esign.trust.signer import check_before_signing, common_name, signer_facts
    from esign.trust.store import TrustAnchor, TrustStore, certificates
    from esign.trust.validation import validate_certificate

__all__ = [
    "AlgorithmPolicy",
    "CertificateResult",
    "Evidence",
    "ProofsOfExistence",
    "Purpose",
    "RevocationState",
    "RevocationStatus",
    "Suite",
    "TrustAnchor",
    "TrustStore",
    "ValidationPolicy",
    "Weakness",
    "certificates",
    "check_before_signing",
    "common_name",
    "settle_past_signature",
    "signer_facts",
    "validate_certificate",
    "validate_past_certificate",
]

if not TYPE_CHECKING:
    __getattr__ = lazy.loader(
        __name__,
        {
            "algorithms": "AlgorithmPolicy Weakness",
            "past": "settle_past_signature validate_past_certificate",
            "poe": "ProofsOfExistence",
            "policy": "ValidationPolicy",
            "purpose": "Purpose",
            "result": "CertificateResult Evidence RevocationState RevocationStatus",
            "signatures": "Suite",
            "signer": "check_before_signing common_name signer_facts",
            "store": "TrustAnchor TrustStore certificates",
            "validation": "validate_certificate",
        },
    )
