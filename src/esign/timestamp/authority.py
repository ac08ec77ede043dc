"""A time-stamping authority, as an operator names it."""

from dataclasses import dataclass
from datetime import timedelta

from esign.net import Identity

__all__ = ["TimestampAuthority"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampAuthority:
    """Where to ask, as whom, and how long to wait."""

    name: str
    """What reports and messages call it."""
    url: str
    """RFC 3161 over HTTP (§3.4)."""
    policy: str | None = None
    """The policy to ask for, dotted; an answer under another one is refused. None takes the authority's own."""
    identity: Identity | None = None
    """For authorities that want to know who asks."""
    deadline: timedelta = timedelta(seconds=30)
    """For one answer. The Vietnamese government's takes 2–131 s: give it 180."""
