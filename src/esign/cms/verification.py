"""Verify one signer of a container: is the content the one that was signed, and was it this key (RFC 5652 §5.4–5.6).

Nothing here raises for bad input: a signature is valid, invalid, or its algorithm is named as not supported.
"""

import hmac
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from esign.cms import attributes, der
from esign.cms.algorithms import (
    AlgorithmIdentifier,
    Scheme,
    SignatureAlgorithm,
    Unsupported,
    digest_name,
    is_digest,
    pss_parameters,
    signature_algorithm,
)
from esign.cms.ber import Malformed, read
from esign.cms.certificate import EmbeddedCertificate
from esign.cms.container import SignerInfo
from esign.cms.content import Content
from esign.cms.keys import RSA_PSS, PublicKey, curve_name, key_algorithm, key_name, load_public_key
from esign.cms.signatures import fits, is_signature

__all__ = ["Problem", "Validity", "Value", "verify", "verify_rsa_sha1"]


class Validity(Enum):
    """How a cryptographic comparison ended."""

    VALID = "valid"
    INVALID = "invalid"
    UNSUPPORTED = "unsupported"
    """The algorithm is known by its name only."""
    UNKNOWN = "unknown"
    """There is no certificate, so no key to verify with."""


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


def verify(
    signer: SignerInfo, certificate: EmbeddedCertificate | None, content: Content, *, content_type: str
) -> Value:
    """Verify that the key of `certificate` signed `content`; `content_type` is that of the container.

    Without a certificate the digest of the content is compared alone.
    """
    problems: set[Problem] = set()
    unsupported = key = ""
    algorithm: SignatureAlgorithm | None = None
    mechanism = signer.signature_algorithm.oid
    matches, made = Validity.INVALID, Validity.INVALID if certificate else Validity.UNKNOWN
    try:
        matches = _content_digest(signer, content, content_type, problems)
    except Unsupported as e:
        matches, unsupported = Validity.UNSUPPORTED, e.algorithm
    except Malformed:
        problems.add(Problem.ATTRIBUTES_MALFORMED)
    try:
        if certificate is not None:
            public_key = load_public_key(certificate.public_key)
            key = key_name(public_key)
            made, algorithm = _signature(signer, certificate, public_key, content, problems)
            mechanism = _mechanism(algorithm, public_key)
    except Unsupported as e:
        made, unsupported = Validity.UNSUPPORTED, e.algorithm
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
    parameters = signer.signature_algorithm.parameters
    if algorithms[0].scheme is Scheme.RSA_PSS:
        _check_pss_key(signer.signature_algorithm, certificate)
    if not fits(key, algorithms[0].scheme):
        problems.add(Problem.KEY)
    for algorithm in algorithms:
        for message in messages:
            if is_signature(key, signer.signature, message, algorithm=algorithm, parameters=parameters):
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
        with suppress(Unsupported):
            if is_signature(key, signature, content, algorithm=SignatureAlgorithm(Scheme.RSA_PKCS1, name)):
                return name, Validity.VALID
    return "sha1", Validity.INVALID
