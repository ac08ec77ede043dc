"""The signatures under certificates, revocation lists and OCSP answers: by which algorithm, and whether they verify."""

from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa

from esign.cms import ber
from esign.cms.algorithms import AlgorithmIdentifier, Scheme, Unsupported, pss_parameters, signature_algorithm
from esign.cms.keys import key_name, load_public_key

__all__ = ["Suite", "is_signed_by", "suite_of"]

_CACHED = 16 * 1024
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "md5": hashes.MD5(),  # noqa: S303  # old signatures are read, the policy judges them
    "sha1": hashes.SHA1(),  # noqa: S303
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "sha3_224": hashes.SHA3_224(),
    "sha3_256": hashes.SHA3_256(),
    "sha3_384": hashes.SHA3_384(),
    "sha3_512": hashes.SHA3_512(),
}


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
    verify = _verify_cached if len(signed) <= _CACHED else _verify
    return verify(public_key, signed, algorithm, signature)


def _verify(public_key: bytes, signed: bytes, algorithm: bytes, signature: bytes) -> bool:
    try:
        _check(public_key, signed, AlgorithmIdentifier.read(ber.read(algorithm)), signature)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, KeyError, TypeError):
        # ValueError covers malformed keys, unsupported algorithms and values that cannot be of this key; KeyError a
        # digest that is not verified; TypeError a scheme that does not fit the key.
        return False
    return True


_verify_cached = lru_cache(maxsize=4096)(_verify)


def _check(public_key: bytes, signed: bytes, identifier: AlgorithmIdentifier, signature: bytes) -> None:
    key, named = load_public_key(public_key), signature_algorithm(identifier)
    match key, named.scheme:
        case rsa.RSAPublicKey(), Scheme.RSA_PKCS1:
            key.verify(signature, signed, padding.PKCS1v15(), _HASHES[named.digest or ""])
        case rsa.RSAPublicKey(), Scheme.RSA_PSS:
            parameters = pss_parameters(identifier.parameters)
            mask = padding.MGF1(_HASHES[parameters.mask_digest])
            pss = padding.PSS(mgf=mask, salt_length=parameters.salt_length)
            key.verify(signature, signed, pss, _HASHES[parameters.digest])
        case ec.EllipticCurvePublicKey(), Scheme.ECDSA:
            key.verify(signature, signed, ec.ECDSA(_HASHES[named.digest or ""]))
        case dsa.DSAPublicKey(), Scheme.DSA:
            key.verify(signature, signed, _HASHES[named.digest or ""])
        case ed25519.Ed25519PublicKey(), Scheme.ED25519:
            key.verify(signature, signed)
        case ed448.Ed448PublicKey(), Scheme.ED448:
            key.verify(signature, signed)
        case _:
            raise TypeError
