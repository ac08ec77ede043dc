"""Figures for Prometheus: counts, times and states; no names, no ids, no tokens."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

__all__ = ["Gauge", "Metrics"]

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

Gauge = Callable[[], Mapping[tuple[str, ...], float]]
"""Values by the values of their labels, as they are when somebody looks."""


class Metrics:
    """Every figure of one service."""

    def __init__(self) -> None:
        self._all = CollectorRegistry(auto_describe=True)
        self._requests = Counter(
            "esign_requests", "Requests answered.", ["method", "route", "status"], registry=self._all
        )
        self._seconds = Histogram(
            "esign_request_seconds", "Time to answer.", ["route"], buckets=_SECONDS, registry=self._all
        )
        self._refused = Counter("esign_refused", "Requests refused or failed, by code.", ["code"], registry=self._all)
        self._steps = Counter("esign_steps", "Steps of issuing that are done.", ["agency", "step"], registry=self._all)
        self._signing = Histogram(
            "esign_signing_seconds", "Time of one signature.", ["key"], buckets=_SECONDS, registry=self._all
        )
        self._failures = Counter("esign_signing_failures", "Signatures refused.", ["key", "code"], registry=self._all)

    def answered(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; `route` is a template, never a path."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def refused(self, *, code: str) -> None:
        """A request was refused, or failed."""
        self._refused.labels(code).inc()

    def step(self, *, agency: str, step: str) -> None:
        """A step of issuing is done and durable."""
        self._steps.labels(agency, step).inc()

    def signed(self, *, key: str, seconds: float) -> None:
        """A signature was made."""
        self._signing.labels(key).observe(seconds)

    def not_signed(self, *, key: str, code: str) -> None:
        """A signature was refused."""
        self._failures.labels(key, code).inc()

    def gauge(self, name: str, meaning: str, labels: tuple[str, ...], value: Gauge) -> None:
        """Add a figure that is asked for when somebody looks."""
        self._all.register(_Asked(name, meaning, labels, value))

    @property
    def collected(self) -> CollectorRegistry:
        """All of them, for whoever serves them."""
        return self._all


class _Asked(Collector):
    """A gauge whose values are asked for when somebody looks."""

    def __init__(self, name: str, meaning: str, labels: tuple[str, ...], value: Gauge) -> None:
        self._given = (name, meaning, labels)
        self._value = value

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The values now."""
        name, meaning, labels = self._given
        family = GaugeMetricFamily(name, meaning, labels=labels)
        for values, amount in self._value().items():
            family.add_metric(values, amount)
        yield family
