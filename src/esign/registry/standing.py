"""The standing of issued results: which changes are possible, and what holds at a moment.

An attachment has no history of its own: it stands as its main result stands, computed like EXPIRED.

The history is append-only. A suspension that is lifted leaves what was before it, so a corrected result is
corrected again; EXPIRED is never written, it follows from the result's own end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from esign.codes import ResultId
from esign.document import Standing, StandingChange
from esign.errors import RegistryError
from esign.reasons import Reason
from esign.registry import events, status
from esign.registry.audit import note
from esign.registry.intents import row
from esign.registry.locking import alone, lock_row
from esign.registry.models import IntentRow, StandingRow
from esign.registry.values import IntentState, aware

__all__ = ["CurrentStanding", "StandingEntry", "change", "fold", "history", "standing"]

_NEXT = {
    Standing.IN_FORCE: {Standing.CORRECTED, Standing.SUSPENDED, Standing.WITHDRAWN, Standing.REPLACED},
    Standing.CORRECTED: {Standing.CORRECTED, Standing.SUSPENDED, Standing.WITHDRAWN, Standing.REPLACED},
    Standing.SUSPENDED: {Standing.IN_FORCE, Standing.WITHDRAWN, Standing.REPLACED},
    Standing.WITHDRAWN: set[Standing](),
    Standing.REPLACED: set[Standing](),
}
_WITH_OTHER = {Standing.CORRECTED, Standing.REPLACED}
_FINAL = {Standing.WITHDRAWN, Standing.REPLACED}


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingEntry:
    """One line of a result's history."""

    change: StandingChange
    """What was decided."""
    recorded_at: datetime
    """When the register learned of it, UTC; a decision may be entered later than it took effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentStanding:
    """A result's standing at one moment."""

    standing: Standing
    """EXPIRED is computed from the result's own end."""
    change: StandingChange | None
    """The last change that took effect; None where nothing has changed since it was issued."""
    corrections: tuple[ResultId, ...]
    """The results that correct it, oldest first; they hold together with it."""
    replaced_by: ResultId | None
    """The result that stands in its place."""
    expires: datetime | None
    """Its own end."""


def change(session: Session, id: ResultId, new: StandingChange, *, recorded_at: datetime) -> CurrentStanding:  # noqa: A002
    """Add `new` to the history of `id`.

    Raises:
        NotRegistered: `not-registered`, for `id` or for the other result.
        RegistryError: `standing-not-issued`, `standing-step`, `standing-time`, `standing-other-missing`,
            `standing-other-unexpected`, `standing-other-self`, `standing-other-agency`, `standing-other-over`,
            `standing-cycle` or `standing-attachment`.
    """
    aware(new.at)
    alone(session, "standing")  # who corrects or replaces whom goes through many histories
    lock_row(session, id)
    intent = _issued(session, id)
    if intent.main is not None:
        raise RegistryError("standing-attachment", id=str(id), main=intent.main)
    past = [entry.change for entry in history(session, id)]
    now_is = fold(past, None).standing
    if new.standing not in _NEXT[now_is]:
        raise RegistryError("standing-step", id=str(id), found=_word(now_is), wanted=_word(new.standing))
    earliest = max([c.at for c in past] + [intent.issued_at or new.at])
    if not earliest <= new.at <= recorded_at:
        raise RegistryError(
            "standing-time",
            id=str(id),
            at=new.at.isoformat(),
            earliest=earliest.isoformat(),
            latest=recorded_at.isoformat(),
        )
    _check_other(session, intent, new)
    session.execute(
        insert(StandingRow).values(
            result_id=str(id),
            position=len(past),
            standing=new.standing,
            at=new.at,
            by=new.by,
            why=new.why,
            other=str(new.other) if new.other else None,
            recorded_at=recorded_at,
        )
    )
    act = f"standing.{new.standing.value}"
    note(session, act, at=recorded_at, agency=intent.agency, object=id, digest=intent.signed_sha256)
    following = (intent, *session.scalars(select(IntentRow).filter_by(main=intent.id)))
    status.mark(session, *following)
    for follows in following:
        if follows.state is IntentState.ISSUED:
            events.standing_changed(session, follows, new, at=recorded_at)
    return standing(session, id, at=recorded_at)


def _word(standing: Standing) -> Reason:
    """As a fact that people read in their language."""
    return Reason(f"standing-is-{standing.value}")


def _check_other(session: Session, intent: IntentRow, new: StandingChange) -> None:
    """Another result takes part: a real one, of the same agency, and not in a circle."""
    if new.other is None:
        if new.standing in _WITH_OTHER:
            raise RegistryError("standing-other-missing", id=intent.id, wanted=_word(new.standing))
        return
    facts = {"id": intent.id, "other": str(new.other)}
    if new.standing not in _WITH_OTHER:
        raise RegistryError("standing-other-unexpected", wanted=_word(new.standing), **facts)
    if str(new.other) == intent.id:
        raise RegistryError("standing-other-self", id=intent.id)
    other = _issued(session, new.other)
    if other.main is not None:
        raise RegistryError("standing-attachment", id=other.id, main=other.main)
    if other.agency != intent.agency:
        raise RegistryError("standing-other-agency", **facts)
    # A correction may name a result whose own corrections lead back here only by mistake.
    if intent.id in _reachable(session, other.id):
        raise RegistryError("standing-cycle", **facts)
    over = fold([entry.change for entry in history(session, new.other)], None).standing
    if over in _FINAL:
        raise RegistryError("standing-other-over", found=_word(over), **facts)


def _reachable(session: Session, start: str) -> set[str]:
    """Everything that replaces or corrects `start`, directly or through others."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        found = set(
            session.scalars(
                select(StandingRow.other).where(StandingRow.result_id.in_(todo), StandingRow.other.is_not(None))
            )
        )
        todo = [other for other in found if other is not None and other not in seen]
        seen.update(todo)
    return seen


def history(session: Session, id: ResultId) -> tuple[StandingEntry, ...]:  # noqa: A002
    """All changes, in the order in which they were recorded; an attachment's are its main result's."""
    found = row(session, id)
    whose = found.main or found.id
    rows = session.scalars(select(StandingRow).filter_by(result_id=whose).order_by(StandingRow.position))
    return tuple(
        StandingEntry(
            change=StandingChange(
                standing=r.standing,
                at=r.at,
                by=r.by,
                why=r.why,
                other=ResultId.parse(r.other) if r.other else None,
            ),
            recorded_at=r.recorded_at,
        )
        for r in rows
    )


def standing(session: Session, id: ResultId, *, at: datetime) -> CurrentStanding:  # noqa: A002
    """What holds at the moment `at`.

    Raises:
        NotRegistered: `not-registered`.
        RegistryError: `standing-not-issued`, or `standing-not-issued-then`: it was issued only after `at`.
    """
    intent = _issued(session, id)
    if intent.issued_at is None or aware(at) < intent.issued_at:
        raise RegistryError("standing-not-issued-then", id=str(id))
    ends = [i.expires for i in (intent, intent.main_row) if i is not None and i.expires is not None]
    return fold([e.change for e in history(session, id) if e.change.at <= at], min(ends, default=None), at)


def fold(changes: Sequence[StandingChange], expires: datetime | None, at: datetime | None = None) -> CurrentStanding:
    """What a history amounts to at the moment `at`, with the result's own end."""
    corrections = tuple(c.other for c in changes if c.standing is Standing.CORRECTED and c.other)
    last = changes[-1] if changes else None
    now_is = last.standing if last else Standing.IN_FORCE
    if now_is is Standing.IN_FORCE and corrections:
        now_is = Standing.CORRECTED
    if now_is not in _FINAL and expires is not None and at is not None and at >= expires:
        now_is = Standing.EXPIRED
    replaced_by = last.other if last and last.standing is Standing.REPLACED else None
    return CurrentStanding(
        standing=now_is, change=last, corrections=corrections, replaced_by=replaced_by, expires=expires
    )


def _issued(session: Session, id: ResultId) -> IntentRow:  # noqa: A002
    intent = row(session, id)
    if intent.state is not IntentState.ISSUED:
        raise RegistryError("standing-not-issued", id=str(id), state=intent.state.word)
    return intent
