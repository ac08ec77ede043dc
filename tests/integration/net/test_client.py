"""What a good exchange looks like: requests, rewriting, lists, TLS, waiting for each other, resting, keeping."""

import base64
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from esign.errors import ConfigurationError, Error, NetworkError
from esign.net import BreakerState, Cache, Client, Identity, Kind, NetworkRules, Query
from tests.support.hostile import GOOD, HostileServer, serving
from tests.support.pki import PKI, name, pem
from tests.support.stopwatch import seconds_of, shortest
from tests.support.tls import server_context
from tests.support.waiting import LONG, until

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def pki() -> PKI:
    return PKI.create()


@pytest.fixture(scope="module")
def server(pki: PKI) -> Iterator[HostileServer]:
    crl = pki.issuing.crl(at=NOW, lifetime=timedelta(days=2))
    with serving(good={Kind.CRL: crl, Kind.OCSP: status(pki)}) as running:
        yield running


def status(pki: PKI) -> bytes:
    """An OCSP answer that holds for two days."""
    certificate = pki.issuing.certify(ec.generate_private_key(ec.SECP256R1()).public_key(), name("MẪU"))
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=certificate,
        issuer=pki.issuing.certificate,
        algorithm=hashes.SHA256(),
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=NOW,
        next_update=NOW + timedelta(days=2),
        revocation_time=None,
        revocation_reason=None,
    )
    answer = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, pki.issuing.certificate).sign(
        pki.issuing.key, hashes.SHA256()
    )
    return answer.public_bytes(Encoding.DER)


def client_of(server: HostileServer, **changes: object) -> Client:
    parts: dict[str, object] = {"inside": (server.authority,), "deadline": timedelta(seconds=LONG)}
    clock = changes.pop("now", lambda: NOW)
    cache = changes.pop("cache", None)
    monotonic = changes.pop("monotonic", time.monotonic)
    return Client(NetworkRules(**parts | changes), now=clock, cache=cache, monotonic=monotonic)  # type: ignore[arg-type]


def query(server: HostileServer, kind: Kind = Kind.TIMESTAMP, path: str = "good", **changes: object) -> Query:
    return Query(kind=kind, url=server.url(path, kind), body=b"\x30\x03\x02\x01\x01", **changes)  # type: ignore[arg-type]


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_a_query_is_posted_and_the_answer_handed_over(server: HostileServer) -> None:
    found = client_of(server).fetch(query(server))
    assert found.body == GOOD
    assert (found.at, found.kept) == (NOW, False)
    head = server.heads[-1].split(b"\r\n")
    assert head[0] == b"POST /good/timestamp HTTP/1.1"
    assert b"Content-Type: application/timestamp-query" in head
    assert b"Accept-Encoding: identity" in head
    assert b"Host: " + server.authority.encode() in head
    assert server.visits[-1] == ("good", b"\x30\x03\x02\x01\x01")


def test_a_list_is_got(server: HostileServer) -> None:
    client_of(server).fetch(query(server, Kind.CRL))
    assert server.heads[-1].startswith(b"GET /good/crl HTTP/1.1")


def test_proxies_of_the_environment_are_not_used(server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert client_of(server).fetch(query(server)).body == GOOD


def test_a_password_goes_only_where_nobody_reads_along(server: HostileServer) -> None:
    identity = Identity(username="phường", password="bí mật")
    client_of(server).fetch(query(server, identity=identity))
    expected = base64.b64encode("phường:bí mật".encode())
    assert b"Authorization: Basic " + expected in server.heads[-1]
    with pytest.raises(NetworkError) as caught:
        Client(now=lambda: NOW).fetch(Query(kind=Kind.TIMESTAMP, url="http://tsa.example.vn/", identity=identity))
    assert caught.value.code == "password-unprotected"
    assert "bí mật" not in repr(identity)


# --- rules ------------------------------------------------------------------------------------------------------------


def test_a_host_of_a_closed_network_is_rewritten(server: HostileServer) -> None:
    client = client_of(server, rewrite={"OCSP.ca.ptc": server.authority})
    found = client.fetch(Query(kind=Kind.OCSP, url="http://ocsp.ca.ptc/good/ocsp", body=b"\x30\x00"))
    assert found.url == server.url("good", Kind.OCSP)
    assert b"Host: " + server.authority.encode() in server.heads[-1]


def test_a_rewritten_host_is_checked_like_any_other(server: HostileServer) -> None:
    client = Client(NetworkRules(rewrite={"ocsp.ca.ptc": "127.0.0.1"}), now=lambda: NOW)
    with pytest.raises(NetworkError) as caught:
        client.fetch(Query(kind=Kind.OCSP, url="http://ocsp.ca.ptc/"))
    assert caught.value.code == "address-forbidden"


@pytest.mark.parametrize(
    ("only", "host", "allowed"),
    [
        (("tsa.ca.gov.vn",), "tsa.ca.gov.vn", True),
        (("tsa.ca.gov.vn",), "TSA.ca.gov.vn.", True),
        (("tsa.ca.gov.vn",), "evil.vn", False),
        ((".ca.gov.vn",), "ocsp.ca.gov.vn", True),
        ((".ca.gov.vn",), "ca.gov.vn", False),
        ((".ca.gov.vn",), "ocsp.ca.gov.vn.evil.vn", False),
        (("ca.gov.vn",), "ocsp.ca.gov.vn", False),
        ((".ca.gov.vn",), "xca.gov.vn", False),
    ],
)
def test_an_allow_list_is_all_there_is(only: tuple[str, ...], host: str, allowed: bool) -> None:  # noqa: FBT001
    rules = NetworkRules(only=only)
    if allowed:
        assert rules.destination(f"http://{host}/").host == host.lower().rstrip(".")
    else:
        with pytest.raises(NetworkError) as caught:
            rules.destination(f"http://{host}/")
        assert caught.value.code == "host-not-allowed"


@pytest.mark.parametrize("port", [8080, 2560, 3128])
def test_a_port_is_opened_with_its_host(port: int) -> None:
    with pytest.raises(NetworkError) as caught:
        NetworkRules().destination(f"http://tsa.example.vn:{port}/")
    assert caught.value.code == "port-not-allowed"
    for rules in (
        NetworkRules(only=(f"tsa.example.vn:{port}",)),
        NetworkRules(inside=(f"tsa.example.vn:{port}",)),
    ):
        assert rules.destination(f"http://tsa.example.vn:{port}/").port == port


@pytest.mark.parametrize(
    "rules",
    [
        {"inside": ("10.0.0.0/33",)},
        {"inside": ("a b",)},
        {"only": ("http//x",)},
        {"rewrite": {"a": "b c"}},
        {"rewrite": {"a": "ftp://b"}},
        {"inside": ("0x7f.1",)},
    ],
)
def test_a_rule_that_means_nothing_is_found_at_once(rules: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        NetworkRules(**rules)  # type: ignore[arg-type]
    assert caught.value.code == "network-rule-invalid"


def test_ipv6_rules_are_understood() -> None:
    rules = NetworkRules(inside=("fd00::7", "[fd00::8]:8080"))
    address = ip_address("fd00::7")
    rules.check_address(rules.destination("http://[fd00::7]/"), address)
    assert rules.destination("http://[fd00::8]:8080/").host_header == "[fd00::8]:8080"
    with pytest.raises(NetworkError):
        rules.destination("http://[fd00::9]/")


def test_what_a_message_repeats_names_nobody() -> None:
    with pytest.raises(NetworkError) as caught:
        Client(now=lambda: NOW).fetch(Query(kind=Kind.CRL, url="ftp://mau:secret@x.vn/?holder=Nguyen#x"))
    assert "secret" not in str(caught.value)
    assert "Nguyen" not in str(caught.value)


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tls(pki: PKI, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's certificate for 127.0.0.1."""
    return server_context(pki.root, tmp_path_factory.mktemp("tls") / "server.pem")


def test_https_with_an_authority_that_the_operator_names(pki: PKI, tls: ssl.SSLContext) -> None:
    anchor = pem([pki.root.certificate]).decode()
    with serving(tls=tls) as server:
        assert client_of(server, tls_anchors=(anchor,)).fetch(query(server)).body == GOOD
        with pytest.raises(NetworkError) as caught:
            client_of(server).fetch(query(server))
    assert caught.value.code == "tls-failed"


def test_a_handshake_that_never_ends_keeps_the_deadline(server: HostileServer) -> None:
    url = f"https://{server.authority}/good/timestamp"  # a server that waits for HTTP says nothing to TLS

    def ask() -> None:
        with pytest.raises(NetworkError) as caught:
            client_of(server, deadline=timedelta(seconds=0.5)).fetch(Query(kind=Kind.TIMESTAMP, url=url))
        assert caught.value.code == "network-timeout"

    assert shortest(lambda: seconds_of(ask), enough=0.6) <= 0.6


def test_tls_files_that_cannot_be_read(server: HostileServer, tmp_path: Path) -> None:
    url, identity = f"https://{server.authority}/good/timestamp", Identity(certificate=tmp_path / "none.pem")
    with pytest.raises(ConfigurationError) as caught:
        client_of(server).fetch(Query(kind=Kind.TIMESTAMP, url=url, identity=identity))
    assert caught.value.code == "tls-files-unreadable"


# --- waiting for each other, resting ----------------------------------------------------------------------------------


@pytest.fixture
def holding() -> Iterator[HostileServer]:
    """A server that a test holds up."""
    with serving() as running:
        yield running


def test_a_host_gets_only_so_many_requests_at_once(holding: HostileServer) -> None:
    client = client_of(holding, at_once=3)
    with ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(client.fetch, query(holding, path="held-and-good")) for _ in range(12)]
        until(lambda: holding.at_once == 3)
        time.sleep(0.1)  # a fourth that is let through gets there meanwhile
        holding.release.set()
    assert [a.result().body for a in asked] == [GOOD] * 12
    assert holding.most_at_once == 3


def test_whoever_finds_no_place_gives_up_at_the_deadline(holding: HostileServer) -> None:
    client = client_of(holding, at_once=1)
    busy = threading.Thread(target=lambda: client.fetch(query(holding, path="held-and-good")))
    busy.start()
    until(lambda: holding.at_once)
    with pytest.raises(NetworkError) as caught:
        client.fetch(query(holding, deadline=timedelta(seconds=0.1)))
    holding.release.set()
    busy.join()
    assert caught.value.code == "host-busy"


class Ticks:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_a_host_that_fails_rests_and_is_tried_again(server: HostileServer) -> None:
    ticks = Ticks()
    client = client_of(server, monotonic=ticks)
    good, bad = query(server), query(server, path="status-503")

    def code(asked: Query) -> str:
        try:
            client.fetch(asked)
        except Error as e:
            return e.code
        return "fetched"

    assert [code(bad) for _ in range(4)] == ["answer-status"] * 3 + ["host-resting"]
    seen = len(server.visits)
    assert code(good) == "host-resting"
    assert len(server.visits) == seen  # nobody was asked
    assert client.health(good.url).state is BreakerState.OPEN
    ticks.at += 31
    assert client.health(good.url).state is BreakerState.HALF_OPEN
    assert code(bad) == "answer-status"  # the trial fails: it rests twice as long
    ticks.at += 31
    assert code(good) == "host-resting"
    ticks.at += 31
    assert code(good) == "fetched"
    health = client.health(good.url)
    assert (health.state, health.failures) == (BreakerState.CLOSED, 0)
    assert health.latency is not None


def test_only_one_request_tries_whether_a_host_is_back(holding: HostileServer) -> None:
    ticks = Ticks()
    client = client_of(holding, monotonic=ticks)
    for _ in range(3):
        with pytest.raises(NetworkError):
            client.fetch(query(holding, path="status-503"))
    ticks.at += 31
    seen = len(holding.visits)
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(client.fetch, query(holding, path="held-and-good")) for _ in range(6)]
        until(lambda: sum(a.done() for a in asked) == 5)
        holding.release.set()
    errors = [a.exception() for a in asked]
    assert sum(e is None for e in errors) == 1
    assert {e.code for e in errors if isinstance(e, NetworkError)} == {"host-resting"}
    assert len(holding.visits) == seen + 1


def test_what_a_host_does_not_have_is_no_failure(server: HostileServer) -> None:
    client = client_of(server)
    for _ in range(5):
        with pytest.raises(NetworkError, match="does not have"):
            client.fetch(query(server, path="status-404"))
    assert client.fetch(query(server)).body == GOOD


# --- keeping ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.CRL, Kind.OCSP])
def test_an_answer_is_kept_until_it_ends(server: HostileServer, kind: Kind) -> None:
    today = [NOW]
    client = client_of(server, now=lambda: today[0])
    first = client.fetch(query(server, kind))
    seen = len(server.visits)
    today[0] += timedelta(days=1)
    again = client.fetch(query(server, kind))
    assert (again.body, again.kept, again.at) == (first.body, True, NOW)
    assert len(server.visits) == seen
    # One that must be newer than the signature is asked for again, and so is one that has ended.
    assert not client.fetch(query(server, kind), newer_than=NOW + timedelta(hours=1)).kept
    today[0] += timedelta(days=1)
    assert not client.fetch(query(server, kind)).kept


def test_time_stamps_are_never_kept(server: HostileServer) -> None:
    client = client_of(server)
    assert not any(client.fetch(query(server)).kept for _ in range(2))


class Wrong(Error):
    """What a reader says of an answer."""


def refuse(body: bytes) -> None:
    raise Wrong("answer-not-der", host="x")


def test_what_its_reader_refuses_is_not_kept_and_counts(server: HostileServer) -> None:
    client = client_of(server)
    for _ in range(3):
        with pytest.raises(Wrong):
            client.fetch(query(server, Kind.CRL), check=refuse)
    with pytest.raises(NetworkError, match="failed several times"):
        client.fetch(query(server, Kind.CRL))


def test_a_kept_answer_that_its_reader_refuses_is_asked_for_again(server: HostileServer) -> None:
    client = client_of(server)
    client.fetch(query(server, Kind.CRL))
    seen = len(server.visits)
    with pytest.raises(Wrong):
        client.fetch(query(server, Kind.CRL), check=refuse)
    assert len(server.visits) == seen + 1
    assert not client.fetch(query(server, Kind.CRL)).kept


def test_a_folder_keeps_answers_for_the_next_process(server: HostileServer, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    client_of(server, cache=Cache(folder)).fetch(query(server, Kind.CRL))
    assert client_of(server, cache=Cache(folder)).fetch(query(server, Kind.CRL)).kept
    [file] = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-1])  # damaged: as if it were not there
    assert not client_of(server, cache=Cache(folder)).fetch(query(server, Kind.CRL)).kept


@pytest.mark.parametrize("content", [b"", b"{}\n", b"[]\nx", b"\xff\xfe\n", b'{"sha256": 1}\n'])
def test_whatever_stands_in_the_folder_is_no_answer(server: HostileServer, tmp_path: Path, content: bytes) -> None:
    client_of(server, cache=Cache(tmp_path)).fetch(query(server, Kind.CRL))
    [file] = tmp_path.iterdir()
    file.write_bytes(content)
    assert not client_of(server, cache=Cache(tmp_path)).fetch(query(server, Kind.CRL)).kept


def test_a_folder_that_cannot_be_written_is_no_failure(server: HostileServer, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    assert client_of(server, cache=Cache(blocked)).fetch(query(server, Kind.CRL)).body


def test_memory_and_folder_are_bounded(tmp_path: Path) -> None:
    from esign.net.cache import Kept

    cache = Cache(tmp_path, memory=2500, most_on_disk=3500)
    for number in range(10):
        cache.put(Cache.key(str(number)), Kept(body=bytes(1000), fetched_at=NOW, until=NOW + timedelta(days=1)))
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) <= 3500
    assert cache.get(Cache.key("9"), now=NOW) is not None
    assert cache.get(Cache.key("0"), now=NOW) is None
    assert cache.get(Cache.key("9"), now=NOW - timedelta(days=1)) is None  # the clock was set back
