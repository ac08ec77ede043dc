"""`[work]` and `[webhooks]` of esign.toml: what workers do, and what those who are told of results rely on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["WebhooksSection", "WorkSection", "work_ranges"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSection:
    """`[work]`: see `esign.work.Worker`."""

    hands: int = 2
    """How many results one process works on at once."""
    upgrade_minutes: int = 5
    """How often promised levels are tried."""
    publish_minutes: int = 1
    """How often changes of status lists are published, where [status] says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhooksSection:
    """`[webhooks]`: see `esign.webhooks`."""

    key: Path | None = None
    """The key that their secrets come from; None keeps it beside esign.toml."""
    public_url: str = ""
    """What goes before the links in a message."""
    deadline_seconds: int = 15
    """So long a receiver may take."""


def work_ranges(work: WorkSection, webhooks: WebhooksSection) -> Iterator[tuple[str, int, int, int]]:
    """Every number of these sections that has bounds: its key, itself, the least and the most."""
    yield "work.hands", work.hands, 1, 64
    yield "work.upgrade_minutes", work.upgrade_minutes, 1, 24 * 60
    yield "work.publish_minutes", work.publish_minutes, 1, 24 * 60
    yield "webhooks.deadline_seconds", webhooks.deadline_seconds, 1, 30
