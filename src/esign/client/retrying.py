"""Whether a request is sent again, and when: a policy without a clock, a network or a thought about one route.

Sending again is safe for every request of this client: what creates something carries an Idempotency-Key, which is
made once per call and stays the same.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

__all__ = ["Retrying", "retry_after"]

_GATEWAY = frozenset({502, 504})
_IN_FLIGHT = frozenset({"request-in-flight", "request-is-in-flight"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """How long a call may take with all its attempts, and how long the pauses between them grow."""

    within: timedelta = timedelta(seconds=60)
    """For one call altogether; no attempt begins after that."""
    first: timedelta = timedelta(milliseconds=250)
    """The first pause is up to this; each next up to twice the one before."""
    longest: timedelta = timedelta(seconds=10)
    """No pause of ours is longer; what the service asks for is kept, however long it is."""

    def again(self, status: int, code: str | None) -> bool:
        """Whether an answer with this status, and this code where it is a problem, may be another next time.

        Never what the caller would have to change: 422, and every other 4xx.
        """
        if status == 409:
            return code in _IN_FLIGHT
        return status in {429, 503} or status in _GATEWAY

    def pause(self, attempt: int, *, asked: timedelta | None, chance: float) -> timedelta:
        """Before the attempt after number `attempt`, counted from 0; `chance` is a random number from 0 to 1.

        Where the service asked for a pause it gets that and up to a quarter more; else any pause up to the limit of
        the attempt. Both keep clients that failed together from coming back together.
        """
        if asked is not None:
            return asked * (1 + chance / 4)
        return min(self.first * (1 << min(attempt, 30)), self.longest) * chance


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """The pause that a Retry-After header asks for: seconds, or until a date (RFC 9110 §10.2.3)."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return timedelta(seconds=min(int(value), 86_400))
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(until.replace(tzinfo=until.tzinfo or UTC) - now, timedelta(0))
