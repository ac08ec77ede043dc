"""Traces for OpenTelemetry, where the extra is installed and an operator asks for them: a span for each request.

A span says what the log says: method, route (its template), status and the request's id; never a path, a query, a
header or a body. A caller's `traceparent` is gone on from.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from esign.errors import ConfigurationError
from esign.service.logs import route_of
from esign.service.trail import request_id

__all__ = ["Traced", "Tracing", "traced", "tracing_to"]


class Tracing(Protocol):
    """Begins spans and carries them off."""

    def begin(self, traceparent: str) -> Any:
        """A span, below that of the caller where there is one."""

    def close(self) -> None:
        """Send what is left."""


class Traced:
    """Middleware: a span for each request."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1")[:100]
        span, status = self._tracing.begin(given), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            span.update_name(route_of(scope))
            span.set_attribute("http.route", route_of(scope))
            span.set_attribute("http.response.status_code", status)
            span.set_attribute("esign.request", request_id(scope))
            span.end()


def tracing_to(endpoint: str) -> Tracing:
    """Sends spans to an OTLP collector at `endpoint`, for instance `http://127.0.0.1:4318/v1/traces`.

    Raises:
        ConfigurationError: `telemetry-extra-missing`.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # an extra
    except ImportError as e:
        raise ConfigurationError("telemetry-extra-missing") from e
    return _OpenTelemetry(OTLPSpanExporter(endpoint=endpoint))


@contextmanager
def traced(app: ASGIApp, endpoint: str) -> Iterator[ASGIApp]:
    """`app` with a span for each request, sent to `endpoint`; without one as it is.

    Raises:
        ConfigurationError: `telemetry-extra-missing`.
    """
    if not endpoint:
        yield app
        return
    tracing = tracing_to(endpoint)
    try:
        yield Traced(app, tracing)
    finally:
        tracing.close()


class _OpenTelemetry:
    """Implements `Tracing` with the SDK."""

    def __init__(self, exporter: Any) -> None:
        from opentelemetry.propagate import extract  # noqa: PLC0415  # an extra: esign[telemetry]
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.trace import SpanKind  # noqa: PLC0415

        self._provider = TracerProvider(resource=Resource.create({"service.name": "esign"}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("esign.service")
        self._extract = extract
        self._kind = SpanKind.SERVER

    def begin(self, traceparent: str) -> Any:
        """See `Tracing`."""
        return self._tracer.start_span("request", context=self._extract({"traceparent": traceparent}), kind=self._kind)

    def close(self) -> None:
        """See `Tracing`."""
        self._provider.shutdown()
