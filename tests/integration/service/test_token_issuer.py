"""Keys of a token issuer, fetched over TLS as `esign.toml` says: what is asked and when, and what fails."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from joserfc.jwk import RSAKey

from esign.errors import ServiceError
from esign.net import Kind
from esign.registry import Registry
from esign.service.access import Role
from esign.service.identity.authenticator import Credentials
from esign_cli import network
from esign_cli.config import Config
from esign_cli.identities import credentials
from tests.support.hostile import HostileServer, serving
from tests.support.pki import PKI, pem
from tests.support.tls import server_context
from tests.support.waiting import until
from tests.unit.service.identity.asking import CLAIMS, HERE, Clock, key_set, request, signed

ONE, TWO, STRANGERS = (RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}) for kid in ("one", "two", "one"))
_TOML = """
[agency]
code = "H26.1.2"
name = "UBND PHƯỜNG MẪU"
place = "Hà Nội"

[key]
uri = "pkcs11:token=t;object=k"

[network]
{network}

[[access.issuers]]
name = "staff"
issuer = "https://id.example.gov.vn"
audience = "esign"
keys_url = "{url}"
[[access.issuers.grants]]
claim = "groups"
value = "van-thu"
role = "registrar"
"""


@pytest.fixture(scope="module")
def pki() -> PKI:
    return PKI.create()


@dataclass
class Issuer:
    """An issuer's server, and the service that asks it."""

    server: HostileServer
    credentials: Credentials
    clock: Clock
    asked_before: int = 0

    def publish(self, *keys: RSAKey) -> None:
        self.server.good = {Kind.JWKS: json.dumps(key_set(*keys)).encode()}

    def fall_silent(self) -> None:
        """Connections are taken and dropped."""

        def drop(_body: bytes) -> bytes:
            raise OSError

        self.server.good = {Kind.JWKS: drop}

    def comes_in(self, key: RSAKey) -> str:
        """Whoever comes with a token that `key` signed, or the code of the refusal."""
        at = int(self.clock().timestamp())
        token = signed(key, claims={**CLAIMS, "iat": at, "exp": at + 300})
        try:
            found = anyio.run(self.credentials.authenticate, request(("Authorization", f"Bearer {token}")))
        except ServiceError as e:
            return e.code
        assert found.roles == {HERE: frozenset({Role.REGISTRAR})}
        return found.name

    def asked(self) -> int:
        """How many requests it got since this was asked last."""
        before, self.asked_before = self.asked_before, len(self.server.visits)
        return self.asked_before - before


@contextmanager
def issuing(pki: PKI, folder: Path, *, by: PKI | None = None, **rules: object) -> Iterator[Issuer]:
    """With a certificate of `by`, where the operator trusts `pki`."""
    (folder / "tls.pem").write_bytes(pem([pki.root.certificate]))
    clock = Clock()
    with serving(tls=server_context((by or pki).root, folder / "server.pem")) as server:
        given: dict[str, Any] = {"inside": [server.authority], "tls_anchors": ["tls.pem"], **rules}
        said = "\n".join(f"{name} = {json.dumps(value)}" for name, value in given.items())
        (folder / "esign.toml").write_text(_TOML.format(network=said, url=server.url("good", Kind.JWKS)), "utf-8")
        config = Config.load(folder / "esign.toml")
        with Registry.open(folder / "register.sqlite", now=clock) as registry:
            client = network.client(config.network, now=clock)
            found = credentials([config], {HERE: registry}, client=client, now=clock)
            issuer = Issuer(server=server, credentials=found, clock=clock)
            issuer.publish(ONE)
            yield issuer


NAME = "oidc:staff#8c1f2b7e-1111"


def test_keys_are_fetched_once_and_kept_for_a_while(pki: PKI, tmp_path: Path) -> None:
    with issuing(pki, tmp_path) as issuer:
        assert [issuer.comes_in(ONE) for _ in range(5)] == [NAME] * 5
        assert issuer.asked() == 1
        assert issuer.comes_in(STRANGERS) == "credentials-rejected", "the name of a key is not the key"
        issuer.clock.at += timedelta(minutes=11)
        assert issuer.comes_in(ONE) == NAME
        assert issuer.asked() == 1
        head = issuer.server.heads[0].lower()
        assert b"authorization" not in head
        assert b"cookie" not in head


def test_keys_are_rotated(pki: PKI, tmp_path: Path) -> None:
    """A key that nobody knows makes us ask, not more than twice a minute; one that is gone is over."""
    with issuing(pki, tmp_path) as issuer:
        assert issuer.comes_in(ONE) == NAME
        issuer.publish(ONE, TWO)
        assert [issuer.comes_in(TWO) for _ in range(5)] == ["credentials-rejected"] * 5
        assert issuer.asked() == 1, "what was fetched a moment ago is not fetched again for every stranger's token"
        issuer.clock.at += timedelta(seconds=31)
        assert [issuer.comes_in(key) for key in (TWO, ONE, TWO)] == [NAME] * 3
        assert issuer.asked() == 1
        issuer.publish(TWO)
        assert issuer.comes_in(ONE) == NAME, "until the kept set ends, or somebody comes with a new key"
        issuer.clock.at += timedelta(minutes=11)
        assert issuer.comes_in(ONE) == "credentials-rejected"
        assert issuer.comes_in(TWO) == NAME


def test_an_issuer_that_is_away(pki: PKI, tmp_path: Path) -> None:
    """What is kept is good to its end; then nobody is let in, and nobody is to blame; it heals by itself."""
    with issuing(pki, tmp_path) as issuer:
        assert issuer.comes_in(ONE) == NAME
        issuer.fall_silent()
        issuer.clock.at += timedelta(minutes=5)
        assert issuer.comes_in(ONE) == NAME
        assert issuer.comes_in(TWO) == "bearer-keys-unavailable"
        assert issuer.comes_in(ONE) == NAME, "whose key is known does not pay for a stranger's"
        issuer.clock.at += timedelta(minutes=6)
        assert issuer.comes_in(ONE) == "bearer-keys-unavailable"
        issuer.asked()
        assert {issuer.comes_in(ONE) for _ in range(25)} == {"bearer-keys-unavailable"}, "nobody is held off for it"
        assert issuer.asked() == 0, "nor is the issuer asked by everybody"
        issuer.publish(ONE, TWO)

        def heals() -> bool:
            issuer.clock.at += timedelta(seconds=10)  # the client lets a host rest that fails
            return issuer.comes_in(ONE) == NAME

        until(heals)
        assert issuer.comes_in(TWO) == NAME


@pytest.mark.parametrize(
    "rules", [{"inside": []}, {"only": ["id.example.gov.vn"]}], ids=["not inside", "not on the list"]
)
def test_whom_the_operator_does_not_allow_is_not_asked(pki: PKI, tmp_path: Path, rules: dict[str, Any]) -> None:
    with issuing(pki, tmp_path, **rules) as issuer:
        assert issuer.comes_in(ONE) == "bearer-keys-unavailable"
        assert issuer.server.connections == 0


def test_a_server_that_another_authority_vouches_for_is_not_believed(pki: PKI, tmp_path: Path) -> None:
    with issuing(pki, tmp_path, by=PKI.create()) as issuer:
        assert issuer.comes_in(ONE) == "bearer-keys-unavailable"
        assert issuer.server.visits == []


def test_what_is_no_set_of_keys_opens_nothing(pki: PKI, tmp_path: Path) -> None:
    with issuing(pki, tmp_path) as issuer:
        issuer.server.good = {Kind.JWKS: b'{"keys": "none"}'}
        assert issuer.comes_in(ONE) == "bearer-keys-unavailable"
