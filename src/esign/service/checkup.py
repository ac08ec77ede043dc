"""Looks at what issuing needs, not more often than makes sense, and without waiting for what does not answer."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final, Protocol

from esign.api.health import Health, HealthCheck, HealthReport, HealthState
from esign.errors import Error
from esign.reasons import Reason
from esign.service.desk import Desk
from esign.service.problems import finding

__all__ = ["Checked", "Checkup", "Needed", "State", "for_strangers"]

_FRESH = timedelta(seconds=2)
_PATIENCE = timedelta(seconds=4)
"""Kubernetes gives up after some seconds as well; what takes longer than that does not work."""


class State(Enum):
    """What a look found."""

    FINE = "fine"
    """Nothing needs doing."""
    SOON = "soon"
    """It works, and somebody has to act before it does not."""
    FAILED = "failed"
    """Results cannot be issued."""
    UNKNOWN = "unknown"
    """It did not answer in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a look found."""

    state: State = State.FINE
    """Whether something needs doing."""
    reason: Reason | None = None
    """Why it is not fine, with the next step."""
    value: float | None = None
    """Days, bytes or seconds that are left, where it is a matter of degree."""


class Needed(Protocol):
    """Something without which results cannot be issued."""

    @property
    def name(self) -> str:
        """What: `token H26.1.2`, `database`; the first word is its kind, which strangers may learn."""

    def check(self) -> Checked:
        """Look at it; an error that it raises counts as failed."""


_BADNESS: Final = {"fine": 0, "soon": 1, "unknown": 2, "failed": 3}
_NOTHING: Final = Checked(state=State.UNKNOWN, reason=Reason("health-no-answer"))


class Checkup:
    """Looks at everything that is needed; looks that follow one another closely share what was found."""

    def __init__(
        self,
        needed: Sequence[Needed] = (),
        *,
        monotonic: Callable[[], float] = time.monotonic,
        patience: timedelta = _PATIENCE,
    ) -> None:
        self._needed = tuple(needed)
        self._monotonic = monotonic
        self._patience = patience.total_seconds()
        # As many threads as things to look at: one that hangs keeps none of the others waiting.
        self._desk = Desk("health", threads=max(1, len(self._needed)), waiting=0)
        self._turn: asyncio.Lock | None = None
        self._seen: tuple[float, HealthReport] | None = None
        self._hanging: set[str] = set()

    @property
    def last(self) -> HealthReport | None:
        """What was found last."""
        return self._seen[1] if self._seen else None

    async def look(self) -> HealthReport:
        """The state of everything, at most two seconds old."""
        self._turn = self._turn or asyncio.Lock()
        async with self._turn:
            if self._seen is None or self._monotonic() - self._seen[0] > _FRESH.total_seconds():
                found = await asyncio.gather(*map(self._one, self._needed))
                ready = all(checked.state in {State.FINE, State.SOON} for checked in found)
                checks = [_said(needed, checked) for needed, checked in zip(self._needed, found, strict=True)]
                self._seen = (self._monotonic(), HealthReport(ready=ready, checks=checks))
            return self._seen[1]

    async def _one(self, needed: Needed) -> Checked:
        if needed.name in self._hanging:
            return _NOTHING  # the look before this one has not come back

        def look() -> Checked:
            try:
                return needed.check()
            except Error as e:
                return Checked(state=State.FAILED, reason=e.reason)
            finally:
                self._hanging.discard(needed.name)

        self._hanging.add(needed.name)
        try:
            return await asyncio.wait_for(asyncio.shield(self._desk.run(look)), self._patience)
        except TimeoutError:
            return _NOTHING

    def close(self) -> None:
        """Forget it."""
        self._desk.close()


def for_strangers(report: HealthReport) -> Health:
    """What everybody may learn: no agency, no reason, no figure; of each kind of thing the worst."""
    worst: dict[str, HealthCheck] = {}
    for check in report.checks:
        kind = check.name.partition(" ")[0]
        worst[kind] = max(worst.get(kind, check), check, key=lambda c: _BADNESS[c.state])
    states = [HealthState(name=kind, state=check.state) for kind, check in worst.items()]
    return Health(ready=report.ready, checks=states)


def _said(needed: Needed, checked: Checked) -> HealthCheck:
    return HealthCheck(
        name=needed.name,
        state=checked.state.value,
        reason=finding(checked.reason) if checked.reason else None,
        value=checked.value,
    )
