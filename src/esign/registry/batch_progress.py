"""How far authorised batches are carried out: what workers begin, what fails, and when nothing is left to do."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import cast

from sqlalchemy import CursorResult, and_, func, select, update

from esign.codes import AgencyCode
from esign.errors import RegistryError
from esign.merkle import root
from esign.reasons import Reason
from esign.registry import events
from esign.registry.batch_rows import as_batch, batch_row, counts_of, digests_of, note_batch, to_begin
from esign.registry.batch_values import Batch, BatchId, RowState
from esign.registry.plain import plain
from esign.registry.store import Store
from esign.registry.work_models import BatchItemRow, BatchRow

__all__ = ["BatchProgress"]


class BatchProgress:
    """The batches of one register, as workers see them."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def open(self, *, agency: AgencyCode, profile: str) -> tuple[Batch, ...]:
        """What is authorised or cancelled and not finished yet, oldest first."""
        begun = BatchRow.authorised_at.is_not(None) | BatchRow.cancelled_at.is_not(None)
        query = (
            select(BatchRow)
            .filter_by(agency=str(agency), profile=profile, finished_at=None)
            .where(begun)
            .order_by(BatchRow.sequence)
        )
        with self._store.read() as session:
            return tuple(map(as_batch, session.scalars(query)))

    def unfinished(self, id: BatchId) -> bool:  # noqa: A002
        """Whether there is such a batch, whosever, and something of it is left to do."""
        with self._store.read() as session:
            return session.scalar(select(BatchRow.sequence).filter_by(id=str(id), finished_at=None)) is not None

    def check_root(self, id: BatchId) -> None:  # noqa: A002
        """Whether the rows are those that were authorised.

        Raises:
            RegistryError: `batch-altered`.
        """
        with self._store.read() as session:
            batch = batch_row(session, id)
            if root(digests_of(session, id)).hex() != batch.root:
                raise RegistryError("batch-altered", id=str(id))

    def parts_to_begin(self, id: BatchId, *, limit: int = 8) -> tuple[int, ...]:  # noqa: A002
        """In which parts rows wait to be begun, in order."""
        query = to_begin(id, BatchItemRow.part).distinct().order_by(BatchItemRow.part).limit(limit)
        with self._store.read() as session:
            return tuple(session.scalars(query))

    def to_begin(self, id: BatchId, part: int) -> Mapping[int, str]:  # noqa: A002
        """The digests of the rows of a part that wait to be begun, by position; none once the batch is cancelled."""
        query = to_begin(id, BatchItemRow.position, BatchItemRow.digest).where(BatchItemRow.part == part)
        with self._store.read() as session:
            if batch_row(session, id).cancelled_at is not None:
                return {}
            return {r.position: r.digest for r in session.execute(query.order_by(BatchItemRow.position))}

    def parts(self, id: BatchId) -> int:  # noqa: A002
        """How many parts its stored requests have."""
        with self._store.read() as session:
            return session.scalar(select(func.max(BatchItemRow.part)).filter_by(batch_id=str(id))) or 0

    def first_of(self, id: BatchId, part: int) -> int:  # noqa: A002
        """At which position a part begins."""
        with self._store.read() as session:
            query = select(func.min(BatchItemRow.position)).filter_by(batch_id=str(id), part=part)
            return session.scalar(query) or 1

    def failed(self, id: BatchId, position: int, problem: Reason, *, refuse_after: int) -> bool:  # noqa: A002
        """Record that a row could not be begun; whether it is refused now, because that was so often enough."""
        with self._store.write() as session:
            mine = and_(BatchItemRow.batch_id == str(id), BatchItemRow.position == position)
            tries = (session.scalar(select(BatchItemRow.tries).where(mine)) or 0) + 1
            refused = tries >= refuse_after
            session.execute(
                update(BatchItemRow)
                .where(mine, BatchItemRow.refused_at.is_(None))
                .values(
                    tries=tries,
                    problem_code=problem.code,
                    problem_facts=plain(problem.facts),
                    refused_at=self._now() if refused else None,
                )
            )
            return refused

    def finish(self, id: BatchId) -> bool:  # noqa: A002
        """Record that nothing is left to do, and tell it; whether that is so, and was not recorded before."""
        with self._store.write() as session:
            batch = batch_row(session, id)
            counts = counts_of(session, batch)
            if batch.finished_at is not None or counts[RowState.WAITING] or counts[RowState.BEGUN]:
                return False
            at = self._now()
            changed = cast(
                "CursorResult[object]",
                session.execute(
                    update(BatchRow)
                    .where(BatchRow.id == str(id), BatchRow.finished_at.is_(None))
                    .values(finished_at=at)
                    .execution_options(synchronize_session=False)
                ),
            )
            if changed.rowcount == 1:
                note_batch(session, "batch.finished", batch, at=at)
                events.batch_finished(session, batch, {s.value: n for s, n in counts.items() if n}, at=at)
            return changed.rowcount == 1
