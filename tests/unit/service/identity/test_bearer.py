"""Bearer tokens of an issuer: whom they name, what is refused, and where keys come from."""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from esign.codes import AgencyCode
from esign.errors import ConfigurationError, NetworkError, ServiceError
from esign.net import Client, NetworkRules
from esign.net.addresses import Address
from esign.net.deadline import Deadline
from esign.service.access import Principal, Role
from esign.service.identity.bearer import BearerTokens, FileKeys, Issuer, NetworkKeys
from tests.unit.service.identity.asking import (
    CLAIMS,
    EC_KEY,
    ED_KEY,
    HERE,
    ISSUER,
    NEW_KEY,
    NOW,
    RSA_KEY,
    SECRET,
    SMALL_KEY,
    THERE,
    Clock,
    Keys,
    key_set,
    raw,
    refused,
    signed,
)


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
