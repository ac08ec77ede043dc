"""Keys of access: what they say, what they open, and when they end."""

import hashlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from esign.registry import Grant, Registry
from esign.service.access import Act, Role
from esign.service.identity.api_keys import PREFIX, ApiKeys, digest_of, new_key
from tests.unit.service.identity.asking import DAY, HERE, START, THERE, Clock, issue, refused


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
