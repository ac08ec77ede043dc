"""Traces: a span for each request, that says what the log says and no more."""

import httpx
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from esign.service.telemetry import Traced, _OpenTelemetry, tracing_to
from tests.support.service import ServiceForTest, answering
from tests.support.waiting import LONG

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_span_names_the_route_and_goes_on_from_the_caller(here: ServiceForTest) -> None:
    exporter = InMemorySpanExporter()
    tracing = _OpenTelemetry(exporter)
    with answering(Traced(here.app, tracing)) as url:
        headers = {"Authorization": f"Bearer {here.name}", "traceparent": CALLER}
        answer = httpx.get(f"{url}{here.url('results')}", params={"dossier": "CANARY"}, headers=headers, timeout=LONG)
        httpx.get(f"{url}/livez", headers={"traceparent": "x\ny"[:1]}, timeout=LONG)
    tracing.close()
    first, second = exporter.get_finished_spans()
    assert first.name == "/v1/agencies/{agency}/results"
    assert first.attributes is not None
    assert first.attributes["http.response.status_code"] == answer.status_code
    assert first.attributes["esign.request"] == answer.headers["x-request-id"]
    context = first.get_span_context()
    assert context is not None
    assert f"{context.trace_id:032x}" == CALLER.split("-")[1]
    assert second.name == "/livez"
    assert "CANARY" not in first.to_json()


def test_a_collector_is_named_by_its_address() -> None:
    tracing_to("http://127.0.0.1:1/v1/traces").close()
