"""What workers go on with: every intent that code can finish, when it is tried again, and what was set aside.

The intents themselves are the queue. A row here only says when one is due, and what became of the tries that were in
vain; an intent without a row is due once nobody can be working on it any more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from esign.codes import AgencyCode, ResultId
from esign.errors import RegistryError
from esign.reasons import Reason
from esign.registry import intents
from esign.registry.locking import lock_row
from esign.registry.models import IntentRow
from esign.registry.plain import plain
from esign.registry.store import Store
from esign.registry.values import IntentState
from esign.registry.waking import leave_work
from esign.registry.work_models import TaskRow

__all__ = ["ADOPTED_AFTER", "Task", "Tasks", "go_on_now"]

ADOPTED_AFTER = timedelta(seconds=10)
"""Who recorded an intent begins at once; what nobody asked workers for is a dead process's after this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """How it goes with one intent that is not finished."""

    id: ResultId
    """Of the intent."""
    agency: AgencyCode
    """Whose."""
    state: IntentState
    """How far it has come."""
    tries: int = 0
    """In vain."""
    repeats: int = 0
    """In vain and for the same reason, the last ones in a row."""
    problem: Reason | None = None
    """Why the last one was in vain."""
    next_at: datetime | None = None
    """When it is tried again; None where nothing was tried yet."""
    set_aside_at: datetime | None = None
    """Since when it waits for people; None where code goes on by itself."""


def go_on_now(session: Session, id: ResultId, *, at: datetime) -> None:  # noqa: A002  # the register's word
    """Let workers go on with an intent, in the transaction that made this possible."""
    lock_row(session, id)
    session.execute(delete(TaskRow).where(TaskRow.result_id == str(id)))
    session.execute(insert(TaskRow).values(result_id=str(id), tries=0, repeats=0, next_at=at))
    leave_work(session)


class Tasks:
    """The work that is left, of one register."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def ask(self, id: ResultId) -> None:  # noqa: A002  # the register's word
        """Let workers go on with an intent now: one that was accepted for later, or that was set aside."""
        with self._store.write() as session:
            go_on_now(session, id, at=self._now())

    def due(self, *, agency: AgencyCode, profile: str, limit: int = 64) -> tuple[tuple[ResultId, IntentState], ...]:
        """What may be gone on with now, and how far it has come, oldest first."""
        at = self._now()
        asked = and_(TaskRow.set_aside_at.is_(None), TaskRow.next_at <= at)
        adopted = and_(TaskRow.result_id.is_(None), IntentRow.reserved_at <= at - ADOPTED_AFTER)
        query = (
            select(IntentRow.id, IntentRow.state)
            .outerjoin(TaskRow, TaskRow.result_id == IntentRow.id)
            .where(intents.is_unfinished(), IntentRow.agency == str(agency), IntentRow.profile == profile)
            .where(or_(asked, adopted))
            .order_by(IntentRow.sequence)
            .limit(limit)
        )
        with self._store.read() as session:
            return tuple((ResultId.parse(id_), state) for id_, state in session.execute(query))

    def done(self, id: ResultId) -> None:  # noqa: A002
        """Forget the tries: the intent is finished, or waits for people."""
        with self._store.read() as session:
            known = session.scalar(select(TaskRow.result_id).filter_by(result_id=str(id)))
        if known is not None:  # most were never tried in vain, and need no write
            with self._store.write() as session:
                session.execute(delete(TaskRow).where(TaskRow.result_id == str(id)))

    def failed(
        self,
        id: ResultId,  # noqa: A002
        problem: Reason,
        *,
        again: Callable[[int], timedelta],
        aside_after: int | None,
    ) -> Task:
        """Record a try in vain; it is tried again `again(tries)` later, or set aside after so many for one reason."""
        at = self._now()
        with self._store.write() as session:
            lock_row(session, id)
            before = session.execute(
                select(TaskRow.tries, TaskRow.repeats, TaskRow.problem_code).filter_by(result_id=str(id))
            ).first()
            tries = (before.tries if before else 0) + 1
            repeats = before.repeats + 1 if before and before.problem_code == problem.code else 1
            values = {
                "tries": tries,
                "repeats": repeats,
                "problem_code": problem.code,
                "problem_facts": plain(problem.facts),
                "tried_at": at,
                "next_at": at + again(tries),
                "set_aside_at": at if aside_after is not None and repeats >= aside_after else None,
            }
            if before:
                session.execute(update(TaskRow).where(TaskRow.result_id == str(id)).values(values))
            else:
                session.execute(insert(TaskRow).values(result_id=str(id), **values))
            session.expire_all()
            return self._tasks(session, IntentRow.id == str(id))[0]

    def set_aside(self, *, agency: AgencyCode | None = None) -> tuple[Task, ...]:
        """What waits for people because it failed again and again, oldest first."""
        return self._found(TaskRow.set_aside_at.is_not(None), agency)

    def troubled(self, *, agency: AgencyCode | None = None) -> tuple[Task, ...]:
        """What failed at least once and is tried again by itself, oldest first."""
        return self._found(and_(TaskRow.set_aside_at.is_(None), TaskRow.tries > 0), agency)

    def put_back(self, id: ResultId) -> Task:  # noqa: A002
        """Let workers try again what was set aside; its tries are counted anew.

        Raises:
            NotRegistered: `not-registered`.
            RegistryError: `task-not-set-aside`.
        """
        with self._store.read() as session:
            intents.row(session, id)
            aside = session.scalar(select(TaskRow.set_aside_at).filter_by(result_id=str(id)))
        if aside is None:
            raise RegistryError("task-not-set-aside", id=str(id))
        self.ask(id)
        with self._store.read() as session:
            return self._tasks(session, IntentRow.id == str(id))[0]

    def count(self, *, agency: AgencyCode | None = None) -> int:
        """How many intents code can go on with, those set aside included."""
        query = select(func.count()).select_from(IntentRow).where(intents.is_unfinished())
        if agency is not None:
            query = query.where(IntentRow.agency == str(agency))
        with self._store.read() as session:
            return session.scalar(query) or 0

    def oldest(self, *, agency: AgencyCode | None = None) -> datetime | None:
        """When the oldest of them was recorded, but for those set aside; None where nothing is left."""
        query = (
            select(func.min(IntentRow.reserved_at))
            .outerjoin(TaskRow, TaskRow.result_id == IntentRow.id)
            .where(intents.is_unfinished(), TaskRow.set_aside_at.is_(None))
        )
        if agency is not None:
            query = query.where(IntentRow.agency == str(agency))
        with self._store.read() as session:
            return session.scalar(query)

    def _found(self, which: ColumnElement[bool], agency: AgencyCode | None) -> tuple[Task, ...]:
        if agency is not None:
            which = and_(which, IntentRow.agency == str(agency))
        with self._store.read() as session:
            return self._tasks(session, and_(which, intents.is_unfinished()))

    @staticmethod
    def _tasks(session: Session, which: ColumnElement[bool]) -> tuple[Task, ...]:
        query = (
            select(IntentRow.id, IntentRow.agency, IntentRow.state, TaskRow)
            .join(TaskRow, TaskRow.result_id == IntentRow.id)
            .where(which)
            .order_by(IntentRow.sequence)
        )
        return tuple(
            Task(
                id=ResultId.parse(found.id),
                agency=AgencyCode(found.agency),
                state=found.state,
                tries=found.TaskRow.tries,
                repeats=found.TaskRow.repeats,
                problem=Reason(found.TaskRow.problem_code, found.TaskRow.problem_facts or {})
                if found.TaskRow.problem_code
                else None,
                next_at=found.TaskRow.next_at,
                set_aside_at=found.TaskRow.set_aside_at,
            )
            for found in session.execute(query)
        )
