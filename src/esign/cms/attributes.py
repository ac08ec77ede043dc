"""Signed and unsigned attributes of a signer: what they say (RFC 5652 §11, RFC 5035, EN 319 122-1 §5).

A reader here gives None where an attribute is absent and raises `Malformed` where it makes no sense; each is read
when it is asked for, so one that nobody needs does no harm.
"""

from dataclasses import dataclass, field
from datetime import datetime

from esign.cms import der
from esign.cms.algorithms import AlgorithmIdentifier, Unsupported, digest, digest_name
from esign.cms.ber import SEQUENCE, SET, Element, Malformed, read

__all__ = [
    "Attributes",
    "CertificateReference",
    "SignaturePolicy",
    "algorithm_protection",
    "content_type",
    "message_digest",
    "ocsp_response",
    "revocation_values",
    "signature_policy",
    "signing_certificates",
    "signing_time",
    "timestamp_tokens",
]

CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
ALGORITHM_PROTECTION = "1.2.840.113549.1.9.52"
SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
SIGNATURE_POLICY = "1.2.840.113549.1.9.16.2.15"
COMMITMENT_TYPE = "1.2.840.113549.1.9.16.2.16"
CONTENT_TIMESTAMP = "1.2.840.113549.1.9.16.2.20"
SIGNATURE_TIMESTAMP = "1.2.840.113549.1.9.16.2.14"
_OCSP_BASIC = der.oid("1.3.6.1.5.5.7.48.1.1")
REVOCATION_ARCHIVAL = "1.2.840.113583.1.1.8"
REVOCATION_VALUES = "1.2.840.113549.1.9.16.2.24"


@dataclass(frozen=True, slots=True)
class Attributes:
    """A `SET OF Attribute`, in the order in which it stands."""

    encoded: bytes = field(repr=False)
    """As it stands, under the tag of a SET: what a signature covers (RFC 5652 §5.4)."""
    entries: tuple[tuple[str, tuple[bytes, ...]], ...] = field(repr=False)
    """Types (dotted) with their values (encoded)."""

    @classmethod
    def read(cls, element: Element) -> "Attributes":
        """From `[0]` or `[1]` IMPLICIT of a SignerInfo."""
        entries = []
        for attribute in element.children():
            kind, values, *_ = attribute.items(SEQUENCE, least=2)
            entries.append((kind.oid(), tuple(v.encoded for v in values.items(SET))))
        return cls(b"\x31" + element.encoded[1:], tuple(entries))

    def values(self, *kinds: str) -> tuple[bytes, ...]:
        """All values of these types."""
        return tuple(value for kind, values in self.entries if kind in kinds for value in values)

    def single(self, kind: str) -> Element | None:
        """The value of an attribute that must have exactly one (RFC 5652 §11)."""
        found = [values for entry, values in self.entries if entry == kind]
        if not found:
            return None
        if len(found) > 1 or len(found[0]) != 1:
            raise Malformed(f"several values of {kind}")
        return read(found[0][0])

    def __contains__(self, kind: str) -> bool:
        return any(entry == kind for entry, _ in self.entries)


NOTHING = Attributes(b"\x31\x00", ())
"""No attributes at all."""


def content_type(attributes: Attributes) -> str | None:
    """RFC 5652 §11.1."""
    found = attributes.single(CONTENT_TYPE)
    return found.oid() if found else None


def message_digest(attributes: Attributes) -> bytes | None:
    """RFC 5652 §11.2."""
    found = attributes.single(MESSAGE_DIGEST)
    return found.octets() if found else None


def signing_time(attributes: Attributes) -> datetime | None:
    """RFC 5652 §11.3: a claim."""
    found = attributes.single(SIGNING_TIME)
    return found.time() if found else None


def algorithm_protection(attributes: Attributes) -> tuple[AlgorithmIdentifier, AlgorithmIdentifier | None] | None:
    """RFC 6211: the digest algorithm, and the signature algorithm where it is named."""
    found = attributes.single(ALGORITHM_PROTECTION)
    if found is None:
        return None
    digest, *others = found.items(SEQUENCE, least=1)
    # [1] IMPLICIT: the content of the SEQUENCE under another tag; [2] would be a MAC.
    signature = next((o for o in others if o.tag == 0xA1), None)
    return AlgorithmIdentifier.read(digest), AlgorithmIdentifier.inside(signature) if signature else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateReference:
    """An `ESSCertID(v2)`: which certificate the signer meant (RFC 5035 §4, §5)."""

    algorithm: str
    """The digest, as hashlib names it, or the dotted identifier of one that is not known."""
    digest: bytes
    """Of the whole certificate."""
    issuer: bytes | None = None
    """The issuer's name, encoded; None where it is left out."""
    serial: int | None = None
    """Its serial number; None where it is left out."""

    def names(self, certificate: bytes) -> bool | None:
        """Whether the digest is that of `certificate`; None where the digest algorithm is not known."""
        try:
            return digest(self.algorithm, certificate) == self.digest
        except Unsupported:
            return None


def signing_certificates(attributes: Attributes) -> tuple[CertificateReference, ...]:
    """The certificates of signing-certificate and its v2; the signer's own is the first of each attribute."""
    found = []
    for kind in (SIGNING_CERTIFICATE_V2, SIGNING_CERTIFICATE):
        attribute = attributes.single(kind)
        if attribute is not None:
            certs = attribute.items(SEQUENCE, least=1)[0].items(SEQUENCE, least=1)
            found.append(_reference(certs[0], default="sha256" if kind == SIGNING_CERTIFICATE_V2 else "sha1"))
    return tuple(found)


def _reference(element: Element, *, default: str) -> CertificateReference:
    parts = element.items(SEQUENCE, least=1)
    algorithm = default
    if parts[0].tag == SEQUENCE:
        algorithm = digest_name(AlgorithmIdentifier.read(parts.pop(0)))
    digest, *rest = parts
    issuer = serial = None
    if rest:
        names, number, *_ = rest[0].items(SEQUENCE, least=2)
        directory = [n for n in names.items(SEQUENCE) if n.tag == 0xA4]
        issuer = directory[0].children()[0].encoded if directory else None
        serial = number.integer()
    return CertificateReference(algorithm=algorithm, digest=digest.octets(), issuer=issuer, serial=serial)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignaturePolicy:
    """signature-policy-identifier (EN 319 122-1 §5.2.9)."""

    identifier: str
    """Dotted; empty for the implied policy."""
    algorithm: str = ""
    """The digest of the policy document, as hashlib names it."""
    digest: bytes = b""
    """All zeros or empty: not known to the signer."""


def signature_policy(attributes: Attributes) -> SignaturePolicy | None:
    """EPES: under which policy the signer says that it signed."""
    found = attributes.single(SIGNATURE_POLICY)
    if found is None:
        return None
    if found.tag != SEQUENCE:  # signaturePolicyImplied, NULL
        return SignaturePolicy(identifier="")
    identifier, *rest = found.children()
    if not rest:
        return SignaturePolicy(identifier=identifier.oid())
    algorithm, digest, *_ = rest[0].items(SEQUENCE, least=2)
    name = digest_name(AlgorithmIdentifier.read(algorithm))
    return SignaturePolicy(identifier=identifier.oid(), algorithm=name, digest=digest.octets())


def timestamp_tokens(attributes: Attributes, *kinds: str) -> tuple[bytes, ...]:
    """The tokens of attributes of these types, encoded; to be read by `esign.cms.timestamp.parse_token`."""
    return attributes.values(*kinds)


def revocation_values(attributes: Attributes) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Revocation lists and OCSP responses that travel in attributes.

    adbe-revocationInfoArchival (ISO 32000-1 §12.8.3.3.2) holds whole OCSP responses; revocation-values
    (EN 319 122-1 §A.1.3) holds basic ones, which are given their envelope here.
    """
    crls: list[bytes] = []
    ocsps: list[bytes] = []
    for value in attributes.values(REVOCATION_ARCHIVAL):
        for part in read(value).items(SEQUENCE):
            listed = [e.encoded for e in part.items(part.tag, least=1)[0].items(SEQUENCE)]
            crls += listed if part.tag == 0xA0 else ()
            ocsps += listed if part.tag == 0xA1 else ()
    for value in attributes.values(REVOCATION_VALUES):
        for part in read(value).items(SEQUENCE):
            listed = [e.encoded for e in part.items(part.tag, least=1)[0].items(SEQUENCE)]
            crls += listed if part.tag == 0xA0 else ()
            ocsps += map(ocsp_response, listed) if part.tag == 0xA1 else ()
    return tuple(crls), tuple(ocsps)


def ocsp_response(basic: bytes) -> bytes:
    """An `OCSPResponse` around a `BasicOCSPResponse` (RFC 6960 §4.2.1): containers hold either."""
    return der.sequence(b"\x0a\x01\x00", der.context(0, der.sequence(_OCSP_BASIC, der.octets(basic))))
