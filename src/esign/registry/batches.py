"""Batches: many requests under one authorisation, bound to the Merkle root of their digests (docs/spec/batches.md).

A batch holds what was asked for, in order, as digests; the intents that come of it are ordinary ones, found by their
idempotency keys. So nothing about a row is told twice: how far it has come is what its intent says.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import CursorResult, insert, select, update

from esign.codes import AgencyCode
from esign.errors import InputError, NotRegistered, RegistryError, RequestConflict
from esign.merkle import path, root
from esign.registry.batch_progress import BatchProgress
from esign.registry.batch_rows import as_batch, batch_row, counts_of, digests_of, items, note_batch
from esign.registry.batch_values import Batch, BatchId, BatchOrigin, BatchRows, Inclusion, NewItem, RowState
from esign.registry.locking import alone
from esign.registry.persons import is_same, person_of
from esign.registry.store import Store
from esign.registry.waking import leave_work
from esign.registry.work_models import BatchItemRow, BatchRow

__all__ = ["Batches"]

_AT_ONCE = 1000
"""Rows in one statement."""


class Batches:
    """The batches of one register."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self.progress = BatchProgress(store, now=now)
        """How far they are carried out, for workers."""

    def submit(
        self,
        id: BatchId,  # noqa: A002  # the register's word
        asked: Sequence[NewItem],
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
        if not asked:
            raise InputError("batch-empty")
        _refuse_repeated(asked)
        at = self._now()
        values = {
            "id": str(id),
            "agency": str(agency),
            "profile": profile,
            "origin": BatchOrigin.SERVICE.value,
            "idempotency_key": key,
            "root": _root(asked).hex(),
            "size": len(asked),
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
            for position, item in enumerate(asked, 1)
        ]
        with self._store.write() as session:
            alone(session, f"batch {agency} {key}")
            known = session.scalar(select(BatchRow).filter_by(agency=str(agency), idempotency_key=key))
            if known is None:
                session.execute(insert(BatchRow).values(values))
                for start in range(0, len(rows), _AT_ONCE):
                    session.execute(insert(BatchItemRow), rows[start : start + _AT_ONCE])
                note_batch(session, "batch.submitted", batch_row(session, id), at=at)
                return as_batch(batch_row(session, id))
            if known.root != values["root"]:
                raise RequestConflict("batch-conflict", id=known.id)
            return as_batch(known)

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
            note_batch(session, "batch.authorised", batch_row(session, id_), at=at)
            return as_batch(batch_row(session, id_))

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
            found = as_batch(batch_row(session, id, agency))
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
                note_batch(session, "batch.authorised", batch_row(session, id), at=self._now())
                leave_work(session)
            return as_batch(batch_row(session, id))

    def cancel(self, id: BatchId, *, agency: AgencyCode, by: str) -> Batch:  # noqa: A002
        """Begin nothing more of a batch; what is begun goes on. The same again changes nothing.

        Raises:
            NotRegistered: `batch-unknown`.
            RegistryError: `batch-finished`.
        """
        with self._store.write() as session:
            found = as_batch(batch_row(session, id, agency))
            if found.cancelled_at is None:
                if found.finished_at is not None:
                    raise RegistryError("batch-finished", id=str(id))
                session.execute(
                    update(BatchRow)
                    .where(BatchRow.id == str(id), BatchRow.cancelled_at.is_(None))
                    .values(cancelled_at=self._now(), cancelled_by=by)
                )
                session.expire_all()
                note_batch(session, "batch.cancelled", batch_row(session, id), at=self._now())
                leave_work(session)
            return as_batch(batch_row(session, id))

    def get(self, id: BatchId, *, agency: AgencyCode | None = None) -> Batch:  # noqa: A002
        """The batch `id`.

        Raises:
            NotRegistered: `batch-unknown`.
        """
        with self._store.read() as session:
            return as_batch(batch_row(session, id, agency))

    def listing(self, *, agency: AgencyCode, limit: int = 100, before: BatchId | None = None) -> tuple[Batch, ...]:
        """Batches of an agency, newest first; `before` is the last one of the page before.

        Raises:
            NotRegistered: `batch-unknown`.
        """
        query = select(BatchRow).filter_by(agency=str(agency)).order_by(BatchRow.sequence.desc()).limit(limit)
        with self._store.read() as session:
            if before is not None:
                query = query.where(BatchRow.sequence < batch_row(session, before, agency).sequence)
            return tuple(map(as_batch, session.scalars(query)))

    def counts(self, id: BatchId) -> Mapping[RowState, int]:  # noqa: A002
        """How many rows are where; states without any are there, too."""
        with self._store.read() as session:
            return counts_of(session, batch_row(session, id))

    def rows(self, id: BatchId, *, after: int = 0, limit: int = 100) -> BatchRows:  # noqa: A002
        """A page of rows, in order.

        Raises:
            NotRegistered: `batch-unknown`.
        """
        with self._store.read() as session:
            found = items(session, id, after=after, limit=limit + 1)
        page = tuple(found[:limit])
        return BatchRows(entries=page, next=page[-1].position if len(found) > limit else None)

    def inclusion(self, id: BatchId, position: int) -> Inclusion:  # noqa: A002
        """The proof that row `position` was authorised with the batch.

        Raises:
            NotRegistered: `batch-unknown`, `batch-row-unknown`.
        """
        with self._store.read() as session:
            found = batch_row(session, id).root
            digests = digests_of(session, id)
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

    def put_back(self, id: BatchId, position: int, *, agency: AgencyCode) -> None:  # noqa: A002
        """Let a refused row be tried again, while its batch is carried out.

        Raises:
            NotRegistered: `batch-unknown`.
            RegistryError: `batch-finished`, or `batch-row-not-refused`.
        """
        with self._store.write() as session:
            batch = batch_row(session, id, agency)
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


def _refuse_repeated(items: Sequence[NewItem]) -> None:
    first: dict[str, int] = {}
    for position, item in enumerate(items, 1):
        earlier = first.setdefault(item.idempotency_key, position)
        if earlier != position:
            raise InputError("batch-key-repeated", position=position, first=earlier)


def _root(items: Sequence[NewItem]) -> bytes:
    return root([bytes.fromhex(item.digest) for item in items])
