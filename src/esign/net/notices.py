"""What others are told, and whether they took it; nothing of their answer but its head is looked at."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpcore

__all__ = ["Notice", "Told", "told_by"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell."""

    url: str
    """Whom."""
    body: bytes = field(repr=False)
    """JSON."""
    headers: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    """What goes before it."""
    deadline: timedelta = timedelta(seconds=15)
    """For all of it: name, connection, TLS, sending, and the head of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the receiver said."""

    status: int
    """Of HTTP."""
    retry_after: timedelta | None
    """How long it wants to be left alone (RFC 9110 §10.2.3)."""
    elapsed: timedelta
    """How long it took."""

    @property
    def taken(self) -> bool:
        """Whether it has it."""
        return 200 <= self.status < 300


def told_by(response: httpcore.Response, *, now: datetime, elapsed: timedelta) -> Told:
    """From the head of an answer."""
    headers = {name.lower(): value.decode("latin-1").strip() for name, value in response.headers}
    wish = _wish(headers.get(b"retry-after", ""), now=now)
    return Told(status=response.status, retry_after=wish, elapsed=elapsed)


def _wish(text: str, *, now: datetime) -> timedelta | None:
    """Seconds, or a date."""
    if text.isdecimal() and len(text) < 10:
        return timedelta(seconds=int(text))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(moment - now, timedelta(0))
