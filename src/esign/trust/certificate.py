"""A certificate as path validation reads it (RFC 5280 §4.1), tolerant of what it does not need.

Real certificates have malformed extensions that nobody looks at, keys that no library loads and names in odd
encodings. Here only what a decision rests on is decoded, and what is malformed there raises `ber.Malformed`.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntFlag
from functools import lru_cache
from typing import TypeVar

from esign.cms import ber
from esign.trust.names import Name, general_names, parse_name

__all__ = ["Certificate", "Extension", "KeyUsage", "parse_certificate", "read_extensions"]

T = TypeVar("T")
_CACHED = 16 * 1024
"""Larger certificates are hostile or rare; the cache never holds them."""

BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE = "2.5.29.19", "2.5.29.15", "2.5.29.37"
SUBJECT_KEY_IDENTIFIER, AUTHORITY_KEY_IDENTIFIER = "2.5.29.14", "2.5.29.35"
DISTRIBUTION_POINTS, INFORMATION_ACCESS = "2.5.29.31", "1.3.6.1.5.5.7.1.1"
OCSP_NOCHECK = "1.3.6.1.5.5.7.48.1.5"
# Certificates that live so shortly that nobody revokes them: RFC 9608 §2, EN 319 412-1 §5.2.
NO_REVOCATION = frozenset({"2.5.29.56", "0.4.0.194121.2.1"})


class KeyUsage(IntFlag):
    """What a key may do (RFC 5280 §4.2.1.3), by the bits of the first octet."""

    DIGITAL_SIGNATURE = 0x80
    NON_REPUDIATION = 0x40
    KEY_CERT_SIGN = 0x04
    CRL_SIGN = 0x02


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension, undecoded."""

    critical: bool
    """Who does not know it must refuse the certificate (RFC 5280 §4.2)."""
    value: bytes
    """The content of extnValue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What RFC 5280 §6 looks at."""

    der: bytes = field(repr=False)
    """The whole of it."""
    version: int
    """3 for every certificate with extensions."""
    serial: int
    """Unique below its issuer."""
    issuer: Name = field(repr=False)
    """Who signed it."""
    subject: Name = field(repr=False)
    """Whom it speaks of."""
    not_before: datetime
    """Valid from."""
    not_after: datetime
    """Valid to, inclusive."""
    public_key: bytes = field(repr=False)
    """SubjectPublicKeyInfo, DER."""
    extensions: Mapping[str, Extension] = field(repr=False, hash=False)
    """By object identifier."""
    signed: bytes = field(repr=False)
    """The bytes that its issuer signed."""
    algorithm: bytes = field(repr=False)
    """The AlgorithmIdentifier of that signature."""
    signature: bytes = field(repr=False)
    """The signature value."""
    is_authority: bool
    """basicConstraints cA."""
    path_length: int | None
    """pathLenConstraint."""
    key_usage: KeyUsage | None
    """None: without the extension every use is open."""
    purposes: tuple[str, ...] | None
    """extendedKeyUsage; None: without the extension every purpose is open."""
    key_identifier: bytes | None = field(repr=False)
    """subjectKeyIdentifier."""
    issuer_key_identifier: bytes | None = field(repr=False)
    """authorityKeyIdentifier's key identifier."""

    @property
    def sha256(self) -> str:
        """The fingerprint, hex."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def is_self_issued(self) -> bool:
        """Subject and issuer are the same (RFC 5280 §3.2)."""
        return self.subject == self.issuer

    @property
    def key_bits(self) -> bytes:
        """The content of subjectPublicKey, which OCSP hashes."""
        return ber.read(self.public_key).items(ber.SEQUENCE, least=2)[1].bits()

    @property
    def has_nocheck(self) -> bool:
        """id-pkix-ocsp-nocheck: for this responder nobody asks (RFC 6960 §4.2.2.2.1)."""
        return OCSP_NOCHECK in self.extensions

    @property
    def is_never_revoked(self) -> bool:
        """Its authority says that nobody revokes it; of authorities themselves that is not believed (RFC 9608 §3)."""
        return not self.is_authority and not NO_REVOCATION.isdisjoint(self.extensions)

    def is_valid_at(self, at: datetime) -> bool:
        """Whether `at` lies within its validity."""
        return self.not_before <= at <= self.not_after

    def may(self, usage: KeyUsage) -> bool:
        """Whether its key usage allows any of `usage`."""
        return self.key_usage is None or bool(self.key_usage & usage)

    def distribution_points(self) -> tuple[tuple[int, bytes], ...]:
        """The names of the places of its revocation lists (RFC 5280 §4.2.1.13), [] where they cannot be read."""
        return _lenient(self.extensions.get(DISTRIBUTION_POINTS), _distribution_points) or ()

    def access(self, method: str) -> tuple[str, ...]:
        """The URLs of an access method (RFC 5280 §4.2.2.1): OCSP responders or issuers' certificates."""
        found = _lenient(self.extensions.get(INFORMATION_ACCESS), _access) or ()
        return tuple(url for kind, url in found if kind == method)


def parse_certificate(der: bytes) -> Certificate:
    """Read a certificate.

    Raises:
        ber.Malformed: It is none, or what a decision rests on cannot be read.
    """
    return _parse_cached(der) if len(der) <= _CACHED else _parse(der)


def _parse(der: bytes) -> Certificate:
    whole = ber.read(der)
    if whole.end != len(der):
        raise ber.Malformed("bytes behind the certificate")
    tbs, algorithm, signature, *more = whole.items(ber.SEQUENCE, least=3)
    if more:
        raise ber.Malformed("more than a certificate")
    fields = tbs.items(ber.SEQUENCE, least=6)
    version = fields.pop(0).items(0xA0, least=1)[0].integer() + 1 if fields[0].tag == 0xA0 else 1
    if len(fields) < 6:
        raise ber.Malformed("a certificate without a key")
    serial, inner_algorithm, issuer, validity, subject, key, *rest = fields
    if inner_algorithm.encoded != algorithm.encoded:
        raise ber.Malformed("two signature algorithms")  # RFC 5280 §4.1.1.2
    since, until, *_ = validity.items(ber.SEQUENCE, least=2)
    extensions = next((read_extensions(e.items(0xA3, least=1)[0]) for e in rest if e.tag == 0xA3), {})
    is_authority, path_length = _strict(extensions.get(BASIC_CONSTRAINTS), _basic_constraints) or (False, None)
    return Certificate(
        der=der,
        version=version,
        # Some cards pad it or write a negative one: it is compared, never counted with.
        serial=int.from_bytes(serial.expect(ber.INTEGER).value, signed=True),
        issuer=parse_name(issuer.encoded),
        subject=parse_name(subject.encoded),
        not_before=since.time(),
        not_after=until.time(),
        public_key=key.expect(ber.SEQUENCE).encoded,
        extensions=extensions,
        signed=tbs.encoded,
        algorithm=algorithm.encoded,
        signature=signature.bits(),
        is_authority=is_authority,
        path_length=path_length,
        key_usage=_strict(extensions.get(KEY_USAGE), _key_usage),
        purposes=_strict(extensions.get(EXTENDED_KEY_USAGE), _purposes),
        key_identifier=_lenient(extensions.get(SUBJECT_KEY_IDENTIFIER), lambda e: e.octets()),
        issuer_key_identifier=_lenient(extensions.get(AUTHORITY_KEY_IDENTIFIER), _issuer_key_identifier),
    )


_parse_cached = lru_cache(maxsize=1024)(_parse)


def read_extensions(element: ber.Element) -> dict[str, Extension]:
    """Extensions (RFC 5280 §4.1), undecoded.

    Raises:
        ber.Malformed: They cannot be read, or one stands twice.
    """
    found: dict[str, Extension] = {}
    for extension in element.items(ber.SEQUENCE):
        kind, *critical, value = extension.items(ber.SEQUENCE, least=2)
        oid = kind.oid()
        if oid in found:
            raise ber.Malformed("an extension twice")  # RFC 5280 §4.2
        found[oid] = Extension(bool(critical and critical[0].expect(ber.BOOLEAN).value != b"\0"), value.octets())
    return found


def _strict(extension: Extension | None, decode: Callable[[ber.Element], T]) -> T | None:
    """What an extension says, None where there is none."""
    if extension is None:
        return None
    element = ber.read(extension.value)
    if element.end != len(extension.value):
        raise ber.Malformed("bytes behind an extension")
    return decode(element)


def _lenient(extension: Extension | None, decode: Callable[[ber.Element], T]) -> T | None:
    """Like `_strict` for what only helps: malformed is as good as missing."""
    try:
        return _strict(extension, decode)
    except (ber.Malformed, UnicodeDecodeError, IndexError):
        return None


def _basic_constraints(element: ber.Element) -> tuple[bool, int | None]:
    is_authority, length = False, None
    for part in element.items(ber.SEQUENCE):
        if part.tag == ber.BOOLEAN:
            is_authority = part.value != b"\0"
        else:
            length = part.integer()
    if length is not None and length < 0:
        raise ber.Malformed("a negative path length")
    return is_authority, length


def _key_usage(element: ber.Element) -> KeyUsage:
    content = element.expect(ber.BIT_STRING).value
    if not content or content[0] > 7:
        raise ber.Malformed("no key usage")
    return KeyUsage(content[1] & 0xC6) if len(content) > 1 else KeyUsage(0)


def _purposes(element: ber.Element) -> tuple[str, ...]:
    return tuple(purpose.oid() for purpose in element.items(ber.SEQUENCE, least=1))


def _issuer_key_identifier(element: ber.Element) -> bytes | None:
    return next((part.value for part in element.items(ber.SEQUENCE) if part.tag == 0x80), None)


def _distribution_points(element: ber.Element) -> tuple[tuple[int, bytes], ...]:
    names: list[tuple[int, bytes]] = []
    for point in element.items(ber.SEQUENCE):
        for part in point.items(ber.SEQUENCE):
            if part.tag == 0xA0:  # distributionPoint, of which fullName is [0]
                names += [n for name in part.children() if name.tag == 0xA0 for n in general_names(name)]
    return tuple(names)


def _access(element: ber.Element) -> tuple[tuple[str, str], ...]:
    pairs = (description.items(ber.SEQUENCE, least=2) for description in element.items(ber.SEQUENCE))
    return tuple((method.oid(), place.value.decode("ascii")) for method, place, *_ in pairs if place.tag == 0x86)
