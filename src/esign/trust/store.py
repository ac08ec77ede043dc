"""Whom a verifier trusts: anchors that an operator named, issuers that help to find a path, revocation information.

Nothing is trusted by default, neither the operating system's roots nor what a document brings along (RFC 5280 §6).
"""

import hashlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from esign import cms
from esign.cms import ber
from esign.errors import InputError
from esign.names import subject_parts
from esign.trust.certificate import parse_certificate
from esign.trust.crl import read_crl
from esign.trust.ocsp import read_ocsp
from esign.trust.purpose import Purpose

__all__ = ["TrustAnchor", "TrustStore", "certificates"]

_ANY = frozenset({Purpose.DOCUMENT, Purpose.TIMESTAMP})


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """A root that the operator trusts."""

    der: bytes = field(repr=False)
    """Its certificate."""
    purposes: frozenset[Purpose] = _ANY
    """What it is trusted for: some roots certify time-stamping authorities alone."""

    @property
    def sha256(self) -> str:
        """The fingerprint of the certificate, hex."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def name(self) -> str:
        """Its subject, for people."""
        return ", ".join(f"{part.label}={part.value}" for part in subject_parts(self.der))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustStore:
    """Anchors, and what helps to reach and to judge them; an empty store trusts nobody."""

    anchors: tuple[TrustAnchor, ...] = ()
    """The roots."""
    intermediates: tuple[bytes, ...] = field(default=(), repr=False)
    """Issuing certificates, DER: many Vietnamese signatures carry only the leaf. Not trusted by themselves."""
    crls: tuple[bytes, ...] = field(default=(), repr=False)
    """Certificate revocation lists, DER; each counts only if its issuer signed it and it is current."""
    ocsps: tuple[bytes, ...] = field(default=(), repr=False)
    """OCSP responses, DER; each counts only if the issuer or a responder that it named signed it."""

    @classmethod
    def from_pem(
        cls,
        *anchors: bytes,
        authorities: Iterable[bytes] = (),
        intermediates: Iterable[bytes] = (),
        crls: Iterable[bytes] = (),
        ocsps: Iterable[bytes] = (),
    ) -> Self:
        """From files' contents: PEM bundles, DER, or PKCS#7 (.p7b); revocation lists in PEM or DER.

        `authorities` are anchors for time-stamps alone.

        Raises:
            InputError: `certificate-unreadable`, `crl-unreadable` or `ocsp-unreadable`.
        """
        found = dict.fromkeys(c for data in anchors for c in certificates(data))
        stamping = dict.fromkeys(c for data in authorities for c in certificates(data))
        only = frozenset({Purpose.TIMESTAMP})
        return cls(
            anchors=(*map(TrustAnchor, found), *(TrustAnchor(c, only) for c in stamping if c not in found)),
            intermediates=tuple(dict.fromkeys(c for data in intermediates for c in certificates(data))),
            crls=tuple(_crl(data) for data in crls),
            ocsps=tuple(_ocsp(data) for data in ocsps),
        )

    def anchors_for(self, purpose: Purpose) -> tuple[bytes, ...]:
        """The anchors that count for `purpose`, DER."""
        # A responder speaks for an authority, whatever that certifies.
        return tuple(a.der for a in self.anchors if purpose in a.purposes or purpose is Purpose.OCSP)


def certificates(data: bytes) -> tuple[bytes, ...]:
    """The certificates in a file's content, each as DER: PEM bundle, PKCS#7 in PEM or DER, or one DER certificate.

    Raises:
        InputError: `certificate-unreadable`; one that cannot be read refuses the file.
    """
    try:
        if b"-----BEGIN PKCS7-----" in data:
            found = tuple(c for block in _pem(data, b"PKCS7") for c in _pkcs7(block))
        elif b"-----BEGIN CERTIFICATE-----" in data:
            found = _pem(data, b"CERTIFICATE")
        else:
            found = _der(data)
        for certificate in found:
            parse_certificate(certificate)
    except (ber.Malformed, InputError) as e:
        raise InputError("certificate-unreadable", problem=str(e)) from e
    if not found:
        raise InputError("certificate-unreadable", problem="PKCS#7")
    return found


def _der(data: bytes) -> tuple[bytes, ...]:
    try:
        parse_certificate(data)
    except ber.Malformed:
        return _pkcs7(data)
    return (data,)


def _pkcs7(data: bytes) -> tuple[bytes, ...]:
    """RFC 2315 §6 allows BER, and some authorities write it."""
    signed = cms.parse(data)
    if signed.size != len(data):
        raise ber.Malformed("bytes behind the PKCS#7")
    return tuple(c.der for c in signed.certificates)


def _pem(data: bytes, label: bytes) -> tuple[bytes, ...]:
    """The blocks of `label` (RFC 7468); text around them does not matter."""
    begin, end = (b"-----%s %s-----" % (edge, label) for edge in (b"BEGIN", b"END"))
    blocks = []
    for part in data.split(begin)[1:]:
        body, found, _ = part.partition(end)
        try:
            blocks.append(b64decode(b"".join(body.split()), validate=True))
        except Base64Error as e:
            raise ber.Malformed("PEM") from e
        if not found:
            raise ber.Malformed("PEM without an end")
    return tuple(blocks)


def _crl(data: bytes) -> bytes:
    try:
        (found,) = _pem(data, b"X509 CRL") if b"-----BEGIN X509 CRL-----" in data else (data,)
        read_crl(found)
    except ValueError as e:  # also where there are several
        raise InputError("crl-unreadable", problem=str(e)) from e
    return found


def _ocsp(data: bytes) -> bytes:
    try:
        read_ocsp(data)
    except ber.Malformed as e:
        raise InputError("ocsp-unreadable", problem=str(e)) from e
    return data
