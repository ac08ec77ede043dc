"""The trust list: whose seals and status lists count, as a verifier holds it (docs/spec/trust-list.md).

`TrustList` is the table; how it is spelled in signed parts says `esign.seal.trust_parts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from esign.codes import ProcedureCode
from esign.errors import SealError
from esign.seal.keys import SealKey, SealKeys
from esign.seal.signed_file import public_key_of
from esign.seal.token import Kid, check_host

__all__ = ["Edition", "Host", "ListedAgency", "ListedKey", "Procedure", "StatusKey", "TrustList"]

_PLACE = "{n}"
_MAX_SHARD = 1 << 15


@dataclass(frozen=True, slots=True, order=True)
class Edition:
    """Which edition of a list: later ones are greater."""

    generation: int
    """Of the list key that signed it."""
    sequence: int
    """Counts the editions of a generation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusKey:
    """A key that signs a host's shards, detail files and manifest."""

    kid: bytes
    """Four bytes."""
    public_key: bytes = field(repr=False)
    """An uncompressed P-256 point."""
    not_before: datetime
    """What it signed before does not count."""
    not_after: datetime
    """What it signed after does not count."""
    revoked_after: datetime | None = None
    """What it signed after does not count; None: not revoked."""

    def __post_init__(self) -> None:
        public_key_of(self.public_key)
        if len(self.kid) != 4:
            raise SealError("trust-list-invalid", field="status key")

    def signed_at(self, moment: datetime) -> bool:
        """Whether it counts for a file of that moment."""
        return self.not_before <= moment <= min(self.not_after, self.revoked_after or self.not_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Where seals of one host name open, and where their status is published."""

    name: str
    """The name that seals hold."""
    template: str
    """The address of a shard, with `{n}` for its number."""
    status_keys: tuple[StatusKey, ...]
    """Who may sign its shards."""

    def __post_init__(self) -> None:
        check_host(self.name)
        start = self.template.partition(_PLACE)[0]
        if self.template.count(_PLACE) != 1 or not start.startswith("https://") or start.count("/") < 3:
            raise SealError("trust-list-invalid", field="template")
        if any(c in self.template for c in "?# \\") or self.template.count("{") != 1:
            raise SealError("trust-list-invalid", field="template")

    def shard_uri(self, shard: int) -> str:
        """The address of a shard."""
        return self.template.replace(_PLACE, str(shard))

    @property
    def manifest_uri(self) -> str:
        """The address of the manifest: that of a shard called `manifest`."""
        return self.template.replace(_PLACE, "manifest")

    def status_key(self, kid: bytes, moment: datetime) -> StatusKey | None:
        """The key of that name, if it counts for a file of that moment."""
        return next((k for k in self.status_keys if k.kid == kid and k.signed_at(moment)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    """A seal key with what only the trust list says of it."""

    key: SealKey
    """The key."""
    host: Host
    """What this list says of the host that its seals open."""
    allow_list: bool = False
    """Whether its seals count only in allow-list shards."""

    def __post_init__(self) -> None:
        if self.key.host != self.host.name:
            raise SealError("trust-list-invalid", field="host")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAgency:
    """An agency and its seal keys."""

    number: int
    """u16: the first half of its kids."""
    name_vi: str
    """In Vietnamese."""
    name_en: str
    """In English."""
    list_name: str = ""
    """The list that names it."""
    keys: tuple[ListedKey, ...]
    """Past ones too: what they made stays good."""

    def __post_init__(self) -> None:
        kids = {k.key.kid for k in self.keys}
        if len(kids) != len(self.keys) or any(kid.agency != self.number for kid in kids):
            raise SealError("trust-list-invalid", field="keys")


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """An administrative procedure's title, and how its results are treated."""

    code: ProcedureCode
    """In its short form."""
    title_vi: str
    """In Vietnamese."""
    title_en: str
    """In English."""
    allow_list: bool = False
    """Whether its seals count only in allow-list shards."""
    sensitive: bool = False
    """Whether readers leave its title out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustList:
    """What a verifier knows about agencies, hosts and procedures, from one list or several."""

    agencies: Mapping[int, ListedAgency]
    """By number."""
    procedures: Mapping[tuple[str, int], Procedure]
    """By the name of the list and the number of the code: a list names the procedures of its own agencies."""
    expires: datetime
    """When the first of its parts ends; after that nothing is called in force."""
    editions: Mapping[str, Edition] = field(default_factory=dict)
    """By the name of the list: what was seen, for the next reading."""
    _keys: Mapping[Kid, ListedKey] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        keys = {k.key.kid: k for agency in self.agencies.values() for k in agency.keys}
        object.__setattr__(self, "_keys", keys)

    def get(self, kid: Kid) -> SealKey | None:
        """The seal key that `kid` names, or None."""
        found = self._keys.get(kid)
        return found.key if found else None

    def host(self, kid: Kid) -> Host | None:
        """Where the seals of the key `kid` open, and who signs their status."""
        found = self._keys.get(kid)
        return found.host if found else None

    def procedure(self, kid: Kid, code: ProcedureCode) -> Procedure | None:
        """The procedure of a seal of the key `kid`, as that agency's list has it."""
        agency = self.agencies.get(kid.agency)
        return self.procedures.get((agency.list_name, code.short.number)) if agency else None

    def asks_for_allow_list(self, kid: Kid, code: ProcedureCode) -> bool:
        """Whether a seal of this key for this procedure counts only in an allow-list shard."""
        key, procedure = self._keys.get(kid), self.procedure(kid, code)
        return (key is not None and key.allow_list) or (procedure is not None and procedure.allow_list)

    @property
    def seal_keys(self) -> SealKeys:
        """All seal keys, as the verifier of files takes them."""
        return SealKeys(k.key for k in self._keys.values())

    @property
    def hosts(self) -> tuple[Host, ...]:
        """Every host that a key names, by name."""
        return tuple(sorted({k.host for k in self._keys.values()}, key=lambda host: host.name))
