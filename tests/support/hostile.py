"""A server on loopback that misbehaves as it is told to: each path is one way to answer badly.

Real sockets and real bytes; what is sent, and when, is written out in `BEHAVIOURS`, so that a new way to misbehave
is one more line.
"""

import gzip
import itertools
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from esign.net import Kind

TYPES = {
    Kind.TIMESTAMP: b"application/timestamp-reply",
    Kind.OCSP: b"application/ocsp-response",
    Kind.CRL: b"application/pkix-crl",
    Kind.CERTIFICATES: b"application/pkix-cert",
    Kind.JWKS: b"application/jwk-set+json",
}
MiB = 1024 * 1024


@dataclass(frozen=True)
class Visit:
    """One request that came in."""

    kind: Kind
    body: bytes
    connection: socket.socket
    stop: threading.Event

    def send(self, data: bytes) -> "Visit":
        self.connection.sendall(data)
        return self

    def head(self, *lines: bytes, status: bytes = b"200 OK", kind: bytes | None = None) -> "Visit":
        content_type = TYPES[self.kind] if kind is None else kind
        typed = (b"Content-Type: " + content_type,) if content_type else ()
        return self.send(b"\r\n".join((b"HTTP/1.1 " + status, *typed, *lines, b"", b"")))

    def answer(self, body: bytes, *lines: bytes, status: bytes = b"200 OK", kind: bytes | None = None) -> "Visit":
        return self.head(b"Content-Length: %d" % len(body), *lines, status=status, kind=kind).send(body)

    def drip(self, data: bytes, *, every: float = 0.05, size: int = 1) -> "Visit":
        for start in range(0, len(data), size):
            if self.stop.wait(every):
                break
            self.send(data[start : start + size])
        return self

    def flood(self, part: bytes, *, most: int = 400 * MiB) -> "Visit":
        for _ in range(most // len(part)):
            if self.stop.is_set():
                break
            self.send(part)
        return self

    def chunk(self, data: bytes) -> "Visit":
        return self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def rest(self) -> "Visit":
        self.stop.wait(30)
        return self

    def reset(self) -> "Visit":
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return self


def der(size: int, *, declared: int | None = None) -> bytes:
    """A SEQUENCE of `size` zeros, which says that it has `declared`."""
    return b"\x30\x84" + (size if declared is None else declared).to_bytes(4, "big") + bytes(size)


GOOD = b"\x30\x82\x01\x00" + bytes(256)
SLOW = b"HTTP/1.1 200 OK\r\nContent-Length: 260\r\n"
CHUNKED = b"Transfer-Encoding: chunked"


@dataclass(frozen=True)
class Behaviour:
    """One way to answer badly, and the code that it must end in."""

    code: str
    act: Callable[[Visit], object] = field(repr=False)


def _endless_informational(v: Visit) -> None:
    v.flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def _answering(body: bytes, *lines: bytes, status: bytes) -> Callable[[Visit], Visit]:
    return lambda visit: visit.answer(body, *lines, status=status)


BEHAVIOURS: dict[str, Behaviour] = {
    # --- slow: each byte comes in time, the whole never does
    "says-nothing": Behaviour("network-timeout", Visit.rest),
    "drips-status": Behaviour("network-timeout", lambda v: v.drip(SLOW * 20)),
    "drips-headers": Behaviour("network-timeout", lambda v: v.send(SLOW).drip(b"X-A: b\r\n" * 100)),
    "drips-body": Behaviour("network-timeout", lambda v: v.head(b"Content-Length: 260").drip(GOOD)),
    "drips-chunks": Behaviour("network-timeout", lambda v: v.head(CHUNKED).drip(b"1\r\n0\r\n" * 260, size=6)),
    "drips-chunk-sizes": Behaviour("network-timeout", lambda v: v.head(CHUNKED).drip(b"0" * 300)),
    "drips-informational": Behaviour(
        "network-timeout", lambda v: v.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, size=25)
    ),
    "stops-after-headers": Behaviour("network-timeout", lambda v: v.head(b"Content-Length: 260").rest()),
    "stops-in-the-middle": Behaviour(
        "network-timeout", lambda v: v.head(b"Content-Length: 260").send(GOOD[:100]).rest()
    ),
    "stops-before-the-last-byte": Behaviour(
        "network-timeout", lambda v: v.head(b"Content-Length: 260").send(GOOD[:-1]).rest()
    ),
    "never-ends-without-a-length": Behaviour("network-timeout", lambda v: v.head().send(GOOD).rest()),
    "keeps-the-last-chunk": Behaviour("network-timeout", lambda v: v.head(CHUNKED).chunk(GOOD).rest()),
    # --- too much
    "declares-400-mib": Behaviour("answer-too-large", lambda v: v.head(b"Content-Length: 419430400")),
    "declares-a-lot-in-der": Behaviour(
        "answer-too-large", lambda v: v.head().send(der(200, declared=400 * MiB)).rest()
    ),
    "floods": Behaviour("answer-too-large", lambda v: v.head().send(b"\x30\x80").flood(bytes(65536))),
    "floods-in-chunks": Behaviour(
        "answer-too-large",
        lambda v: v.head(CHUNKED).chunk(b"\x30\x84\x19\0\0\0").flood(b"10000\r\n" + bytes(65536) + b"\r\n"),
    ),
    "floods-beyond-its-length": Behaviour(
        "answer-not-der", lambda v: v.head(b"Content-Length: 4").flood(bytes(65536), most=4 * MiB)
    ),
    "floods-with-headers": Behaviour("answer-not-http", lambda v: v.send(SLOW).flood(b"X-A: b\r\n" * 1000)),
    "floods-in-one-header": Behaviour("answer-not-http", lambda v: v.send(SLOW + b"X: ").flood(b"a" * 65536)),
    "floods-with-trailers": Behaviour(
        "answer-not-http", lambda v: v.head(CHUNKED).chunk(GOOD).send(b"0\r\n").flood(b"X-A: b\r\n" * 1000)
    ),
    "floods-with-a-chunk-extension": Behaviour(
        "answer-not-http", lambda v: v.head(CHUNKED).send(b"4;").flood(b"a" * 65536)
    ),
    "floods-with-informational": Behaviour("answer-too-large", _endless_informational),
    # --- elsewhere
    **{
        f"redirects-{status}": Behaviour(
            "answer-redirects",
            _answering(b"", b"Location: http://127.0.0.1/", status=b"%d See" % status),
        )
        for status in (301, 302, 303, 307, 308)
    },
    "redirects-nowhere": Behaviour("answer-redirects", lambda v: v.answer(b"", status=b"302 Found")),
    "refreshes": Behaviour(
        "answer-other-type", lambda v: v.answer(b"<meta http-equiv=refresh>", b"Refresh: 0; url=/", kind=b"text/html")
    ),
    # --- errors, with and without something that looks good
    **{
        f"status-{status}": Behaviour(code, _answering(GOOD, status=b"%d No" % status))
        for status, code in (
            *((s, "answer-status") for s in (201, 202, 204, 206, 400, 401, 403, 407, 418, 429, 500, 502, 503, 504)),
            *((s, "answer-not-found") for s in (404, 410)),
        )
    },
    "switches-protocols": Behaviour(
        "answer-not-http", lambda v: v.send(b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n")
    ),
    # --- other kinds of data
    "login-page": Behaviour("answer-other-type", lambda v: v.answer(b"<html>login</html>", kind=b"text/html")),
    "json": Behaviour("answer-other-type", lambda v: v.answer(b"{}", kind=b"application/json")),
    "multipart": Behaviour("answer-other-type", lambda v: v.answer(GOOD, kind=b"multipart/mixed; boundary=x")),
    "odd-content-type": Behaviour("answer-other-type", lambda v: v.answer(GOOD, kind=b"\xff\xfe")),
    "gzip": Behaviour("answer-compressed", lambda v: v.answer(gzip.compress(bytes(MiB)), b"Content-Encoding: gzip")),
    "brotli": Behaviour("answer-compressed", lambda v: v.answer(GOOD, b"Content-Encoding: br")),
    "gzip-transfer": Behaviour(
        "answer-not-http", lambda v: v.answer(gzip.compress(GOOD), b"Transfer-Encoding: gzip, chunked")
    ),
    # --- no DER
    "nothing": Behaviour("answer-not-der", lambda v: v.answer(b"")),
    "one-byte": Behaviour("answer-not-der", lambda v: v.answer(b"\x30")),
    "garbage": Behaviour("answer-not-der", lambda v: v.answer(bytes(range(256)))),
    "zeros": Behaviour("answer-not-der", lambda v: v.answer(bytes(260))),
    "html-as-if-right": Behaviour("answer-not-der", lambda v: v.answer(b"<html>" * 50)),
    "too-short-for-its-length": Behaviour("answer-not-der", lambda v: v.answer(GOOD[:-1])),
    "something-behind": Behaviour("answer-not-der", lambda v: v.answer(GOOD + b"\0")),
    "two-values": Behaviour("answer-not-der", lambda v: v.answer(GOOD + GOOD)),
    "length-not-shortest": Behaviour("answer-not-der", lambda v: v.answer(b"\x30\x83\x00\x01\x00" + bytes(256))),
    "length-in-long-form": Behaviour("answer-not-der", lambda v: v.answer(b"\x30\x81\x05" + bytes(5))),
    "length-of-127-bytes": Behaviour("answer-not-der", lambda v: v.answer(b"\x30\xff" + bytes(300))),
    "an-octet-string": Behaviour("answer-not-der", lambda v: v.answer(b"\x04\x82\x01\x00" + bytes(256))),
    "a-set": Behaviour("answer-not-der", lambda v: v.answer(b"\x31\x82\x01\x00" + bytes(256))),
    # --- no HTTP
    "http-0.9": Behaviour("answer-not-http", lambda v: v.send(GOOD)),
    "ssh": Behaviour("answer-not-http", lambda v: v.send(b"SSH-2.0-OpenSSH_9.2\r\n")),
    "hangs-up": Behaviour("answer-not-http", lambda _: None),
    "hangs-up-in-headers": Behaviour("answer-not-http", lambda v: v.send(SLOW)),
    "hangs-up-in-body": Behaviour("answer-not-http", lambda v: v.head(b"Content-Length: 260").send(GOOD[:9])),
    "hangs-up-in-chunk": Behaviour("answer-not-http", lambda v: v.head(CHUNKED).send(b"ff\r\n")),
    "resets": Behaviour("connection-broken", lambda v: v.reset()),
    "length-twice": Behaviour("answer-not-http", lambda v: v.head(b"Content-Length: 260", b"Content-Length: 4")),
    "length-negative": Behaviour("answer-not-http", lambda v: v.head(b"Content-Length: -1")),
    "length-no-number": Behaviour("answer-not-http", lambda v: v.head(b"Content-Length: many")),
    "chunk-size-no-number": Behaviour("answer-not-http", lambda v: v.head(CHUNKED).send(b"zz\r\n")),
    "chunk-size-huge": Behaviour("answer-not-http", lambda v: v.head(CHUNKED).send(b"f" * 40 + b"\r\n")),
    "bare-line-feeds-in-a-name": Behaviour("answer-not-http", lambda v: v.head(b"X A: b", b"Content-Length: 0")),
    "header-without-colon": Behaviour("answer-not-http", lambda v: v.head(b"nonsense", b"Content-Length: 0")),
    "status-no-number": Behaviour("answer-not-http", lambda v: v.send(b"HTTP/1.1 OK\r\n\r\n")),
}


Good = bytes | Callable[[bytes], bytes]
"""What `/good/…` answers, or what it makes of a request."""


class HostileServer:
    """Listens on a port of loopback; the path of a request is the name of what it does."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, good: Mapping[Kind, Good] | None = None) -> None:
        self._tls = tls
        self.good = good or {}
        self.visits: list[tuple[str, bytes]] = []
        self.heads: list[bytes] = []
        self.connections = 0
        self.at_once = self.most_at_once = 0
        self.release = threading.Event()
        """What `/held-and-good/…` waits for before it answers."""
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.lock = threading.Lock()
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, name: str, kind: Kind) -> str:
        return f"{'https' if self._tls else 'http'}://{self.authority}/{name}/{kind.value}"

    def close(self) -> None:
        self._stop.set()
        self.release.set()
        # Closing alone wakes nobody: the thread would wait on, and later for whatever has the number of this socket.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listening.join()
        self._listener.close()

    def _good(self, visit: Visit) -> bytes:
        answer = self.good.get(visit.kind, GOOD)
        return answer if isinstance(answer, bytes) else answer(visit.body)

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # Whoever is cut off has done its part.
        with suppress(OSError, ValueError), connection:
            connection.settimeout(60)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                self._answer(connection)

    def _hold(self) -> None:
        """Wait; counted until the answer begins: whoever has it may ask again before the socket is closed."""
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.release.wait()
        with self.lock:
            self.at_once -= 1

    def _answer(self, connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            part = connection.recv(65536)
            if not part:
                return
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        length = next((int(v) for k, _, v in _headers(head) if k == b"content-length"), 0)
        while len(body) < length:
            body += connection.recv(65536)
        _, name, kind = head.split(b" ")[1].decode().split("/")[:3]
        with self.lock:
            self.visits.append((name, body))
            self.heads.append(head)
        visit = Visit(kind=Kind(kind), body=body, connection=connection, stop=self._stop)
        if name in BEHAVIOURS:
            BEHAVIOURS[name].act(visit)
            return
        if name == "held-and-good":
            self._hold()
        visit.answer(self._good(visit))


def _headers(head: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    for line in itertools.islice(head.split(b"\r\n"), 1, None):
        name, colon, value = line.partition(b":")
        yield name.lower(), colon, value.strip()


@contextmanager
def serving(*, tls: ssl.SSLContext | None = None, good: Mapping[Kind, Good] | None = None) -> Iterator[HostileServer]:
    """A server that is gone afterwards."""
    server = HostileServer(tls=tls, good=good)
    try:
        yield server
    finally:
        server.close()
