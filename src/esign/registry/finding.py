"""Finding entries of the register: by id, by key, by file, by number; what is unfinished, and what waits."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select

from esign.codes import AgencyCode, DocumentNumber, DossierCode, ResultId
from esign.registry import intents, versions
from esign.registry.models import IntentRow
from esign.registry.store import Store
from esign.registry.values import Delivery, Intent, IntentState, Page

__all__ = ["Finding"]


class Finding:
    """What `esign.registry.Registry` is asked about entries."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def get(self, id: ResultId) -> Intent:  # noqa: A002
        """The entry `id`.

        Raises:
            NotRegistered: `not-registered`.
        """
        with self._store.read() as session:
            return intents.as_intent(intents.row(session, id))

    def by_key(self, idempotency_key: str) -> Intent | None:
        """The entry that this request made."""
        with self._store.read() as session:
            found = session.scalar(select(IntentRow).filter_by(idempotency_key=idempotency_key))
            return intents.as_intent(found) if found else None

    def known_keys(self, idempotency_keys: Sequence[str]) -> frozenset[str]:
        """Which of these requests were recorded."""
        query = select(IntentRow.idempotency_key).where(IntentRow.idempotency_key.in_(idempotency_keys))
        with self._store.read() as session:
            return frozenset(session.scalars(query))

    def accepted(self, ids: Sequence[ResultId]) -> tuple[Intent, ...]:
        """Those of `ids` that are recorded and not begun, with neither a person nor a main result before them."""
        texts = [str(each) for each in ids]
        with self._store.read() as session:
            return intents.accepted(session, texts)

    def by_sha256(self, sha256: str) -> Intent | None:
        """The issued entry whose file has, or had in an earlier version, this SHA-256."""
        with self._store.read() as session:
            known = versions.known_as(session, sha256)
            found = session.scalar(select(IntentRow).filter_by(id=known)) if known else None
            return intents.as_intent(found) if found else None

    def find(self, number: DocumentNumber, *, agency: AgencyCode, year: int) -> tuple[Intent, ...]:
        """The entries with this number in that year; several only where duplicates were let pass.

        Attachments, which print the number of their main result, are found by `attachments`.
        """
        query = (
            select(IntentRow)
            .filter_by(agency=str(agency), year=year, symbol=number.symbol, number=number.number)
            .where(IntentRow.with_year == (number.year is not None))
            .order_by(IntentRow.sequence)
        )
        with self._store.read() as session:
            return tuple(map(intents.as_intent, session.scalars(query)))

    def listing(
        self,
        *,
        agency: AgencyCode | None = None,
        states: tuple[IntentState, ...] = (),
        dossier: DossierCode | None = None,
        after: ResultId | None = None,
        limit: int = 100,
    ) -> Page:
        """A page of entries, newest first; `after` is the last page's `next`."""
        with self._store.read() as session:
            return intents.listing(session, agency=agency, states=states, dossier=dossier, after=after, limit=limit)

    def attachments(self, id: ResultId) -> tuple[Intent, ...]:  # noqa: A002
        """What is attached to the result `id`, in whatever state, oldest first.

        Raises:
            NotRegistered: `not-registered`.
        """
        with self._store.read() as session:
            return intents.attachments(session, id)

    def deliveries(self, id: ResultId) -> tuple[Delivery, ...]:  # noqa: A002
        """Where the file went, in order."""
        with self._store.read() as session:
            return intents.deliveries(session, id)

    def unfinished(self) -> tuple[Intent, ...]:
        """What code can go on with, oldest first: RESERVED, PREPARED, SIGNED, and ISSUED but not delivered.

        An attachment whose main result waits for people is not here: it waits as well.
        """
        with self._store.read() as session:
            return intents.unfinished(session)

    def waiting(self, *, agency: AgencyCode | None = None, expired_at: datetime | None = None) -> tuple[Intent, ...]:
        """What waits for people, oldest first: AWAITING, APPROVED, and the unfinished attachments of such results.

        With `expired_at` only the AWAITING ones whose time was over by then.
        """
        with self._store.read() as session:
            return intents.waiting(session, agency=agency, expired_at=expired_at)
