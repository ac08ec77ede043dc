"""Figures of how things stand, asked for when somebody looks: desks, and what the last checkup found."""

from esign.service.offices import Parts

__all__ = ["count_states"]


def count_states(parts: Parts) -> None:
    """Let the metrics of `parts` tell them."""
    desks = (parts.issuing, parts.reading, parts.verifying)
    metrics = parts.metrics
    metrics.gauge(
        "esign_desk_taken",
        "Requests that a desk works on, or has waiting.",
        ("desk",),
        lambda: {(desk.name,): float(desk.taken) for desk in desks},
    )
    metrics.gauge(
        "esign_desk_threads", "Threads of a desk.", ("desk",), lambda: {(d.name,): float(d.threads) for d in desks}
    )
    metrics.gauge("esign_needed_up", "1 where the last look found it working.", ("need",), lambda: _up(parts))
    metrics.gauge("esign_needed_left", "Days or bytes that are left of it.", ("need",), lambda: _left(parts))


def _up(parts: Parts) -> dict[tuple[str, ...], float]:
    seen = parts.health.last
    return {(check.name,): float(check.state in {"fine", "soon"}) for check in seen.checks} if seen else {}


def _left(parts: Parts) -> dict[tuple[str, ...], float]:
    seen = parts.health.last
    return {(check.name,): check.value for check in seen.checks if check.value is not None} if seen else {}
