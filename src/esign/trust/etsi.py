"""ETSI trusted lists (TS 119 612): the authorities that a country granted, from a snapshot that the operator pinned.

The signature of a list is XML-DSig over XAdES, and a verifier of our own for that would be more code, and more to
attack, than all of `esign.trust`. So a list counts only under the SHA-256 that the operator gives, who took it from
software that verified the list, or from the authority itself. `fetch` is left to that software for the same reason.
"""

import hashlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from xml.etree import ElementTree as ET

from esign.cms import ber
from esign.errors import InputError
from esign.trust.certificate import parse_certificate
from esign.trust.purpose import Purpose
from esign.trust.store import TrustAnchor

__all__ = ["TrustedList", "TrustedService", "read_trusted_list"]

_TL = "{http://uri.etsi.org/02231/v2#}"
_MOST_BYTES = 64 * 1024 * 1024
_SERVICES = "http://uri.etsi.org/TrstSvc/Svctype/"
_STATUSES = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/"
# §5.5.1: what issues certificates for signatures and seals, and what makes time-stamps.
_PURPOSES = {
    "CA/QC": Purpose.DOCUMENT,
    "CA/PKC": Purpose.DOCUMENT,
    "TSA": Purpose.TIMESTAMP,
    "TSA/QTST": Purpose.TIMESTAMP,
    "TSA/TSS-QC": Purpose.TIMESTAMP,
    "TSA/TSS-AdESQCandQES": Purpose.TIMESTAMP,
}
# §5.5.4: those under which a service may be relied on now.
_IN_FORCE = frozenset({"granted", "recognisedatnationallevel", "setbynationallaw", "undersupervision", "accredited"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedService:
    """A service that is in force now, for one purpose."""

    provider: str
    """Who runs it, in the first language given."""
    name: str
    """The service."""
    purpose: Purpose
    """What its certificates are for."""
    status: str
    """The last part of the status URI: `granted`, …"""
    certificate: bytes = field(repr=False)
    """Its digital identity, DER."""

    @property
    def anchor(self) -> TrustAnchor:
        """Trust in it, and in nothing that it is not for."""
        return TrustAnchor(self.certificate, frozenset({self.purpose}))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedList:
    """A snapshot of one country's list, or of the list of lists."""

    territory: str
    """Two letters."""
    sequence: int
    """TSLSequenceNumber."""
    issued_at: datetime
    """ListIssueDateTime."""
    next_update: datetime | None
    """None: the list is closed."""
    services: tuple[TrustedService, ...]
    """Those in force."""
    pointers: tuple[str, ...]
    """Where other lists lie; a list of lists has nothing else."""

    @property
    def anchors(self) -> tuple[TrustAnchor, ...]:
        """Each certificate once for each purpose."""
        purposes: dict[bytes, set[Purpose]] = {}
        for service in self.services:
            purposes.setdefault(service.certificate, set()).add(service.purpose)
        return tuple(TrustAnchor(der, frozenset(found)) for der, found in purposes.items())


def read_trusted_list(content: bytes, *, sha256: str) -> TrustedList:
    """Read a snapshot whose digest is `sha256` (hex).

    Raises:
        InputError: `fingerprint-differs` or `trusted-list-unreadable`.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != sha256.lower():
        raise InputError("fingerprint-differs", name="TrustServiceStatusList", expected=sha256.lower(), found=found)
    try:
        return _read(content)
    except (ET.ParseError, ValueError, Base64Error) as e:
        raise InputError("trusted-list-unreadable", problem=str(e)[:100]) from e


def _read(content: bytes) -> TrustedList:
    if len(content) > _MOST_BYTES or b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ValueError("no plain XML")  # a trusted list needs no entities (§5.1.2), an attack does
    root = ET.fromstring(content)  # noqa: S314  # pinned, and without entities
    if root.tag != f"{_TL}TrustServiceStatusList":
        raise ValueError("no trusted list")
    scheme = root.find(f"{_TL}SchemeInformation")
    if scheme is None:
        raise ValueError("no scheme information")
    next_update = scheme.findtext(f"{_TL}NextUpdate/{_TL}dateTime")
    return TrustedList(
        territory=_text(scheme, "SchemeTerritory"),
        sequence=int(_text(scheme, "TSLSequenceNumber")),
        issued_at=_time(_text(scheme, "ListIssueDateTime")),
        next_update=_time(next_update) if next_update else None,
        services=tuple(_services(root)),
        pointers=tuple(p.text.strip() for p in scheme.iter(f"{_TL}TSLLocation") if p.text),
    )


def _services(root: ET.Element) -> Iterator[TrustedService]:
    for provider in root.iter(f"{_TL}TrustServiceProvider"):
        name = provider.findtext(f"{_TL}TSPInformation/{_TL}TSPName/{_TL}Name", "")
        for service in provider.iter(f"{_TL}ServiceInformation"):
            kind = _text(service, "ServiceTypeIdentifier").removeprefix(_SERVICES)
            status = _text(service, "ServiceStatus").removeprefix(_STATUSES)
            if kind not in _PURPOSES or status not in _IN_FORCE:
                continue
            for encoded in service.iter(f"{_TL}X509Certificate"):
                certificate = b64decode("".join((encoded.text or "").split()), validate=True)
                try:
                    parse_certificate(certificate)
                except ber.Malformed:
                    continue  # one that cannot be read can certify nothing here
                yield TrustedService(
                    provider=name,
                    name=service.findtext(f"{_TL}ServiceName/{_TL}Name", ""),
                    purpose=_PURPOSES[kind],
                    status=status,
                    certificate=certificate,
                )


def _text(element: ET.Element, name: str) -> str:
    found = element.findtext(f"{_TL}{name}")
    if not found:
        raise ValueError(f"no {name}")
    return found.strip()


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment
