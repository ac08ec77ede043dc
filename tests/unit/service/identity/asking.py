"""Who asks, in the tests of identity: two agencies, a clock, an issuer of bearer tokens, and a proxy's word."""

import base64
import hashlib
import json
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from starlette.requests import Request

from esign.codes import AgencyCode
from esign.errors import ServiceError
from esign.registry import Grant, Registry
from esign.service.access import Role
from esign.service.identity.api_keys import digest_of, new_key
from esign.service.identity.bearer import GrantRule, Issuer
from esign.service.identity.proxy import ClientCertificates, Pin
from tests.support.pki import PKI, der, pem

HERE, THERE = AgencyCode.parse("H26.1.2"), AgencyCode.parse("H26.1.3")
START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class Clock:
    at = START

    def __call__(self) -> datetime:
        return self.at


def refused(code: str, call: Any, *given: Any) -> None:
    with pytest.raises(ServiceError) as caught:
        call(*given)
    assert caught.value.code == code


def issue(registry: Registry, *grants: Grant, name: str = "portal", lifetime: timedelta = 30 * DAY) -> str:
    key = new_key()
    registry.access.issue(name=name, digest=digest_of(key), grants=grants, lifetime=lifetime)
    return key


# --- an issuer of bearer tokens

RSA_KEY = RSAKey.generate_key(2048, {"kid": "r1", "use": "sig"})
EC_KEY = ECKey.generate_key("P-256", {"kid": "e1"})
ED_KEY = OKPKey.generate_key("Ed25519", {"kid": "d1"})
NEW_KEY = RSAKey.generate_key(2048, {"kid": "r2"})
with warnings.catch_warnings():  # joserfc warns of what we refuse
    warnings.simplefilter("ignore")
    SMALL_KEY = RSAKey.generate_key(1024, {"kid": "small"})
SECRET = OctKey.generate_key(256, {"kid": "s1"})
ISSUER = Issuer(
    name="staff",
    issuer="https://id.example.gov.vn",
    audience="esign",
    algorithms=("RS256", "PS256", "ES256", "Ed25519"),
    rules=(
        GrantRule(claim="groups", value="van-thu", agency=HERE, role=Role.REGISTRAR),
        GrantRule(claim="scope", value="esign:sign", agency=HERE, role=Role.SIGNER),
        GrantRule(claim="realm_access.roles", value="audit", agency=THERE, role=Role.AUDITOR),
    ),
)
NOW = int(START.timestamp())
CLAIMS: Mapping[str, Any] = {
    "iss": ISSUER.issuer,
    "aud": "esign",
    "sub": "8c1f2b7e-1111",
    "exp": NOW + 300,
    "iat": NOW,
    "groups": ["van-thu", "khac"],
}


def key_set(*keys: Any, **changes: Any) -> dict[str, Any]:
    return {"keys": [{**key.as_dict(private=isinstance(key, OctKey)), **changes} for key in keys]}


class Keys:
    """Implements `KeySource`: what an issuer publishes, and how often it was asked."""

    def __init__(self, published: Any) -> None:
        self.published = published
        self.asked: list[datetime | None] = []

    def keys(self, *, newer_than: datetime | None = None) -> bytes:
        self.asked.append(newer_than)
        return json.dumps(self.published).encode()


def signed(key: Any = RSA_KEY, alg: str = "RS256", claims: Mapping[str, Any] = CLAIMS, **header: Any) -> str:
    head = {"alg": alg, "kid": key.kid, **header}
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jwt.encode({k: v for k, v in head.items() if v is not None}, dict(claims), key, registry=registry)


def raw(header: Mapping[str, Any], claims: Mapping[str, Any] = CLAIMS, signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts)


# --- a proxy that has checked certificates

_pki = PKI.create()
CERTIFICATE = der(_pki.issuing.certificate)
PEM = pem([_pki.issuing.certificate]).decode()
OTHER = der(_pki.root.certificate)
SHA256 = hashlib.sha256(CERTIFICATE).hexdigest()
PROXY = ClientCertificates(
    peers=(ip_network("10.0.0.5/32"), ip_network("fd00::/64")),
    pins=(Pin(name="gateway", sha256=SHA256, roles={HERE: frozenset({Role.SIGNER})}),),
)


def request(*headers: tuple[str, str], peer: tuple[str, int] | None = ("10.0.0.5", 40000), **scope: Any) -> Request:
    raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return Request({"type": "http", "headers": raw_headers, "client": peer, **scope})


def cert(data: bytes = CERTIFICATE) -> tuple[str, str]:
    return "Client-Cert", f":{base64.b64encode(data).decode()}:"
