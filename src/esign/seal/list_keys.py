"""Who may sign a trust list: roots, certificates of list keys and of other roots (docs/spec/trust-list.md §1–3)."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

from esign.errors import SealError
from esign.keys import SigningKey
from esign.seal import labels
from esign.seal.signed_file import SignedFile, point_of, public_key_of, sign_file
from esign.seal.status_list import moment

__all__ = ["CLOCK_SKEW", "AgencyRange", "ListKey", "ListRole", "Root", "certify", "key_id", "trusted_list_key"]

CLOCK_SKEW = timedelta(minutes=5)
"""How far clocks may be apart."""
_TYP = "application/vnd.esign.list-key+cwt"
_LIMIT = 1024
_VERSION = 1
_U16 = 0xFFFF


class ListRole(IntEnum):
    """What a certificate lets its key do."""

    ROOT = 0
    """Certify list keys and other roots."""
    LIST_KEY = 1
    """Sign parts."""


@dataclass(frozen=True, slots=True)
class AgencyRange:
    """The agency numbers that somebody may speak for, both ends included."""

    first: int = 0
    """The lowest number."""
    last: int = _U16
    """The highest number."""

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last <= _U16:
            raise SealError("trust-list-invalid", field="range")

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    def covers(self, other: "AgencyRange") -> bool:
        """Whether `other` lies within."""
        return self.first <= other.first and other.last <= self.last

    def overlaps(self, other: "AgencyRange") -> bool:
        """Whether a number is in both."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A key that a verifier believes from the beginning."""

    name: str
    """Of the list that it stands for, for instance `vn`."""
    public_key: bytes = field(repr=False)
    """An uncompressed P-256 point."""
    agencies: AgencyRange = AgencyRange()
    """Whom its list may speak for."""

    def __post_init__(self) -> None:
        public_key_of(self.public_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListKey:
    """A key that a chain of certificates lets sign the parts of a list."""

    name: str
    """Of the list."""
    public_key: bytes = field(repr=False)
    """An uncompressed P-256 point."""
    generation: int
    """Counts list keys; a higher one ends all before it."""
    agencies: AgencyRange
    """Whom it may speak for."""


def key_id(public_key: bytes) -> bytes:
    """How certificates and parts name a key: the first 8 bytes of SHA-256 of its point."""
    return hashlib.sha256(public_key).digest()[:8]


def certify(subject: Root | ListKey, *, issuer: str, key: SigningKey, issued_at: datetime, expires: datetime) -> bytes:
    """A certificate for `subject` by the root called `issuer`, whose private key is `key`.

    Raises:
        SealError: `seal-key-unsuitable`.
        KeyStoreError: What the key's backend says.
    """
    role, generation = (ListRole.LIST_KEY, subject.generation) if isinstance(subject, ListKey) else (ListRole.ROOT, 0)
    claims = {
        labels.ISS: issuer,
        labels.SUB: subject.name,
        labels.EXP: int(expires.timestamp()),
        labels.IAT: int(issued_at.timestamp()),
        labels.LIST_KEY: [
            _VERSION,
            subject.public_key,
            int(role),
            generation,
            subject.agencies.first,
            subject.agencies.last,
        ],
    }
    return sign_file(claims, typ=_TYP, kid=key_id(point_of(key.public_key)), key=key)


def trusted_list_key(chain: Sequence[bytes], roots: Iterable[Root], at: datetime) -> ListKey:
    """The list key that the first certificate of `chain` names, if one of `roots` stands behind it at `at`.

    Raises:
        SealError: `trust-list-untrusted`, or `trust-list-invalid` for a certificate that cannot be read.
    """
    if not chain:
        raise SealError("trust-list-untrusted", field="chain")
    last = _Certificate.read(chain[-1])
    for root in roots:
        if key_id(root.public_key) == last.file.kid and root.name == last.issuer:
            signer = root
            break
    else:
        raise SealError("trust-list-untrusted", field="root")
    for data in reversed(chain[1:]):
        subject = _Certificate.read(data).subject_by(signer, at)
        if not isinstance(subject, Root):
            raise SealError("trust-list-untrusted", field="role")
        signer = subject
    subject = _Certificate.read(chain[0]).subject_by(signer, at)
    if not isinstance(subject, ListKey):
        raise SealError("trust-list-untrusted", field="role")
    return subject


@dataclass(frozen=True, slots=True, kw_only=True)
class _Certificate:
    """A certificate that was read and not checked yet."""

    file: SignedFile
    issuer: str
    issued_at: datetime
    expires: datetime
    subject: Root | ListKey

    @classmethod
    def read(cls, data: bytes) -> "_Certificate":
        try:
            file = SignedFile.read(data, typ=_TYP, limit=_LIMIT)
            claims = file.claims()
        except SealError as e:
            raise SealError("trust-list-invalid", field="certificate") from e
        match claims:
            case {
                labels.ISS: str(issuer),
                labels.SUB: str(name),
                labels.EXP: exp,
                labels.IAT: iat,
                labels.LIST_KEY: [1, bytes(public_key), int(role), int(generation), int(first), int(last)],
                **rest,
            } if not rest and role in set(ListRole) and 0 <= generation <= _U16:
                agencies = AgencyRange(first, last)
            case _:
                raise SealError("trust-list-invalid", field="certificate")
        subject: Root | ListKey
        if role == ListRole.ROOT:
            subject = Root(name=name, public_key=public_key, agencies=agencies)
        else:
            public_key_of(public_key)
            subject = ListKey(name=name, public_key=public_key, generation=generation, agencies=agencies)
        return cls(
            file=file,
            issuer=issuer,
            issued_at=moment(iat, "certificate", code="trust-list-invalid"),
            expires=moment(exp, "certificate", code="trust-list-invalid"),
            subject=subject,
        )

    def subject_by(self, signer: Root, at: datetime) -> Root | ListKey:
        """Who it is for, if `signer` made it, may make it, and it holds at `at`."""
        if self.issuer != signer.name or self.file.kid != key_id(signer.public_key) or self.file.chain:
            raise SealError("trust-list-untrusted", field="issuer")
        try:
            self.file.check(signer.public_key)
        except SealError as e:
            raise SealError("trust-list-untrusted", field="signature") from e
        if not signer.agencies.covers(self.subject.agencies):
            raise SealError("trust-list-untrusted", field="range")
        if isinstance(self.subject, ListKey) and self.subject.name != signer.name:
            raise SealError("trust-list-untrusted", field="name")
        if not self.issued_at - CLOCK_SKEW <= at < self.expires:
            raise SealError("trust-list-untrusted", field="time")
        return self.subject
