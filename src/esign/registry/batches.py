"""Batches: many requests under one authorisation, bound to the Merkle root of their digests (docs/spec/batches.md).

A batch holds what was asked for, in order, as digests; the intents that come of it are ordinary ones, found by their
idempotency keys. So nothing about a row is told twice: how far it has come is what its intent says.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, and_, case, func, insert, select, update
from sqlalchemy.orm import Session

from esign.codes import AgencyCode, DocumentNumber, ResultId
from esign.errors import InputError, NotRegistered, RegistryError, RequestConflict
from esign.merkle import path, root
from esign.reasons import Reason
from esign.registry import events
from esign.registry.audit import note
from esign.registry.batch_values import Batch, BatchId, BatchItem, BatchOrigin, BatchRows, Inclusion, NewItem, RowState
from esign.registry.locking import alone
from esign.registry.models import IntentRow, IssuedRow
from esign.registry.persons import is_same, person_of
from esign.registry.plain import plain
from esign.registry.store import Store
from esign.registry.values import IntentState
from esign.registry.waking import leave_work
from esign.registry.work_models import BatchItemRow, BatchRow, TaskRow

__all__ = ["Batches"]

_AT_ONCE = 1000
"""Rows in one statement."""


class Batches:
    """The batches of one register."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def submit(
        self,
        id: BatchId,  # noqa: A002  # the register's word
        items: Sequence[NewItem],
        *,
        agency: AgencyCode,
        profile: str,
        key: str,
        by: str,
    ) -> Batch:
        """Record a batch that waits for its authorisation; a known `key` of the agency gives what was recorded for it.

        Raises:
            InputError: `batch-empty`, `batch-key-repeated`.
            RequestConflict: `batch-conflict`: the key stands for another batch.
        """
        if not items:
            raise InputError("batch-empty")
        _refuse_repeated(items)
        at = self._now()
        values = {
            "id": str(id),
            "agency": str(agency),
            "profile": profile,
            "origin": BatchOrigin.SERVICE.value,
            "idempotency_key": key,
            "root": _root(items).hex(),
            "size": len(items),
            "submitted_at": at,
            "submitted_by": by,
        }
        rows = [
            {
                "batch_id": str(id),
                "position": position,
                "idempotency_key": item.idempotency_key,
                "digest": item.digest,
                "part": item.part,
                "tries": 0,
            }
            for position, item in enumerate(items, 1)
        ]
        with self._store.write() as session:
            alone(session, f"batch {agency} {key}")
            known = session.scalar(select(BatchRow).filter_by(agency=str(agency), idempotency_key=key))
            if known is None:
                session.execute(insert(BatchRow).values(values))
                for start in range(0, len(rows), _AT_ONCE):
                    session.execute(insert(BatchItemRow), rows[start : start + _AT_ONCE])
                _note(session, "batch.submitted", _row(session, id), at=at)
                return _as_batch(_row(session, id))
            if known.root != values["root"]:
                raise RequestConflict("batch-conflict", id=known.id)
            return _as_batch(known)

    def confirmed(self, digests: Sequence[str], *, agency: AgencyCode, profile: str, by: str) -> Batch:
        """Record that a person confirmed a plan of the command line: the same authorisation over the same root."""
        at, id_ = self._now(), BatchId.random()
        values = {
            "id": str(id_),
            "agency": str(agency),
            "profile": profile,
            "origin": BatchOrigin.PLAN.value,
            "idempotency_key": str(id_),
            "root": root([bytes.fromhex(d) for d in digests]).hex(),
            "size": len(digests),
            "submitted_at": at,
            "submitted_by": by,
            "authorised_at": at,
            "authorised_by": by,
            "finished_at": at,
        }
        with self._store.write() as session:
            session.execute(insert(BatchRow).values(values))
            _note(session, "batch.authorised", _row(session, id_), at=at)
            return _as_batch(_row(session, id_))

    def authorise(  # who, where, what, and under which rules
        self,
        id: BatchId,  # noqa: A002
        *,
        agency: AgencyCode,
        root: str,
        by: str,
        four_eyes: bool = False,
        persons: bool = False,
    ) -> Batch:
        """Let a batch be carried out, by somebody who has seen what is under `root`; the same again changes nothing.

        With `four_eyes` that is another person than who handed it in, and with `persons` both are known.

        Raises:
            NotRegistered: `batch-unknown`.
            RegistryError: `batch-root-differs`, `batch-cancelled`, or with `four_eyes` `batch-needs-another`;
                with `persons` `approval-person-missing`.
        """
        with self._store.write() as session:
            found = _as_batch(_row(session, id, agency))
            if root.lower() != found.root:
                raise RegistryError("batch-root-differs", id=str(id))
            if found.cancelled_at is not None:
                raise RegistryError("batch-cancelled", id=str(id))
            if four_eyes and is_same(by, found.submitted_by):
                raise RegistryError("batch-needs-another", id=str(id))
            if four_eyes and persons and not (person_of(by) and person_of(found.submitted_by)):
                raise RegistryError("approval-person-missing", id=str(id))
            if found.authorised_at is None:
                session.execute(
                    update(BatchRow)
                    .where(BatchRow.id == str(id), BatchRow.authorised_at.is_(None), BatchRow.cancelled_at.is_(None))
                    .values(authorised_at=self._now(), authorised_by=by)
                )
                session.expire_all()
                _note(session, "batch.authorised", _row(session, id), at=self._now())
                leave_work(session)
            return _as_batch(_row(session, id))

    def cancel(self, id: BatchId, *, agency: AgencyCode, by: str) -> Batch:  # noqa: A002
        """Begin nothing more of a batch; what is begun goes on. The same again changes nothing.

        Raises:
            NotRegistered: `batch-unknown`.
            RegistryError: `batch-finished`.
        """
        with self._store.write() as session:
            found = _as_batch(_row(session, id, agency))
            if found.cancelled_at is None:
                if found.finished_at is not None:
                    raise RegistryError("batch-finished", id=str(id))
                session.execute(
                    update(BatchRow)
                    .where(BatchRow.id == str(id), BatchRow.cancelled_at.is_(None))
                    .values(cancelled_at=self._now(), cancelled_by=by)
                )
                session.expire_all()
                _note(session, "batch.cancelled", _row(session, id), at=self._now())
                leave_work(session)
            return _as_batch(_row(session, id))

    def get(self, id: BatchId, *, agency: AgencyCode | None = None) -> Batch:  # noqa: A002
        """The batch `id`.

        Raises:
            NotRegistered: `batch-unknown`.
        """
        with self._store.read() as session:
            return _as_batch(_row(session, id, agency))

    def unfinished(self, id: BatchId) -> bool:  # noqa: A002
        """Whether there is such a batch, whosever, and something of it is left to do."""
        with self._store.read() as session:
            return session.scalar(select(BatchRow.sequence).filter_by(id=str(id), finished_at=None)) is not None

    def listing(self, *, agency: AgencyCode, limit: int = 100, before: BatchId | None = None) -> tuple[Batch, ...]:
        """Batches of an agency, newest first; `before` is the last one of the page before.

        Raises:
            NotRegistered: `batch-unknown`.
        """
        query = select(BatchRow).filter_by(agency=str(agency)).order_by(BatchRow.sequence.desc()).limit(limit)
        with self._store.read() as session:
            if before is not None:
                query = query.where(BatchRow.sequence < _row(session, before, agency).sequence)
            return tuple(map(_as_batch, session.scalars(query)))

    def counts(self, id: BatchId) -> Mapping[RowState, int]:  # noqa: A002
        """How many rows are where; states without any are there, too."""
        with self._store.read() as session:
            return _counts(session, _row(session, id))

    def rows(self, id: BatchId, *, after: int = 0, limit: int = 100) -> BatchRows:  # noqa: A002
        """A page of rows, in order.

        Raises:
            NotRegistered: `batch-unknown`.
        """
        query = (
            _items(id, *_OF_AN_ITEM)
            .outerjoin(IssuedRow, IssuedRow.id == IntentRow.id)
            .where(BatchItemRow.position > after)
            .order_by(BatchItemRow.position)
            .limit(limit + 1)
        )
        with self._store.read() as session:
            batch = _row(session, id)
            found = [_as_item(r, batch) for r in session.execute(query)]
        page = tuple(found[:limit])
        return BatchRows(entries=page, next=page[-1].position if len(found) > limit else None)

    def inclusion(self, id: BatchId, position: int) -> Inclusion:  # noqa: A002
        """The proof that row `position` was authorised with the batch.

        Raises:
            NotRegistered: `batch-unknown`, `batch-row-unknown`.
        """
        with self._store.read() as session:
            found = _row(session, id).root
            digests = _digests(session, id)
        if not 1 <= position <= len(digests):
            raise NotRegistered("batch-row-unknown", id=str(id), position=position)
        beside = path(digests, position - 1)
        return Inclusion(
            digest=digests[position - 1].hex(),
            position=position,
            size=len(digests),
            root=found,
            path=tuple(b.hex() for b in beside),
        )

    # --- for workers -----------------------------------------------------------------------------------------------

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
            return tuple(map(_as_batch, session.scalars(query)))

    def check_root(self, id: BatchId) -> None:  # noqa: A002
        """Whether the rows are those that were authorised.

        Raises:
            RegistryError: `batch-altered`.
        """
        with self._store.read() as session:
            batch = _row(session, id)
            if root(_digests(session, id)).hex() != batch.root:
                raise RegistryError("batch-altered", id=str(id))

    def parts_to_begin(self, id: BatchId, *, limit: int = 8) -> tuple[int, ...]:  # noqa: A002
        """In which parts rows wait to be begun, in order."""
        query = _to_begin(id, BatchItemRow.part).distinct().order_by(BatchItemRow.part).limit(limit)
        with self._store.read() as session:
            return tuple(session.scalars(query))

    def to_begin(self, id: BatchId, part: int) -> Mapping[int, str]:  # noqa: A002
        """The digests of the rows of a part that wait to be begun, by position; none once the batch is cancelled."""
        query = _to_begin(id, BatchItemRow.position, BatchItemRow.digest).where(BatchItemRow.part == part)
        with self._store.read() as session:
            if _row(session, id).cancelled_at is not None:
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

    def put_back(self, id: BatchId, position: int, *, agency: AgencyCode) -> None:  # noqa: A002
        """Let a refused row be tried again, while its batch is carried out.

        Raises:
            NotRegistered: `batch-unknown`.
            RegistryError: `batch-finished`, or `batch-row-not-refused`.
        """
        with self._store.write() as session:
            batch = _row(session, id, agency)
            if batch.finished_at is not None or batch.cancelled_at is not None:
                raise RegistryError("batch-finished", id=str(id))
            changed = cast(
                "CursorResult[object]",
                session.execute(
                    update(BatchItemRow)
                    .where(
                        BatchItemRow.batch_id == str(id),
                        BatchItemRow.position == position,
                        BatchItemRow.refused_at.is_not(None),
                    )
                    .values(refused_at=None, tries=0)
                ),
            )
            leave_work(session)
            if changed.rowcount != 1:
                raise RegistryError("batch-row-not-refused", id=str(id), position=position)

    def finish(self, id: BatchId) -> bool:  # noqa: A002
        """Record that nothing is left to do, and tell it; whether that is so, and was not recorded before."""
        with self._store.write() as session:
            batch = _row(session, id)
            counts = _counts(session, batch)
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
                _note(session, "batch.finished", batch, at=at)
                events.batch_finished(session, batch, {s.value: n for s, n in counts.items() if n}, at=at)
            return changed.rowcount == 1


def _refuse_repeated(items: Sequence[NewItem]) -> None:
    first: dict[str, int] = {}
    for position, item in enumerate(items, 1):
        earlier = first.setdefault(item.idempotency_key, position)
        if earlier != position:
            raise InputError("batch-key-repeated", position=position, first=earlier)


def _root(items: Sequence[NewItem]) -> bytes:
    return root([bytes.fromhex(item.digest) for item in items])


def _digests(session: Session, id: BatchId) -> list[bytes]:  # noqa: A002
    query = select(BatchItemRow.digest).filter_by(batch_id=str(id)).order_by(BatchItemRow.position)
    return [bytes.fromhex(d) for d in session.scalars(query)]


def _row(session: Session, id: BatchId, agency: AgencyCode | None = None) -> BatchRow:  # noqa: A002
    """The row of `id`; another agency's is as good as none."""
    found = session.scalar(select(BatchRow).filter_by(id=str(id)))
    if found is None or (agency is not None and found.agency != str(agency)):
        raise NotRegistered("batch-unknown", id=str(id))
    return found


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


def _items(id: BatchId, *columns: Any) -> Any:  # noqa: A002
    """Rows beside their intents, as far as they have any."""
    return (
        select(*columns)
        .select_from(BatchItemRow)
        .outerjoin(IntentRow, _ITS_INTENT)
        .outerjoin(TaskRow, TaskRow.result_id == IntentRow.id)
        .where(BatchItemRow.batch_id == str(id))
    )


def _to_begin(id: BatchId, *columns: Any) -> Any:  # noqa: A002
    return _items(id, *columns).where(IntentRow.id.is_(None), BatchItemRow.refused_at.is_(None))


def _note(session: Session, act: str, batch: BatchRow, *, at: datetime) -> None:
    note(session, act, at=at, agency=batch.agency, object=batch.id, digest=batch.root)


def _counts(session: Session, batch: BatchRow) -> dict[RowState, int]:
    query = _items(BatchId.parse(batch.id), _STATE.label("row_state"), func.count().label("rows")).group_by("row_state")
    counts = dict.fromkeys(RowState, 0) | {RowState(r.row_state): r.rows for r in session.execute(query)}
    if batch.cancelled_at is not None:
        counts[RowState.CANCELLED] = counts[RowState.WAITING]
        counts[RowState.WAITING] = 0
    return counts


def _as_batch(r: BatchRow) -> Batch:
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


_OF_AN_ITEM = (
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
