"""Every refusal as RFC 9457 problem details (https://www.rfc-editor.org/rfc/rfc9457): code, sentences, next step.

One table says which HTTP status a code has; what stands nowhere has the status of its class. What nobody foresaw is a
500 with an incident id, and the log has the rest: never a trace, never a sentence of somebody else's.
"""

import json
import logging
import re
import secrets
import traceback
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response

from esign.api.problems import MEDIA_TYPE, Finding, Problem, Sentences, Violation
from esign.errors import (
    ConfigurationError,
    DuplicateNumber,
    Error,
    InputError,
    KeyStoreError,
    NetworkError,
    NotRegistered,
    PreflightError,
    PublishingError,
    RegistryError,
    RequestConflict,
    RequestInFlight,
    SealError,
    ServiceError,
    SigningError,
    TimestampError,
)
from esign.reasons import Reason
from esign.texts import Language

__all__ = [
    "InvalidRequest",
    "answer_with",
    "finding",
    "install",
    "language_of",
    "problem_of",
    "response",
    "status_of",
    "unforeseen",
]

_logger = logging.getLogger(__name__)


class InvalidRequest(ServiceError):
    """A request that is not what the route takes; `violations` say where."""

    def __init__(self, found: Any) -> None:
        super().__init__("request-invalid")
        self.violations = _violations(found)


_BY_CLASS: tuple[tuple[type[Error], int], ...] = (
    (NotRegistered, 404),
    (RequestConflict, 422),
    (RequestInFlight, 409),
    (DuplicateNumber, 409),
    (InputError, 422),
    (KeyStoreError, 503),
    (TimestampError, 503),
    (NetworkError, 503),
    (PublishingError, 503),
    (SealError, 503),
    (SigningError, 409),
    (RegistryError, 409),
    (ServiceError, 400),
    (ConfigurationError, 503),
)
_BY_CODE: Mapping[str, int] = {
    "access-key-malformed": 401,
    "access-key-over": 409,
    "address-forbidden": 422,
    "agency-unknown": 404,
    "archive-damaged": 500,
    "audit-not-writable": 503,
    "batches-not-taken": 404,
    "bearer-keys-unavailable": 503,
    "body-too-large": 413,
    "body-too-slow": 408,
    "credentials-rejected": 401,
    "credentials-too-often": 429,
    "disk-not-readable": 503,
    "disk-not-writable": 503,
    "file-already-registered": 409,
    "headers-too-large": 431,
    "headers-too-slow": 408,
    "host-not-allowed": 422,
    "host-unknown": 422,
    "http-invalid": 400,
    "idempotency-key-missing": 400,
    "lookup-too-often": 429,
    "media-type-unknown": 415,
    "method-not-allowed": 405,
    "not-acceptable": 406,
    "not-authenticated": 401,
    "not-permitted": 403,
    "notice-unprotected": 422,
    "pdf-missing": 422,
    "person-signature-missing": 409,
    "port-not-allowed": 422,
    "prepared-damaged": 500,
    "registry-busy": 503,
    "registry-damaged": 503,
    "registry-not-writable": 503,
    "registry-refused": 503,
    "registry-unreachable": 503,
    "request-voided": 409,
    "result-id-invalid": 400,
    "route-unknown": 404,
    "service-busy": 503,
    "service-failed": 500,
    "signature-mismatch": 422,
    "timestamper-missing": 503,
    "unsupported-media-type": 415,
    "url-refused": 422,
    "version-unknown": 404,
    "webhooks-not-sent": 404,
}
_RETRY_AFTER: Mapping[int, int] = {503: 5, 429: 10}
"""Seconds after which trying again may help; a code that knows better has a fact `seconds`."""


def status_of(error: Error) -> int:
    """The HTTP status of an error."""
    known = _BY_CODE.get(error.code)
    if known is None and isinstance(error, SigningError) and error.code.startswith("person-"):
        return 422  # what the person signed cannot be followed; another file could
    return known or next((status for kind, status in _BY_CLASS if isinstance(error, kind)), 500)


def finding(reason: Reason) -> Finding:
    """A reason with its sentences."""
    return Finding(code=reason.code, vi=_sentences(reason, "vi"), en=_sentences(reason, "en"))


def language_of(request: HTTPConnection) -> Language:
    """The first of our languages that the reader names (RFC 9110 §12.5.4); Vietnamese for everybody else."""
    wanted = request.headers.get("accept-language", "")[:200].lower()
    names = (part.split(";")[0].strip()[:2] for part in wanted.split(","))
    return "en" if next((name for name in names if name in {"vi", "en"}), "vi") == "en" else "vi"


def problem_of(error: Error, language: Language, *, incident: str | None = None) -> Problem:
    """What is said of `error`."""
    status = status_of(error)
    said = {"vi": _sentences(error.reason, "vi"), "en": _sentences(error.reason, "en")}
    findings = error.findings if isinstance(error, PreflightError) else ()
    findings = error.attempts if isinstance(error, TimestampError) else findings
    return Problem(
        type=f"/problems/{error.code}",
        title=error.code.replace("-", " "),
        status=status,
        detail=said[language].what,
        code=error.code,
        kind=_kind(error),
        next=said[language].next,
        vi=said["vi"],
        en=said["en"],
        facts={name: _fact(value) for name, value in error.reason.facts.items()},
        findings=[finding(reason) for reason in findings],
        violations=list(error.violations) if isinstance(error, InvalidRequest) else [],
        incident=incident,
        retry_after=_retry_after(error, status),
    )


def response(problem: Problem, *, headers: Mapping[str, str] | None = None) -> Response:
    """The answer that carries `problem`."""
    sent = {"Cache-Control": "no-store", "Content-Language": "vi, en", **(headers or {})}
    if problem.retry_after is not None:
        sent["Retry-After"] = str(problem.retry_after)
    if problem.status == 401:
        sent["WWW-Authenticate"] = 'Bearer realm="esign"'
    body = problem.model_dump_json(exclude_none=True)
    return Response(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=sent)


def answer_with(request: HTTPConnection, error: Error, **facts: Any) -> Response:
    """The answer to `request` where `error` ends it."""
    request.scope["esign.code"] = error.code  # for the log and the metrics
    return response(problem_of(error, language_of(request), **facts))


def unforeseen(request: HTTPConnection, error: Exception) -> Response:
    """The answer where something failed that nobody foresaw; the log gets where, and never what it was working on."""
    incident = secrets.token_hex(8)
    frames = traceback.extract_tb(error.__traceback__)
    # The innermost first: the log cuts long lines off at their end.
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[:-13:-1]]
    _logger.error(
        "incident %s: %s", incident, type(error).__name__, extra={"incident": incident, "places": json.dumps(places)}
    )
    failed = ServiceError("service-failed", incident=incident)
    return answer_with(request, failed, incident=incident)


def install(app: FastAPI) -> None:
    """Let every failure of `app` be a problem."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, Error)
        return answer_with(request, error)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer_with(request, InvalidRequest(error.errors()))

    async def framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        known = {404: "route-unknown", 405: "method-not-allowed", 413: "body-too-large", 415: "media-type-unknown"}
        answer = answer_with(request, ServiceError(known.get(error.status_code, "request-invalid")))
        if error.status_code == 405:
            answer.headers["Allow"] = ", ".join(_methods(app, request.url.path))
        return answer

    app.add_exception_handler(Error, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, framework)


def _violations(found: Any) -> tuple[Violation, ...]:
    """Where a request is not as it must be, and which rule says so; values may be personal data and are left out."""
    said = []
    for each in list(found)[:50]:
        steps = [str(step) for step in each["loc"] if step != "body"]
        if each["type"] == "extra_forbidden":
            steps.pop()  # the name of a member that does not belong there is the caller's own text
        at = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
        said.append(Violation(at=at[:200], rule=str(each["type"])[:60]))
    return tuple(said)


def _methods(app: FastAPI, path: str) -> list[str]:
    """The methods of an address (RFC 9110 §15.5.6); the framework names those of its first route alone."""
    found: set[str] = set()
    for template, operations in app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", re.escape(template)), path):
            found |= {method.upper() for method in operations}
    return sorted(found) or ["GET"]


def _sentences(reason: Reason, language: Language) -> Sentences:
    said = reason.explain(language)
    return Sentences(what=said.what, next=said.next_step)


def _kind(error: Error) -> str:
    """The name of its class in `esign.errors`, which a client raises again."""
    return next(c.__name__ for c in type(error).__mro__ if c.__module__ == Error.__module__)


def _fact(value: object) -> object:
    if isinstance(value, Reason):
        return {"code": value.code, "facts": {name: _fact(below) for name, below in value.facts.items()}}
    return value if isinstance(value, bool | int | float | None) else str(value)


def _retry_after(error: Error, status: int) -> int | None:
    seconds = error.reason.facts.get("seconds")
    if isinstance(error, RequestInFlight):
        return 1
    if status not in _RETRY_AFTER:
        return None
    return max(1, round(seconds)) if isinstance(seconds, int | float) else _RETRY_AFTER[status]
