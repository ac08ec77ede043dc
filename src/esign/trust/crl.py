"""A certificate revocation list: who issued it, when, for which certificates, and what it says of one (RFC 5280 §5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from cryptography import x509

from esign.cms import ber
from esign.trust.certificate import Certificate, Extension, read_extensions
from esign.trust.names import Name, general_names, parse_name

__all__ = ["CertificateList", "Entry", "Scope", "read_crl"]

ISSUING_DISTRIBUTION_POINT, DELTA_INDICATOR, EXPIRED_CERTIFICATES = "2.5.29.28", "2.5.29.27", "2.5.29.60"
# What is understood here, or does not limit what the list says; another critical extension makes it unusable (§5.2).
_KNOWN = frozenset({ISSUING_DISTRIBUTION_POINT, EXPIRED_CERTIFICATES, "2.5.29.20", "2.5.29.35", "2.5.29.46"})
_KNOWN_IN_ENTRIES = frozenset({"2.5.29.21", "2.5.29.23", "2.5.29.24"})  # reason, hold instruction, invalidity date
_SMALL = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The issuing distribution point: for which certificates a list speaks (RFC 5280 §5.2.5)."""

    points: frozenset[tuple[int, bytes]] | None = None
    """The names of its distribution point; None: any."""
    users: bool = True
    """It speaks of certificates of users."""
    authorities: bool = True
    """It speaks of certificates of authorities."""
    all_reasons: bool = True
    """Not being on it means not being revoked, whatever the reason."""
    indirect: bool = False
    """It may list certificates of other issuers."""

    def covers(self, certificate: Certificate) -> bool:
        """Whether it speaks of `certificate` (§6.3.3 b)."""
        if not (self.authorities if certificate.is_authority else self.users):
            return False
        return self.points is None or bool(self.points & set(certificate.distribution_points()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a list says of one certificate that it lists."""

    revoked_at: datetime
    """revocationDate."""
    reason: str
    """CRLReason; empty where none is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateList:
    """A revocation list; its entries stay encoded, there may be a hundred thousand."""

    der: bytes = field(repr=False)
    """The whole of it."""
    issuer: Name
    """Who issued it."""
    this_update: datetime
    """What it says is as of then."""
    next_update: datetime | None
    """The next one is issued no later."""
    scope: Scope
    """For which certificates it speaks."""
    is_delta: bool
    """It lists only what changed since a base (§5.2.4)."""
    expired_since: datetime | None
    """It keeps certificates that expired since then (X.509 §9.5.2.8, expiredCertsOnCRL)."""
    signed: bytes = field(repr=False)
    """The bytes that its issuer signed."""
    algorithm: bytes = field(repr=False)
    """The AlgorithmIdentifier of the signature."""
    signature: bytes = field(repr=False)
    """The signature value."""

    def entry(self, serial: int) -> Entry | None:
        """What it says of the certificate with `serial`; None where it does not list it.

        Raises:
            ber.Malformed: The entry cannot be read, or means more than is understood here.
        """
        try:
            found = _load(self.der).get_revoked_certificate_by_serial_number(serial)
            if found is None:
                return None
            reason = ""
            for extension in found.extensions:
                if extension.critical and extension.oid.dotted_string not in _KNOWN_IN_ENTRIES:
                    raise ber.Malformed("an entry with an unknown critical extension")
                if isinstance(extension.value, x509.CRLReason):
                    reason = extension.value.reason.value
        except (ValueError, TypeError, x509.DuplicateExtension) as e:
            raise ber.Malformed("an entry that cannot be read") from e
        return Entry(revoked_at=found.revocation_date_utc, reason=reason)


# cryptography walks a hundred thousand entries in milliseconds, where Python would take a second.
_load = lru_cache(maxsize=4)(x509.load_der_x509_crl)


def read_crl(der: bytes) -> CertificateList:
    """Read a revocation list.

    Raises:
        ber.Malformed: It is none, or means more than is understood here.
    """
    return _read_cached(der) if len(der) <= _SMALL else _read_large(der)


def _read(der: bytes) -> CertificateList:
    tbs, algorithm, signature, *_ = ber.read(der).items(ber.SEQUENCE, least=3)
    fields = tbs.items(ber.SEQUENCE, least=3)
    if fields[0].tag == ber.INTEGER:
        fields.pop(0)
    if len(fields) < 3:
        raise ber.Malformed("a list without a date")
    inner_algorithm, issuer, this_update, *rest = fields
    if inner_algorithm.encoded != algorithm.encoded:
        raise ber.Malformed("two signature algorithms")
    next_update = rest[0].time() if rest and rest[0].tag in {ber.UTC_TIME, ber.GENERALIZED_TIME} else None
    extensions = next((read_extensions(e.items(0xA0, least=1)[0]) for e in rest if e.tag == 0xA0), {})
    is_delta = DELTA_INDICATOR in extensions
    if any(e.critical and oid not in _KNOWN for oid, e in extensions.items() if oid != DELTA_INDICATOR):
        raise ber.Malformed("an unknown critical extension")
    return CertificateList(
        der=der,
        issuer=parse_name(issuer.encoded),
        this_update=this_update.time(),
        next_update=next_update,
        scope=_scope(extensions),
        is_delta=is_delta,
        expired_since=_expired_since(extensions),
        signed=tbs.encoded,
        algorithm=algorithm.encoded,
        signature=signature.bits(),
    )


# An operator's own lists are asked again and again, and few of them are large; hostile ones push each other out.
_read_cached = lru_cache(maxsize=64)(_read)
_read_large = lru_cache(maxsize=4)(_read)


def _scope(extensions: Mapping[str, Extension]) -> Scope:
    extension = extensions.get(ISSUING_DISTRIBUTION_POINT)
    if extension is None:
        return Scope()
    parts = {part.tag: part for part in ber.read(extension.value).items(ber.SEQUENCE)}
    only = {tag for tag in (0x81, 0x82, 0x84, 0x85) if tag in parts and parts[tag].value != b"\0"}
    attributes = 0x85 in only
    return Scope(
        points=_points(parts[0xA0]) if 0xA0 in parts else None,
        users=0x82 not in only and not attributes,
        authorities=0x81 not in only and not attributes,
        all_reasons=0x83 not in parts,
        indirect=0x84 in only,
    )


def _points(element: ber.Element) -> frozenset[tuple[int, bytes]]:
    """The full names; a name relative to the issuer matches none here, so such a list speaks of nothing."""
    return frozenset(n for name in element.children() if name.tag == 0xA0 for n in general_names(name))


def _expired_since(extensions: Mapping[str, Extension]) -> datetime | None:
    extension = extensions.get(EXPIRED_CERTIFICATES)
    return ber.read(extension.value).time() if extension else None
