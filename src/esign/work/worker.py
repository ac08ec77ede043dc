"""A worker: several hands that take what is due, and chores that go by the clock.

    find     what the register has that is unfinished, due and not set aside; parts of authorised batches
    claim    one worker for one result, on this host or another
    go on    as far as it goes without people (`Issuer.go_on`)
    record   what failed, when it is tried again, and what people must look at

What one intent fails at is that intent's own: the others go on. What all of them need (the token, the register, the
disk, time-stamps) fails once, and the office stands still for a while instead of failing with each.

>>> worker = Worker([office], registry=registry, now=clock)
>>> worker.run(stop)     # until the event is set; what is in hand is finished first
"""

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from esign.codes import AgencyCode, ResultId
from esign.errors import Error
from esign.line import Line
from esign.reasons import Reason
from esign.registry import IntentState, Registry, acting
from esign.work.batches import BatchWork, Part
from esign.work.chores import Chore, ChoreThread
from esign.work.tries import ASIDE_AFTER, Cause, backoff, cause_of, pause

__all__ = ["Office", "Worker", "WorkerHealth"]

_logger = logging.getLogger(__name__)
_LOOK = timedelta(seconds=2)
"""A wake-up may be lost; so long work lies at the most before somebody looks."""
_BEAT = timedelta(seconds=10)
_AT_ONCE = 64
_ACTOR = "worker"


class Office(Protocol):
    """One agency at work, under one profile."""

    @property
    def code(self) -> AgencyCode:
        """The agency's."""

    @property
    def profile(self) -> str:
        """The issuance profile's name."""

    @property
    def line(self) -> Line:
        """Issues with the agency's key, what was accepted together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerHealth:
    """How a worker does."""

    at_work: int
    """How many hands are busy."""
    done: int
    """How many intents it went on with since it began."""
    paused: Mapping[AgencyCode, Reason]
    """Which agencies' work stands still, and why."""
    chores: Mapping[str, Reason | None]
    """What the last try of each chore failed at."""


@dataclass(slots=True)
class _Place:
    """One office, as its worker sees it."""

    office: Office
    batches: BatchWork | None
    failures: int = 0
    problem: Reason | None = None
    paused_until: float = 0.0
    on_trial: bool = False

    def paused(self, now: float) -> bool:
        return now < self.paused_until or self.on_trial


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One thing for one hand."""

    place: _Place
    id: ResultId
    state: IntentState | None = None
    part: Part | None = field(default=None, repr=False)

    def walks_with(self, other: "_Job") -> bool:
        return self.place is other.place and self.state is other.state is IntentState.RESERVED


class Worker:
    """Goes on with everything of some offices that share a register."""

    def __init__(
        self,
        offices: Iterable[Office],
        *,
        registry: Registry,
        batches: Mapping[AgencyCode, BatchWork] | None = None,
        chores: Sequence[Chore] = (),
        hands: int = 2,
        together: int = 16,
        look: timedelta = _LOOK,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`hands` work at once; more than a few only wait for the token and the processor.

        Each takes up to `together` results that were accepted. What is in hand when the worker is told to stop is
        finished: that takes seconds, even with a slow token.
        """
        self._registry = registry
        self._places = [_Place(office, (batches or {}).get(office.code)) for office in offices]
        self._chores = chores
        self._hands = hands
        self._together = together
        self._look = look
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._ready: deque[_Job] = deque()
        self._taken: set[ResultId] = set()
        self._busy_elsewhere: dict[ResultId, float] = {}
        self._done = 0
        self._chore_threads: list[ChoreThread] = []

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; what is in hand then is finished, and nothing more is begun."""
        hands = [
            threading.Thread(target=self._work, args=(stop,), name=f"esign-hand-{n}", daemon=True)
            for n in range(1, self._hands + 1)
        ]
        beat = Chore(name="heartbeat", every=_BEAT, work=lambda _stop: self._beat())
        self._chore_threads = [ChoreThread(chore, stop) for chore in (beat, *self._chores)]
        threads = (*hands, *self._chore_threads)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._leave()

    def health(self) -> WorkerHealth:
        """How it does now."""
        now = self._monotonic()
        with self._lock:
            return WorkerHealth(
                at_work=len(self._taken),
                done=self._done,
                paused={p.office.code: p.problem for p in self._places if p.problem and p.paused(now)},
                chores={thread.chore.name: thread.problem for thread in self._chore_threads},
            )

    # --- the hands -------------------------------------------------------------------------------------------------

    def _work(self, stop: threading.Event) -> None:
        with acting(_ACTOR):
            while not stop.is_set():
                try:
                    jobs = self._next()
                except Error as e:  # the register does not answer
                    _logger.warning("looking for work: %s", e)
                    stop.wait(self._look.total_seconds())
                    continue
                if not jobs:
                    self._rest(stop)
                    continue
                try:
                    self._do(jobs, stop)
                finally:
                    with self._lock:
                        self._taken.difference_update(job.id for job in jobs)

    def _rest(self, stop: threading.Event) -> None:
        try:
            self._registry.wait_for_work(self._look)
        except Error as e:
            _logger.warning("waiting for work: %s", e)
            stop.wait(self._look.total_seconds())

    def _next(self) -> list[_Job]:
        """The next job, with those behind it that walk with it on the line."""
        with self._lock:
            if not self._ready:
                self._ready.extend(self._found())
            jobs: list[_Job] = []
            while self._ready and len(jobs) < self._together and (not jobs or self._ready[0].walks_with(jobs[0])):
                job = self._ready.popleft()
                if self._may(job):
                    self._taken.add(job.id)
                    jobs.append(job)
            return jobs

    def _may(self, job: _Job) -> bool:
        """Whether nobody is at it and its office does not stand still; what is issued needs no key any more."""
        now = self._monotonic()
        if self._is_taken(job.id, now):
            return False
        if job.state is IntentState.ISSUED:
            return True
        if job.place.paused(now):
            return False
        # After a pause one goes ahead, and the others follow if it comes through.
        job.place.on_trial = job.place.failures > 0
        return True

    def _is_taken(self, id: ResultId, now: float) -> bool:  # noqa: A002
        """By a hand of ours, or by another worker a moment ago."""
        return id in self._taken or self._busy_elsewhere.get(id, 0.0) > now

    def _found(self) -> Iterator[_Job]:
        now = self._monotonic()
        self._busy_elsewhere = {k: until for k, until in self._busy_elsewhere.items() if until > now}
        for place in self._places:
            office = place.office
            for id_, state in self._registry.tasks.due(agency=office.code, profile=office.profile, limit=_AT_ONCE):
                yield _Job(place=place, id=id_, state=state)
            if place.batches is not None and not place.paused(now):
                # A part for each hand: what becomes due meanwhile, as a dead worker's rows do, comes before the next.
                free = [part for part in place.batches.parts() if not self._is_taken(part.id, now)]
                for part in free[: self._hands]:
                    yield _Job(place=place, id=part.id, part=part)

    def _do(self, jobs: Sequence[_Job], stop: threading.Event) -> None:
        place, part = jobs[0].place, jobs[0].part
        if part is not None and place.batches is not None:
            begin = place.batches.begin
            self._try(jobs[0], lambda: begin(part, stop=stop, failed=self._failed))
            return
        outcomes = place.office.line.go_on([job.id for job in jobs])
        for job in jobs:
            self._try(job, lambda: self._went_on(job.id, next(outcomes)))  # noqa: B023 - called in this round

    def _went_on(self, id: ResultId, problem: Error | None) -> None:  # noqa: A002
        if problem is not None:
            raise problem
        self._registry.tasks.done(id)

    def _try(self, job: _Job, work: Callable[[], None]) -> None:
        try:
            work()
        except Error as e:
            self._learn(job, e)
        except Exception as e:
            # Nobody foresaw it, and the next intent may fare better.
            _logger.exception("going on with %s", job.id)
            self._record(job, Reason("work-unexpected", {"problem": type(e).__name__}), Cause.OWN)
        else:
            self._went_well(job)
        finally:
            with self._lock:
                job.place.on_trial = False

    def _learn(self, job: _Job, error: Error) -> None:
        cause = cause_of(error)
        if cause is Cause.SHARED:
            self._stand_still(job.place, error)
            return
        if cause is Cause.BUSY or job.part is not None:
            self._put_off(job)
            return
        self._record(job, error.reason, cause)

    def _put_off(self, job: _Job) -> None:
        with self._lock:
            self._busy_elsewhere[job.id] = self._monotonic() + self._look.total_seconds()

    def _failed(self, id: ResultId, error: Error) -> None:  # noqa: A002
        """An intent of a batch failed; the batch goes on without it."""
        self._note(id, error.reason, cause_of(error))

    def _record(self, job: _Job, problem: Reason, cause: Cause) -> None:
        if job.part is not None:
            self._put_off(job)
            return
        try:
            if self._registry.get(job.id).state is IntentState.VOID:
                self._registry.tasks.done(job.id)
            else:
                self._note(job.id, problem, cause)
        except Error as e:
            _logger.warning("recording a try of %s: %s", job.id, e)

    def _note(self, id: ResultId, problem: Reason, cause: Cause) -> None:  # noqa: A002
        task = self._registry.tasks.failed(
            id,
            problem,
            again=lambda tries: backoff(cause, tries),
            aside_after=None if cause is Cause.PEOPLE else ASIDE_AFTER,
        )
        if task.set_aside_at is not None:
            _logger.error("set aside %s: %s", id, problem)

    # --- standing still --------------------------------------------------------------------------------------------

    def _stand_still(self, place: _Place, error: Error) -> None:
        with self._lock:
            now = self._monotonic()
            if now < place.paused_until:
                return  # it walked with, or beside, what found out before
            place.failures += 1
            place.problem = error.reason
            wait = pause(place.failures)
            place.paused_until = now + wait.total_seconds()
        _logger.warning("%s stands still for %d s: %s", place.office.code, wait.total_seconds(), error)

    def _went_well(self, job: _Job) -> None:
        with self._lock:
            self._done += 1
            if job.state is not IntentState.ISSUED:  # that needed no key, and says nothing of it
                job.place.failures, job.place.problem, job.place.paused_until = 0, None, 0.0

    # --- who is here -----------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        """Let others see that somebody is at work, and what stands still."""
        paused = self.health().paused
        self._registry.workers.beat(self._name, problem=next(iter(paused.values()), None))

    def _leave(self) -> None:
        try:
            self._registry.workers.leave(self._name)
        except Error as e:
            _logger.warning("leaving: %s", e)

    @property
    def _name(self) -> str:
        return f"{socket.gethostname()[:60]}:{os.getpid()}:{id(self):x}"
