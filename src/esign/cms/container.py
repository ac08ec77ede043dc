"""A `SignedData` container in its parts (RFC 5652 §5): content, certificates, revocation data, signers.

`parse` reads structure and judges nothing; what a signer signed is for `esign.cms.verification`.

>>> signed = parse(contents)
>>> [verify(signer, certificate_of(signed, signer), content) for signer in signed.signers]
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from esign.cms.algorithms import AlgorithmIdentifier
from esign.cms.attributes import NOTHING, Attributes, ocsp_response, signing_certificates
from esign.cms.ber import (
    INTEGER,
    OBJECT_IDENTIFIER,
    SEQUENCE,
    SET,
    Element,
    IndefiniteLength,
    Malformed,
    check,
    definite,
    read,
)
from esign.cms.certificate import EmbeddedCertificate
from esign.errors import InputError

__all__ = ["DATA", "TST_INFO", "SignedData", "SignerInfo", "certificate_of", "parse"]

DATA = "1.2.840.113549.1.7.1"
TST_INFO = "1.2.840.113549.1.9.16.1.4"
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_OCSP_RESPONSE = "1.3.6.1.5.5.7.16.2"  # RFC 5940 §2.1
_OCSP_BASIC = "1.3.6.1.5.5.7.48.1.1"
_MOST, _MOST_SIGNERS = 1000, 32
"""Certificates and lists, and signers: more is an attack on whoever looks at each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerInfo:
    """One signer (RFC 5652 §5.3)."""

    issuer: bytes | None = field(default=None, repr=False)
    """The name of the certificate's issuer, encoded; None where a key identifier stands instead."""
    serial: int | None = None
    """The certificate's serial number."""
    key_identifier: bytes | None = None
    """subjectKeyIdentifier."""
    digest_algorithm: AlgorithmIdentifier
    """With which the content was digested."""
    signature_algorithm: AlgorithmIdentifier
    """With which the signature was made."""
    signed: Attributes | None
    """Signed attributes; None where the content itself is signed."""
    signature: bytes = field(repr=False)
    """The signature value."""
    unsigned: Attributes = NOTHING
    """Unsigned attributes."""

    def identifies(self, certificate: EmbeddedCertificate) -> bool:
        """Whether its identifier, which is not signed, is that of `certificate`."""
        if self.key_identifier is not None:
            return certificate.key_identifier == self.key_identifier
        return certificate.serial == self.serial and certificate.issuer == self.issuer


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedData:
    """The container (RFC 5652 §5.1)."""

    digest_algorithms: tuple[AlgorithmIdentifier, ...]
    """Those that the signers are said to have used; nobody signs the list."""
    content_type: str
    """Of what is signed, dotted: `DATA`, `TST_INFO`."""
    content: bytes | None = field(repr=False)
    """What is signed, where it is inside."""
    certificates: tuple[EmbeddedCertificate, ...]
    """Those that can be read, in their order."""
    crls: tuple[bytes, ...] = field(repr=False)
    """Revocation lists, encoded."""
    ocsps: tuple[bytes, ...] = field(repr=False)
    """OCSP responses, encoded."""
    signers: tuple[SignerInfo, ...]
    """Usually one."""
    size: int
    """How many bytes of the input the container takes; what follows is not part of it."""
    skipped: tuple[str, ...] = ()
    """What certificates and lists could not be used, in a word each."""


def parse(raw: bytes) -> SignedData:
    """Read a `ContentInfo` with `SignedData` at the start of `raw`, in BER or DER.

    Raises:
        InputError: `cms-unreadable`.
    """
    try:
        try:
            outer = read(raw)
            return _content_info(outer, size=outer.end)
        except IndefiniteLength:
            encoded, size = definite(raw)
            return _content_info(read(encoded), size=size)
    except Malformed as e:
        raise InputError("cms-unreadable", problem=str(e)) from e


def _content_info(outer: Element, *, size: int) -> SignedData:
    kind, inner = outer.items(SEQUENCE, least=2, most=2)
    if kind.oid() != _SIGNED_DATA:
        raise Malformed(f"content type {kind.oid()}")
    (content,) = inner.items(0xA0, least=1, most=1)
    return _signed_data(content, size)


def _signed_data(element: Element, size: int) -> SignedData:
    version, digests, content, *rest = element.items(SEQUENCE, least=4)
    content_type, *inside = content.items(SEQUENCE, least=1, most=2)
    certificates: tuple[EmbeddedCertificate, ...] = ()
    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()
    skipped: list[str] = []
    if rest[0].tag == 0xA0:
        certificates = _certificates(_few(rest.pop(0).children()), skipped)
    if rest and rest[0].tag == 0xA1:
        crls, ocsps = _revocation(_few(rest.pop(0).children()), skipped)
    if len(rest) != 1:
        raise Malformed("expected the signers, and nothing else")
    _check_version(version, more=bool(skipped or ocsps))
    return SignedData(
        digest_algorithms=tuple(AlgorithmIdentifier.read(algorithm) for algorithm in digests.items(SET)),
        content_type=content_type.oid(),
        content=_content(inside[0]) if inside else None,
        certificates=certificates,
        crls=crls,
        ocsps=ocsps,
        signers=tuple(_signer(s) for s in _few(rest[0].items(SET), _MOST_SIGNERS)),
        size=size,
        skipped=tuple(skipped),
    )


def _check_version(version: Element, *, more: bool = False) -> None:
    """1 and 3 (§5.1, §5.3), which signers mix up; 4 and 5 where there is `more` than X.509 certificates and lists."""
    if version.expect(INTEGER).integer() not in ({1, 3, 4, 5} if more else {1, 3}):
        raise Malformed("another version")


def _few(elements: list[Element], most: int = _MOST) -> list[Element]:
    if len(elements) > most:
        raise Malformed("too many elements")
    return elements


def _content(element: Element) -> bytes:
    """eContent: an OCTET STRING; PKCS#7 1.5 allowed any type, whose content octets are what was digested."""
    (inner,) = element.items(0xA0, least=1, most=1)
    return inner.octets() if inner.tag in {0x04, 0x24} else inner.value


def _certificates(elements: list[Element], skipped: list[str]) -> tuple[EmbeddedCertificate, ...]:
    """`CertificateChoices` (§10.2.2): only X.509 certificates can be the signer's."""
    others = {0xA0: "extended-certificate", 0xA1: "attribute-certificate", 0xA2: "attribute-certificate"}
    found = []
    for element in elements:
        if element.tag != SEQUENCE:
            skipped.append(others.get(element.tag, "other-certificate"))
            continue
        try:
            found.append(EmbeddedCertificate.read(element.encoded))
        except Malformed:
            skipped.append("malformed-certificate")
    return tuple(found)


def _revocation(elements: list[Element], skipped: list[str]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """`RevocationInfoChoices` (§10.2.1)."""
    crls, ocsps = [], []
    for element in elements:
        if element.tag == SEQUENCE:
            crls.append(element.encoded)
            continue
        try:
            kind, value = element.items(0xA1, least=2, most=2)
            form = kind.oid()
        except Malformed:
            form = ""
        if form == _OCSP_RESPONSE:
            ocsps.append(value.encoded)
        elif form == _OCSP_BASIC:
            ocsps.append(ocsp_response(value.encoded))
        else:
            skipped.append("other-revocation-data")
    return tuple(crls), tuple(ocsps)


def _signer(element: Element) -> SignerInfo:
    check(element)
    version, identifier, digest, *rest = element.items(SEQUENCE, least=5)
    _check_version(version)
    signed = Attributes.read(rest.pop(0)) if rest[0].tag == 0xA0 else None
    if len(rest) < 2:
        raise Malformed("a signer without signature")
    algorithm, signature, *more = rest
    if len(more) > 1 or (more and more[0].tag != 0xA1):
        raise Malformed("more than a signer has")
    issuer = serial = key_identifier = None
    if identifier.tag == SEQUENCE:
        name, number = identifier.items(SEQUENCE, least=2, most=2)
        issuer, serial = name.encoded, int.from_bytes(number.expect(INTEGER).value, signed=True)
    elif identifier.tag == 0x80:
        key_identifier = identifier.value
    elif identifier.tag == 0xA0:  # EXPLICIT, as some write it
        key_identifier = identifier.items(0xA0, least=1, most=1)[0].octets()
    else:
        raise Malformed("a signer without name")
    return SignerInfo(
        issuer=issuer,
        serial=serial,
        key_identifier=key_identifier,
        digest_algorithm=_algorithm(digest),
        signature_algorithm=_algorithm(algorithm),
        signed=signed,
        signature=signature.octets(),
        unsigned=Attributes.read(more[0]) if more else NOTHING,
    )


def _algorithm(element: Element) -> AlgorithmIdentifier:
    if element.tag == OBJECT_IDENTIFIER:
        raise Malformed("an algorithm without its SEQUENCE")
    return AlgorithmIdentifier.read(element)


def certificate_of(
    signed: SignedData, signer: SignerInfo, others: Iterable[EmbeddedCertificate] = ()
) -> EmbeddedCertificate | None:
    """The certificate that `signer` names (EN 319 102-1 §5.2.3.4), of the container or of `others`; None without one.

    The digest in signing-certificate decides among those that the identifier fits: it alone is signed. An identifier
    that fits none is a signer's mistake which the digest heals.
    """
    known = (*signed.certificates, *others)
    named = [c for c in known if signer.identifies(c)]
    try:
        references = signing_certificates(signer.signed) if signer.signed else ()
    except Malformed:
        references = ()
    for reference in references:
        found = next((c for c in (*named, *known) if reference.names(c.der)), None)
        if found is not None:
            return found
    return named[0] if named else None
