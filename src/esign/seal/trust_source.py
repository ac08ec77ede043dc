"""The trust list as people edit it: one JSON file with agencies, hosts and procedures (docs/spec/trust-list.md §5)."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from esign.codes import ProcedureCode
from esign.errors import Error, SealError
from esign.seal.keys import SealKey
from esign.seal.signed_file import point_of
from esign.seal.token import Kid
from esign.seal.trust_list import Host, ListedAgency, ListedKey, Procedure, StatusKey

__all__ = ["TrustSource"]

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSource:
    """What the next edition of a list says."""

    name: str
    """Of the list."""
    agencies: tuple[ListedAgency, ...]
    """Every agency with all its keys, past ones too."""
    procedures: tuple[Procedure, ...]
    """Every title."""

    @classmethod
    def from_json(cls, text: str) -> "TrustSource":
        """Read the file; members that are missing or unknown are refused.

        Raises:
            SealError: `trust-list-invalid` with the place, or what is wrong with a key, host or code.
        """
        try:
            found = _Members(json.loads(text), "")
        except (ValueError, RecursionError) as e:
            raise SealError("trust-list-invalid", field="JSON") from e
        name = found.text("name")
        hosts = {host.name: host for host in map(_host, found.items("hosts"))}
        agencies = tuple(_agency(a, hosts, name) for a in found.items("agencies"))
        procedures = tuple(map(_procedure, found.items("procedures")))
        found.done()
        return cls(name=name, agencies=agencies, procedures=procedures)


class _Members:
    """The members of one object, each asked for once; what is left over in the end is a mistake."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, Mapping):
            raise SealError("trust-list-invalid", field=place or "JSON")
        self._left: dict[str, Any] = dict(value)
        self.place = place

    def wrong(self, name: str) -> SealError:
        return SealError("trust-list-invalid", field=f"{self.place}{name}")

    def any(self, name: str, kind: type, default: object = ...) -> Any:
        value = self._left.pop(name, default)
        if type(value) is not kind and not (value is default and default is not ...):
            raise self.wrong(name)
        return value

    def text(self, name: str) -> str:
        return str(self.any(name, str))

    def items(self, name: str) -> "list[_Members]":
        return [_Members(v, f"{self.place}{name}[{n}].") for n, v in enumerate(self.any(name, list))]

    def time(self, name: str) -> datetime:
        text = self.text(name)
        try:
            if _TIME.fullmatch(text):
                return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError as e:
            raise self.wrong(name) from e
        raise self.wrong(name)

    def time_if_any(self, name: str) -> datetime | None:
        if self._left.get(name) is None:
            self._left.pop(name, None)
            return None
        return self.time(name)

    def spki(self, name: str) -> bytes:
        try:
            key = base64.b64decode(self.text(name), validate=True)
        except ValueError as e:
            raise self.wrong(name) from e
        point_of(key)
        return key

    def done(self) -> None:
        if self._left:
            raise self.wrong(min(self._left))


def _host(m: _Members) -> Host:
    host = Host(
        name=m.text("name"),
        template=m.text("template"),
        status_keys=tuple(map(_status_key, m.items("status_keys"))),
    )
    m.done()
    return host


def _status_key(m: _Members) -> StatusKey:
    try:
        kid = bytes.fromhex(m.text("kid"))
    except ValueError as e:
        raise m.wrong("kid") from e
    key = StatusKey(
        kid=kid,
        public_key=point_of(m.spki("public_key")),
        not_before=m.time("not_before"),
        not_after=m.time("not_after"),
        revoked_after=m.time_if_any("revoked_after"),
    )
    m.done()
    return key


def _agency(m: _Members, hosts: Mapping[str, Host], list_name: str) -> ListedAgency:
    number, name_vi, name_en = m.any("number", int), m.text("name_vi"), m.text("name_en")
    signers = tuple(str(s) for s in m.any("signers", list, []))
    keys = tuple(_key(k, hosts, number, (name_vi, name_en), signers) for k in m.items("keys"))
    m.done()
    return ListedAgency(number=number, name_vi=name_vi, name_en=name_en, list_name=list_name, keys=keys)


def _key(
    m: _Members, hosts: Mapping[str, Host], agency: int, names: tuple[str, str], signers: tuple[str, ...]
) -> ListedKey:
    host = hosts.get(m.text("host"))
    if host is None:
        raise m.wrong("host")
    key = SealKey(
        kid=Kid(agency, m.any("sequence", int)),
        public_key=m.spki("public_key"),
        name_vi=names[0],
        name_en=names[1],
        host=host.name,
        not_before=m.time("not_before"),
        not_after=m.time("not_after"),
        signers=signers,
        revoked_after=m.time_if_any("revoked_after"),
    )
    allow_list = m.any("allow_list", bool, default=False)
    m.done()
    return ListedKey(key=key, host=host, allow_list=allow_list)


def _procedure(m: _Members) -> Procedure:
    try:
        code = ProcedureCode.parse(m.text("code")).short
    except Error as e:
        raise m.wrong("code") from e
    procedure = Procedure(
        code=code,
        title_vi=m.text("title_vi"),
        title_en=m.text("title_en"),
        allow_list=m.any("allow_list", bool, default=False),
        sensitive=m.any("sensitive", bool, default=False),
    )
    m.done()
    return procedure
