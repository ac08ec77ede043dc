"""Public keys of certificates, also of such as strict parsers refuse (RFC 3279, RFC 5480, RFC 8410).

Estonian ID cards of 2014–2017 carry RSA moduli without the leading zero, which read as negative numbers
(X.690 §8.3.3): the modulus is unsigned by nature, so it is taken as one.
"""

from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from esign.cms.algorithms import AlgorithmIdentifier, Unsupported
from esign.cms.ber import INTEGER, OBJECT_IDENTIFIER, SEQUENCE, Element, Malformed, read

__all__ = ["PublicKey", "key_name", "load_public_key"]

PublicKey = (
    rsa.RSAPublicKey | ec.EllipticCurvePublicKey | dsa.DSAPublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
)
"""The kinds that sign documents and time-stamps."""

RSA_ENCRYPTION, RSA_PSS = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10"


@lru_cache(maxsize=512)
def load_public_key(spki: bytes) -> PublicKey:
    """The key in a SubjectPublicKeyInfo.

    Raises:
        Unsupported: A kind, curve or size that is not verified here.
        Malformed: It is no key.
    """
    algorithm = key_algorithm(spki)
    if algorithm.oid in {RSA_ENCRYPTION, RSA_PSS}:
        return _rsa_key(spki, algorithm)
    try:
        key = load_der_public_key(spki)
    except UnsupportedAlgorithm as e:
        raise Unsupported(_curve(algorithm) or algorithm.oid) from e
    except ValueError as e:
        raise Malformed(f"a public key of {algorithm.oid}") from e
    if not isinstance(key, PublicKey):
        raise Unsupported(algorithm.oid)
    return key


def key_algorithm(spki: bytes) -> AlgorithmIdentifier:
    """What kind of key it is, with its parameters."""
    return AlgorithmIdentifier.read(read(spki).items(SEQUENCE, least=2)[0])


def _curve(algorithm: AlgorithmIdentifier) -> str:
    """The curve that a key's algorithm names, dotted; empty where it names none."""
    parameters = read(algorithm.parameters) if algorithm.parameters else None
    return parameters.oid() if parameters is not None and parameters.tag == OBJECT_IDENTIFIER else ""


def _rsa_key(spki: bytes, algorithm: AlgorithmIdentifier) -> rsa.RSAPublicKey:
    """Modulus and exponent as unsigned numbers, whatever their first bit."""
    bits = read(spki).items(SEQUENCE, least=2)[1].bits()
    modulus, exponent, *_ = (_unsigned(n) for n in read(bits).items(SEQUENCE, least=2))
    try:
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except (ValueError, UnsupportedAlgorithm) as e:
        raise Unsupported(f"{algorithm.oid} with {modulus.bit_length()} bits") from e


def _unsigned(element: Element) -> int:
    return int.from_bytes(element.expect(INTEGER).value)


def key_name(key: PublicKey) -> str:
    """Its kind and size, as policies and people name it: `RSA-2048`, `P-256`, `Ed25519`."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA-{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return curve_name(key)
    if isinstance(key, dsa.DSAPublicKey):
        return f"DSA-{key.key_size}"
    return "Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else "Ed448"


def curve_name(key: ec.EllipticCurvePublicKey) -> str:
    """`P-256` for secp256r1 and its like (FIPS 186-4), else the name of the standard that defines it."""
    name = key.curve.name
    return f"P-{name[4:7]}" if name.startswith("secp") and name.endswith("r1") else name
