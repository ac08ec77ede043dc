"""What stands at the places of the status lists: what `esign.publishing` reads (docs/spec/status.md)."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from esign.codes import DocumentNumber, ResultId
from esign.document import Standing
from esign.registry.models import IntentRow, ShardRow, StandingRow, StatusExceptionRow
from esign.registry.status import SHARD_SIZE
from esign.registry.values import IntentState

__all__ = ["OtherResult", "Shard", "ShardStatus", "shards", "statuses"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A shard of the status lists."""

    number: int
    """Of its documents' status numbers, the bits from 17 up."""
    counter: int
    """Counts the changes of its documents' standing."""
    allow_list: bool
    """Whether its documents begin as not issued, rather than in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherResult:
    """A result that corrects or replaces another."""

    id: ResultId
    """Its identifier."""
    number: DocumentNumber | None
    """Số, ký hiệu; None for a file without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardStatus:
    """What stands at one place of a shard."""

    index: int
    """The place."""
    standing: Standing | None
    """As recorded, whatever the result's own end; None: it is not issued."""
    corrections: tuple[OtherResult, ...] = ()
    """What corrects it, oldest first."""
    replaced_by: OtherResult | None = None
    """What stands in its place."""


def shards(session: Session) -> tuple[Shard, ...]:
    """Every shard that has documents, by number."""
    rows = session.execute(select(ShardRow.shard, ShardRow.counter, ShardRow.allow_list).order_by(ShardRow.shard))
    return tuple(Shard(number=r.shard, counter=r.counter, allow_list=r.allow_list) for r in rows)


def statuses(session: Session, shard: int) -> tuple[ShardStatus, ...]:
    """The documents of a shard that stand otherwise than they began, or once did, by index."""
    first = shard * SHARD_SIZE
    whose = func.coalesce(IntentRow.main, IntentRow.id)
    here = StatusExceptionRow.status_number.between(first, first + SHARD_SIZE - 1)
    marked = (
        select(StatusExceptionRow.status_number, whose.label("whose"), IntentRow.state)
        .join(IntentRow, IntentRow.id == StatusExceptionRow.id)
        .where(here)
        .order_by(StatusExceptionRow.status_number)
    )
    changes = (
        select(StandingRow.result_id, StandingRow.standing, StandingRow.other)
        .where(
            StandingRow.result_id.in_(
                select(whose)
                .select_from(StatusExceptionRow)
                .join(IntentRow, IntentRow.id == StatusExceptionRow.id)
                .where(here)
            )
        )
        .order_by(StandingRow.result_id, StandingRow.position)
    )
    histories: dict[str, list[tuple[Standing, str | None]]] = defaultdict(list)
    for change in session.execute(changes):
        histories[change.result_id].append((change.standing, change.other))
    others = _others(session, {other for history in histories.values() for _, other in history if other})
    return tuple(_status(r.status_number - first, r.state, histories[r.whose], others) for r in session.execute(marked))


def _status(
    index: int, state: IntentState, history: list[tuple[Standing, str | None]], others: dict[str, OtherResult]
) -> ShardStatus:
    if state is not IntentState.ISSUED:
        return ShardStatus(index=index, standing=None)
    standing, other = history[-1] if history else (Standing.IN_FORCE, None)
    corrections = tuple(others[o] for s, o in history if s is Standing.CORRECTED and o)
    if standing is Standing.IN_FORCE and corrections:  # a suspension that was lifted
        standing = Standing.CORRECTED
    return ShardStatus(
        index=index,
        standing=standing,
        corrections=corrections,
        replaced_by=others[other] if standing is Standing.REPLACED and other else None,
    )


def _others(session: Session, ids: set[str]) -> dict[str, OtherResult]:
    """The results that take part in changes, a few hundred at a time: a statement has a limit of parameters."""
    found: dict[str, OtherResult] = {}
    wanted = sorted(ids)
    for i in range(0, len(wanted), 500):
        rows = session.execute(
            select(IntentRow.id, IntentRow.number, IntentRow.year, IntentRow.symbol, IntentRow.with_year).where(
                IntentRow.id.in_(wanted[i : i + 500])
            )
        )
        for r in rows:
            number = DocumentNumber(r.number, r.year if r.with_year else None, r.symbol) if r.number else None
            found[r.id] = OtherResult(id=ResultId.parse(r.id), number=number)
    return found
