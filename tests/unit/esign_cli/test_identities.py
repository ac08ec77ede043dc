"""Several agencies behind one socket: what they say of the same issuer or certificate must be the same."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from esign.codes import AgencyCode
from esign.errors import ConfigurationError
from esign.net import Client
from esign.service.access import Role
from esign_cli.config.access import AccessSection, GrantSection, PinnedSection, ProxySection, TokenIssuerSection
from esign_cli.identities import credentials
from tests.support.office import Clock

GRANT = GrantSection(claim="groups", value="van-thu", role=Role.REGISTRAR)
SSO = TokenIssuerSection(
    name="sso", issuer="https://id.example.gov.vn", audience="esign", keys_file=Path("sso.json"), grants=(GRANT,)
)
PIN = PinnedSection(name="portal", sha256="0" * 64, roles=(Role.SIGNER,))


def agency(code: str, *issuers: TokenIssuerSection, pins: tuple[PinnedSection, ...] = ()) -> Any:
    access = AccessSection(issuers=issuers, proxy=ProxySection(unix_socket=True, certificates=pins))
    return SimpleNamespace(agency=SimpleNamespace(code=AgencyCode.parse(code)), access=access)


def build(*configs: Any) -> None:
    clock = Clock()
    credentials(configs, {}, client=Client(now=clock), now=clock)


def test_the_same_issuer_and_certificate_at_two_agencies() -> None:
    build(agency("H26.1", SSO, pins=(PIN,)), agency("H26.2", replace(SSO, grants=()), pins=(PIN,)))
    build(agency("H26.1", SSO, replace(SSO, audience="esign-trial")))


@pytest.mark.parametrize(
    "changes",
    [
        {"keys_file": Path("mine.json")},
        {"algorithms": ("ES256",)},
        {"leeway_seconds": 3600},
        {"name": "other"},
        {"issuer": "https://id.elsewhere.vn"},
        {"audience": "esign-trial", "name": "other"},
    ],
    ids="-".join,
)
def test_an_agency_cannot_lend_its_keys_or_names_to_another(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build(agency("H26.1", replace(SSO, **changes)), agency("H26.2", SSO))
    assert caught.value.code == "access-sources-differ"


@pytest.mark.parametrize("changes", [{"name": "other"}, {"sha256": "1" * 64}], ids=["name", "certificate"])
def test_a_name_is_one_certificate(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build(agency("H26.1", pins=(PIN,)), agency("H26.2", pins=(replace(PIN, **changes),)))
    assert caught.value.code == "access-sources-differ"
