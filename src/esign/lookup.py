"""Looking a result up by what can be typed or shown: the 16 characters below its seal, or a code that moves.

For a paper whose QR is torn, for a hotline, and for a holder's phone (docs/spec/presentation.md). It answers no more
than the paper shows, and what is hidden is answered as what never was, after the same time.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from esign.codes import AgencyCode, DocumentNumber, ResultId
from esign.document import Standing
from esign.errors import NotRegistered, RegistryError
from esign.registry import CurrentStanding, Intent, IntentKind, IntentState, OtherResult, Registry

__all__ = ["Found", "Lookup", "RateLimiter", "candidates"]

ANSWER_TIME = timedelta(milliseconds=150)
"""Every look-up by id takes this long: what it found cannot be read from a clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What somebody who holds the paper may learn from a look-up."""

    id: ResultId
    """As it is printed, whatever was typed."""
    agency: AgencyCode
    """Who issued it."""
    number: DocumentNumber | None
    """Số, ký hiệu."""
    issue_date: date
    """The date that it carries."""
    title: str
    """The kind of document; empty where the profile keeps it out."""
    masked_holder: str
    """Only what the profile stores."""
    standing: CurrentStanding
    """What holds now."""
    others: tuple[OtherResult, ...]
    """What corrects it, or the one that replaces it."""
    swapped: bool = False
    """Whether two neighbouring characters were typed the wrong way round: then the id has to be compared."""
    presented_at: datetime | None = None
    """When the holder showed it; None for a look-up by id."""


class RateLimiter:
    """Lets each client ask `burst` times at once and `rate` times a minute in the long run (a token bucket each).

    A client is named by what the service chooses, for instance a digest of its network; only the last `most` clients
    are remembered, and one that is forgotten is new again, so nobody's asking makes memory grow.
    """

    def __init__(
        self,
        *,
        rate: float,
        burst: int,
        monotonic: Callable[[], float] = time.monotonic,
        most: int = 100_000,
    ) -> None:
        self._per_second = rate / 60
        self._burst = burst
        self._monotonic = monotonic
        self._most = most
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, client: str) -> timedelta | None:
        """None if the client may ask now; otherwise how long it has to wait."""
        name, now = hashlib.sha256(client.encode()).digest()[:16], self._monotonic()
        with self._lock:
            left, since = self._buckets.pop(name, (float(self._burst), now))
            left = min(self._burst, left + (now - since) * self._per_second)
            wait = None if left >= 1 else timedelta(seconds=(1 - left) / self._per_second)
            self._buckets[name] = (left - 1 if wait is None else left, now)
            while len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        return wait


class Lookup:
    """Answers look-ups from a register; safe to use from several threads."""

    def __init__(
        self,
        registry: Registry,
        *,
        now: Callable[[], datetime],
        limiter: RateLimiter,
        hidden: Callable[[Intent], bool] = lambda _intent: False,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`hidden` says which results are not to be found by their id, for instance those of sensitive profiles."""
        self._registry = registry
        self._now = now
        self._limiter = limiter
        self._hidden = hidden
        self._monotonic = monotonic
        self._sleep = sleep

    def by_id(self, typed: str, *, client: str) -> Found:
        """The result whose printed id was typed; O for 0, I for 1 and two swapped neighbours are forgiven.

        Raises:
            RegistryError: `lookup-too-often`.
            InputError: `result-id-invalid`: not sixteen such characters.
            NotRegistered: `lookup-not-found`: there is none, or none that is to be found.
        """
        self._admit(client)
        id_ = ResultId.parse(typed)
        started = self._monotonic()
        try:
            found = self._first(candidates(id_))
            if found is None:
                raise NotRegistered("lookup-not-found")
            return self._answer(found, swapped=found.id != id_)
        finally:
            self._sleep(max(0.0, started + ANSWER_TIME.total_seconds() - self._monotonic()))

    def by_presentation(self, digits: str, *, client: str) -> Found:
        """The result that a holder shows with a code that moves; the code is used up.

        Raises:
            RegistryError: `lookup-too-often`, `presentation-unknown`, `presentation-expired`, `presentation-used`.
        """
        self._admit(client)
        intent = self._registry.get(self._registry.redeem(digits))
        return self._answer(intent, presented_at=self._now())

    def _admit(self, client: str) -> None:
        wait = self._limiter.take(client)
        if wait is not None:
            raise RegistryError("lookup-too-often", seconds=-int(-wait.total_seconds() // 1))

    def _first(self, ids: tuple[ResultId, ...]) -> Intent | None:
        """The first that may be found; all are looked up whatever the first ones give."""
        intents = [self._visible(id_) for id_ in ids]
        return next((i for i in intents if i is not None), None)

    def _visible(self, id_: ResultId) -> Intent | None:
        try:
            intent = self._registry.get(id_)
        except NotRegistered:
            return None
        shown = intent.state is IntentState.ISSUED and intent.kind is not IntentKind.SIGNATURE
        return intent if shown and not self._hidden(intent) else None

    def _answer(self, intent: Intent, *, swapped: bool = False, presented_at: datetime | None = None) -> Found:
        standing = self._registry.standing(intent.id, at=self._now())
        related = standing.corrections if standing.standing is Standing.CORRECTED else ()
        ids = (standing.replaced_by,) if standing.replaced_by is not None else related
        return Found(
            id=intent.id,
            agency=intent.agency,
            number=intent.number,
            issue_date=intent.issue_date,
            title=intent.metadata.title if intent.metadata else "",
            masked_holder=intent.masked_holder,
            standing=standing,
            others=tuple(OtherResult(id=i, number=self._registry.get(i).number) for i in ids),
            swapped=swapped,
            presented_at=presented_at,
        )


def candidates(id_: ResultId) -> tuple[ResultId, ...]:
    """The id itself, then those that differ from it by two neighbours that changed places.

    The id has no check characters, and needs none: of 2^80 ids at most one in 10^15 is in use, so an id with two
    swapped neighbours that *is* in use is the one that was meant.
    """
    symbols = str(id_).replace("-", "")
    swapped = (
        symbols[:i] + symbols[i + 1] + symbols[i] + symbols[i + 2 :]
        for i in range(len(symbols) - 1)
        if symbols[i] != symbols[i + 1]
    )
    return (id_, *map(ResultId.parse, swapped))
