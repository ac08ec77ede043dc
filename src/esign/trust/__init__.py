"""Whether a certificate may be relied on: paths to anchors, revocation, proofs of existence, algorithm policy."""

from esign.trust.algorithms import AlgorithmPolicy, Weakness
from esign.trust.policy import ValidationPolicy
from esign.trust.purpose import Purpose
from esign.trust.signatures import Suite
from esign.trust.store import TrustAnchor, TrustStore, certificates

__all__ = [
    "AlgorithmPolicy",
    "Purpose",
    "Suite",
    "TrustAnchor",
    "TrustStore",
    "ValidationPolicy",
    "Weakness",
    "certificates",
]
