"""Which workers are there: each says so every few seconds, and what it stands still for.

Nothing rests on this; it is for those who look after a service and wonder why nothing moves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select

from esign.reasons import Reason
from esign.registry.plain import plain
from esign.registry.store import Store
from esign.registry.work_models import WorkerRow

__all__ = ["PresentWorker", "Workers"]

_GONE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentWorker:
    """A worker that was seen lately."""

    name: str
    """Host, process and object."""
    began_at: datetime
    """When it said so first."""
    seen_at: datetime
    """When it said so last."""
    problem: Reason | None
    """What it stands still for."""


class Workers:
    """The workers of one register."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def beat(self, name: str, *, problem: Reason | None) -> None:
        """Say that `name` is at work."""
        at = self._now()
        values: dict[str, object] = {"seen_at": at, "problem_code": None, "problem_facts": None}
        if problem is not None:
            values |= {"problem_code": problem.code, "problem_facts": plain(problem.facts)}
        with self._store.write() as session:
            known = session.get(WorkerRow, name)
            began = at if known is None else known.began_at
            session.execute(delete(WorkerRow).where((WorkerRow.name == name) | (WorkerRow.seen_at < at - _GONE)))
            session.execute(insert(WorkerRow).values(name=name, began_at=began, **values))

    def leave(self, name: str) -> None:
        """Say that `name` has finished."""
        with self._store.write() as session:
            session.execute(delete(WorkerRow).where(WorkerRow.name == name))

    def present(self, *, within: timedelta = timedelta(seconds=60)) -> tuple[PresentWorker, ...]:
        """Who was seen lately, by name."""
        query = select(WorkerRow).where(WorkerRow.seen_at >= self._now() - within).order_by(WorkerRow.name)
        with self._store.read() as session:
            return tuple(
                PresentWorker(
                    name=r.name,
                    began_at=r.began_at,
                    seen_at=r.seen_at,
                    problem=Reason(r.problem_code, r.problem_facts or {}) if r.problem_code else None,
                )
                for r in session.scalars(query)
            )
