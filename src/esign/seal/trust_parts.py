"""The trust list in signed parts: an edition is cut into files, and read back (docs/spec/trust-list.md §2–3)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from esign.codes import ProcedureCode
from esign.errors import InputError, SealError
from esign.keys import SigningKey
from esign.seal import labels
from esign.seal.keys import SealKey
from esign.seal.list_keys import CLOCK_SKEW, ListKey, Root, key_id, trusted_list_key
from esign.seal.signed_file import SignedFile, point_of, sign_file, spki_of
from esign.seal.status_details import digest_of_file
from esign.seal.status_list import moment
from esign.seal.token import Kid
from esign.seal.trust_list import Edition, Host, ListedAgency, ListedKey, Procedure, StatusKey, TrustList

__all__ = ["MANIFEST", "part_names", "read_parts", "sign_parts"]

MANIFEST = "manifest.cwt"
"""The name of the part that lists the others."""
_TYP = "application/vnd.esign.trust+cwt"
_LIMIT = 1 << 20  # 64 agencies with a dozen keys each have 100 kB; what is read is not trusted yet
_VERSION = 1
_DEPTH = 8
_AGENCY_BITS, _PROCEDURE_BITS = 6, 8


class _Kind(IntEnum):
    MANIFEST, AGENCIES, PROCEDURES = 0, 1, 2


def part_names(agency: int, procedure: int) -> tuple[str, str]:
    """The names of the parts that a seal of this agency and procedure needs."""
    return f"a{agency >> _AGENCY_BITS}.cwt", f"p{procedure >> _PROCEDURE_BITS}.cwt"


# --- writing -------------------------------------------------------------------------------------------------------


def sign_parts(
    *,
    agencies: Iterable[ListedAgency],
    procedures: Iterable[Procedure],
    name: str,
    sequence: int,
    issued_at: datetime,
    expires: datetime,
    key: SigningKey,
    chain: Sequence[bytes],
) -> Mapping[str, bytes]:
    """The files of an edition by name, the manifest last; `chain` begins with the certificate of `key`.

    Raises:
        SealError: `trust-list-invalid`: an entry stands twice.
        KeyStoreError: What the key's backend says.
    """
    kid = key_id(point_of(key.public_key))

    def signed(part: list[Any]) -> bytes:
        claims = {
            labels.ISS: name,
            labels.EXP: int(expires.timestamp()),
            labels.IAT: int(issued_at.timestamp()),
            labels.TRUST_PART: [_VERSION, sequence, part],
        }
        return sign_file(claims, typ=_TYP, kid=kid, key=key, chain=chain)

    files = {
        f"a{bucket}.cwt": signed([int(_Kind.AGENCIES), bucket, *_agencies_to_wire(found)])
        for bucket, found in _buckets({a.number: a for a in _once(agencies, lambda a: a.number)}, _AGENCY_BITS)
    }
    files |= {
        f"p{bucket}.cwt": signed([int(_Kind.PROCEDURES), bucket, {n: _procedure_to_wire(p) for n, p in found.items()}])
        for bucket, found in _buckets(
            {p.code.short.number: p for p in _once(procedures, lambda p: p.code.short.number)}, _PROCEDURE_BITS
        )
    }
    files[MANIFEST] = signed([int(_Kind.MANIFEST), {n: digest_of_file(data) for n, data in files.items()}])
    return files


def _once(entries: Iterable[Any], number: Any) -> list[Any]:
    found = list(entries)
    if len({number(e) for e in found}) != len(found):
        raise SealError("trust-list-invalid", field="twice")
    return found


def _buckets(entries: Mapping[int, Any], bits: int) -> Iterable[tuple[int, dict[int, Any]]]:
    buckets: dict[int, dict[int, Any]] = defaultdict(dict)
    for number, entry in entries.items():
        buckets[number >> bits][number] = entry
    return sorted(buckets.items())


def _agencies_to_wire(agencies: Mapping[int, ListedAgency]) -> tuple[dict[int, Any], dict[str, Any]]:
    hosts = {k.host.name: k.host for a in agencies.values() for k in a.keys}
    if any(hosts[k.host.name] != k.host for a in agencies.values() for k in a.keys):
        raise SealError("trust-list-invalid", field="hosts")
    return (
        {
            number: [a.name_vi, a.name_en, [bytes.fromhex(s) for s in _signers(a)], [_key_to_wire(k) for k in a.keys]]
            for number, a in agencies.items()
        },
        {
            name: [host.template, [[k.kid, k.public_key, *_validity_to_wire(k)] for k in host.status_keys]]
            for name, host in hosts.items()
        },
    )


def _signers(agency: ListedAgency) -> tuple[str, ...]:
    """The keys that sign the agency's files: the agency's, so every seal key of its has the same."""
    found = {k.key.signers for k in agency.keys}
    if len(found) > 1:
        raise SealError("trust-list-invalid", field="signers")
    return found.pop() if found else ()


def _key_to_wire(listed: ListedKey) -> list[Any]:
    key = listed.key
    point = point_of(key.public_key)
    return [key.kid.sequence, point, *_validity_to_wire(key), key.host, listed.allow_list]


def _validity_to_wire(key: SealKey | StatusKey) -> list[int | None]:
    times = (key.not_before, key.not_after, key.revoked_after)
    return [None if t is None else int(t.timestamp()) for t in times]


def _procedure_to_wire(procedure: Procedure) -> list[Any]:
    return [procedure.title_vi, procedure.title_en, procedure.allow_list, procedure.sensitive]


# --- reading -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A part whose signature was right."""

    list_key: ListKey
    edition: Edition
    expires: datetime
    body: list[Any]


def read_parts(
    files: Iterable[bytes], *, roots: Sequence[Root], at: datetime, seen: Mapping[str, Edition] | None = None
) -> TrustList:
    """The trust list in `files`, of one list or several; `seen` is `editions` of what was read before.

    Raises:
        SealError: A `trust-list-…` code: what was read before should go on being used.
    """
    if any(a.agencies.overlaps(b.agencies) for i, a in enumerate(roots) for b in roots[i + 1 :] if a.name != b.name):
        raise SealError("trust-list-invalid", field="roots")
    parts = [_read(data, roots, at) for data in files]
    if not parts:
        raise SealError("trust-list-invalid", field="parts")
    editions = dict(seen or {})
    for part in parts:
        name = part.list_key.name
        editions[name] = max(part.edition, editions.get(name, part.edition))
    agencies: dict[int, ListedAgency] = {}
    procedures: dict[tuple[str, int], Procedure] = {}
    for part in parts:
        name, newest = part.list_key.name, editions[part.list_key.name]
        if part.edition != newest:
            facts = {"found": part.edition.sequence, "seen": newest.sequence}
            raise SealError("trust-list-rollback", name=name, **facts)
        match part.body:
            case [_Kind.MANIFEST, dict()]:
                pass
            case [_Kind.AGENCIES, int(bucket), dict(wire), dict(hosts)]:
                found = {n: _agency(n, a, hosts, part.list_key) for n, a in wire.items()}
                _check_place(found, bucket, _AGENCY_BITS, taken=agencies)
                agencies |= found
            case [_Kind.PROCEDURES, int(bucket), dict(wire)]:
                titles = {n: _procedure(n, p) for n, p in wire.items()}
                _check_place(titles, bucket, _PROCEDURE_BITS, taken=())
                procedures |= {(name, n): p for n, p in titles.items()}
            case _:
                raise SealError("trust-list-invalid", field="part")
    expires = min(part.expires for part in parts)
    return TrustList(agencies=agencies, procedures=procedures, expires=expires, editions=editions)


def _read(data: bytes, roots: Sequence[Root], at: datetime) -> _Part:
    try:
        file = SignedFile.read(data, typ=_TYP, limit=_LIMIT)
        claims = file.claims(depth=_DEPTH)
    except SealError as e:
        raise SealError("trust-list-invalid", field=e.code) from e
    match claims:
        case {
            labels.ISS: str(name),
            labels.EXP: exp,
            labels.IAT: iat,
            labels.TRUST_PART: [1, int(sequence), [*body]],
            **rest,
        } if not rest and sequence >= 0:
            pass
        case _:
            raise SealError("trust-list-invalid", field="claims")
    list_key = trusted_list_key(file.chain, roots, at)
    try:
        file.check(list_key.public_key)
    except SealError as e:
        raise SealError("trust-list-untrusted", field="signature") from e
    if file.kid != key_id(list_key.public_key) or name != list_key.name:
        raise SealError("trust-list-untrusted", field="name")
    issued_at, expires = (moment(t, "time", code="trust-list-invalid") for t in (iat, exp))
    if issued_at > at + CLOCK_SKEW:
        raise SealError("trust-list-from-future", issued_at=issued_at.isoformat(), at=at.isoformat(timespec="seconds"))
    return _Part(list_key=list_key, edition=Edition(list_key.generation, sequence), expires=expires, body=body)


def _check_place(found: Iterable[int], bucket: int, bits: int, *, taken: Iterable[int]) -> None:
    if any(n >> bits != bucket for n in found) or set(found) & set(taken):
        raise SealError("trust-list-out-of-range", field="bucket")


def _agency(number: object, wire: object, hosts: Mapping[object, object], list_key: ListKey) -> ListedAgency:
    match wire:
        case [str(name_vi), str(name_en), [*signers], [*keys]] if isinstance(number, int):
            pass
        case _:
            raise SealError("trust-list-invalid", field="agency")
    if number not in list_key.agencies:
        raise SealError("trust-list-out-of-range", field="agency")
    hexes = tuple(s.hex() for s in signers if isinstance(s, bytes))
    if len(hexes) != len(signers):
        raise SealError("trust-list-invalid", field="signers")
    return ListedAgency(
        number=number,
        name_vi=name_vi,
        name_en=name_en,
        list_name=list_key.name,
        keys=tuple(_key(number, k, hosts, (name_vi, name_en), hexes) for k in keys),
    )


def _key(
    agency: int, wire: object, hosts: Mapping[object, object], names: tuple[str, str], signers: tuple[str, ...]
) -> ListedKey:
    match wire:
        case [int(sequence), bytes(point), before, after, revoked, str(host), bool(allow_list)]:
            pass
        case _:
            raise SealError("trust-list-invalid", field="key")
    not_before, not_after, revoked_after = _validity(before, after, revoked)
    try:
        key = SealKey(
            kid=Kid(agency, sequence),
            public_key=spki_of(point),
            name_vi=names[0],
            name_en=names[1],
            host=host,
            not_before=not_before,
            not_after=not_after,
            signers=signers,
            revoked_after=revoked_after,
        )
        return ListedKey(key=key, host=_host(host, hosts.get(host)), allow_list=allow_list)
    except SealError as e:
        raise SealError("trust-list-invalid", field="key") from e


def _host(name: str, wire: object) -> Host:
    match wire:
        case [str(template), [*keys]]:
            return Host(name=name, template=template, status_keys=tuple(map(_status_key, keys)))
    raise SealError("trust-list-invalid", field="host")


def _status_key(wire: object) -> StatusKey:
    match wire:
        case [bytes(kid), bytes(point), before, after, revoked]:
            not_before, not_after, revoked_after = _validity(before, after, revoked)
            return StatusKey(
                kid=kid, public_key=point, not_before=not_before, not_after=not_after, revoked_after=revoked_after
            )
    raise SealError("trust-list-invalid", field="status key")


def _validity(before: object, after: object, revoked: object) -> tuple[datetime, datetime, datetime | None]:
    def read(value: object) -> datetime:
        return moment(value, "validity", code="trust-list-invalid")

    return read(before), read(after), None if revoked is None else read(revoked)


def _procedure(number: object, wire: object) -> Procedure:
    match wire:
        case [str(title_vi), str(title_en), bool(allow_list), bool(sensitive)] if isinstance(number, int):
            try:
                code = ProcedureCode.from_number(number)
            except InputError as e:
                raise SealError("trust-list-invalid", field="procedure") from e
            return Procedure(
                code=code, title_vi=title_vi, title_en=title_en, allow_list=allow_list, sensitive=sensitive
            )
    raise SealError("trust-list-invalid", field="procedure")
