"""What a request may cost: size, time, connections. A typed refusal each time, and the connection is closed."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from esign.errors import ServiceError
from esign.service import server as serving
from esign.service.desk import Desk
from esign.service.offices import Limits
from tests.support.office import Office
from tests.support.service import ServiceForTest, answering, b64, problem, service, wanted
from tests.support.waiting import LONG, until

LIMITS = Limits(body=20_000, upload=200_000, body_time=timedelta(minutes=5))


@pytest.fixture
def here(rsa_office: Path, tmp_path: Path) -> Iterator[ServiceForTest]:
    office = Office.copied(rsa_office, tmp_path / "office")
    with service(office, limits=LIMITS) as found:
        yield found
    office.registry.close()


def raw(here: ServiceForTest, *pieces: bytes, pause: float = 0.0) -> bytes:
    """What comes back until the other side closes."""
    place = urlsplit(str(here.client.base_url))
    with socket.create_connection((place.hostname, place.port), timeout=LONG) as line:
        got = b""
        try:
            for piece in pieces:
                line.sendall(piece)
                time.sleep(pause)
        except OSError:
            pass  # it was closed before we had said all
        try:
            while chunk := line.recv(65536):
                got += chunk
        except ConnectionResetError:
            pass
    return got


def head(here: ServiceForTest, path: str, *more: str) -> bytes:
    lines = [
        f"POST {here.url(path)} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {here.name}",
        "Idempotency-Key: k",
        "Content-Type: application/json",
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def code_of(answer: bytes) -> tuple[int, str]:
    first, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in first, answer[:300]
    assert b"connection: close" in first.lower()
    return int(first.split()[1]), json.loads(body)["code"]


def test_a_body_that_says_it_is_too_large_is_not_read(here: ServiceForTest) -> None:
    answer = raw(here, head(here, "results", "Content-Length: 999999999"))  # and nothing more
    assert code_of(answer) == (413, "body-too-large")


def test_a_body_without_an_end_is_cut_off(here: ServiceForTest) -> None:
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    answer = raw(
        here, head(here, "verifications", "Transfer-Encoding: chunked").replace(b"json", b"pdf"), *[chunk] * 100
    )
    assert code_of(answer) == (413, "body-too-large")


def test_a_body_that_comes_slowly_is_cut_off_as_a_whole(office: Office) -> None:
    with service(office, limits=replace(LIMITS, body_time=timedelta(seconds=0.5))) as impatient:
        answer = raw(impatient, head(impatient, "results", "Content-Length: 100"), *[b"{"] * 20, pause=0.05)
    assert code_of(answer) == (408, "body-too-slow")


@pytest.mark.parametrize("path", ["results", "verifications", "submissions", "results/0123-4567-89AB-CDEF/standing"])
def test_who_may_not_ask_is_told_before_a_byte_of_the_body_is_read(here: ServiceForTest, path: str) -> None:
    said = head(here, path, "Content-Length: 100000", "Expect: 100-continue").replace(here.name.encode(), b"nobody")
    answer = raw(here, said)
    assert code_of(answer) == (401, "not-authenticated")
    assert b"100 Continue" not in answer


def test_other_bodies_have_a_smaller_limit(here: ServiceForTest) -> None:
    big = {"sha256": "0" * 64, "more": "x" * 30_000}
    problem(here.post("verifications/by-hash", json=big), 413, "body-too-large")
    answer = here.post("results", json=wanted(template=None, data=None, pdf=b64(b"x" * 100_000)))
    assert answer.json()["code"] != "body-too-large"
    answer = here.post("verifications", files={"file": ("a.pdf", b"x" * 250_000)})
    problem(answer, 413, "body-too-large")


def test_a_head_that_is_too_large_or_no_http(here: ServiceForTest) -> None:
    large = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: " + b"a" * 40_000 + b"\r\n\r\n"
    assert code_of(raw(here, large)) == (431, "headers-too-large")
    assert code_of(raw(here, *[large[n : n + 5000] for n in range(0, 40_000, 5000)], pause=0.01))[0] == 431
    assert code_of(raw(here, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")) == (400, "http-invalid")
    lengths = b"Content-Length: 5\r\nContent-Length: 6\r\n"
    assert code_of(raw(here, b"POST / HTTP/1.1\r\nHost: x\r\n" + lengths + b"\r\n")) == (400, "http-invalid")


@pytest.mark.parametrize(
    "more",
    [
        ("Content-Length: 6", "Transfer-Encoding: chunked"),
        ("Content-Length: 2", "Idempotency-Key: k2"),
        ("Content-Length: 2", "Content-Type: text/plain"),
    ],
    ids=["two lengths", "two keys", "two types"],
)
def test_a_head_that_can_be_read_in_two_ways_is_refused(here: ServiceForTest, more: tuple[str, ...]) -> None:
    """And what comes behind it is no request: a proxy in front may have taken it for the body."""
    smuggled = b"0\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = raw(here, head(here, "verifications/by-hash", *more) + smuggled)
    assert code_of(answer) == (400, "http-invalid")
    assert b"HTTP/1.1 200" not in answer


def test_a_zero_in_an_address_is_refused(here: ServiceForTest) -> None:
    for path in ("audit?object=%00", "results/%00"):
        problem(here.get(path), 400, "http-invalid")


def test_whoever_leaves_in_the_middle_is_no_incident(here: ServiceForTest, caplog: pytest.LogCaptureFixture) -> None:
    place = urlsplit(str(here.client.base_url))
    with socket.create_connection((place.hostname, place.port)) as line:
        line.sendall(head(here, "verifications/by-hash", "Content-Length: 100") + b"{")
    problem(here.post("results", json=[]), 400, "request-invalid")
    until(lambda: "http-invalid" in {entry.outcome for entry in here.office.registry.audit.entries()})
    assert "incident" not in caplog.text


def test_a_batch_in_one_endless_line_is_not_read_as_a_whole(office: Office) -> None:
    """All of it is less than a batch may have, and the line is more than a request may."""
    longest = LIMITS.upload * 4 // 3 + (1 << 20)
    with service(office, limits=LIMITS) as here:
        answer = here.post("batches", content=b"x" * (longest + 1), headers={"Content-Type": "application/x-ndjson"})
    problem(answer, 413, "body-too-large")
    assert answer.json()["facts"]["limit"] == longest


def test_a_head_that_never_ends_is_cut_off(here: ServiceForTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_HEADERS_SECONDS", 0.4)
    assert code_of(raw(here, b"GET / HT", *[b"a"] * 20, pause=0.05)) == (408, "headers-too-slow")
    assert code_of(raw(here)) == (408, "headers-too-slow")
    # The same on a connection that was used before.
    asked = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = b""
    while not answer.startswith(b"HTTP/1.1 200"):  # where the machine stood still, the first one was too slow
        answer = raw(here, asked, b"GET / HT", *[b"a"] * 20, pause=0.05)
        assert b"headers-too-slow" in answer


def test_slow_clients_keep_nobody_else_waiting(here: ServiceForTest) -> None:
    place = urlsplit(str(here.client.base_url))
    slow = [socket.create_connection((place.hostname, place.port)) for _ in range(100)]
    try:
        for line in slow:
            line.sendall(b"POST / HTTP/1.1\r\n")
        assert here.client.get("/livez").status_code == 200
    finally:
        for line in slow:
            line.close()


def test_a_full_desk_refuses_before_anything_is_recorded(rsa_office: Path, tmp_path: Path) -> None:
    office = Office.copied(rsa_office, tmp_path / "office")
    desk = Desk("issuing", threads=1, waiting=0)
    with service(office, issuing=desk) as here:
        open_again = threading.Event()
        busy = threading.Thread(target=lambda: _run(desk, open_again))
        busy.start()
        until(lambda: desk.taken)
        refused = here.post("results", key="k", json=wanted())
        assert problem(refused, 503, "service-busy")["retry_after"] == int(refused.headers["retry-after"])
        assert office.registry.listing().entries == ()
        open_again.set()
        busy.join()
        assert here.post("results", key="k", json=wanted()).status_code == 201
    desk.close()
    office.registry.close()


def _run(desk: Desk, released: threading.Event) -> None:
    import asyncio

    asyncio.run(desk.run(released.wait))


def test_more_connections_than_allowed_are_refused(here: ServiceForTest) -> None:
    with answering(here.app, connections=4) as url:
        place = urlsplit(url)
        idle = [socket.create_connection((place.hostname, place.port)) for _ in range(6)]
        try:
            assert httpx.get(f"{url}/livez", timeout=LONG).status_code == 503
        finally:
            for line in idle:
                line.close()


def test_forwarded_addresses_are_believed_from_proxies_alone(here: ServiceForTest) -> None:
    from esign.service.client import client_of

    seen: list[str] = []

    async def tell(scope: object, receive: object, send: object) -> None:
        from starlette.requests import Request
        from starlette.responses import PlainTextResponse

        seen.append(client_of(Request(scope)))  # type: ignore[arg-type]
        await PlainTextResponse("")(scope, receive, send)  # type: ignore[arg-type]

    headers = {"X-Forwarded-For": "203.0.113.9"}
    with answering(tell) as url:
        httpx.get(url, headers=headers, timeout=LONG)
    with answering(tell, proxies=("127.0.0.1",)) as url:
        httpx.get(url, headers=headers, timeout=LONG)
        httpx.get(url, timeout=LONG, headers={"X-Forwarded-For": "2001:db8:1:2ff:3::4"})
    assert seen == ["127.0.0.1", "203.0.113.9", "2001:db8:1:200::"]


def test_errors_of_the_service_have_a_class_of_their_own() -> None:
    assert ServiceError("service-busy", seconds=2).diagnostics("en").next_step
