"""The table of seal keys: which key belongs to which agency, where its seals open, and while it was good.

Today a local file that an operator keeps; a signed trust list will give the same table (docs/spec/seal.md §5).
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from esign.errors import SealError
from esign.seal.token import Kid, check_host, p256

__all__ = ["SealKey", "SealKeys"]

_TIME = "%Y-%m-%dT%H:%M:%SZ"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TIME_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealKey:
    """One agency's key for seals."""

    kid: Kid
    """How a seal names it."""
    public_key: bytes = field(repr=False)
    """SubjectPublicKeyInfo in DER: P-256."""
    name_vi: str
    """The agency's name in Vietnamese."""
    name_en: str
    """The agency's name in English."""
    host: str
    """The only host that its seals open."""
    not_before: datetime
    """Seals issued before are not its."""
    not_after: datetime
    """Seals issued after are not its; those issued before stay good."""
    signers: tuple[str, ...] = ()
    """The keys that sign the agency's files: SHA-256 of SubjectPublicKeyInfo, hex; renewed certificates keep it."""
    revoked_after: datetime | None = None
    """Until when it is known to have been in the right hands; None: not revoked."""

    def __post_init__(self) -> None:
        p256(self.public_key)
        check_host(self.host)
        times = [t for t in (self.not_before, self.not_after, self.revoked_after) if t is not None]
        if any(t.tzinfo is None or t.microsecond for t in times) or self.not_after <= self.not_before:
            raise SealError("seal-keys-invalid", field="not_after", kid=str(self.kid))
        if not all(map(_SHA256.fullmatch, self.signers)) or len(set(self.signers)) != len(self.signers):
            raise SealError("seal-keys-invalid", field="signers", kid=str(self.kid))


class SealKeys:
    """The keys that a verifier knows, by kid; does not change."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[SealKey] = ()) -> None:
        table: dict[Kid, SealKey] = {}
        for key in keys:
            if key.kid in table:
                raise SealError("seal-keys-invalid", field="kid", kid=str(key.kid))
            table[key.kid] = key
        self._keys: Mapping[Kid, SealKey] = table

    def get(self, kid: Kid) -> SealKey | None:
        """The key that `kid` names, or None."""
        return self._keys.get(kid)

    def __iter__(self) -> Iterator[SealKey]:
        return iter(self._keys.values())

    def __len__(self) -> int:
        return len(self._keys)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SealKeys) and self._keys == other._keys

    def __hash__(self) -> int:
        return hash(frozenset(self._keys.values()))

    def to_json(self) -> str:
        """The table as docs/spec/seal.md §5 describes it."""
        keys = [_to_members(self._keys[kid]) for kid in sorted(self._keys)]
        return json.dumps({"version": 1, "keys": keys}, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a table; members that are missing, unknown or twice there are refused.

        Raises:
            SealError: `seal-keys-invalid` with the member at fault, or what is wrong with a key or host.
        """
        try:
            table = json.loads(text, object_pairs_hook=_once)
        except (ValueError, RecursionError) as e:
            raise SealError("seal-keys-invalid", field="JSON", kid="") from e
        match table:
            case {"version": 1, "keys": list(keys), **rest} if not rest and table["version"] is not True:
                return cls(_from_members(key) for key in keys)
        raise SealError("seal-keys-invalid", field="version", kid="")


_MEMBERS = {"kid", "public_key", "name_vi", "name_en", "host", "not_before", "not_after", "revoked_after"}
_SIGNERS = "signers"  # tables of before it existed name none: files that they speak of cannot be decided


def _to_members(key: SealKey) -> dict[str, str | list[str] | None]:
    def shown(time: datetime | None) -> str | None:
        return None if time is None else time.astimezone(UTC).strftime(_TIME)

    return {
        "kid": str(key.kid),
        "public_key": base64.b64encode(key.public_key).decode(),
        "name_vi": key.name_vi,
        "name_en": key.name_en,
        "host": key.host,
        "not_before": shown(key.not_before),
        "not_after": shown(key.not_after),
        "revoked_after": shown(key.revoked_after),
        _SIGNERS: list(key.signers),
    }


def _from_members(members: object) -> SealKey:
    if not isinstance(members, dict) or members.keys() | {_SIGNERS} != _MEMBERS | {_SIGNERS}:
        raise SealError("seal-keys-invalid", field="keys", kid="")
    kid = members["kid"] if isinstance(members["kid"], str) else ""

    def text(name: str) -> str:
        value = members[name]
        if not isinstance(value, str):
            raise SealError("seal-keys-invalid", field=name, kid=kid)
        return value

    def time(name: str) -> datetime:
        if not _TIME_SHAPE.fullmatch(text(name)):
            raise SealError("seal-keys-invalid", field=name, kid=kid)
        try:
            return datetime.strptime(text(name), _TIME).replace(tzinfo=UTC)
        except ValueError as e:
            raise SealError("seal-keys-invalid", field=name, kid=kid) from e

    signers = members.get(_SIGNERS, [])
    if not isinstance(signers, list) or not all(isinstance(s, str) for s in signers):
        raise SealError("seal-keys-invalid", field=_SIGNERS, kid=kid)
    try:
        public_key = base64.b64decode(text("public_key"), validate=True)
    except ValueError as e:
        raise SealError("seal-keys-invalid", field="public_key", kid=kid) from e
    return SealKey(
        kid=Kid.parse(text("kid")),
        public_key=public_key,
        name_vi=text("name_vi"),
        name_en=text("name_en"),
        host=text("host"),
        not_before=time("not_before"),
        not_after=time("not_after"),
        signers=tuple(signers),
        revoked_after=None if members["revoked_after"] is None else time("revoked_after"),
    )


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        message = "a member stands twice"
        raise ValueError(message)
    return members
