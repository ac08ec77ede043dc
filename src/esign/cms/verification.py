"""Verify one signer of a container: is the content the one that was signed, and was it this key (RFC 5652 §5.4–5.6).

Nothing here raises for bad input: a signature is valid, invalid, or its algorithm is named as not supported.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa, utils

from esign.cms import attributes, der
from esign.cms.algorithms import (
    AlgorithmIdentifier,
    Scheme,
    SignatureAlgorithm,
    Unsupported,
    digest,
    digest_name,
    digest_oid,
    is_digest,
    pss_parameters,
    signature_algorithm,
)
from esign.cms.ber import INTEGER, SEQUENCE, Malformed, read
from esign.cms.certificate import EmbeddedCertificate
from esign.cms.container import SignerInfo
from esign.cms.keys import RSA_PSS, PublicKey, curve_name, key_algorithm, key_name, load_public_key

__all__ = ["Content", "Problem", "Validity", "Value", "verify", "verify_rsa_sha1"]


class Content:
    """What was signed, in pieces that follow one another; each digest of it is computed once."""

    def __init__(self, *parts: bytes | memoryview) -> None:
        self._parts = parts
        self._digests: dict[str, bytes] = {}

    def digest(self, name: str) -> bytes:
        """The digest of it; raises `Unsupported`."""
        if name not in self._digests:
            self._digests[name] = digest(name, *self._parts)
        return self._digests[name]

    def __bytes__(self) -> bytes:
        return b"".join(self._parts)


class Validity(Enum):
    """How a cryptographic comparison ended."""

    VALID = "valid"
    INVALID = "invalid"
    UNSUPPORTED = "unsupported"
    """The algorithm is known by its name only."""


class Problem(Enum):
    """What else is not as it must be, or not as it should be."""

    CONTENT_TYPE = "content-type"
    """The signed content type is missing, or another one (RFC 5652 §11.1)."""
    MESSAGE_DIGEST = "message-digest"
    """There are signed attributes, but none is the digest of the content (RFC 5652 §11.2)."""
    ALGORITHM_PROTECTION = "algorithm-protection"
    """The signed algorithms are others than those beside the signature (RFC 6211 §3)."""
    ATTRIBUTES_NOT_DER = "attributes-not-der"
    """The attributes are signed as they stand, which is not DER (RFC 5652 §5.4); or stand so, and are signed in DER."""
    ATTRIBUTES_MALFORMED = "attributes-malformed"
    """A signed attribute that is needed cannot be read, or stands twice."""
    DIGESTS_DIFFER = "digests-differ"
    """The signature scheme names another digest than the signer's digest algorithm."""
    KEY = "key"
    """The certificate's key cannot be read, or is of another kind than the signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What verifying a signature value found."""

    digest: Validity
    """Whether the content is what was signed; for a signature without signed attributes, the same as `signature`."""
    signature: Validity
    """Whether the key made the signature."""
    mechanism: str
    """The algorithm in the words of `esign.keys.Mechanism`, or dotted where it is unknown."""
    digest_algorithm: str
    """Of the content, as hashlib names it."""
    algorithm: SignatureAlgorithm | None = None
    """Scheme and digest of the signature; None where it is not supported."""
    key: str = ""
    """The kind and size of the key: `RSA-2048`, `P-256`; empty where it cannot be read."""
    problems: frozenset[Problem] = frozenset()
    """What else was found."""
    unsupported: str = ""
    """The algorithm that is not supported."""

    @property
    def valid(self) -> bool:
        """Whether both comparisons succeeded."""
        return self.digest is Validity.VALID and self.signature is Validity.VALID


def verify(signer: SignerInfo, certificate: EmbeddedCertificate, content: Content, *, content_type: str) -> Value:
    """Verify that the key of `certificate` signed `content`; `content_type` is that of the container."""
    problems: set[Problem] = set()
    unsupported = key = ""
    algorithm: SignatureAlgorithm | None = None
    mechanism = signer.signature_algorithm.oid
    matches, made = Validity.INVALID, Validity.INVALID
    try:
        matches = _content_digest(signer, content, content_type, problems)
    except Unsupported as e:
        matches, unsupported = Validity.UNSUPPORTED, e.algorithm
    except Malformed:
        problems.add(Problem.ATTRIBUTES_MALFORMED)
    try:
        public_key = load_public_key(certificate.public_key)
        key = key_name(public_key)
        made, algorithm = _signature(signer, certificate, public_key, content, problems)
        mechanism = _mechanism(algorithm, public_key)
    except Unsupported as e:
        made, unsupported = Validity.UNSUPPORTED, e.algorithm
    except UnsupportedAlgorithm:
        made, unsupported = Validity.UNSUPPORTED, mechanism
    except Malformed:
        problems.add(Problem.KEY)
    return Value(
        digest=matches if signer.signed else made,
        signature=made,
        mechanism=mechanism,
        digest_algorithm=digest_name(signer.digest_algorithm),
        algorithm=algorithm,
        key=key,
        problems=frozenset(problems),
        unsupported=unsupported,
    )


def _content_digest(signer: SignerInfo, content: Content, content_type: str, problems: set[Problem]) -> Validity:
    """RFC 5652 §5.6: the digest of the content is the signed one, and the other signed attributes agree."""
    if signer.signed is None:
        return Validity.VALID
    if attributes.content_type(signer.signed) != content_type:
        problems.add(Problem.CONTENT_TYPE)
    protection = attributes.algorithm_protection(signer.signed)
    if protection is not None and protection != (signer.digest_algorithm, signer.signature_algorithm):
        problems.add(Problem.ALGORITHM_PROTECTION)
    claimed = attributes.message_digest(signer.signed)
    if claimed is None:
        problems.add(Problem.MESSAGE_DIGEST)
        return Validity.INVALID
    matches = hmac.compare_digest(claimed, content.digest(digest_name(signer.digest_algorithm)))
    return Validity.VALID if matches else Validity.INVALID


def _signature(
    signer: SignerInfo,
    certificate: EmbeddedCertificate,
    key: PublicKey,
    content: Content,
    problems: set[Problem],
) -> tuple[Validity, SignatureAlgorithm]:
    """Try what the signer can have meant, the standard's reading first; the algorithm is the one that fits."""
    algorithms = _algorithms(signer, key)
    if len(algorithms) > 1:
        problems.add(Problem.DIGESTS_DIFFER)
    messages = [content]
    if signer.signed is not None:
        # RFC 5652 §5.4: the DER encoding is signed, however the attributes stand here; many sign them as they stand.
        standing = signer.signed.encoded
        canonical = der.set_of(element.encoded for element in read(standing).children())
        messages = [Content(canonical)]
        if canonical != standing:
            problems.add(Problem.ATTRIBUTES_NOT_DER)
            messages.append(Content(standing))
    if algorithms[0].scheme is Scheme.RSA_PSS:
        _check_pss_key(signer.signature_algorithm, certificate)
    for algorithm in algorithms:
        for message in messages:
            if _check(key, algorithm, signer, message, problems):
                return Validity.VALID, algorithm
    return Validity.INVALID, algorithms[0]


def _algorithms(signer: SignerInfo, key: PublicKey) -> list[SignatureAlgorithm]:
    """Scheme and digest of the value (RFC 5652 §5.4): what the scheme names, then what the digest algorithm names.

    Where the two differ, some signers used the one and some the other.
    """
    named = digest_name(signer.digest_algorithm)
    if is_digest(signer.signature_algorithm):
        # Some write the digest where the scheme belongs; there is one usual scheme for each kind of key.
        scheme = Scheme.RSA_PKCS1 if isinstance(key, rsa.RSAPublicKey) else Scheme.ECDSA
        found = SignatureAlgorithm(scheme, digest_name(signer.signature_algorithm))
    else:
        found = signature_algorithm(signer.signature_algorithm)
    if found.scheme in {Scheme.ED25519, Scheme.ED448}:
        return [found]
    if found.scheme is Scheme.RSA_PSS:
        return [SignatureAlgorithm(found.scheme, pss_parameters(signer.signature_algorithm.parameters).digest)]
    digests = dict.fromkeys(filter(None, (found.digest, named)))
    return [SignatureAlgorithm(found.scheme, digest) for digest in digests]


def _mechanism(algorithm: SignatureAlgorithm, key: PublicKey) -> str:
    if algorithm.scheme in {Scheme.ED25519, Scheme.ED448}:
        return str(algorithm.scheme.value)
    curve = curve_name(key).replace("P-", "p") if isinstance(key, ec.EllipticCurvePublicKey) else ""
    return "-".join(filter(None, (algorithm.scheme.value, curve, algorithm.digest)))


def _check_pss_key(named: AlgorithmIdentifier, certificate: EmbeddedCertificate) -> None:
    """RFC 4055 §3.3: a key that is bound to parameters signs with these, and a salt at least as long."""
    bound = key_algorithm(certificate.public_key)
    if bound.oid != RSA_PSS or bound.parameters is None:
        return
    wanted, found = pss_parameters(bound.parameters), pss_parameters(named.parameters)
    if (wanted.digest, wanted.mask_digest) != (found.digest, found.mask_digest) or (
        found.salt_length < wanted.salt_length
    ):
        raise Malformed("PSS parameters that the key forbids")


def _check(
    key: PublicKey, algorithm: SignatureAlgorithm, signer: SignerInfo, content: Content, problems: set[Problem]
) -> bool:
    try:
        return _is_valid(key, algorithm, signer, content, problems)
    except Unsupported:
        raise
    except (InvalidSignature, ValueError):
        # cryptography raises ValueError for values that cannot be of this key: too long, too large.
        return False


def _is_valid(
    key: PublicKey, algorithm: SignatureAlgorithm, signer: SignerInfo, content: Content, problems: set[Problem]
) -> bool:
    """Whether the value is right; some of cryptography's ways to say no are exceptions."""
    scheme, signature, name = algorithm.scheme, signer.signature, algorithm.digest or ""
    if scheme is Scheme.RSA_PKCS1 and isinstance(key, rsa.RSAPublicKey):
        return is_pkcs1(key, signature, name, content)
    if scheme is Scheme.RSA_PSS and isinstance(key, rsa.RSAPublicKey):
        _verify_pss(key, signer, content)
    elif scheme in {Scheme.ECDSA, Scheme.ECDSA_PLAIN} and isinstance(key, ec.EllipticCurvePublicKey):
        value = content.digest(name)
        plain = scheme is Scheme.ECDSA_PLAIN or _is_plain(signature, key)
        key.verify(_sequence_of_two(signature) if plain else signature, value, ec.ECDSA(_prehashed(value)))
    elif scheme is Scheme.DSA and isinstance(key, dsa.DSAPublicKey):
        value = content.digest(name)
        key.verify(signature, value, _prehashed(value))
    elif (scheme is Scheme.ED25519 and isinstance(key, ed25519.Ed25519PublicKey)) or (
        scheme is Scheme.ED448 and isinstance(key, ed448.Ed448PublicKey)
    ):
        key.verify(signature, bytes(content))
    else:
        problems.add(Problem.KEY)
        return False
    return True


def _is_plain(signature: bytes, key: ec.EllipticCurvePublicKey) -> bool:
    """Whether r and s stand side by side under an identifier that promises a SEQUENCE: some signers write so."""
    if len(signature) != 2 * ((key.curve.key_size + 7) // 8):
        return False
    try:
        return [part.tag for part in read(signature).items(SEQUENCE)] != [INTEGER, INTEGER]
    except Malformed:
        return True


# For a value that is a digest already, only its length matters to ECDSA and DSA.
_BY_LENGTH: dict[int, hashes.HashAlgorithm] = {
    20: hashes.SHA1(),  # noqa: S303 - its length
    28: hashes.SHA224(),
    32: hashes.SHA256(),
    48: hashes.SHA384(),
    64: hashes.SHA512(),
}


def _prehashed(value: bytes) -> utils.Prehashed:
    if len(value) not in _BY_LENGTH:
        raise Unsupported(f"a digest of {8 * len(value)} bits")
    return utils.Prehashed(_BY_LENGTH[len(value)])


def _sequence_of_two(signature: bytes) -> bytes:
    """R ‖ s as `Ecdsa-Sig-Value`."""
    half = len(signature) // 2
    if not half or len(signature) % 2:
        raise InvalidSignature
    return der.sequence(der.integer(int.from_bytes(signature[:half])), der.integer(int.from_bytes(signature[half:])))


_PSS_HASHES: dict[str, hashes.HashAlgorithm] = {
    "md5": hashes.MD5(),  # noqa: S303 - old signatures are read, policy judges them
    "sha1": hashes.SHA1(),  # noqa: S303 - the default of RFC 4055
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "sha512_224": hashes.SHA512_224(),
    "sha512_256": hashes.SHA512_256(),
    "sha3_224": hashes.SHA3_224(),
    "sha3_256": hashes.SHA3_256(),
    "sha3_384": hashes.SHA3_384(),
    "sha3_512": hashes.SHA3_512(),
}


def _verify_pss(key: rsa.RSAPublicKey, signer: SignerInfo, content: Content) -> None:
    parameters = pss_parameters(signer.signature_algorithm.parameters)
    for name in (parameters.digest, parameters.mask_digest):
        if name not in _PSS_HASHES:
            raise Unsupported(f"PSS with {name}")
    pss = padding.PSS(mgf=padding.MGF1(_PSS_HASHES[parameters.mask_digest]), salt_length=parameters.salt_length)
    value = content.digest(parameters.digest)
    key.verify(signer.signature, value, pss, utils.Prehashed(_PSS_HASHES[parameters.digest]))


def is_pkcs1(key: rsa.RSAPublicKey, signature: bytes, name: str, content: Content) -> bool:
    """RFC 8017 §8.2.2: compare what the signature holds with both encodings of DigestInfo, NULL or no parameters.

    To compare whole encodings, instead of parsing the one that was found, leaves nothing to forge (CVE-2006-4339).
    """
    oid = digest_oid(name)
    value = der.octets(content.digest(name))
    found = key.recover_data_from_signature(signature, padding.PKCS1v15(), None)
    encodings = (der.sequence(der.sequence(oid, der.null()), value), der.sequence(der.sequence(oid), value))
    return found in encodings


def verify_rsa_sha1(certificate: EmbeddedCertificate, signature: bytes, content: Content) -> Value:
    """`adbe.x509.rsa_sha1` (ISO 32000-1 §12.8.3.2): PKCS#1 in an OCTET STRING; the digest need not be SHA-1 today.

    ISO 32000-2 table 260 lets the digest be any that RSA signs with; DigestInfo says which.
    """
    made, unsupported, key, name = Validity.INVALID, "", "", "sha1"
    try:
        public_key = load_public_key(certificate.public_key)
        key = key_name(public_key)
        if isinstance(public_key, rsa.RSAPublicKey):
            name, made = _any_pkcs1(public_key, read(signature).octets(), content)
        else:
            made, unsupported = Validity.UNSUPPORTED, key
    except Unsupported as e:
        made, unsupported = Validity.UNSUPPORTED, e.algorithm
    except Malformed:
        made = Validity.INVALID
    return Value(
        digest=made,
        signature=made,
        mechanism=f"{Scheme.RSA_PKCS1.value}-{name}",
        digest_algorithm=name,
        algorithm=SignatureAlgorithm(Scheme.RSA_PKCS1, name),
        key=key,
        unsupported=unsupported,
    )


_RSA_SHA1_DIGESTS: Sequence[str] = ("sha1", "sha256", "sha384", "sha512", "ripemd160")


def _any_pkcs1(key: rsa.RSAPublicKey, signature: bytes, content: Content) -> tuple[str, Validity]:
    for name in _RSA_SHA1_DIGESTS:
        try:
            if is_pkcs1(key, signature, name, content):
                return name, Validity.VALID
        except (InvalidSignature, ValueError):
            continue
    return "sha1", Validity.INVALID
