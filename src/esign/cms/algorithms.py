"""Which algorithms a signature names: identifiers of digests and signature schemes, with their parameters.

RFC 3370, RFC 4056, RFC 5754, RFC 5758, RFC 8419, RFC 8702, NIST CSOR, BSI TR-03111 §5.2.1 (plain ECDSA).
"""

import hashlib
from dataclasses import dataclass, field
from enum import Enum

from esign.cms import der
from esign.cms.ber import NULL, SEQUENCE, Element, Malformed, read, read_all

__all__ = [
    "AlgorithmIdentifier",
    "PSSParameters",
    "Scheme",
    "SignatureAlgorithm",
    "Unsupported",
    "digest",
    "digest_name",
    "digest_oid",
    "is_digest",
    "pss_parameters",
    "signature_algorithm",
]


class Unsupported(ValueError):
    """An algorithm, or a variant of one, that is named and not verified here."""

    def __init__(self, algorithm: str) -> None:
        super().__init__(algorithm)
        self.algorithm = algorithm


@dataclass(frozen=True, slots=True)
class AlgorithmIdentifier:
    """RFC 5280 §4.1.1.2."""

    oid: str
    """Dotted."""
    parameters: bytes | None = field(default=None, repr=False)
    """Encoded; None where there are none, or NULL, which means the same."""

    @classmethod
    def read(cls, element: Element) -> "AlgorithmIdentifier":
        """From a SEQUENCE."""
        return cls.inside(element.expect(SEQUENCE))

    @classmethod
    def inside(cls, element: Element) -> "AlgorithmIdentifier":
        """From the content of an element, whatever its tag."""
        parts = element.children()
        if not parts:
            raise Malformed("an algorithm without identifier")
        parameters = parts[1].encoded if len(parts) > 1 and parts[1].tag != NULL else None
        return cls(parts[0].oid(), parameters)


class Scheme(Enum):
    """How a signature is made from a digest; the words of `esign.keys.Mechanism`."""

    RSA_PKCS1 = "rsa-pkcs1"
    RSA_PSS = "rsa-pss"
    ECDSA = "ecdsa"
    ECDSA_PLAIN = "ecdsa-plain"
    """r and s side by side instead of a SEQUENCE (BSI TR-03111 §5.2.1)."""
    DSA = "dsa"
    ED25519 = "ed25519"
    ED448 = "ed448"


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """A scheme, and the digest where the identifier names one."""

    scheme: Scheme
    """How the value is made."""
    digest: str | None = None
    """As hashlib names it; None: the digest algorithm of the signer counts."""


_DIGESTS = {
    "1.2.840.113549.2.2": "md2",
    "1.2.840.113549.2.4": "md4",
    "1.2.840.113549.2.5": "md5",
    "1.3.14.3.2.26": "sha1",
    "1.3.36.3.2.1": "ripemd160",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.5": "sha512_224",
    "2.16.840.1.101.3.4.2.6": "sha512_256",
    "2.16.840.1.101.3.4.2.7": "sha3_224",
    "2.16.840.1.101.3.4.2.8": "sha3_256",
    "2.16.840.1.101.3.4.2.9": "sha3_384",
    "2.16.840.1.101.3.4.2.10": "sha3_512",
    "2.16.840.1.101.3.4.2.11": "shake_128",
    "2.16.840.1.101.3.4.2.12": "shake_256",
    "2.16.840.1.101.3.4.2.18": "shake_256",  # id-shake256-len, with 512 bits for Ed448 (RFC 8419 §2.3)
    "1.0.10118.3.0.55": "whirlpool",
    "1.2.156.10197.1.401": "sm3",
    "1.2.643.7.1.1.2.2": "streebog256",
    "1.2.643.7.1.1.2.3": "streebog512",
}

_PLAIN = "0.4.0.127.0.7.1.1.4.1"
_NIST = "2.16.840.1.101.3.4.3"
_RSA = "1.2.840.113549.1.1"
_SIGNATURES = {
    f"{_RSA}.1": SignatureAlgorithm(Scheme.RSA_PKCS1),
    f"{_RSA}.2": SignatureAlgorithm(Scheme.RSA_PKCS1, "md2"),
    f"{_RSA}.4": SignatureAlgorithm(Scheme.RSA_PKCS1, "md5"),
    f"{_RSA}.5": SignatureAlgorithm(Scheme.RSA_PKCS1, "sha1"),
    "1.3.14.3.2.15": SignatureAlgorithm(Scheme.RSA_PKCS1, "sha1"),  # OIW shaWithRSASignature
    "1.3.14.3.2.29": SignatureAlgorithm(Scheme.RSA_PKCS1, "sha1"),  # OIW sha1WithRSASignature
    "1.3.36.3.3.1.2": SignatureAlgorithm(Scheme.RSA_PKCS1, "ripemd160"),
    f"{_RSA}.11": SignatureAlgorithm(Scheme.RSA_PKCS1, "sha256"),
    f"{_RSA}.12": SignatureAlgorithm(Scheme.RSA_PKCS1, "sha384"),
    f"{_RSA}.13": SignatureAlgorithm(Scheme.RSA_PKCS1, "sha512"),
    f"{_RSA}.14": SignatureAlgorithm(Scheme.RSA_PKCS1, "sha224"),
    f"{_RSA}.15": SignatureAlgorithm(Scheme.RSA_PKCS1, "sha512_224"),
    f"{_RSA}.16": SignatureAlgorithm(Scheme.RSA_PKCS1, "sha512_256"),
    f"{_NIST}.13": SignatureAlgorithm(Scheme.RSA_PKCS1, "sha3_224"),
    f"{_NIST}.14": SignatureAlgorithm(Scheme.RSA_PKCS1, "sha3_256"),
    f"{_NIST}.15": SignatureAlgorithm(Scheme.RSA_PKCS1, "sha3_384"),
    f"{_NIST}.16": SignatureAlgorithm(Scheme.RSA_PKCS1, "sha3_512"),
    f"{_RSA}.10": SignatureAlgorithm(Scheme.RSA_PSS),
    "1.2.840.10045.2.1": SignatureAlgorithm(Scheme.ECDSA),  # id-ecPublicKey: the key's identifier, seen in its place
    "1.2.840.10045.4.1": SignatureAlgorithm(Scheme.ECDSA, "sha1"),
    "1.2.840.10045.4.3.1": SignatureAlgorithm(Scheme.ECDSA, "sha224"),
    "1.2.840.10045.4.3.2": SignatureAlgorithm(Scheme.ECDSA, "sha256"),
    "1.2.840.10045.4.3.3": SignatureAlgorithm(Scheme.ECDSA, "sha384"),
    "1.2.840.10045.4.3.4": SignatureAlgorithm(Scheme.ECDSA, "sha512"),
    f"{_NIST}.9": SignatureAlgorithm(Scheme.ECDSA, "sha3_224"),
    f"{_NIST}.10": SignatureAlgorithm(Scheme.ECDSA, "sha3_256"),
    f"{_NIST}.11": SignatureAlgorithm(Scheme.ECDSA, "sha3_384"),
    f"{_NIST}.12": SignatureAlgorithm(Scheme.ECDSA, "sha3_512"),
    f"{_PLAIN}.1": SignatureAlgorithm(Scheme.ECDSA_PLAIN, "sha1"),
    f"{_PLAIN}.2": SignatureAlgorithm(Scheme.ECDSA_PLAIN, "sha224"),
    f"{_PLAIN}.3": SignatureAlgorithm(Scheme.ECDSA_PLAIN, "sha256"),
    f"{_PLAIN}.4": SignatureAlgorithm(Scheme.ECDSA_PLAIN, "sha384"),
    f"{_PLAIN}.5": SignatureAlgorithm(Scheme.ECDSA_PLAIN, "sha512"),
    f"{_PLAIN}.6": SignatureAlgorithm(Scheme.ECDSA_PLAIN, "ripemd160"),
    f"{_PLAIN}.8": SignatureAlgorithm(Scheme.ECDSA_PLAIN, "sha3_224"),
    f"{_PLAIN}.9": SignatureAlgorithm(Scheme.ECDSA_PLAIN, "sha3_256"),
    f"{_PLAIN}.10": SignatureAlgorithm(Scheme.ECDSA_PLAIN, "sha3_384"),
    f"{_PLAIN}.11": SignatureAlgorithm(Scheme.ECDSA_PLAIN, "sha3_512"),
    "1.2.840.10040.4.1": SignatureAlgorithm(Scheme.DSA),  # id-dsa
    "1.2.840.10040.4.3": SignatureAlgorithm(Scheme.DSA, "sha1"),
    "1.3.14.3.2.27": SignatureAlgorithm(Scheme.DSA, "sha1"),  # OIW dsaWithSHA1
    f"{_NIST}.1": SignatureAlgorithm(Scheme.DSA, "sha224"),
    f"{_NIST}.2": SignatureAlgorithm(Scheme.DSA, "sha256"),
    f"{_NIST}.3": SignatureAlgorithm(Scheme.DSA, "sha384"),
    f"{_NIST}.4": SignatureAlgorithm(Scheme.DSA, "sha512"),
    f"{_NIST}.5": SignatureAlgorithm(Scheme.DSA, "sha3_224"),
    f"{_NIST}.6": SignatureAlgorithm(Scheme.DSA, "sha3_256"),
    f"{_NIST}.7": SignatureAlgorithm(Scheme.DSA, "sha3_384"),
    f"{_NIST}.8": SignatureAlgorithm(Scheme.DSA, "sha3_512"),
    "1.3.101.112": SignatureAlgorithm(Scheme.ED25519, "sha512"),
    "1.3.101.113": SignatureAlgorithm(Scheme.ED448, "shake_256"),
}
_ECDSA_WITH_SPECIFIED = "1.2.840.10045.4.3"
_MGF1 = f"{_RSA}.8"


def digest_name(algorithm: AlgorithmIdentifier) -> str:
    """The digest that `algorithm` names, as hashlib spells it; an unknown one stays dotted.

    Some signers write the identifier of a whole signature scheme where that of its digest belongs.
    """
    known = _DIGESTS.get(algorithm.oid)
    if known is None and algorithm.oid in _SIGNATURES:
        known = _SIGNATURES[algorithm.oid].digest
    return known or algorithm.oid


def is_digest(algorithm: AlgorithmIdentifier) -> bool:
    """Whether it is the identifier of a digest, and of nothing else."""
    return algorithm.oid in _DIGESTS


_DIGEST_OIDS = {name: der.oid(dotted) for dotted, name in reversed(_DIGESTS.items())}


def digest_oid(name: str) -> bytes:
    """The identifier of a digest, encoded.

    Raises:
        Unsupported: It has none that is known here.
    """
    try:
        return _DIGEST_OIDS[name]
    except KeyError:
        raise Unsupported(name) from None


SHAKE_OCTETS = {"shake_128": 32, "shake_256": 64}  # RFC 8702 §3.1


def digest(name: str, *parts: bytes | memoryview) -> bytes:
    """The digest of `parts` one after the other.

    Raises:
        Unsupported: hashlib does not compute it here.
    """
    try:
        state = hashlib.new(name, usedforsecurity=False)
    except ValueError:
        raise Unsupported(name) from None
    for part in parts:
        state.update(part)
    return state.digest(SHAKE_OCTETS[name]) if name in SHAKE_OCTETS else state.digest()  # type: ignore[call-arg]


def signature_algorithm(algorithm: AlgorithmIdentifier) -> SignatureAlgorithm:
    """The scheme that `algorithm` names.

    Raises:
        Unsupported: It is none of these.
    """
    if algorithm.oid == _ECDSA_WITH_SPECIFIED and algorithm.parameters:  # X9.62: the digest stands in the parameters
        return SignatureAlgorithm(Scheme.ECDSA, digest_name(AlgorithmIdentifier.read(read(algorithm.parameters))))
    found = _SIGNATURES.get(algorithm.oid)
    if found is None:
        raise Unsupported(algorithm.oid)
    if found.scheme is Scheme.RSA_PKCS1 and algorithm.parameters is not None:  # RFC 8017 appendix A.2.4: NULL
        raise Unsupported(f"{algorithm.oid} with parameters")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PSSParameters:
    """RSASSA-PSS-params with its defaults (RFC 4055 §3.1)."""

    digest: str = "sha1"
    """Of the message."""
    mask_digest: str = "sha1"
    """Of MGF1."""
    salt_length: int = 20
    """In octets."""


def pss_parameters(parameters: bytes | None) -> PSSParameters:
    """The parameters of an id-RSASSA-PSS identifier.

    Raises:
        Unsupported: Another mask function than MGF1, or another trailer than 0xBC.
    """
    if parameters is None:
        return PSSParameters()
    found: dict[int, Element] = {}
    for part in read(parameters).items(SEQUENCE):
        inner = read_all(part.raw, part.content, part.end)
        if part.tag in found or len(inner) != 1:
            raise Malformed("PSS parameters")
        found[part.tag] = inner[0]
    if found.keys() - {0xA0, 0xA1, 0xA2, 0xA3}:
        raise Malformed("PSS parameters")
    digest = digest_name(AlgorithmIdentifier.read(found[0xA0])) if 0xA0 in found else "sha1"
    mask = "sha1"
    if 0xA1 in found:
        mgf = AlgorithmIdentifier.read(found[0xA1])
        if mgf.oid != _MGF1 or mgf.parameters is None:
            raise Unsupported(f"PSS with {mgf.oid}")
        mask = digest_name(AlgorithmIdentifier.read(read(mgf.parameters)))
    if 0xA3 in found and found[0xA3].integer() != 1:
        raise Unsupported("PSS with another trailer")
    salt = found[0xA2].integer() if 0xA2 in found else 20
    if not 0 <= salt <= 4096:
        raise Malformed("PSS parameters")
    return PSSParameters(digest=digest, mask_digest=mask, salt_length=salt)
