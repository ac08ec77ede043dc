"""Addresses inside: however they are spelled, nobody connects to them (DESIGN law 10, OWASP SSRF)."""

import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from esign.errors import NetworkError
from esign.net import Client, Kind, NetworkRules, Query
from esign.net.addresses import Address
from esign.net.deadline import Deadline
from tests.support.hostile import HostileServer, serving
from tests.support.stopwatch import seconds_of, shortest

NOW = datetime(2026, 11, 22, tzinfo=UTC)

_VECTORS = Path(__file__).parents[2] / "vectors/net/forbidden-urls.txt"
SPELLINGS = [line for line in _VECTORS.read_text("utf-8").splitlines() if line and not line.startswith("#")]

# Names that an attacker's name server leads inside; the last answers are mixed with a good one.
NAMES: dict[str, tuple[str, ...]] = {
    "localhost": ("127.0.0.1",),
    "localhost.": ("127.0.0.1",),
    "localhost.localdomain": ("::1", "127.0.0.1"),
    "127.0.0.1.nip.io": ("127.0.0.1",),
    "intranet": ("10.1.2.3",),
    "metadata.google.internal": ("169.254.169.254",),
    "mapped.example.vn": ("::ffff:127.0.0.1",),
    "nat64.example.vn": ("64:ff9b::7f00:1",),
    "sixtofour.example.vn": ("2002:7f00:1::",),
    "teredo.example.vn": ("2001:0:4136:e378:8000:63bf:3fff:fdd2",),
    "zero.example.vn": ("0.0.0.0",),
    "mixed.example.vn": ("203.162.0.1", "127.0.0.1"),
    "mixed6.example.vn": ("2405:4800::1", "fe80::1"),
}


class FixedResolver:
    """Answers as told; a list for a name is one answer after the other, as a rebinding server gives them."""

    def __init__(self, names: dict[str, tuple[str, ...]], *, then: dict[str, tuple[str, ...]] | None = None) -> None:
        self.names, self.then, self.asked = names, then or {}, 0

    def resolve(self, host: str, port: int, deadline: Deadline) -> Sequence[Address]:
        self.asked += 1
        names = self.then if self.asked > 1 and host in self.then else self.names
        return [ip_address(a) for a in names.get(host, names.get(f"{host}.", ()))]


class Spy:
    """Connects nowhere, and says who wanted to; or to one server, whatever the address."""

    def __init__(self, server: HostileServer | None = None) -> None:
        self.asked: list[str] = []
        self.server = server

    def __call__(self, address: Address, port: int, timeout: float) -> socket.socket:
        self.asked.append(str(address))
        if self.server is None:
            raise ConnectionRefusedError
        return socket.create_connection(("127.0.0.1", self.server.port), timeout)


@pytest.fixture(scope="module")
def bait() -> Iterator[HostileServer]:
    with serving() as running:
        yield running


def test_there_are_enough() -> None:
    assert len(SPELLINGS) + len(NAMES) >= 60


@pytest.mark.parametrize("url", SPELLINGS)
def test_no_spelling_reaches_inside(url: str) -> None:
    spy = Spy()
    client = Client(now=lambda: NOW, connector=spy, resolver=FixedResolver({}))
    with pytest.raises(NetworkError) as caught:
        client.fetch(Query(kind=Kind.CRL, url=url))
    assert caught.value.code in {"url-refused", "address-forbidden", "port-not-allowed"}
    assert spy.asked == []


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leads_inside(name: str) -> None:
    spy = Spy()
    client = Client(now=lambda: NOW, connector=spy, resolver=FixedResolver(NAMES))
    with pytest.raises(NetworkError) as caught:
        client.fetch(Query(kind=Kind.OCSP, url=f"http://{name}/"))
    assert caught.value.code == "address-forbidden"
    assert spy.asked == []


def test_the_real_resolver_and_sockets_reach_nothing(bait: HostileServer) -> None:
    """Without any stand-in: a service that listens on this machine sees no connection."""
    client = Client(NetworkRules(only=(f"localhost:{bait.port}",)), now=lambda: NOW)
    for host in ("localhost", "LOCALHOST", "localhost."):
        with pytest.raises(NetworkError) as caught:
            client.fetch(Query(kind=Kind.CRL, url=f"http://{host}:{bait.port}/good/crl"))
        assert caught.value.code == "address-forbidden"
    assert bait.connections == 0


def test_a_redirect_inside_is_not_followed(bait: HostileServer) -> None:
    with serving() as server:
        client = Client(NetworkRules(inside=(server.authority,)), now=lambda: NOW)
        with pytest.raises(NetworkError, match="redirects"):
            client.fetch(Query(kind=Kind.CRL, url=server.url("redirects-302", Kind.CRL)))
    assert bait.connections == 0


def test_a_name_is_resolved_once_and_connected_to_as_checked(bait: HostileServer) -> None:
    """Rebinding: the second answer would lead inside, but nobody asks a second time."""
    spy = Spy(bait)
    resolver = FixedResolver({"crl.example.vn": ("203.162.0.1",)}, then={"crl.example.vn": ("127.0.0.1",)})
    client = Client(now=lambda: NOW, connector=spy, resolver=resolver)
    client.fetch(Query(kind=Kind.CERTIFICATES, url="http://crl.example.vn/good/certificates"))
    assert spy.asked == ["203.162.0.1"]
    assert resolver.asked == 1
    assert b"Host: crl.example.vn\r\n" in bait.heads[-1] + b"\r\n"
    # The next request resolves again, and is checked again.
    with pytest.raises(NetworkError, match=r"127\.0\.0\.1"):
        client.fetch(Query(kind=Kind.CRL, url="http://crl.example.vn/good/crl"))
    assert spy.asked == ["203.162.0.1"]


@pytest.mark.parametrize(
    "address", ["203.162.0.1", "1.1.1.1", "2405:4800::1", "::ffff:203.162.0.1", "64:ff9b::203.162.0.1", "171.244.0.1"]
)
def test_the_public_internet_is_open(address: str, bait: HostileServer) -> None:
    spy = Spy(bait)
    client = Client(now=lambda: NOW, connector=spy, resolver=FixedResolver({"x.vn": (address,)}))
    assert client.fetch(Query(kind=Kind.CRL, url="http://x.vn/good/crl")).body
    assert spy.asked == [str(ip_address(address))]


@pytest.mark.parametrize(
    ("rule", "address", "opened"),
    [
        ("tsa.noi-bo", "10.0.0.7", True),
        ("TSA.noi-bo", "127.0.0.1", True),
        ("tsa.noi-bo", "fd00::7", True),
        ("tsa.noi-bo", "169.254.169.254", False),  # never by a name
        ("tsa.noi-bo", "0.0.0.0", False),
        ("tsa.noi-bo", "224.0.0.1", False),
        ("tsa.noi-bo", "fe80::1", False),
        ("other.noi-bo", "10.0.0.7", False),
        ("tsa.noi-bo:8080", "10.0.0.7", False),  # that opens another port
        ("10.0.0.0/8", "10.0.0.7", True),
        ("10.1.0.0/16", "10.0.0.7", False),
        ("169.254.169.254/32", "169.254.169.254", True),  # an operator who writes this means it
        ("fd00::/8", "fd00::7", True),
        ("fd00::/8", "10.0.0.7", False),
    ],
)
def test_the_operator_opens_exactly_what_is_listed(
    rule: str,
    address: str,
    opened: bool,  # noqa: FBT001
    bait: HostileServer,
) -> None:
    spy = Spy(bait)
    resolver = FixedResolver({"tsa.noi-bo": (address,)})
    client = Client(NetworkRules(inside=(rule,)), now=lambda: NOW, connector=spy, resolver=resolver)
    query = Query(kind=Kind.TIMESTAMP, url="http://tsa.noi-bo/good/timestamp", body=b"\x30\x00")
    if opened:
        assert client.fetch(query).body
    else:
        with pytest.raises(NetworkError, match=r"not on the public Internet"):
            client.fetch(query)
        assert spy.asked == []


def test_the_system_resolver_keeps_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(20) and [])

    def ask() -> None:
        client = Client(NetworkRules(deadline=timedelta(seconds=0.5)), now=lambda: NOW)
        with pytest.raises(NetworkError) as caught:
            client.fetch(Query(kind=Kind.CRL, url="http://hanging.example.vn/"))
        assert caught.value.code == "network-timeout"

    assert shortest(lambda: seconds_of(ask), enough=0.6) <= 0.6
    released.set()
