"""The body of a request: counted and timed while it comes, and not read before it is known who sends it.

A route that declares a body as its parameter has it read by the framework before its dependencies are asked, so the
routes of this service read theirs themselves, once `permitted` has said yes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, Any, TypeVar

from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from esign.api.base import Model
from esign.errors import ServiceError
from esign.service.offices import Limits
from esign.service.problems import InvalidRequest, answer_with
from esign.service.strict_json import parse

__all__ = [
    "LARGEST_HEAD",
    "BodyGuard",
    "allow",
    "media_type_of",
    "read_file",
    "read_json",
    "read_model",
    "read_upload",
]

M = TypeVar("M", bound=Model)
LARGEST_HEAD = 16 * 1024
_SCOPE = "esign.body"
_ONCE = (b"content-length", b"content-type", b"host", b"idempotency-key", b"transfer-encoding")
"""Two of these would be two requests: one for a proxy in front, and another one for us."""
_MEMORY = 1 << 20
"""Bytes of a file that are kept in memory before it goes to a temporary file."""


class BodyGuard:
    """Middleware: ends a request that is ambiguous or too large, or whose body is too slow or has no end."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        error = _head_problem(scope)
        if error is not None:
            refused = answer_with(HTTPConnection(scope), error)
            refused.headers["Connection"] = "close"
            await refused(scope, receive, send)
            return
        body = _Body(receive, self._limits, _declared(scope))
        scope[_SCOPE] = body

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and not body.complete:
                # What is still on its way is not read: the connection can serve no other request.
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self._app(scope, body.receive, sending)


class _Body:
    """One request's body, as it comes."""

    def __init__(self, receive: Receive, limits: Limits, declared: int | None) -> None:
        self.most = limits.body
        self.complete = declared == 0
        self.failed: ServiceError | None = None
        self._receive = receive
        self._seconds = limits.body_time.total_seconds()
        self._until = asyncio.get_running_loop().time() + self._seconds
        self._declared = declared
        self._count = 0

    async def receive(self) -> Message:
        if self.complete:
            return await self._receive()
        self._check(self._declared or 0)
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            self.failed = ServiceError("body-too-slow", seconds=round(self._seconds))
            raise self.failed from None
        if message["type"] == "http.disconnect":  # nobody is there to be answered, and nothing of ours failed
            self.failed = ServiceError("http-invalid")
            raise self.failed
        if message["type"] == "http.request":
            self._count += len(message.get("body", b""))
            self._check(self._count)
            self.complete = not message.get("more_body", False)
        return message

    def _check(self, size: int) -> None:
        if size > self.most:
            self.failed = ServiceError("body-too-large", limit=self.most)
            raise self.failed


def _head_problem(scope: Scope) -> ServiceError | None:
    """What is wrong with the head of a request."""
    headers, query = scope["headers"], scope["query_string"]
    if sum(len(name) + len(value) for name, value in headers) + len(scope["raw_path"]) + len(query) > LARGEST_HEAD:
        return ServiceError("headers-too-large", limit=LARGEST_HEAD)
    names = [name for name, _ in headers]
    # RFC 9112 §6.3: a message with both lengths may be an attempt to smuggle a second request in.
    two_lengths = b"transfer-encoding" in names and b"content-length" in names
    # U+0000 is in no address of ours, and PostgreSQL takes it in no query.
    if two_lengths or any(names.count(name) > 1 for name in _ONCE) or b"%00" in scope["raw_path"] + query:
        return ServiceError("http-invalid")
    return None


def _declared(scope: Scope) -> int | None:
    """How many bytes the request says that it has: 0 where it has no body, None where it does not say."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return None
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() else None


def failure(request: Request) -> ServiceError | None:
    """What ended the body, where the framework said something else of it."""
    body: _Body | None = request.scope.get(_SCOPE)
    return body.failed if body is not None else None


def allow(request: Request, most: int) -> None:
    """Let the body of `request` have up to `most` bytes."""
    body: _Body | None = request.scope.get(_SCOPE)
    if body is not None:
        body.most = most


async def read_json(request: Request) -> Any:
    """A body of JSON.

    Raises:
        ServiceError: `unsupported-media-type`, `request-invalid`, `body-too-large`, `body-too-slow`.
    """
    if media_type_of(request) != "application/json":
        raise ServiceError("unsupported-media-type", expected="application/json")
    return _parsed(await request.body())


async def read_model(request: Request, model: type[M]) -> M:
    """A body of JSON, as a `model`.

    Raises:
        As `read_json`.
    """
    return validated(await read_json(request), model)


def validated(found: Any, model: type[M]) -> M:
    """`found` as a `model`.

    Raises:
        ServiceError: `request-invalid`.
    """
    try:
        return model.model_validate(found)
    except ValidationError as e:
        raise InvalidRequest(e.errors(include_input=False, include_url=False, include_context=False)) from None


async def read_upload(request: Request, model: type[M], *, file: str = "pdf", most: int) -> M:
    """A body of JSON with the file `file` in base64; or multipart with JSON in the part `request`, and the file.

    Raises:
        As `read_json`.
    """
    if media_type_of(request) != "multipart/form-data":
        allow(request, most * 4 // 3 + (1 << 20))
        return await read_model(request, model)
    allow(request, most + (1 << 20))
    async with _form(request, most=most) as form:
        found = form.get("request")
        if isinstance(found, UploadFile):
            found = (await found.read()).decode("utf-8", "replace")
        members = _parsed((found or "{}").encode())
        part = form.get(file)
        if not isinstance(members, dict) or set(form) - {"request", file}:
            raise ServiceError("request-invalid")
        if part is None:
            return validated(members, model)
        data = await part.read() if isinstance(part, UploadFile) else part.encode()
    # The model decodes base64 of JSON bodies; what came as bytes goes past that.
    made = validated({**members, file: ""}, model)
    return made.model_copy(update={file: data})


@asynccontextmanager
async def read_file(request: Request, *, most: int, kinds: tuple[str, ...]) -> AsyncIterator[IO[bytes]]:
    """A body that is a file, or multipart with the part `file`: in memory while it is small, else on disk.

    Raises:
        ServiceError: `unsupported-media-type`, `body-too-large`, `body-too-slow`.
    """
    kind = media_type_of(request)
    allow(request, most + (1 << 20 if kind == "multipart/form-data" else 0))
    if kind == "multipart/form-data":
        async with _form(request, most=most) as form:
            part = form.get("file")
            if not isinstance(part, UploadFile):
                raise InvalidRequest([{"loc": ("file",), "type": "missing"}])
            yield part.file
            return
    if kind not in kinds:
        raise ServiceError("unsupported-media-type", expected=", ".join(kinds))
    with SpooledTemporaryFile(_MEMORY) as spooled:
        async for chunk in request.stream():
            # A write of some kilobytes into the page cache is shorter than a hop to another thread.
            spooled.write(chunk)
        spooled.seek(0)
        yield spooled


@asynccontextmanager
async def _form(request: Request, *, most: int) -> AsyncIterator[FormData]:
    parser = MultiPartParser(
        request.headers, request.stream(), max_files=2, max_fields=4, max_part_size=max(_MEMORY, 1 << 20)
    )
    parser.spool_max_size = _MEMORY
    try:
        form = await parser.parse()
    except MultiPartException as e:
        raise ServiceError("request-invalid") from e
    try:
        for part in form.values():
            if isinstance(part, UploadFile) and (part.size or 0) > most:
                raise ServiceError("body-too-large", limit=most)
        yield form
    finally:
        await form.close()


def media_type_of(request: Request) -> str:
    """The media type that the request says its body has."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def _parsed(data: bytes) -> Any:
    try:
        return parse(data)
    except ValueError:
        raise InvalidRequest([{"loc": (), "type": "json_invalid"}]) from None
