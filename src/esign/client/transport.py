"""Sends a request until it is answered: the same key each time, pauses between, one deadline for all of it."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TypeVar

import httpx

from esign.api.base import Model
from esign.client.refusals import error_of, problem_in
from esign.client.retrying import Retrying, retry_after
from esign.errors import Error, InputError, NetworkError
from esign.reasons import system_problem

__all__ = ["Answer", "File", "Sent", "Transport"]

M = TypeVar("M", bound=Model)
T = TypeVar("T")
File = bytes | Path
"""A file to send: its bytes, or where it is; a path is read while it is sent."""
_CONNECT_SECONDS = 5.0
_READ_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request, as it is sent each time."""

    method: str
    """HTTP's."""
    path: str
    """Below the service's address."""
    params: Mapping[str, str | int | list[str]] = field(default_factory=dict)
    """The query."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside those of every request."""
    model: Model | None = None
    """A body of JSON; the part `request` where there is a file too."""
    file: tuple[str, File, str] | None = None
    """A file's part, the file, and its media type."""
    repeatable: bool = True
    """Whether it may be sent again where nobody knows if it arrived."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no refusal."""

    status: int
    """HTTP's."""
    headers: httpx.Headers
    """HTTP's."""
    body: bytes = field(repr=False)
    """Whole."""

    def to(self, model: type[M]) -> M:
        """The body as a `model`; members that a newer service adds are passed over.

        Raises:
            NetworkError: `service-answer-unexpected`.
        """
        try:
            return model.model_validate_json(self.body, extra="ignore")
        except ValueError as e:
            raise NetworkError("service-answer-unexpected", status=self.status) from e


class Transport:
    """The connections to one service; safe to use from several threads."""

    def __init__(
        self,
        http: httpx.Client,
        *,
        retrying: Retrying,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`http` is closed by whoever made it; `clock` runs steadily, `now` is the time of day."""
        self._http = http
        self._retrying = retrying
        self._now = now
        self._clock = clock
        self._sleep = sleep
        self._chance = chance

    def ask(self, sent: Sent) -> Answer:
        """The whole answer.

        Raises:
            Error: What the service refused with: the library's own class, code and facts.
            NetworkError: `service-unreachable`, `service-answer-unexpected`: there is no answer of the service.
        """
        return self.receive(sent, _whole)

    def receive(self, sent: Sent, read: Callable[[httpx.Response, Iterator[bytes]], T]) -> T:
        """What `read` makes of the answer as it comes; it begins anew where a connection breaks.

        Raises:
            As `ask`.
        """
        until = self._clock() + self._retrying.within.total_seconds()
        attempt = 0
        while True:
            asked: timedelta | None = None
            try:
                with ExitStack() as stack:
                    response = self._send(sent, until, stack)
                    if response.status_code < 300 or response.status_code == 304:
                        return read(response, self._chunks(response, until))
                    error, again = self._refusal(response, until)
                    asked = retry_after(response.headers.get("Retry-After"), self._now())
            except (httpx.TransportError, TimeoutError) as e:
                error = NetworkError("service-unreachable", host=self._host, problem=type(e).__name__)
                again = sent.repeatable or isinstance(e, httpx.ConnectError)
                error.__cause__ = e
            pause = self._retrying.pause(attempt, asked=asked, chance=self._chance()).total_seconds()
            if not again or self._clock() + pause >= until:
                raise error
            self._sleep(pause)
            attempt += 1

    @property
    def _host(self) -> str:
        return self._http.base_url.host

    def _send(self, sent: Sent, until: float, stack: ExitStack) -> httpx.Response:
        left = max(until - self._clock(), 0.001)
        timeout = httpx.Timeout(min(_READ_SECONDS, left), connect=min(_CONNECT_SECONDS, left))
        request = self._built(sent, timeout, stack)
        response = self._http.send(request, stream=True)
        stack.callback(response.close)
        return response

    def _built(self, sent: Sent, timeout: httpx.Timeout, stack: ExitStack) -> httpx.Request:
        """Built anew for each attempt: a file is read from its beginning."""
        headers = dict(sent.headers)
        content, files = None, None
        body = sent.model.model_dump_json(exclude_defaults=True) if sent.model is not None else None
        if sent.file is not None:
            name, file, kind = sent.file
            opened = file if isinstance(file, bytes) else stack.enter_context(_opened(file))
            if body is None:
                # A body that is nothing but the file.
                headers["Content-Type"] = kind
                content = opened
            else:
                files = {"request": (None, body, "application/json"), name: (f"{name}.pdf", opened, kind)}
        elif body is not None:
            headers["Content-Type"] = "application/json"
            content = body.encode()
        return self._http.build_request(
            sent.method,
            sent.path,
            params=dict(sent.params),
            headers=headers,
            content=content,
            files=files,
            timeout=timeout,
        )

    def _refusal(self, response: httpx.Response, until: float) -> tuple[Error, bool]:
        body = b"".join(self._chunks(response, until))
        problem = problem_in(response.headers.get("Content-Type", ""), body)
        again = self._retrying.again(response.status_code, problem.code if problem else None)
        return error_of(response.status_code, problem), again

    def _chunks(self, response: httpx.Response, until: float) -> Iterator[bytes]:
        """The body as it comes; a service that sends a byte now and then does not outlast the deadline."""
        for chunk in response.iter_bytes():
            if self._clock() > until:
                raise TimeoutError
            yield chunk


def _whole(response: httpx.Response, chunks: Iterator[bytes]) -> Answer:
    return Answer(response.status_code, response.headers, b"".join(chunks))


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as e:
        raise InputError("upload-unreadable", file=path, problem=system_problem(e)) from e
