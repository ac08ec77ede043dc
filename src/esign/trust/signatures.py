"""The signatures under certificates, revocation lists and OCSP answers: by which algorithm, and whether they verify."""

from dataclasses import dataclass
from functools import lru_cache

from esign.cms import ber
from esign.cms.algorithms import AlgorithmIdentifier, Scheme, Unsupported, pss_parameters, signature_algorithm
from esign.cms.content import Content
from esign.cms.keys import key_name, load_public_key
from esign.cms.signatures import is_signature

__all__ = ["Suite", "is_signed_by", "suite_of"]

_SMALL = 16 * 1024


@dataclass(frozen=True, slots=True)
class Suite:
    """The algorithms of one signature, in the words of `esign.cms`: what the algorithm policy judges."""

    digest: str
    """As hashlib names it: `sha256`."""
    scheme: str
    """`rsa-pkcs1`, `rsa-pss`, `ecdsa`, …; dotted where it is unknown."""
    key: str
    """Kind and size: `RSA-2048`, `P-256`, `Ed25519`; empty where it cannot be read."""


def suite_of(algorithm: bytes, public_key: bytes) -> Suite:
    """What an AlgorithmIdentifier and the key that verifies amount to; never raises."""
    try:
        key = key_name(load_public_key(public_key))
    except (Unsupported, ber.Malformed):
        key = ""
    oid = ""
    try:
        identifier = AlgorithmIdentifier.read(ber.read(algorithm))
        oid = identifier.oid
        named = signature_algorithm(identifier)
        digest = pss_parameters(identifier.parameters).digest if named.scheme is Scheme.RSA_PSS else named.digest
    except (Unsupported, ber.Malformed):
        return Suite("", oid, key)
    return Suite(digest or "", named.scheme.value, key)


def is_signed_by(public_key: bytes, *, signed: bytes, algorithm: bytes, signature: bytes) -> bool:
    """Whether the key of a SubjectPublicKeyInfo made `signature`; what cannot be verified here is not."""
    verify = _verify_cached if len(signed) <= _SMALL else _verify_large
    return verify(public_key, signed, algorithm, signature)


def _verify(public_key: bytes, signed: bytes, algorithm: bytes, signature: bytes) -> bool:
    try:
        identifier = AlgorithmIdentifier.read(ber.read(algorithm))
        key, named = load_public_key(public_key), signature_algorithm(identifier)
        return is_signature(key, signature, Content(signed), algorithm=named, parameters=identifier.parameters)
    except (ber.Malformed, Unsupported):
        return False


_verify_cached = lru_cache(maxsize=4096)(_verify)
_verify_large = lru_cache(maxsize=4)(_verify)
