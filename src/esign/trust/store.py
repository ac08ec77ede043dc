"""Whom a verifier trusts: anchors that an operator named, issuers that help to find a path, revocation information.

Nothing is trusted by default, neither the operating system's roots nor what a document brings along (RFC 5280 §6).
"""

import hashlib
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.ocsp import load_der_ocsp_response

from esign.errors import InputError
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
        """Its subject (RFC 4514)."""
        return x509.load_der_x509_certificate(self.der).subject.rfc4514_string()


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
        return tuple(a.der for a in self.anchors if purpose in a.purposes)


def certificates(data: bytes) -> tuple[bytes, ...]:
    """The certificates in a file's content, each as DER: PEM bundle, PKCS#7 in PEM or DER, or one DER certificate.

    Raises:
        InputError: `certificate-unreadable`.
    """
    try:
        if b"-----BEGIN CERTIFICATE-----" in data:
            found = x509.load_pem_x509_certificates(data)
        elif b"-----BEGIN PKCS7-----" in data:
            found = _pkcs7(data, pkcs7.load_pem_pkcs7_certificates)
        else:
            found = _der(data)
    except (ValueError, UnsupportedAlgorithm) as e:  # the latter: PKCS#7 of another content type
        raise InputError("certificate-unreadable", problem=type(e).__name__) from e
    return tuple(c.public_bytes(Encoding.DER) for c in found)


def _der(data: bytes) -> list[x509.Certificate]:
    try:
        return [x509.load_der_x509_certificate(data)]
    except ValueError:
        return _pkcs7(data, pkcs7.load_der_pkcs7_certificates)


def _pkcs7(data: bytes, load: Callable[[bytes], list[x509.Certificate]]) -> list[x509.Certificate]:
    # RFC 2315 §6 allows BER and some authorities write it; cryptography reads it, but with a warning that
    # nobody here can act on.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PKCS#7 certificates could not be parsed as DER")
        return load(data)


def _crl(data: bytes) -> bytes:
    load = x509.load_pem_x509_crl if b"-----BEGIN X509 CRL-----" in data else x509.load_der_x509_crl
    try:
        return load(data).public_bytes(Encoding.DER)
    except ValueError as e:
        raise InputError("crl-unreadable", problem=type(e).__name__) from e


def _ocsp(data: bytes) -> bytes:
    try:
        return load_der_ocsp_response(data).public_bytes(Encoding.DER)
    except ValueError as e:
        raise InputError("ocsp-unreadable", problem=type(e).__name__) from e
