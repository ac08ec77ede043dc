"""Each way to say who asks, by one door."""

import asyncio

import pytest
from starlette.requests import Request

from esign.errors import ServiceError
from esign.lookup import RateLimiter
from esign.registry import Grant, Registry
from esign.service.access import Principal
from esign.service.identity.api_keys import ApiKeys, new_key
from esign.service.identity.authenticator import Credentials
from esign.service.identity.bearer import BearerTokens, Issuer
from tests.unit.service.identity.asking import (
    HERE,
    NEW_KEY,
    PROXY,
    Clock,
    Keys,
    cert,
    issue,
    key_set,
    refused,
    request,
    signed,
)


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


def test_a_network_is_one_client_for_those_who_fail(credentials: Credentials) -> None:
    """With IPv6 a house has more addresses than anybody can count."""
    for n in range(3):
        wrong = request(("Authorization", f"Bearer {new_key()}"), peer=(f"2001:db8::{n:x}", 1))
        refused("credentials-rejected", authenticate, credentials, wrong)
    wrong = request(("Authorization", f"Bearer {new_key()}"), peer=("2001:db8::ffff", 1))
    refused("credentials-too-often", authenticate, credentials, wrong)
