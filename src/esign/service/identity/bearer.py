"""OAuth 2 bearer tokens that are JWTs (RFC 6750, RFC 7519, RFC 9068), with the precautions of RFC 8725.

algorithm   one of those that are configured, all asymmetric; `none` and HMAC cannot even be configured
key         by its `kid` from the issuer's own set; nothing that a token says about where keys are is followed
claims      issuer, audience and end are required and compared exactly; `nbf` and `iat` where they are there
grants      by rules of the configuration, claim by claim; a token that fits none opens nothing
"""

import hashlib
import json
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, cast

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from esign.codes import AgencyCode
from esign.errors import ConfigurationError, Error, ServiceError
from esign.net import Client, Kind, Query
from esign.reasons import system_problem
from esign.registry.persons import named, person_code
from esign.service.access import Principal, Role

__all__ = ["ALGORITHMS", "BearerTokens", "FileKeys", "GrantRule", "Issuer", "KeySource", "NetworkKeys"]

ALGORITHMS: Mapping[str, str] = {
    "RS256": "RSA",
    "PS256": "RSA",
    "RS384": "RSA",
    "PS384": "RSA",
    "RS512": "RSA",
    "PS512": "RSA",
    "ES256": "EC",
    "ES384": "EC",
    "Ed25519": "OKP",
}
"""What may be configured, with the type of key that it takes: a public key is never a secret of HMAC."""
_MOST_BYTES = 16 * 1024
_LEAST_RSA_BYTES = 256
_TYPES = {None, "JWT", "jwt", "at+jwt", "application/at+jwt"}
_REFRESH = timedelta(seconds=30)
"""So often a token with an unknown `kid` may make us ask for the keys again."""
_AFTER_FAILURE_S = 5.0
"""So long nobody asks an issuer again that did not answer: each question may hold a thread until its deadline."""
# Digits alone may be a citizen's number or a telephone's, other letters a name.
_OPAQUE = re.compile(r"(?=.*[0-9])(?=.*[A-Fa-f])[0-9A-Fa-f-]{8,64}")
_PublicKey = RSAKey | ECKey | OKPKey


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRule:
    """Whoever has `value` in the claim `claim` is `role` at `agency`."""

    claim: str
    """The name of the claim; `a.b` looks into objects (`realm_access.roles`)."""
    value: str
    """What it is, or what it has in its list."""
    agency: AgencyCode
    """Where."""
    role: Role
    """What."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """An authority whose tokens are taken."""

    name: str
    """Short, for the audit: `oidc:<name>#…`."""
    issuer: str
    """Exactly as `iss` says."""
    audience: str
    """What `aud` must name: this service."""
    algorithms: tuple[str, ...] = ("RS256",)
    """Which are taken."""
    rules: tuple[GrantRule, ...] = ()
    """What tokens open."""
    person_claim: str = ""
    """The claim that names the person as their other credentials do; empty where none does."""
    leeway: timedelta = timedelta(seconds=60)
    """How far clocks may differ."""

    def __post_init__(self) -> None:
        for algorithm in self.algorithms:
            if algorithm not in ALGORITHMS:
                raise ConfigurationError("bearer-algorithm", found=algorithm, expected=", ".join(ALGORITHMS))


class KeySource(Protocol):
    """Where an issuer's public keys come from."""

    def keys(self, *, newer_than: datetime | None = None) -> bytes:
        """The JWK Set (RFC 7517); fetched anew where the kept one is not newer.

        Raises:
            Error: It is not to be had.
        """


class FileKeys:
    """Implements `KeySource`: a file that the operator keeps."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keys(self, *, newer_than: datetime | None = None) -> bytes:  # noqa: ARG002  # a file is always new
        """The file."""
        try:
            return self._path.read_bytes()
        except OSError as e:
            raise ConfigurationError("bearer-keys-file", file=self._path, problem=system_problem(e)) from e


class NetworkKeys:
    """Implements `KeySource`: `jwks_uri`, through the guarded client, which keeps it a while."""

    def __init__(self, url: str, *, client: Client, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._client = client
        self._monotonic = monotonic
        self._failed: dict[bool, tuple[float, Error]] = {}
        """When asking failed last, and how: for a kept set that is good enough, and for a newer one."""

    def keys(self, *, newer_than: datetime | None = None) -> bytes:
        """The set."""
        newer = newer_than is not None
        failed = self._failed.get(newer)
        if failed is not None and self._monotonic() - failed[0] < _AFTER_FAILURE_S:
            raise failed[1]
        try:
            query = Query(kind=Kind.JWKS, url=self._url)
            return self._client.fetch(query, newer_than=newer_than, check=_parsed).body
        except Error as e:
            self._failed[newer] = self._monotonic(), e
            raise


class BearerTokens:
    """Finds out who an issuer says that somebody is."""

    def __init__(self, issuer: Issuer, keys: KeySource, *, now: Callable[[], datetime]) -> None:
        self._issuer = issuer
        self._source = keys
        self._now = now

    def principal(self, token: str) -> Principal:
        """Whoever `token` names; with no role where no rule fits.

        Raises:
            ServiceError: `credentials-rejected`; `bearer-keys-unavailable`.
        """
        if len(token) > _MOST_BYTES or not token.isascii():
            raise ServiceError("credentials-rejected")
        try:
            algorithm, kid = self._head(token)
            decoded = jwt.decode(token, self._key(algorithm, kid), algorithms=[algorithm])
            self._check(decoded.claims)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as e:
            raise ServiceError("credentials-rejected") from e
        return self._as_principal(decoded.claims)

    def _head(self, token: str) -> tuple[str, str | None]:
        """Algorithm and key id; the only members of the header that are looked at."""
        header = jws.extract_compact(token.encode()).headers()
        algorithm, kid = header.get("alg"), header.get("kid")
        known = header.get("typ") in _TYPES and (kid is None or isinstance(kid, str)) and "crit" not in header
        if not known or algorithm not in self._issuer.algorithms:
            raise ServiceError("credentials-rejected")
        return str(algorithm), kid

    def _key(self, algorithm: str, kid: str | None) -> _PublicKey:
        found = self._matching(algorithm, kid, newer_than=None)
        if not found:  # perhaps the issuer has changed its keys
            found = self._matching(algorithm, kid, newer_than=self._now() - _REFRESH)
        if len(found) != 1:
            raise ServiceError("credentials-rejected")
        return found[0]

    def _matching(self, algorithm: str, kid: str | None, *, newer_than: datetime | None) -> list[_PublicKey]:
        try:
            keys = _parsed(self._source.keys(newer_than=newer_than))
        except Error as e:
            raise ServiceError("bearer-keys-unavailable", issuer=self._issuer.name) from e
        return [
            key
            for key in keys
            if key.key_type == ALGORITHMS[algorithm]
            and (kid is None or key.kid == kid)
            and key.get("use", "sig") == "sig"
            and key.get("alg", algorithm) == algorithm
        ]

    def _check(self, claims: Mapping[str, Any]) -> None:
        wanted = self._issuer
        jwt.JWTClaimsRegistry(
            now=int(self._now().timestamp()),
            leeway=int(wanted.leeway.total_seconds()),
            iss={"essential": True, "value": wanted.issuer},
            aud={"essential": True},
            exp={"essential": True},
            sub={"essential": True},
        ).validate(dict(claims))
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if wanted.audience not in audiences or not claims["sub"]:
            raise ServiceError("credentials-rejected")

    def _as_principal(self, claims: Mapping[str, Any]) -> Principal:
        roles: dict[AgencyCode, frozenset[Role]] = {}
        for rule in self._issuer.rules:
            if rule.value in _values(claims, rule.claim):
                roles[rule.agency] = roles.get(rule.agency, frozenset()) | {rule.role}
        name = f"oidc:{self._issuer.name}#{_subject(str(claims['sub']))}"
        persons = _values(claims, self._issuer.person_claim) if self._issuer.person_claim else ()
        return Principal(name=named(name, person_code(persons[0]) if len(persons) == 1 else ""), roles=roles)


def _subject(subject: str) -> str:
    """The subject as the audit names it: an opaque id as it is; a name or an address only as its digest."""
    if _OPAQUE.fullmatch(subject):
        return subject
    return f"~{hashlib.sha256(subject.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _values(claims: Mapping[str, Any], name: str) -> Sequence[str]:
    """What stands in a claim: one string, those of a list, or the words of a scope (RFC 8693 §4.2)."""
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for step in name.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return found.split(" ") if name == "scope" else [found]
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _parsed(data: bytes) -> list[_PublicKey]:
    """The public keys of a set; secrets and what we do not know are passed over."""
    try:
        found = json.loads(data)["keys"]
        if not isinstance(found, list):  # RFC 7517 §5.1
            raise ServiceError("bearer-keys-unreadable")
        listed = [k for k in found if isinstance(k, dict) and _is_usable(k)]
        keys = [cast("_PublicKey", key) for each in listed for key in KeySet.import_key_set({"keys": [each]}).keys]
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as e:
        raise ServiceError("bearer-keys-unreadable") from e
    return keys


def _is_usable(key: Mapping[str, Any]) -> bool:
    """Whether it is a public key of a kind that we know, and none that can be factored."""
    if key.get("kty") == "RSA":
        return len(urlsafe_b64decode(f"{key['n']}==")) >= _LEAST_RSA_BYTES
    return key.get("kty") in set(ALGORITHMS.values())
