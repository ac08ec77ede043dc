"""An OCSP answer: who signed it, and what it says of which certificates (RFC 6960 §4.2)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from esign.cms import ber
from esign.cms.algorithms import AlgorithmIdentifier, Unsupported, digest, digest_name
from esign.trust.certificate import Certificate, Extension, read_extensions
from esign.trust.names import Name, parse_name

__all__ = ["CertStatus", "OCSPAnswer", "SingleResponse", "read_ocsp"]

CERT_HASH, ARCHIVE_CUTOFF = "1.3.36.8.3.13", "1.3.6.1.5.5.7.48.1.6"
_CACHED = 64 * 1024
_MOST_RESPONSES = 100

# RFC 5280 §5.3.1, by number.
_REASONS = {
    0: "unspecified",
    1: "keyCompromise",
    2: "cACompromise",
    3: "affiliationChanged",
    4: "superseded",
    5: "cessationOfOperation",
    6: "certificateHold",
    8: "removeFromCRL",
    9: "privilegeWithdrawn",
    10: "aACompromise",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CertStatus:
    """certStatus of a certificate that is revoked."""

    revoked_at: datetime
    """revocationTime."""
    reason: str
    """revocationReason; empty where none is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleResponse:
    """What an answer says of one certificate (RFC 6960 §4.2.1)."""

    digest: str
    """The digest that its identifier is made with."""
    name_hash: bytes = field(repr=False)
    """Of the issuer's name."""
    key_hash: bytes = field(repr=False)
    """Of the issuer's key."""
    serial: int
    """Of the certificate."""
    known: bool
    """False: the responder knows no such certificate."""
    revoked: CertStatus | None
    """None: good, if it is known."""
    this_update: datetime
    """What it says is as of then."""
    next_update: datetime | None
    """Newer information is there no later."""
    archive_cutoff: datetime | None
    """It remembers certificates that expired since then (RFC 6960 §4.4.4)."""
    certificate_hash: tuple[str, bytes] | None
    """Digest and value of the certificate itself (Common PKI, certHash); None without."""

    def speaks_of(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Whether it is about `certificate` as `issuer` made it; never raises."""
        if self.serial != certificate.serial:
            return False
        try:
            names = digest(self.digest, certificate.issuer.der) == self.name_hash
            keys = digest(self.digest, issuer.key_bits) == self.key_hash
            if self.certificate_hash is None:
                return names and keys
            name, value = self.certificate_hash
            return names and keys and digest(name, certificate.der) == value
        except (Unsupported, ber.Malformed):
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class OCSPAnswer:
    """A BasicOCSPResponse."""

    der: bytes = field(repr=False)
    """As it was given, with or without the response around it."""
    responder_name: Name | None
    """Who answers, by name …"""
    responder_key_hash: bytes | None = field(repr=False)
    """… or by the SHA-1 of the key."""
    produced_at: datetime
    """When it was signed."""
    responses: tuple[SingleResponse, ...] = field(repr=False)
    """What it says."""
    certificates: tuple[bytes, ...] = field(repr=False)
    """Those that it brings along, DER."""
    signed: bytes = field(repr=False)
    """The bytes that were signed."""
    algorithm: bytes = field(repr=False)
    """The AlgorithmIdentifier of the signature."""
    signature: bytes = field(repr=False)
    """The signature value."""

    def is_from(self, responder: Certificate) -> bool:
        """Whether it names `responder` as who answers."""
        if self.responder_name is not None:
            return self.responder_name == responder.subject
        try:
            # RFC 6960 §4.2.1: KeyHash is a SHA-1 and identifies, it protects nothing.
            return hashlib.sha1(responder.key_bits, usedforsecurity=False).digest() == self.responder_key_hash
        except ber.Malformed:
            return False


def read_ocsp(der: bytes) -> OCSPAnswer:
    """Read an OCSPResponse that succeeded, or the BasicOCSPResponse inside one.

    Raises:
        ber.Malformed: It is neither.
    """
    return _read_cached(der) if len(der) <= _CACHED else _read(der)


def _read(der: bytes) -> OCSPAnswer:
    outer = ber.read(der).items(ber.SEQUENCE, least=1)
    if outer[0].tag == ber.ENUMERATED:
        if outer[0].integer() or len(outer) < 2:
            raise ber.Malformed("no successful response")
        bytes_ = outer[1].items(0xA0, least=1)[0].items(ber.SEQUENCE, least=2)
        outer = ber.read(bytes_[1].octets()).items(ber.SEQUENCE, least=3)
    if len(outer) < 3:
        raise ber.Malformed("no basic response")
    tbs, algorithm, signature, *rest = outer
    fields = tbs.items(ber.SEQUENCE, least=3)
    if fields[0].tag == 0xA0:  # version
        fields.pop(0)
    if len(fields) < 3:
        raise ber.Malformed("no response data")
    responder, produced_at, responses, *_ = fields
    identifier = (responder.children() or [responder])[0]
    singles = responses.items(ber.SEQUENCE)
    if len(singles) > _MOST_RESPONSES:
        raise ber.Malformed("too many responses")
    return OCSPAnswer(
        der=der,
        responder_name=parse_name(identifier.encoded) if responder.tag == 0xA1 else None,
        responder_key_hash=identifier.octets() if responder.tag == 0xA2 else None,
        produced_at=produced_at.time(),
        responses=tuple(_single(single) for single in singles),
        certificates=tuple(c.encoded for e in rest if e.tag == 0xA0 for c in e.items(0xA0, least=1)[0].children()),
        signed=tbs.encoded,
        algorithm=algorithm.encoded,
        signature=signature.bits(),
    )


_read_cached = lru_cache(maxsize=256)(_read)


def _single(element: ber.Element) -> SingleResponse:
    identifier, status, this_update, *rest = element.items(ber.SEQUENCE, least=3)
    algorithm, name_hash, key_hash, serial, *_ = identifier.items(ber.SEQUENCE, least=4)
    next_update = next((e.items(0xA0, least=1)[0].time() for e in rest if e.tag == 0xA0), None)
    extensions = next((read_extensions(e.items(0xA1, least=1)[0]) for e in rest if e.tag == 0xA1), {})
    return SingleResponse(
        digest=digest_name(AlgorithmIdentifier.read(algorithm)),
        name_hash=name_hash.octets(),
        key_hash=key_hash.octets(),
        serial=int.from_bytes(serial.expect(ber.INTEGER).value, signed=True),
        known=status.tag in {0x80, 0xA1},
        revoked=_revoked(status) if status.tag == 0xA1 else None,
        this_update=this_update.time(),
        next_update=next_update,
        archive_cutoff=_archive_cutoff(extensions),
        certificate_hash=_certificate_hash(extensions),
    )


def _revoked(element: ber.Element) -> CertStatus:
    since, *reason = element.items(0xA1, least=1)
    number = reason[0].items(0xA0, least=1)[0].integer() if reason else None
    return CertStatus(revoked_at=since.time(), reason="" if number is None else _REASONS.get(number, str(number)))


def _archive_cutoff(extensions: Mapping[str, Extension]) -> datetime | None:
    extension = extensions.get(ARCHIVE_CUTOFF)
    return ber.read(extension.value).time() if extension else None


def _certificate_hash(extensions: Mapping[str, Extension]) -> tuple[str, bytes] | None:
    extension = extensions.get(CERT_HASH)
    if extension is None:
        return None
    algorithm, value, *_ = ber.read(extension.value).items(ber.SEQUENCE, least=2)
    return digest_name(AlgorithmIdentifier.read(algorithm)), value.octets()
