"""Builds what finds out who asks, from the `[access]` of every agency that is served.

Each `esign.toml` grants at its own agency alone. Several that name the same issuer, or the same certificate, speak of
one: their grants are put together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network

from esign.codes import AgencyCode
from esign.errors import ConfigurationError
from esign.net import Client
from esign.registry import Registry
from esign.service.identity.api_keys import ApiKeys
from esign.service.identity.authenticator import Credentials
from esign.service.identity.bearer import BearerTokens, FileKeys, GrantRule, Issuer, KeySource, NetworkKeys
from esign.service.identity.proxy import ClientCertificates, Pin
from esign_cli.config import Config
from esign_cli.config.access import TokenIssuerSection

__all__ = ["credentials"]


def credentials(
    configs: Sequence[Config],
    registries: Mapping[AgencyCode, Registry],
    *,
    client: Client,
    now: Callable[[], datetime],
) -> Credentials:
    """Keys of access in `registries`; tokens and certificates as the configurations say.

    Raises:
        ConfigurationError: `bearer-algorithm`, `bearer-keys-missing`, `proxy-network-invalid`, `access-sources-differ`.
    """
    return Credentials(
        keys=ApiKeys(registries, now=now),
        tokens=[BearerTokens(issuer, keys, now=now) for issuer, keys in _issuers(configs, client)],
        certificates=_certificates(configs),
    )


def _issuers(configs: Sequence[Config], client: Client) -> list[tuple[Issuer, KeySource]]:
    found: dict[tuple[str, str], tuple[Issuer, KeySource]] = {}
    sections: dict[tuple[str, str], TokenIssuerSection] = {}
    names: dict[str, str] = {}
    issuers: dict[str, str] = {}
    for config in configs:
        for section in config.access.issuers:
            rules = tuple(
                GrantRule(claim=g.claim, value=g.value, agency=config.agency.code, role=g.role) for g in section.grants
            )
            key = (section.issuer, section.audience)
            _refuse_other(sections.setdefault(key, section), section)
            # One person of one issuer is one name in the audit, whatever the token is for: four eyes go by it.
            same = names.setdefault(section.name, section.issuer), issuers.setdefault(section.issuer, section.name)
            if same != (section.issuer, section.name):
                raise ConfigurationError("access-sources-differ", name=section.name)
            if key in found:
                issuer, keys = found[key]
                found[key] = replace(issuer, rules=(*issuer.rules, *rules)), keys
                continue
            issuer = Issuer(
                name=section.name,
                issuer=section.issuer,
                audience=section.audience,
                algorithms=section.algorithms,
                rules=rules,
                person_claim=section.person_claim,
                leeway=timedelta(seconds=section.leeway_seconds),
            )
            found[key] = issuer, _keys(section, client)
    return list(found.values())


def _refuse_other(known: TokenIssuerSection, section: TokenIssuerSection) -> None:
    """What several agencies say of one issuer must be the same: else one's keys would open another's agency.

    Raises:
        ConfigurationError: `access-sources-differ`.
    """
    if replace(known, grants=()) != replace(section, grants=()):
        raise ConfigurationError("access-sources-differ", name=section.name)


def _keys(section: TokenIssuerSection, client: Client) -> KeySource:
    if (section.keys_file is None) == (not section.keys_url):
        raise ConfigurationError("bearer-keys-missing", issuer=section.name)
    return (
        FileKeys(section.keys_file) if section.keys_file is not None else NetworkKeys(section.keys_url, client=client)
    )


def _certificates(configs: Sequence[Config]) -> ClientCertificates | None:
    """The first agency's proxy is everybody's: they are behind one socket."""
    proxy = configs[0].access.proxy
    if proxy is None:
        return None
    pins: dict[str, Pin] = {}
    names: dict[str, str] = {}
    for config in configs:
        for each in config.access.proxy.certificates if config.access.proxy else ():
            sha256 = each.sha256.lower()
            same = sha256 not in pins or (pins[sha256].name, pins[sha256].person) == (each.name, each.person)
            if names.setdefault(each.name, sha256) != sha256 or not same:
                raise ConfigurationError("access-sources-differ", name=each.name)
            before = pins[sha256].roles if sha256 in pins else {}
            roles = {**before, config.agency.code: frozenset(each.roles)}
            pins[sha256] = Pin(name=each.name, sha256=sha256, roles=roles, person=each.person)
    return ClientCertificates(
        header=proxy.header,
        peers=[_network(peer) for peer in proxy.peers],
        unix_socket=proxy.unix_socket,
        pins=tuple(pins.values()),
    )


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as e:
        raise ConfigurationError("proxy-network-invalid", found=text) from e
