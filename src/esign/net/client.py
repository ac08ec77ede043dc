"""The one client for time-stamps, OCSP, revocation lists and issuing certificates, and for what others are told.

A request is one connection under one deadline. Its answer is read up to a limit, looked at from outside, and handed
over as `Fetched`; everything else is a `NetworkError`. Nothing is followed: no redirect, no proxy of the environment,
no compressed answer. What an answer says is for its reader to verify.
"""

import base64
import io
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import httpcore

from esign.errors import ConfigurationError, Error, NetworkError
from esign.net.addresses import Address
from esign.net.breaker import BreakerState, Gate, Health
from esign.net.cache import Cache, Kept
from esign.net.deadline import Deadline, Monotonic
from esign.net.kinds import HEADER, Kind, Shape, declared_length, fresh_until, is_whole, shape_of
from esign.net.notices import Notice, Told, told_by
from esign.net.resolver import Resolver, SystemResolver
from esign.net.rules import Destination, NetworkRules
from esign.net.transport import Backend, Connector, connect

__all__ = ["Client", "Fetched", "Identity", "Query"]

_HEADERS = 256 * 1024
"""What may come beside an answer's bytes: headers, and the frames of chunks."""
_MOST_ADDRESSES = 4
_AGENT = b"esign"
_LOOK_UP = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How we show a server who we are."""

    username: str = ""
    """For HTTP basic authentication."""
    password: str = field(default="", repr=False)
    """Only sent over https, or to a host that is listed as inside."""
    certificate: Path | None = None
    """A client certificate and its key in one PEM file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to ask, of whom."""

    kind: Kind
    """What the answer must be."""
    url: str
    """Where; perhaps out of a certificate."""
    body: bytes = field(default=b"", repr=False)
    """What is sent, DER; for kinds that are asked by POST."""
    identity: Identity | None = None
    """Where the server wants to know us."""
    deadline: timedelta | None = None
    """For all of it; None takes the rules'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer that looks like what was asked for."""

    query: Query
    """What was asked."""
    url: str
    """Who answered, after rewriting."""
    body: bytes = field(repr=False)
    """One DER value, or PEM where real servers send it; not verified."""
    at: datetime
    """When it came; earlier than now where it was kept."""
    elapsed: timedelta
    """How long it took; zero where it was kept."""
    kept: bool = False
    """Whether it is an answer to an earlier request."""


class Client:
    """Fetches under `NetworkRules`; one for a whole process, safe for threads."""

    def __init__(
        self,
        rules: NetworkRules | None = None,
        *,
        now: Callable[[], datetime],
        cache: Cache | None = None,
        monotonic: Monotonic = time.monotonic,
        resolver: Resolver | None = None,
        connector: Connector = connect,
    ) -> None:
        """`now` says what is fresh; deadlines and rests go by `monotonic`.

        Raises:
            ConfigurationError: `tls-files-unreadable`, when https is first spoken.
        """
        self._rules = rules or NetworkRules()
        self._now = now
        self._monotonic = monotonic
        self._cache = cache or Cache()
        self._resolver = resolver or SystemResolver()
        self._connector = connector
        self._gate = Gate(at_once=self._rules.at_once, monotonic=monotonic)
        self._contexts: dict[Path | None, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    def fetch(
        self,
        query: Query,
        *,
        newer_than: datetime | None = None,
        check: Callable[[bytes], object] = lambda _: None,
    ) -> Fetched:
        """The answer to `query`; a kept one where it has not ended and came after `newer_than`.

        `check` reads the answer and raises an `Error` where it is no good: such an answer counts against its host, is
        not kept, and the error goes on to the caller.

        Raises:
            NetworkError: Its code says what went wrong; the deadline is kept whatever that was.
        """
        destination = self._rules.destination(query.url)
        deadline = Deadline(query.deadline or self._rules.deadline, host=destination.host, monotonic=self._monotonic)
        self._refuse_telling(query, destination)
        kept = self._kept(query, destination, newer_than, check)
        if kept is not None:
            return kept
        with self._gate.through(destination.authority, deadline):
            kept = self._kept(query, destination, newer_than, check)
            if kept is not None:  # another thread asked while we waited
                return kept
            body = self._exchange(query, destination, deadline)
            check(body)
        at = self._now()
        until = fresh_until(query.kind, body, now=at)
        if until is not None:
            self._cache.put(_key(query, destination), Kept(body=body, fetched_at=at, until=until))
        return Fetched(query=query, url=destination.url, body=body, at=at, elapsed=deadline.elapsed)

    def health(self, url: str) -> Health:
        """How the host of `url` does; one that may not be asked is as good as one that fails."""
        try:
            return self._gate.health(self._rules.destination(url).authority)
        except NetworkError:
            return Health(state=BreakerState.OPEN)

    def _kept(
        self, query: Query, destination: Destination, newer_than: datetime | None, check: Callable[[bytes], object]
    ) -> Fetched | None:
        key = _key(query, destination)
        kept = self._cache.get(key, now=self._now())
        if kept is None or (newer_than is not None and kept.fetched_at < newer_than):
            return None
        try:
            check(kept.body)
        except Error:
            self._cache.forget(key)  # another caller's idea of good was another one, or the folder was tampered with
            return None
        return Fetched(
            query=query, url=destination.url, body=kept.body, at=kept.fetched_at, elapsed=timedelta(0), kept=True
        )

    def _refuse_telling(self, query: Query, destination: Destination) -> None:
        """A password is for one server: nobody on the way may read it."""
        inside = self._rules.lists(destination)
        if query.identity is not None and query.identity.password and destination.scheme != "https" and not inside:
            raise NetworkError("password-unprotected", host=destination.host)

    def tell(self, notice: Notice) -> Told:
        """Send `notice`, and learn whether it was taken; what the receiver says besides is not read.

        Raises:
            NetworkError: It did not get there, or no answer came until the deadline.
        """
        destination = self._reachable(notice.url)
        deadline = Deadline(notice.deadline, host=destination.host, monotonic=self._monotonic)
        with self._gate.through(destination.authority, deadline):
            addresses = self._addresses(destination, deadline)
            request = _post(destination, "application/json", notice.body, headers=notice.headers)
            with self._asked(request, destination, addresses, deadline) as (response, _):
                return told_by(response, now=self._now(), elapsed=deadline.elapsed)

    def check(self, url: str) -> None:
        """Whether notices may be sent to `url`: over https, and not to where only insiders get.

        Raises:
            NetworkError: `notice-unprotected`, `host-unknown`, or what its rules say of it.
        """
        destination = self._reachable(url)
        self._addresses(destination, Deadline(_LOOK_UP, host=destination.host, monotonic=self._monotonic))

    def _reachable(self, url: str) -> Destination:
        destination = self._rules.destination(url)
        if destination.scheme != "https" and not self._rules.lists(destination):
            raise NetworkError("notice-unprotected", host=destination.host)
        return destination

    # --- one exchange ------------------------------------------------------------------------------------------------

    def _exchange(self, query: Query, destination: Destination, deadline: Deadline) -> bytes:
        shape = shape_of(query.kind)
        addresses = self._addresses(destination, deadline)
        request = _request(query, destination, shape)
        with self._asked(request, destination, addresses, deadline, query.identity) as (response, backend):
            _check_head(response, destination.host, shape)
            backend.allow(shape.most_bytes)
            return _read(response, destination.host, shape)

    def _addresses(self, destination: Destination, deadline: Deadline) -> Sequence[Address]:
        """Where to connect to."""
        if destination.address is not None:
            return [destination.address]
        addresses = list(self._resolver.resolve(destination.host, destination.port, deadline))
        # All of them: a name that leads inside and outside is made to be mistaken.
        for address in addresses:
            self._rules.check_address(destination, address)
        return addresses

    @contextmanager
    def _asked(
        self,
        request: httpcore.Request,
        destination: Destination,
        addresses: Sequence[Address],
        deadline: Deadline,
        identity: Identity | None = None,
    ) -> Iterator[tuple[httpcore.Response, Backend]]:
        """The head of the answer, whose body is still to be read."""
        backend = Backend(
            addresses[:_MOST_ADDRESSES],
            host=destination.host,
            deadline=deadline,
            most_bytes=_HEADERS,
            connector=self._connector,
        )
        context = self._context(identity) if destination.scheme == "https" else None
        try:
            with httpcore.HTTPConnection(
                request.url.origin, ssl_context=context, network_backend=backend
            ) as connection:
                response = connection.handle_request(request)
                try:
                    yield response, backend
                finally:
                    response.close()
        except httpcore.RemoteProtocolError as e:
            raise NetworkError("answer-not-http", host=destination.host) from e

    def _context(self, identity: Identity | None) -> ssl.SSLContext:
        """Loading the system's authorities takes longer than a request: once for each client certificate."""
        certificate = identity.certificate if identity is not None else None
        with self._lock:
            if certificate not in self._contexts:
                self._contexts[certificate] = _tls(self._rules.tls_anchors, certificate)
            return self._contexts[certificate]


def _key(query: Query, destination: Destination) -> str:
    return Cache.key(query.kind.value, destination.url, query.body)


def _tls(anchors: tuple[str, ...], certificate: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata="\n".join(anchors) or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if certificate is not None:
            # The password function keeps OpenSSL from asking at the terminal.
            context.load_cert_chain(certificate, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError) as e:
        raise ConfigurationError("tls-files-unreadable", problem=type(e).__name__) from e
    return context


def _request(query: Query, destination: Destination, shape: Shape) -> httpcore.Request:
    headers = []
    if query.identity is not None and query.identity.username:
        told = f"{query.identity.username}:{query.identity.password}".encode()
        headers.append((b"Authorization", b"Basic " + base64.b64encode(told)))
    if shape.asked_as is None:
        return _sent("GET", destination, headers)
    return _post(destination, shape.asked_as, query.body, headers=headers)


def _post(
    destination: Destination, content_type: str, body: bytes, *, headers: Sequence[tuple[bytes, bytes]]
) -> httpcore.Request:
    typed = [*headers, (b"Content-Type", content_type.encode()), (b"Content-Length", b"%d" % len(body))]
    return _sent("POST", destination, typed, body)


def _sent(
    method: str, destination: Destination, headers: Sequence[tuple[bytes, bytes]], body: bytes | None = None
) -> httpcore.Request:
    return httpcore.Request(
        method,
        httpcore.URL(
            scheme=destination.scheme,
            host=destination.bracketed if destination.scheme == "http" else destination.host,
            port=destination.port,
            target=destination.target,
        ),
        headers=[
            (b"Host", destination.host_header.encode()),
            (b"User-Agent", _AGENT),
            (b"Accept-Encoding", b"identity"),
            (b"Connection", b"close"),
            *headers,
        ],
        content=body,
    )


def _check_head(response: httpcore.Response, host: str, shape: Shape) -> None:
    """Everything that the headers tell, before the first byte of the answer is read."""
    headers = {name.lower(): value.decode("latin-1").strip() for name, value in response.headers}
    if 300 <= response.status < 400:
        raise NetworkError("answer-redirects", host=host, status=response.status)
    if response.status in {404, 410}:
        raise NetworkError("answer-not-found", host=host, status=response.status)
    if response.status != 200:
        raise NetworkError("answer-status", host=host, status=response.status)
    encoding = headers.get(b"content-encoding", "identity").lower()
    if encoding != "identity":
        raise NetworkError("answer-compressed", host=host)
    kind = headers.get(b"content-type", "").partition(";")[0].strip().lower()
    if kind not in shape.content_types:
        shown = kind[:60] if kind.isascii() and kind.isprintable() and kind else "-"
        raise NetworkError("answer-other-type", host=host, found=shown)
    length = headers.get(b"content-length", "")
    if length.isdecimal() and int(length) > shape.most_bytes:
        raise NetworkError("answer-too-large", host=host)


def _read(response: httpcore.Response, host: str, shape: Shape) -> bytes:
    """The answer, given up as soon as it is too long or cannot become what was asked for."""
    # BytesIO hands its buffer over without copying it: a list of parts would need the memory twice.
    buffer = io.BytesIO()
    for part in response.iter_stream():
        checked = buffer.tell() >= HEADER
        buffer.write(part)
        if not checked and buffer.tell() >= HEADER and not shape.json:
            _check_start(bytes(buffer.getbuffer()[:HEADER]), host, shape)
        if buffer.tell() > shape.most_bytes:
            raise NetworkError("answer-too-large", host=host)
    body = buffer.getvalue()
    if shape.json and not (body.strip()[:1] == b"{" and body.strip()[-1:] == b"}"):
        raise NetworkError("answer-not-json", host=host)
    if not shape.json and not is_whole(body, pem=shape.pem):
        raise NetworkError("answer-not-der", host=host)
    return body


def _check_start(start: bytes, host: str, shape: Shape) -> None:
    try:
        declared = declared_length(start, pem=shape.pem)
    except ValueError as e:
        raise NetworkError("answer-not-der", host=host) from e
    if declared is not None and declared > shape.most_bytes:
        raise NetworkError("answer-too-large", host=host)
