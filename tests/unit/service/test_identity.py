"""Who asks: keys of access, bearer tokens, and certificates that a proxy has checked."""

import asyncio
import base64
import hashlib
import hmac
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from starlette.requests import Request

from esign.codes import AgencyCode
from esign.errors import ConfigurationError, NetworkError, ServiceError
from esign.lookup import RateLimiter
from esign.net import Client, NetworkRules
from esign.net.addresses import Address
from esign.net.deadline import Deadline
from esign.registry import Grant, Registry
from esign.service.access import Act, Principal, Role
from esign.service.identity.api_keys import PREFIX, ApiKeys, digest_of, new_key
from esign.service.identity.authenticator import Credentials
from esign.service.identity.bearer import BearerTokens, FileKeys, GrantRule, Issuer, NetworkKeys
from esign.service.identity.proxy import ClientCertificates, Pin
from tests.support.pki import PKI, der, pem

HERE, THERE = AgencyCode.parse("H26.1.2"), AgencyCode.parse("H26.1.3")
START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class Clock:
    at = START

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    with Registry.open(tmp_path / "register.sqlite", now=clock) as registry:
        yield registry


def refused(code: str, call: Any, *given: Any) -> None:
    with pytest.raises(ServiceError) as caught:
        call(*given)
    assert caught.value.code == code


# --- keys of access --------------------------------------------------------------------------------------------------


def test_a_key_says_what_it_is_and_is_checked_without_a_register() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        assert key.startswith(PREFIX)
        assert len(key) == len(PREFIX) + 58
        assert digest_of(key) == hashlib.sha256(key.encode()).hexdigest()


def test_every_mistyped_character_is_noticed() -> None:
    key = new_key()
    for n, letter in enumerate(key):
        for other in {"a", "7", "A", "ư", "="} - {letter}:
            refused("access-key-malformed", digest_of, key[:n] + other + key[n + 1 :])
    for changed in (key[:-1], key + "a", key.upper(), key[1:], "", f" {key}", key.replace("esign", "ESIGN")):
        refused("access-key-malformed", digest_of, changed)


@given(st.text(max_size=80))
def test_any_text_is_refused_or_a_key(text: str) -> None:
    refused("access-key-malformed", digest_of, PREFIX + text)


def issue(registry: Registry, *grants: Grant, name: str = "portal", lifetime: timedelta = 30 * DAY) -> str:
    key = new_key()
    registry.access.issue(name=name, digest=digest_of(key), grants=grants, lifetime=lifetime)
    return key


def test_a_key_opens_what_was_granted(registry: Registry, clock: Clock) -> None:
    keys = ApiKeys({HERE: registry, THERE: registry}, now=clock)
    key = issue(registry, Grant(HERE, "signer"), Grant(HERE, "registrar"), Grant(THERE, "auditor"))
    found = keys.principal(key)
    assert found.name == "key:portal"
    assert found.roles == {HERE: {Role.SIGNER, Role.REGISTRAR}, THERE: {Role.AUDITOR}}
    assert found.may(Act.ISSUE, HERE)
    assert not found.may(Act.ISSUE, THERE)
    assert not found.may(Act.ACCESS, HERE)
    refused("credentials-rejected", keys.principal, new_key())


def test_a_key_ends(registry: Registry, clock: Clock) -> None:
    keys = ApiKeys({HERE: registry}, now=clock)
    key = issue(registry, Grant(HERE, "signer"), lifetime=DAY)
    revoked = issue(registry, Grant(HERE, "signer"), name="other")
    (shown,) = (k for k in registry.access.listing() if k.name == "other")
    registry.access.revoke(shown.id)
    refused("credentials-rejected", keys.principal, revoked)
    assert keys.principal(key).name == "key:portal"
    clock.at += DAY
    refused("credentials-rejected", keys.principal, key)


def test_when_it_was_used_is_known_by_the_day(registry: Registry, clock: Clock) -> None:
    keys = ApiKeys({HERE: registry}, now=clock)
    key = issue(registry, Grant(HERE, "signer"))
    assert registry.access.listing()[0].last_used is None
    keys.principal(key)
    assert registry.access.listing()[0].last_used == START.date()


def test_a_key_opens_nothing_of_another_register(registry: Registry, clock: Clock, tmp_path: Path) -> None:
    """Who runs one register cannot write keys for the agencies of another."""
    with Registry.open(tmp_path / "other.sqlite", now=clock) as other:
        keys = ApiKeys({HERE: registry, THERE: other}, now=clock)
        key = issue(other, Grant(HERE, "signer"), Grant(THERE, "signer"))
        assert keys.principal(key).roles == {THERE: {Role.SIGNER}}


def test_a_role_that_we_do_not_know_opens_nothing(registry: Registry, clock: Clock) -> None:
    key = issue(registry, Grant(HERE, "king"))
    assert ApiKeys({HERE: registry}, now=clock).principal(key).roles == {}


def test_the_register_holds_no_key(registry: Registry, tmp_path: Path) -> None:
    key = issue(registry, Grant(HERE, "signer"))
    stored = b"".join(p.read_bytes() for p in tmp_path.glob("register.sqlite*"))
    assert key.encode() not in stored
    assert key.removeprefix(PREFIX)[:20].encode() not in stored
    assert digest_of(key).encode() in stored


# --- bearer tokens ---------------------------------------------------------------------------------------------------

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


@pytest.fixture
def source() -> Keys:
    return Keys(key_set(RSA_KEY, EC_KEY, ED_KEY))


@pytest.fixture
def tokens(source: Keys, clock: Clock) -> BearerTokens:
    return BearerTokens(ISSUER, source, now=clock)


def signed(key: Any = RSA_KEY, alg: str = "RS256", claims: Mapping[str, Any] = CLAIMS, **header: Any) -> str:
    head = {"alg": alg, "kid": key.kid, **header}
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jwt.encode({k: v for k, v in head.items() if v is not None}, dict(claims), key, registry=registry)


def raw(header: Mapping[str, Any], claims: Mapping[str, Any] = CLAIMS, signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts)


@pytest.mark.parametrize(
    ("key", "alg"), [(RSA_KEY, "RS256"), (RSA_KEY, "PS256"), (EC_KEY, "ES256"), (ED_KEY, "Ed25519")]
)
def test_a_token_names_somebody(tokens: BearerTokens, key: Any, alg: str) -> None:
    found = tokens.principal(signed(key, alg))
    assert found == Principal(name="oidc:staff#8c1f2b7e-1111", roles={HERE: frozenset({Role.REGISTRAR})})
    assert tokens.principal(signed(key, alg, typ="at+jwt")) == found


@pytest.mark.parametrize(
    ("claims", "roles"),
    [
        ({"groups": "van-thu"}, {HERE: {Role.REGISTRAR}}),
        ({"groups": [], "scope": "openid esign:sign"}, {HERE: {Role.SIGNER}}),
        ({"scope": "esign:sign"}, {HERE: {Role.SIGNER, Role.REGISTRAR}}),
        ({"groups": None, "realm_access": {"roles": ["audit"]}}, {THERE: {Role.AUDITOR}}),
        ({"groups": ["Van-thu", "van-thu2", 7, None]}, {}),
        ({"groups": {"van-thu": True}}, {}),
        ({"groups": [], "scope": "xesign:sign"}, {}),
        ({"groups": [], "roles": ["signer"], "role": "operator"}, {}),
    ],
)
def test_nothing_is_granted_but_by_a_rule(
    tokens: BearerTokens, claims: dict[str, Any], roles: dict[AgencyCode, set[Role]]
) -> None:
    assert tokens.principal(signed(claims={**CLAIMS, **claims})).roles == roles


def test_names_of_people_stay_out_of_the_audit(tokens: BearerTokens) -> None:
    for subject in (
        "canary@example.gov.vn",
        "nguyen.thi.canary",
        "Canary",
        "a\nb",
        "x" * 500,
        "Nguyễn",
        "079099001234",
        "0912345678",
        "nva1985",
    ):
        name = tokens.principal(signed(claims={**CLAIMS, "sub": subject})).name
        assert name == f"oidc:staff#~{hashlib.sha256(subject.encode()).hexdigest()[:32]}"


BAD_CLAIMS: list[dict[str, Any]] = [
    {"iss": "https://id.example.gov.vn/"},
    {"iss": "https://evil.example"},
    {"iss": None},
    {"iss": [ISSUER.issuer]},
    {"aud": "other"},
    {"aud": ["other", "esign2"]},
    {"aud": None},
    {"aud": {"esign": 1}},
    {"exp": NOW - 61},
    {"exp": None},
    {"exp": "never"},
    {"nbf": NOW + 61},
    {"nbf": "soon"},
    {"iat": NOW + 61},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
]


@pytest.mark.parametrize("changes", BAD_CLAIMS, ids=str)
def test_claims_that_do_not_fit(tokens: BearerTokens, changes: dict[str, Any]) -> None:
    claims = {k: v for k, v in {**CLAIMS, **changes}.items() if v is not None}
    refused("credentials-rejected", tokens.principal, signed(claims=claims))


@pytest.mark.parametrize("changes", [{"exp": NOW - 59}, {"nbf": NOW + 59}, {"iat": NOW + 59}, {"aud": ["x", "esign"]}])
def test_clocks_may_differ_a_little(tokens: BearerTokens, changes: dict[str, Any]) -> None:
    assert tokens.principal(signed(claims={**CLAIMS, **changes})).name


def hostile() -> Iterator[tuple[str, str]]:
    public = RSA_KEY.as_pem(private=False)
    good = signed()
    head, payload, signature = good.split(".")
    yield "none", raw({"alg": "none"})
    yield "none with kid", raw({"alg": "none", "kid": "r1"})
    yield "None", raw({"alg": "None", "kid": "r1"})
    yield "no algorithm", raw({"kid": "r1"})
    yield "signature taken off", f"{head}.{payload}."
    yield "no signature at all", f"{head}.{payload}"
    # RS/HS: the public key as the secret of HMAC
    for what, secret in (("PEM", public), ("DER", RSA_KEY.as_der(private=False))):
        unsigned = raw({"alg": "HS256", "kid": "r1"}).removesuffix(".")
        mac = base64.urlsafe_b64encode(hmac.digest(secret, unsigned.encode(), "sha256")).rstrip(b"=").decode()
        yield f"HMAC with the public key's {what}", f"{unsigned}.{mac}"
    yield "HMAC with a secret that stands in the set", signed(SECRET, "HS256")
    # the wrong key, or the wrong one for the algorithm
    yield "another's key under our kid", signed(RSAKey.generate_key(2048, {"kid": "r1"}))
    yield "ES256 under the kid of an RSA key", signed(ECKey.generate_key("P-256", {"kid": "r1"}), "ES256")
    yield "an algorithm that is not allowed", signed(RSA_KEY, "RS512")
    yield "a small key", signed(SMALL_KEY)
    for kid in ("unknown", "../../dev/null", "r1' OR '1'='1", "r1\x00", "", "R1", "r1 "):
        yield f"kid {kid!r}", signed(RSAKey.generate_key(2048, {"kid": "x"}), kid=kid)
    yield "kid that is no text", raw({"alg": "RS256", "kid": ["r1"]}, signature=b"x" * 256)
    # keys that the token brings along, or points to
    own = RSAKey.generate_key(2048, {"kid": "own"})
    yield "jwk", signed(own, jwk=own.as_dict(private=False))
    yield "jku", signed(own, jku="https://evil.example/keys.json")
    yield "x5u", signed(own, x5u="https://evil.example/cert.pem")
    yield "crit", raw({"alg": "RS256", "kid": "r1", "crit": ["b64"], "b64": False}, signature=b"x" * 256)
    yield "another type", signed(typ="secevent+jwt")
    yield "logout token", signed(typ="logout+jwt")
    # texts
    yield "payload exchanged", f"{head}.{raw({}, {**CLAIMS, 'sub': '1'}).split('.')[1]}.{signature}"
    yield "nested brackets", raw({"alg": "RS256", "kid": "r1"}, signature=b"").replace("e", "[" * 100, 1)
    yield "five parts", "a.b.c.d.e"
    yield "huge", "a" * 20_000
    yield "not ASCII", good.replace("e", "é", 1)
    for text in ("", ".", "..", "...", "a.b.c", "e30.e30.e30", "null.null.null", "W10.W10.W10"):
        yield f"text {text!r}", text


@pytest.mark.parametrize("token", [pytest.param(t, id=i) for i, t in hostile()])
def test_tokens_that_try_something(source: Keys, clock: Clock, token: str) -> None:
    source.published = key_set(RSA_KEY, EC_KEY, ED_KEY, SMALL_KEY, SECRET)
    refused("credentials-rejected", BearerTokens(ISSUER, source, now=clock).principal, token)


def test_where_a_token_says_that_keys_are_is_never_asked(source: Keys, tokens: BearerTokens) -> None:
    """`jku` beside a good signature is as if it were not there: only the issuer's own set counts."""
    assert tokens.principal(signed(jku="https://evil.example/keys.json", x5u="https://evil.example/cert.pem")).name
    assert source.asked == [None]


@pytest.mark.parametrize("changes", [{"use": "enc"}, {"alg": "PS256"}, {"kty": "RSA2"}])
def test_a_key_for_something_else_is_not_taken(source: Keys, tokens: BearerTokens, changes: dict[str, str]) -> None:
    source.published = key_set(RSA_KEY, **changes)
    refused("credentials-rejected", tokens.principal, signed())


def test_without_a_kid_there_must_be_one_key(source: Keys, tokens: BearerTokens) -> None:
    assert tokens.principal(signed(kid=None)).name
    source.published = key_set(RSA_KEY, NEW_KEY)
    refused("credentials-rejected", tokens.principal, signed(kid=None))
    source.published = {"keys": [*key_set(RSA_KEY)["keys"], *key_set(NEW_KEY, kid="r1")["keys"]]}
    refused("credentials-rejected", tokens.principal, signed())


def test_keys_that_were_rotated_are_fetched_anew(source: Keys, tokens: BearerTokens, clock: Clock) -> None:
    token = signed(NEW_KEY)
    refused("credentials-rejected", tokens.principal, token)
    assert source.asked == [None, clock() - timedelta(seconds=30)], "asked again, at most every 30 seconds"
    source.published = key_set(NEW_KEY)
    assert tokens.principal(token).name
    refused("credentials-rejected", tokens.principal, signed(RSA_KEY))


def test_an_issuer_that_is_down_or_speaks_nonsense(source: Keys, tokens: BearerTokens, tmp_path: Path) -> None:
    nonsense: Any
    for nonsense in ("", [], {"keys": 7}, {"keys": [7]}, {"no": []}, {"keys": [{"kty": "RSA", "n": "!"}]}):
        source.published = nonsense
        with pytest.raises(ServiceError) as caught:
            tokens.principal(signed())
        assert caught.value.code in {"bearer-keys-unavailable", "credentials-rejected"}
    gone = BearerTokens(ISSUER, FileKeys(tmp_path / "none.json"), now=Clock())
    refused("bearer-keys-unavailable", gone.principal, signed())


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512", "RSA-OAEP", "", "rs256"])
def test_what_is_no_asymmetric_signature_cannot_be_configured(algorithm: str) -> None:
    with pytest.raises(ConfigurationError, match="no algorithm for tokens"):
        Issuer(name="x", issuer="https://x", audience="y", algorithms=("RS256", algorithm))


# --- certificates behind a proxy -------------------------------------------------------------------------------------

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


def test_a_pinned_certificate_names_somebody() -> None:
    expected = Principal(name="mtls:gateway", roles={HERE: frozenset({Role.SIGNER})})
    assert PROXY.principal(request(cert())) == expected
    assert PROXY.principal(request(("Client-Cert", quote(PEM)))) == expected
    assert PROXY.principal(request(cert(), peer=("fd00::17", 1))) == expected


@pytest.mark.parametrize("peer", [("10.0.0.6", 1), ("127.0.0.1", 1), ("::1", 1), ("", 0), None, ("localhost", 1)])
def test_from_anybody_else_the_header_is_nothing(peer: Any) -> None:
    assert PROXY.principal(request(cert(), peer=peer)) is None


def test_the_socket_s_own_peer_counts_not_what_a_header_made_of_it() -> None:
    spoofed = request(cert(), peer=("10.0.0.5", 1), **{"esign.peer": ("203.0.113.9", 1)})
    assert PROXY.principal(spoofed) is None


def test_a_unix_socket_is_believed_only_where_it_is_said() -> None:
    behind = ClientCertificates(unix_socket=True, pins=PROXY.pins)
    assert behind.principal(request(cert(), peer=None)) is not None
    assert behind.principal(request(cert(), peer=("10.0.0.5", 1))) is None


@pytest.mark.parametrize(
    "headers",
    [
        [cert(OTHER)],
        [cert(CERTIFICATE + b"\0")],
        [cert(b"")],
        [cert(), cert()],
        [("Client-Cert", SHA256)],
        [("Client-Cert", "")],
        [("Client-Cert", ":!!:")],
        [("Client-Cert", "%ff%fe")],
        [("Client-Cert", ":" + "A" * 40_000 + ":")],
    ],
)
def test_another_certificate_is_refused(headers: list[tuple[str, str]]) -> None:
    refused("credentials-rejected", PROXY.principal, request(*headers))


# --- all together ----------------------------------------------------------------------------------------------------


@pytest.fixture
def credentials(registry: Registry, clock: Clock, tokens: BearerTokens) -> Credentials:
    other = BearerTokens(Issuer(name="x", issuer="https://x", audience="esign"), Keys(key_set(NEW_KEY)), now=clock)
    return Credentials(
        keys=ApiKeys({HERE: registry}, now=clock),
        tokens=(other, tokens),
        certificates=PROXY,
        limiter=RateLimiter(rate=1, burst=3, monotonic=lambda: 0.0),
    )


def authenticate(credentials: Credentials, asked: Request) -> Principal:
    return asyncio.run(credentials.authenticate(asked))


def test_each_way_comes_in_by_the_same_door(credentials: Credentials, registry: Registry) -> None:
    key = issue(registry, Grant(HERE, "signer"))
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert authenticate(credentials, request(("Authorization", f"{scheme} {key}"))).name == "key:portal"
    assert authenticate(credentials, request(("Authorization", f"Bearer {signed()}"))).name.startswith("oidc:staff#")
    assert authenticate(credentials, request(cert())).name == "mtls:gateway"
    both = request(cert(), ("Authorization", f"Bearer {key}"))
    assert authenticate(credentials, both).name == "key:portal"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([], "not-authenticated"),
        ([("Authorization", "")], "not-authenticated"),
        ([("Authorization", "Basic YTpi")], "not-authenticated"),
        ([("Authorization", "Bearer a"), ("Authorization", "Bearer b")], "not-authenticated"),
        ([("Authorization", "Bearer ")], "credentials-rejected"),
        ([("Authorization", "Bearer esign_x")], "access-key-malformed"),
        ([("Authorization", "Bearer e30.e30.e30")], "credentials-rejected"),
        ([("Authorization", "Bearer x"), cert()], "credentials-rejected"),
    ],
)
def test_who_shows_nothing_good_is_nobody(credentials: Credentials, headers: list[tuple[str, str]], code: str) -> None:
    refused(code, authenticate, credentials, request(*headers))


def test_who_fails_often_has_to_wait(credentials: Credentials, registry: Registry) -> None:
    key = issue(registry, Grant(HERE, "signer"))
    wrong = request(("Authorization", f"Bearer {new_key()}"))
    for _ in range(3):
        refused("credentials-rejected", authenticate, credentials, wrong)
    with pytest.raises(ServiceError) as caught:
        authenticate(credentials, wrong)
    assert (caught.value.code, caught.value.reason.facts["seconds"]) == ("credentials-too-often", 60)
    elsewhere = request(("Authorization", f"Bearer {new_key()}"), peer=("10.0.0.9", 1))
    refused("credentials-rejected", authenticate, credentials, elsewhere)
    good = request(("Authorization", f"Bearer {key}"))
    assert authenticate(credentials, good).name == "key:portal", "who knows better is not shut out with them"


class Nowhere:
    """Implements `Resolver`: finds nothing, and counts."""

    def __init__(self) -> None:
        self.asked = 0

    def resolve(self, host: str, port: int, deadline: Deadline) -> Sequence[Address]:
        self.asked += 1
        raise NetworkError("network-timeout", host=host, seconds=20)


def test_an_issuer_that_does_not_answer_is_not_asked_for_every_token(clock: Clock) -> None:
    """Whoever sends tokens with made-up key ids must not hold a thread with each until a deadline."""
    nowhere, monotonic = Nowhere(), [0.0]
    client = Client(NetworkRules(), now=clock, resolver=nowhere)
    keys = NetworkKeys("https://id.example.gov.vn/jwks", client=client, monotonic=lambda: monotonic[0])
    tokens = BearerTokens(ISSUER, keys, now=clock)
    for _ in range(50):
        refused("bearer-keys-unavailable", tokens.principal, raw({"alg": "RS256", "kid": "made-up"}))
    assert nowhere.asked == 1
    monotonic[0] = 6.0
    refused("bearer-keys-unavailable", tokens.principal, signed())
    assert nowhere.asked == 2


def test_a_network_is_one_client_for_those_who_fail(credentials: Credentials) -> None:
    """With IPv6 a house has more addresses than anybody can count."""
    for n in range(3):
        wrong = request(("Authorization", f"Bearer {new_key()}"), peer=(f"2001:db8::{n:x}", 1))
        refused("credentials-rejected", authenticate, credentials, wrong)
    wrong = request(("Authorization", f"Bearer {new_key()}"), peer=("2001:db8::ffff", 1))
    refused("credentials-too-often", authenticate, credentials, wrong)
