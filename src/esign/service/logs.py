"""The log: one line of JSON for each request, and for whatever the product says of itself.

A line names the route and never the path, no query, no header and no body: those may be somebody's data. Whatever it
holds is escaped by JSON, so that no text can begin a line of its own.
"""

import json
import logging
import sys
import time
import unicodedata
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import Processor

from esign.service.metrics import Metrics
from esign.service.problems import unforeseen
from esign.service.trail import Attempt, request_id

__all__ = ["Observed", "route_of", "write_json"]

_log = structlog.get_logger("esign.service.requests")
_UNSAFE = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co"})
_LONGEST = 300
_OURS = ("esign", "esign_hsm", "esign_cli")


class Observed:
    """Middleware: a line and a figure for each request, whatever became of it, and its id in the answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        request = request_id(scope)

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request.encode())]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as e:
            if status:
                raise  # the answer has begun, and cannot become another
            await unforeseen(HTTPConnection(scope), e)(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - started
            tried: Attempt | None = scope.get("esign.attempt")
            self._metrics.answered(method=_method(scope), route=route_of(scope), status=status, seconds=seconds)
            if status >= 400:
                self._metrics.refused(code=str(scope.get("esign.code", "-")))
            _log.info(
                "request",
                method=_method(scope),
                route=route_of(scope),
                status=status,
                ms=round(1000 * seconds, 1),
                code=scope.get("esign.code"),
                principal=tried.actor if tried else None,
                agency=tried.agency if tried else None,
                request=request,
            )


def route_of(scope: Scope) -> str:
    """The route's template; what matched none has no name."""
    path: str = getattr(scope.get("route"), "path", "-")
    # A router's own routes do not know below which prefix it was put; there is one.
    return f"/v1{path}" if scope["path"].startswith("/v1/") and path.startswith("/") else path


def _method(scope: Scope) -> str:
    """One of HTTP's methods: a client may send any word."""
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return scope["method"] if scope["method"] in known else "-"


def write_json(stream: TextIO | None = None, *, level: int = logging.INFO) -> None:
    """Write what the product logs to `stream` (standard error), a line of JSON each; other libraries' warnings too."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _printable,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared[:3], _own_words, _printable],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_line),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)


def _own_words(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Of other libraries' lines only where they come from: their words may hold what somebody sent."""
    record: logging.LogRecord = event["_record"]
    for name in ("incident", "places"):
        if hasattr(record, name):
            event[name] = getattr(record, name)
    if record.name.partition(".")[0] not in _OURS:
        event["event"] = f"{record.name} {record.levelname.lower()}"
    # A traceback may show values; where it happened is told by `places`.
    event.pop("exc_info", None)
    record.exc_info = record.exc_text = None
    return event


def _printable(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _shown(value)
    return event


def _shown(text: str) -> str:
    """`text` without what would turn or break a line on a terminal (CR, LF, ESC, bidirectional marks, U+2028)."""
    text = text[:_LONGEST]
    if text.isprintable():  # none of those categories is, and nearly every text is
        return text
    return "".join("\ufffd" if unicodedata.category(c) in _UNSAFE else c for c in text)


def _line(event: Any, **_given: Any) -> str:
    return json.dumps({name: value for name, value in event.items() if value is not None}, default=str)
