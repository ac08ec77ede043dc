"""Detail files: which results correct or replace those of a shard (docs/spec/status.md §4)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from esign.codes import DocumentNumber, ResultId
from esign.errors import InputError, SealError
from esign.keys import SigningKey
from esign.seal import labels
from esign.seal.shard import SHARD_SIZE
from esign.seal.signed_file import SignedFile, sign_file
from esign.seal.status_list import moment

__all__ = [
    "Corrected",
    "Detail",
    "OtherResult",
    "Replaced",
    "StatusDetails",
    "detail_uri",
    "digest_of_file",
    "make_details",
    "read_details",
]

_TYP = "application/vnd.esign.status-detail+cwt"
_LIMIT = 1 << 24
_CORRECTED, _REPLACED = 1, 2
_DIGEST_BYTES = 16
_DEPTH = 5


@dataclass(frozen=True, slots=True)
class OtherResult:
    """A result that corrects or replaces another: what a person asks for at the counter."""

    number: DocumentNumber | None
    """Số, ký hiệu as it is printed; None for a file without."""
    id: ResultId
    """The id that is printed below its seal."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """In force together with what corrects it."""

    by: tuple[OtherResult, ...]
    """Oldest first."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """Another result stands in its place."""

    by: OtherResult
    """That one."""


Detail = Corrected | Replaced


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusDetails:
    """What a detail file says."""

    issued_at: datetime
    """When it was signed: the key has to be good then."""
    entries: Mapping[int, Detail]
    """By index in the shard."""


def make_details(details: Mapping[int, Detail], *, uri: str, kid: bytes, key: SigningKey, at: datetime) -> bytes:
    """The signed detail file of the shard at `uri`."""
    entries = {index: _to_wire(detail) for index, detail in details.items()}
    claims = {labels.SUB: uri, labels.IAT: int(at.timestamp()), labels.DETAILS: entries}
    return sign_file(claims, typ=_TYP, kid=kid, key=key)


def read_details(data: bytes, *, uri: str) -> tuple[SignedFile, StatusDetails]:
    """The envelope, whose signature is not checked yet, and what it says of the shard at `uri`.

    Raises:
        SealError: A code of `SignedFile.read`, or `status-details-invalid`.
    """
    file = SignedFile.read(data, typ=_TYP, limit=_LIMIT)
    match file.claims(depth=_DEPTH):
        case {labels.SUB: str(found), labels.IAT: iat, labels.DETAILS: dict(wire), **rest} if found == uri and not rest:
            entries = {_index(index): _from_wire(entry) for index, entry in wire.items()}
            issued_at = moment(iat, "iat", code="status-details-invalid")
            return file, StatusDetails(issued_at=issued_at, entries=entries)
    raise SealError("status-details-invalid")


def digest_of_file(data: bytes) -> bytes:
    """SHA-256/128: how one published file names another."""
    return hashlib.sha256(data).digest()[:_DIGEST_BYTES]


def detail_uri(shard_uri: str, digest: bytes) -> str:
    """Where the detail file with this digest stands: the shard's address with `-‹digest›` before its last dot."""
    head, slash, name = shard_uri.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        stem, suffix = name, ""
    return f"{head}{slash}{stem}-{digest.hex()}{dot}{suffix}"


def _to_wire(detail: Detail) -> list[object]:
    if isinstance(detail, Corrected):
        return [_CORRECTED, *map(_other_to_wire, detail.by)]
    return [_REPLACED, _other_to_wire(detail.by)]


def _other_to_wire(other: OtherResult) -> list[object]:
    return [str(other.number or ""), other.id.value]


def _from_wire(entry: object) -> Detail:
    match entry:
        case [kind, *others] if kind == _CORRECTED and kind is not True and others:
            return Corrected(tuple(map(_other, others)))
        case [kind, other] if kind == _REPLACED:
            return Replaced(_other(other))
    raise SealError("status-details-invalid")


def _other(wire: object) -> OtherResult:
    match wire:
        case [str(number), bytes(cti)]:
            try:
                other = OtherResult(DocumentNumber.parse(number) if number else None, ResultId(cti))
            except InputError as e:
                raise SealError("status-details-invalid") from e
            if str(other.number or "") == number:
                return other
    raise SealError("status-details-invalid")


def _index(index: object) -> int:
    if type(index) is not int or not 0 <= index < SHARD_SIZE:
        raise SealError("status-details-invalid")
    return index
