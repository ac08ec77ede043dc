"""`[service]` of esign.toml: where the service listens, and what a request may cost."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ServiceSection", "service_ranges"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSection:
    """`[service]`: see `esign.service.offices.Limits` and `esign.service.server.Listening`."""

    host: str = "127.0.0.1"
    """The address that it listens at; a proxy with TLS stands before it."""
    port: int = 8000
    """TCP."""
    metrics_port: int = 9464
    """For Prometheus, on the same address; 0 serves none."""
    proxies: tuple[str, ...] = ()
    """Addresses of proxies whose X-Forwarded headers are believed."""
    connections: int = 1000
    """At most so many at a time."""
    signing_threads: int = 4
    """How many groups of results are on the way at once, and how many results by themselves."""
    signing_queue: int = 60
    """How many more results may be under way; who comes then is asked to come back."""
    verifying_queue: int = 16
    """How many documents may wait for the verifier."""
    upload_mebibytes: int = 64
    """The largest document."""
    body_seconds: int = 60
    """So long a whole request may take to arrive."""
    telemetry: str = ""
    """An OTLP collector for traces; empty sends none."""
    lookups_per_minute: int = 6
    """How often one client may look results up in the long run."""
    lookups_at_once: int = 10
    """How often at once."""
    hidden_profiles: tuple[str, ...] = ()
    """Issuance profiles whose results are not found by their ids: criminal records, health, civil status."""
    used_codes: Path | None = None
    """Where the public side notes the presentation codes that were used; None: `used-codes` beside the file."""


def service_ranges(read: ServiceSection) -> Iterator[tuple[str, int, int, int]]:
    """Every number of the section that has bounds: its key, itself, the least and the most."""
    yield "service.port", read.port, 0, 65535
    yield "service.metrics_port", read.metrics_port, 0, 65535
    yield "service.connections", read.connections, 1, 100_000
    yield "service.signing_threads", read.signing_threads, 1, 256
    yield "service.signing_queue", read.signing_queue, 0, 100_000
    yield "service.verifying_queue", read.verifying_queue, 0, 10_000
    yield "service.upload_mebibytes", read.upload_mebibytes, 1, 1024
    yield "service.body_seconds", read.body_seconds, 1, 3600
    yield "service.lookups_per_minute", read.lookups_per_minute, 1, 10_000_000
    yield "service.lookups_at_once", read.lookups_at_once, 1, 10_000_000
