"""The audit of what is asked: refusals, failures, and what was read, recorded before it is answered.

What changes the register is recorded by the register itself, in the same transaction; here is the rest. A request
whose record cannot be written is refused, whatever its answer would have been.

Every route of the service has to say which act it is (`permitted`), or that it is for everybody (`for_everybody`).
`refuse_undeclared` looks at all routes when the service starts; should one be reached all the same, its answer is
not given.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from esign.codes import AgencyCode, ResultId
from esign.errors import Error, ServiceError
from esign.registry import Registry, act_as, acting
from esign.service import problems
from esign.service.access import Act
from esign.service.offices import Parts

__all__ = ["Attempt", "AuditTrail", "attempt", "declared_act", "for_everybody", "refuse_undeclared", "request_id"]

F = TypeVar("F", bound=Callable[..., Any])

UNKNOWN = "unknown"
"""Whoever has not said who they are."""
_ATTEMPT, _REQUEST = "esign.attempt", "esign.request"
_INTERFACE = "/v1/"
"""What stands outside of it is for everybody: health, the first page, what problems mean."""
_READ = {Act.DOCUMENT, Act.AUDIT, Act.ACCESS}
"""Reading these is recorded as well."""
_LATER = {"credentials-too-often", "request-in-flight", "request-is-in-flight", "service-busy"}
"""Answers that decide nothing: come back later. They come in floods, which must not fill the audit."""
_ID = re.compile(r"[0-9a-z]{10}")
_SHA256 = re.compile(r'"([0-9a-f]{64})"')


@dataclass(slots=True)
class Attempt:
    """What somebody tries, as far as it is known."""

    act: Act
    """What."""
    agency: str = ""
    """Where, if it is an agency's code at all."""
    actor: str = UNKNOWN
    """Who, once that is certain."""


def for_everybody(endpoint: F) -> F:
    """Mark a route that needs no permission and no record: nobody has to say who they are."""
    endpoint.for_everybody = True  # type: ignore[attr-defined]  # read by `refuse_undeclared`
    return endpoint


def attempt(scope: Scope, act: Act, *, agency: AgencyCode | None) -> Attempt:
    """Remember what the request in `scope` tries."""
    made = Attempt(act=act, agency=str(agency or ""))
    scope[_ATTEMPT] = made
    return made


def request_id(scope: Scope) -> str:
    """What the log, the audit and the answer call this request."""
    found: str = scope.setdefault(_REQUEST, secrets.token_hex(8))
    return found


def declared_act(route: BaseRoute) -> Act | None:
    """The act that a route declares."""
    calls = _calls(route.dependant) if isinstance(route, APIRoute) else iter(())
    return next((act for found in calls if (act := getattr(found, "act", None)) is not None), None)


def refuse_undeclared(app: FastAPI) -> None:
    """Look at all routes of the interface before anything is served.

    Raises:
        TypeError: A route declares neither an act nor that it is for everybody.
    """
    for found in iter_route_contexts(app.routes):
        guarded = str(found.path).startswith(_INTERFACE)
        if guarded and declared_act(found.original_route) is None and not _is_for_everybody(found.endpoint):
            message = f"{found.path} declares no act"
            raise TypeError(message)


def _calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for below in dependant.dependencies:
        yield from _calls(below)


def _is_for_everybody(endpoint: object) -> bool:
    return getattr(endpoint, "for_everybody", False) is True


class AuditTrail:
    """Middleware: no answer leaves before its record is durable."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app = app
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and hold its answer until that is recorded."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        act_as(UNKNOWN, request=request_id(scope))
        begun = refused = False

        async def sending(message: Message) -> None:
            nonlocal begun, refused
            if message["type"] == "http.response.start" and not begun:
                begun = True
                try:
                    await self._record(scope, message)
                except Error as e:
                    refused = True
                    await problems.answer_with(HTTPConnection(scope), e)(scope, receive, send)
            if not refused:
                await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as e:
            # Nobody foresaw it; the answer is made here, so that it has its record like any other.
            if begun:
                raise
            await problems.unforeseen(HTTPConnection(scope), e)(scope, receive, sending)

    async def _record(self, scope: Scope, start: Message) -> None:
        """Record what is about to be answered.

        Raises:
            RegistryError: `audit-not-writable`.
            ServiceError: `not-permitted`: an answer of a route that never asked for permission; `service-busy`.
        """
        tried: Attempt | None = scope.get(_ATTEMPT)
        status: int = start["status"]
        if tried is None:
            guarded = scope["path"].startswith(_INTERFACE) and not _is_for_everybody(scope.get("endpoint"))
            if status < 400 and guarded:
                raise ServiceError("not-permitted", act="-")
            return
        code = scope.get("esign.code", "request-invalid") if status >= 400 else "ok"
        if code in _LATER or (status < 400 and not (tried.act in _READ and scope["method"] in {"GET", "HEAD"})):
            return
        with acting(tried.actor, request=request_id(scope)):
            await self._parts.reading.run(
                self._register(tried).audit.record,
                f"request.{tried.act.value}",
                agency=tried.agency,
                object=_object(scope),
                digest=_digest(start),
                outcome=code,
            )

    def _register(self, tried: Attempt) -> Registry:
        offices = self._parts.offices
        here = next((office for code, office in offices.items() if str(code) == tried.agency), None)
        return (here or next(iter(offices.values()))).registry


def _object(scope: Scope) -> str:
    """What the path names, if it is an id of ours: any other text is the caller's and may be personal."""
    named = [str(value) for name, value in scope.get("path_params", {}).items() if name != "agency"]
    for value in named:
        try:
            return str(ResultId.parse(value))
        except Error:
            if _ID.fullmatch(value):
                return value
    return ""


def _digest(start: Message) -> str:
    """The digest of what is handed out, where its ETag is one."""
    tag = dict(start.get("headers", ())).get(b"etag", b"").decode("latin-1")
    found = _SHA256.fullmatch(tag)
    return found[1] if found else ""
