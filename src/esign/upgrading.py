"""Reach the levels that were promised at issuing: the queue is the register, and this is who works on it.

    stamp      what is missing is appended to the newest version            nothing recorded yet
    store      the longer file stands beside the shorter one, whose bytes it begins with
    register   a new version of the same result; the earlier digest stays known
    deliver    to where the first one went

A crash between two steps is repaired by doing them again: a version in the archive that was not registered is
nobody's, and is not handed out. A promise that cannot be kept stays open, with its problem and its dates; it is
never closed at a lower level (DESIGN law 7).

>>> for upgraded in Upgrader(registry=registry, archive=archive, augmenter=augmenter, now=clock).run():
...     print(upgraded.intent.id, upgraded.error or upgraded.intent.versions[-1].level.value)
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from esign.archive import Archive, sha256
from esign.codes import ResultId
from esign.delivery import Delivery, hand_over
from esign.errors import DeliveryFailed, Error, NotRegistered, RequestInFlight, TimestampError
from esign.files import Files
from esign.net import BreakerState
from esign.pades.augment import Augmented, Augmenter
from esign.parallel import in_parallel
from esign.profile import Level
from esign.registry import FileVersion, Intent, IntentState, Registry

__all__ = ["UpgradeStep", "Upgraded", "Upgrader"]


class UpgradeStep(Enum):
    """The named steps, in order; each is reported once it is done and durable."""

    STAMPED = "stamped"
    """The proofs are there, in memory."""
    STORED = "stored"
    REGISTERED = "registered"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded:
    """What became of one promise."""

    intent: Intent
    """As it stands now."""
    error: Error | None
    """Why it is still open; None where it is kept."""


class Upgrader:
    """Works on the promises of one register; safe to run in several processes."""

    def __init__(
        self,
        *,
        registry: Registry,
        archive: Files,
        augmenter: Augmenter,
        now: Callable[[], datetime],
        delivery: Delivery | None = None,
        at_once: int = 4,
        on_step: Callable[[UpgradeStep, Intent], None] = lambda _step, _intent: None,
    ) -> None:
        """`at_once` documents wait for their time-stamps at the same moment."""
        self._registry = registry
        self._archive = Archive(archive)
        self._augmenter = augmenter
        self._now = now
        self._delivery = delivery
        self._at_once = at_once
        self._on_step = on_step

    def run(self, *, due_by: datetime | None = None, limit: int | None = None) -> Iterator[Upgraded]:
        """Work on every open promise, the most urgent first, and on versions that were not delivered yet.

        Once no authority is well, the rest waits for the next run.
        """
        for intent in self._registry.undelivered_versions():
            yield from self._alone(intent.id, self._deliver)
        ids = [i.id for i in self._registry.upgrades(due_by=due_by, limit=limit)]
        for found in in_parallel(lambda id_: list(self._alone(id_, self._keep)), ids, at_once=self._at_once):
            yield from found
            if any(isinstance(u.error, TimestampError) for u in found) and self._nobody_is_well():
                return

    def upgrade(self, result_id: ResultId, *, level: Level) -> Intent:
        """Raise one result to `level` now, promised or not.

        Raises:
            NotRegistered: It is not issued.
            RequestInFlight: Somebody is working on it.
            InputError, SigningError, TimestampError: As `esign.pades.augment.Augmenter`.
        """
        with self._registry.claim(result_id):
            return self._raise(self._registry.get(result_id), level)

    def _alone(self, result_id: ResultId, work: Callable[[Intent], Intent]) -> Iterator[Upgraded]:
        """Do `work` on one result while nobody else does; nothing where somebody does."""
        with suppress(RequestInFlight), self._registry.claim(result_id):
            try:
                yield Upgraded(intent=work(self._registry.get(result_id)), error=None)
            except Error as e:
                yield Upgraded(intent=self._registry.get(result_id), error=e)

    def _keep(self, intent: Intent) -> Intent:
        if intent.upgrade is None or intent.upgrade.done_at is not None:
            return intent  # another process was faster
        try:
            return self._raise(intent, intent.upgrade.level)
        except Error as e:
            # A receiver that is away says nothing against the level, which is registered by then.
            if not isinstance(e, DeliveryFailed):
                self._registry.upgrade_failed(intent.id, e.reason)
            raise

    def _raise(self, intent: Intent, level: Level) -> Intent:
        if intent.state is not IntentState.ISSUED:
            raise NotRegistered("not-issued", id=str(intent.id), state=intent.state.value)
        pdf = self._archive.version(intent)
        made = self._augmenter.augment(pdf, level=level)
        if not made.added:
            return intent
        self._on_step(UpgradeStep.STAMPED, intent)
        self._archive.put_version(intent, made.pdf)
        self._on_step(UpgradeStep.STORED, intent)
        intent = self._registry.upgraded(intent.id, self._version(made), after=intent.versions[-1].sha256)
        self._archive.tidy(intent)
        self._on_step(UpgradeStep.REGISTERED, intent)
        return self._deliver(intent)

    def _version(self, made: Augmented) -> FileVersion:
        return FileVersion(
            sha256=sha256(made.pdf), size=len(made.pdf), level=Level(made.level), at=self._now(), notices=made.notices
        )

    def _deliver(self, intent: Intent) -> Intent:
        where = "archive"
        if self._delivery is not None:
            pdf = self._archive.version(intent)
            where = hand_over(pdf, to=self._delivery, result_id=intent.id, number=intent.number)
        intent = self._registry.delivered(intent.id, at=self._now(), where=where)
        self._on_step(UpgradeStep.DELIVERED, intent)
        return intent

    def _nobody_is_well(self) -> bool:
        return all(a.health.state is BreakerState.OPEN for a in self._augmenter.timestamper.health())
