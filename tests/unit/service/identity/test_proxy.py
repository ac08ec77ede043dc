"""Certificates that a proxy has checked."""

from typing import Any
from urllib.parse import quote

import pytest

from esign.service.access import Principal, Role
from esign.service.identity.proxy import ClientCertificates
from tests.unit.service.identity.asking import CERTIFICATE, HERE, OTHER, PEM, PROXY, SHA256, cert, refused, request


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
