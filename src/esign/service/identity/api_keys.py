"""Keys of access: how one is spelled, and whose it is.

    esign_ ‖ base32(32 random bytes ‖ CRC-32), small letters, 58 of them

The prefix lets scanners of secrets find a key that got into a repository; the check tells a mistyped key from a wrong
one without asking the register. Only the SHA-256 is stored.
"""

import base64
import hashlib
import hmac
import secrets
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime

from esign.codes import AgencyCode
from esign.errors import RegistryError, ServiceError
from esign.registry import AccessKey, Registry
from esign.registry.persons import named
from esign.service.access import Principal, Role

__all__ = ["PREFIX", "ApiKeys", "digest_of", "new_key"]

PREFIX = "esign_"
_SECRET, _LETTERS = 32, 58


def new_key() -> str:
    """A new key; whoever calls shows it once."""
    secret = secrets.token_bytes(_SECRET)
    return PREFIX + _spelled(secret)


def digest_of(key: str) -> str:
    """What the register keeps of `key`, hex.

    Raises:
        ServiceError: `access-key-malformed`: it is mistyped.
    """
    letters = key.removeprefix(PREFIX)
    if letters == key or len(letters) != _LETTERS:
        raise ServiceError("access-key-malformed")
    try:
        secret = base64.b32decode(letters.upper() + "=" * (-_LETTERS % 8))[:_SECRET]
    except ValueError as e:
        raise ServiceError("access-key-malformed") from e
    # One spelling only: capitals and stray bits in the last letter are other strings, so other keys.
    if not hmac.compare_digest(_spelled(secret).encode(), letters.encode("utf-8", "replace")):
        raise ServiceError("access-key-malformed")
    return hashlib.sha256(key.encode()).hexdigest()


def _spelled(secret: bytes) -> str:
    check = zlib.crc32(PREFIX.encode() + secret).to_bytes(4, "big")
    return base64.b32encode(secret + check).decode().rstrip("=").lower()


class ApiKeys:
    """Finds whose a key is, in the registers of the offices."""

    def __init__(self, registries: Mapping[AgencyCode, Registry], *, now: Callable[[], datetime]) -> None:
        """`registries` says where each agency's keys are; a key opens nothing that is kept elsewhere."""
        self._registries = registries
        self._now = now

    def principal(self, key: str) -> Principal:
        """Whose `key` is; asks the register each time, so that a key that was revoked is over at once.

        Raises:
            ServiceError: `access-key-malformed`, `credentials-rejected`.
        """
        digest, now = digest_of(key), self._now()
        for registry in {id(r): r for r in self._registries.values()}.values():
            found = registry.access.find(digest)
            if found is not None and found.opens(now):
                if found.last_used != now.date():
                    with suppress(RegistryError):  # when a key was used is good to know, and no reason to refuse it
                        registry.access.used(found.id, on=now.date())
                return self._as_principal(found, registry)
        raise ServiceError("credentials-rejected")

    def _as_principal(self, key: AccessKey, registry: Registry) -> Principal:
        known = {role.value: role for role in Role}
        roles: dict[AgencyCode, frozenset[Role]] = {}
        for grant in key.grants:
            if self._registries.get(grant.agency) is registry and grant.role in known:
                roles[grant.agency] = roles.get(grant.agency, frozenset()) | {known[grant.role]}
        return Principal(name=named(f"key:{key.name}", key.person), roles=roles)
