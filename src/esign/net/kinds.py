"""What is fetched, and what an answer of each kind must look like before anybody parses it.

RFC 3161 §3.4 (time-stamps), RFC 6960 appendix A (OCSP), RFC 5280 §4.2.1.13 and §4.2.2.1 (CRL, AIA).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from cryptography import x509
from cryptography.x509 import ocsp

__all__ = ["HEADER", "Kind", "Shape", "declared_length", "fresh_until", "is_whole", "shape_of"]


class Kind(Enum):
    """What is fetched."""

    TIMESTAMP = "timestamp"
    """A time-stamp token, by POST."""
    OCSP = "ocsp"
    """The status of a certificate, by POST."""
    CRL = "crl"
    """A revocation list, by GET."""
    CERTIFICATES = "certificates"
    """Issuing certificates (AIA), by GET: one in DER, or a PKCS#7."""
    JWKS = "jwks"
    """The public keys of a token issuer (RFC 7517 §5), by GET: one JSON object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What an answer may be."""

    most_bytes: int
    """Longer ones are not read to the end."""
    content_types: frozenset[str]
    """What the standard says, and what real servers say; none at all is taken, too."""
    asked_as: str | None = None
    """The content type of what is sent; None where nothing is sent."""
    pem: bool = False
    """Whether real servers send PEM where the standard says DER."""
    json: bool = False
    """Whether it is an object in JSON, and no DER."""


_ANY = frozenset({"", "application/octet-stream", "binary/octet-stream"})

_SHAPES = {
    Kind.TIMESTAMP: Shape(
        most_bytes=64 * 1024,
        content_types=frozenset({"application/timestamp-reply", "application/timestamp-response"}),
        asked_as="application/timestamp-query",
    ),
    Kind.OCSP: Shape(
        most_bytes=64 * 1024,
        content_types=frozenset({"application/ocsp-response"}),
        asked_as="application/ocsp-request",
    ),
    Kind.CRL: Shape(
        most_bytes=32 * 1024 * 1024,
        content_types=_ANY
        | {"application/pkix-crl", "application/x-pkcs7-crl", "application/pkcs7-crl", "application/crl", "text/plain"}
        | {"application/x-x509-crl", "application/x-pem-file"},
        pem=True,
    ),
    Kind.CERTIFICATES: Shape(
        most_bytes=256 * 1024,
        content_types=_ANY
        | {"application/pkix-cert", "application/x-x509-ca-cert", "application/x-x509-user-cert", "text/plain"}
        | {"application/pkcs7-mime", "application/x-pkcs7-certificates", "application/x-x509-email-cert"}
        | {"application/x-pem-file"},
        pem=True,
    ),
    Kind.JWKS: Shape(
        most_bytes=256 * 1024,
        content_types=frozenset({"", "application/json", "application/jwk-set+json"}),
        json=True,
    ),
}


def shape_of(kind: Kind) -> Shape:
    """What an answer of `kind` may be."""
    return _SHAPES[kind]


_PEM = b"-----BEGIN "
HEADER = 6
"""How many bytes tell a value's length: a tag and a length of up to four bytes; longer ones are beyond every limit."""


def declared_length(start: bytes, *, pem: bool) -> int | None:
    """How long the DER value says it is, from its first bytes; None where only its end can tell.

    Raises:
        ValueError: It is no SEQUENCE in DER.
    """
    if pem and _PEM.startswith(start[: len(_PEM)]):
        return None
    if start[:1] != b"\x30":
        message = "no SEQUENCE"
        raise ValueError(message)
    first = start[1] if len(start) > 1 else 0
    if pem and first == 0x80:  # BER without a length: some authorities write PKCS#7 so (RFC 2315 §6)
        return None
    if first < 0x80:
        return 2 + first
    size = first & 0x7F
    octets = start[2 : 2 + size]
    shortest = octets[:1] != b"\0" and (size > 1 or octets >= b"\x80")
    if not 1 <= size <= HEADER - 2 or not shortest:
        message = "length not in DER"
        raise ValueError(message)
    return 2 + size + int.from_bytes(octets, "big")


def is_whole(body: bytes, *, pem: bool) -> bool:
    """Whether `body` is one value and nothing more."""
    try:
        length = declared_length(body[:HEADER], pem=pem)
    except ValueError:
        return False
    if length is not None:
        return length == len(body)
    return b"-----END " in body if body.startswith(_PEM) else body.endswith(b"\0\0")


_LONGEST = timedelta(days=7)
"""An authority's mistake in nextUpdate must not blind us for years."""
_CERTIFICATES_KEPT = timedelta(days=1)
_KEYS_KEPT = timedelta(minutes=10)


def fresh_until(kind: Kind, body: bytes, *, now: datetime) -> datetime | None:
    """Until when an answer may be given again; None where it may not.

    Whether it tells the truth is for its reader to find out (`check` of `Client.fetch`).
    """
    if kind is Kind.TIMESTAMP:
        return None
    if kind is Kind.CERTIFICATES:
        return now + _CERTIFICATES_KEPT
    if kind is Kind.JWKS:
        return now + _KEYS_KEPT
    try:
        since, until = _UPDATES[kind](body)
    except Exception:  # noqa: BLE001 - a hostile answer makes a parser raise anything; it is merely not kept
        return None
    if until is None or not since <= now < until:
        return None
    return min(until, now + _LONGEST)


def _crl_updates(body: bytes) -> tuple[datetime, datetime | None]:
    crl = x509.load_pem_x509_crl(body) if body.startswith(_PEM) else x509.load_der_x509_crl(body)
    return crl.last_update_utc, crl.next_update_utc


def _ocsp_updates(body: bytes) -> tuple[datetime, datetime | None]:
    answers = list(ocsp.load_der_ocsp_response(body).responses)
    ends = [a.next_update_utc for a in answers]
    earliest = None if None in ends else min((e for e in ends if e is not None), default=None)
    return max((a.this_update_utc for a in answers), default=datetime.max.replace(tzinfo=UTC)), earliest


_UPDATES: dict[Kind, Callable[[bytes], tuple[datetime, datetime | None]]] = {
    Kind.CRL: _crl_updates,
    Kind.OCSP: _ocsp_updates,
}
