"""The rows of batches: read beside their intents, and turned into values; only inside a transaction.

How far a row has come is what its intent says; nothing about it is told twice.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from esign.codes import AgencyCode, DocumentNumber, ResultId
from esign.errors import NotRegistered
from esign.reasons import Reason
from esign.registry.audit import note
from esign.registry.batch_values import Batch, BatchId, BatchItem, BatchOrigin, RowState
from esign.registry.models import IntentRow, IssuedRow
from esign.registry.values import IntentState
from esign.registry.work_models import BatchItemRow, BatchRow, TaskRow

__all__ = ["as_batch", "batch_row", "counts_of", "digests_of", "items", "note_batch", "to_begin"]


def batch_row(session: Session, id: BatchId, agency: AgencyCode | None = None) -> BatchRow:  # noqa: A002
    """The row of `id`; another agency's is as good as none."""
    found = session.scalar(select(BatchRow).filter_by(id=str(id)))
    if found is None or (agency is not None and found.agency != str(agency)):
        raise NotRegistered("batch-unknown", id=str(id))
    return found


def as_batch(r: BatchRow) -> Batch:
    """The value of a row."""
    return Batch(
        id=BatchId.parse(r.id),
        agency=AgencyCode(r.agency),
        profile=r.profile,
        origin=BatchOrigin(r.origin),
        idempotency_key=r.idempotency_key,
        root=r.root,
        size=r.size,
        submitted_at=r.submitted_at,
        submitted_by=r.submitted_by,
        authorised_at=r.authorised_at,
        authorised_by=r.authorised_by,
        cancelled_at=r.cancelled_at,
        finished_at=r.finished_at,
    )


def note_batch(session: Session, act: str, batch: BatchRow, *, at: datetime) -> None:
    """Note in the audit what was done with a batch."""
    note(session, act, at=at, agency=batch.agency, object=batch.id, digest=batch.root)


def digests_of(session: Session, id: BatchId) -> list[bytes]:  # noqa: A002
    """What its rows ask for, in order."""
    query = select(BatchItemRow.digest).filter_by(batch_id=str(id)).order_by(BatchItemRow.position)
    return [bytes.fromhex(d) for d in session.scalars(query)]


_ITS_INTENT = and_(
    IntentRow.idempotency_key == BatchItemRow.idempotency_key,
    IntentRow.request_digest == BatchItemRow.digest,  # a key that stands for another request is no row of this batch
)
_STATE = case(
    (IntentRow.state == IntentState.ISSUED, RowState.ISSUED.value),
    (IntentRow.state == IntentState.VOID, RowState.VOID.value),
    (TaskRow.set_aside_at.is_not(None), RowState.SET_ASIDE.value),
    (IntentRow.id.is_not(None), RowState.BEGUN.value),
    (BatchItemRow.refused_at.is_not(None), RowState.REFUSED.value),
    else_=RowState.WAITING.value,
)


def _rows(id: BatchId, *columns: Any) -> Any:  # noqa: A002
    """Rows beside their intents, as far as they have any."""
    return (
        select(*columns)
        .select_from(BatchItemRow)
        .outerjoin(IntentRow, _ITS_INTENT)
        .outerjoin(TaskRow, TaskRow.result_id == IntentRow.id)
        .where(BatchItemRow.batch_id == str(id))
    )


def to_begin(id: BatchId, *columns: Any) -> Any:  # noqa: A002
    """The query for `columns` of the rows that wait to be begun."""
    return _rows(id, *columns).where(IntentRow.id.is_(None), BatchItemRow.refused_at.is_(None))


def counts_of(session: Session, batch: BatchRow) -> dict[RowState, int]:
    """How many of its rows are where."""
    query = _rows(BatchId.parse(batch.id), _STATE.label("row_state"), func.count().label("rows")).group_by("row_state")
    counts = dict.fromkeys(RowState, 0) | {RowState(r.row_state): r.rows for r in session.execute(query)}
    if batch.cancelled_at is not None:
        counts[RowState.CANCELLED] = counts[RowState.WAITING]
        counts[RowState.WAITING] = 0
    return counts


_OF_A_ROW = (
    BatchItemRow,
    _STATE.label("row_state"),
    IntentRow.id,
    IntentRow.number,
    IntentRow.year,
    IntentRow.symbol,
    IntentRow.with_year,
    IntentRow.void_code,
    IntentRow.void_facts,
    TaskRow.problem_code.label("task_code"),
    TaskRow.problem_facts.label("task_facts"),
    IssuedRow.sha256,
)


def items(session: Session, id: BatchId, *, after: int, limit: int) -> list[BatchItem]:  # noqa: A002
    """Up to `limit` rows behind position `after`, in order."""
    batch = batch_row(session, id)
    query = (
        _rows(id, *_OF_A_ROW)
        .outerjoin(IssuedRow, IssuedRow.id == IntentRow.id)
        .where(BatchItemRow.position > after)
        .order_by(BatchItemRow.position)
        .limit(limit)
    )
    return [_as_item(r, batch) for r in session.execute(query)]


def _as_item(r: Any, batch: BatchRow) -> BatchItem:
    item: BatchItemRow = r.BatchItemRow
    state = RowState(r.row_state)
    if state is RowState.WAITING and batch.cancelled_at is not None:
        state = RowState.CANCELLED
    number = None
    if r.number is not None:
        number = DocumentNumber(r.number, r.year if r.with_year else None, r.symbol)
    code, facts = item.problem_code, item.problem_facts
    if r.void_code is not None:
        code, facts = r.void_code, r.void_facts
    elif r.task_code is not None:
        code, facts = r.task_code, r.task_facts
    return BatchItem(
        position=item.position,
        idempotency_key=item.idempotency_key,
        digest=item.digest,
        part=item.part,
        state=state,
        result=ResultId.parse(r.id) if r.id else None,
        number=number,
        sha256=r.sha256,
        problem=Reason(code, facts or {}) if code and state is not RowState.ISSUED else None,
    )
