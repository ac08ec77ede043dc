"""The register as the workflows see it: one object over one database."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import select

from esign.codes import AgencyCode, DocumentNumber, DossierCode, ResultId
from esign.document import StandingChange
from esign.errors import RegistryError, RequestInFlight
from esign.profile import DuplicatePolicy
from esign.reasons import Reason
from esign.registry import books, intents, numbering, presentations, standing, status, versions
from esign.registry.access import AccessKeys
from esign.registry.approvals import Approvals
from esign.registry.audit_log import AuditLog
from esign.registry.batches import Batches
from esign.registry.endpoints import Endpoints
from esign.registry.lookups import Lookups
from esign.registry.models import IntentRow
from esign.registry.opening import open_store, open_store_to_read
from esign.registry.outbox import Outbox
from esign.registry.recovery import Recovery
from esign.registry.requests import RequestKey, Requests, done, mark_done
from esign.registry.store import Store
from esign.registry.tasks import Tasks
from esign.registry.values import (
    Book,
    CurrentStanding,
    Delivery,
    FileVersion,
    Intent,
    IntentState,
    NewIntent,
    NextNumber,
    Page,
    Presentation,
    Registration,
    Shard,
    ShardStatus,
    StandingEntry,
)
from esign.registry.workers import Workers

__all__ = ["Registry"]


class Registry:
    """What was issued, its standing, and the intents before it.

    Safe to use from several threads; several processes of one host may open the same file, and those of several hosts
    the same database on a server. A call that returns has made its change durable; a call that raises has changed
    nothing, but for `registry-unreachable`: then the answer may have been lost on its way.
    """

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self.audit = AuditLog(store, now=now)
        """The audit chain."""
        self.access = AccessKeys(store, now=now)
        """The keys of access."""
        self.approvals = Approvals(store, now=now)
        """What a second person decided, where the profile asks for four eyes."""

    @classmethod
    def open(cls, place: Path | str, *, now: Callable[[], datetime]) -> Self:
        """The register in a file, or at a `postgresql://` URL, made or migrated where that is needed.

        `now` gives aware times.

        Raises:
            RegistryError: `registry-foreign`, `registry-newer`, `registry-damaged`, `registry-busy` or
                `registry-not-writable`; for a file `registry-network`; for a URL `registry-url-invalid`,
                `registry-url-secret`, `registry-driver-missing`, `registry-unreachable` or `registry-login-refused`.
        """
        return cls(open_store(place), now=now)

    @classmethod
    def open_to_read(cls, place: Path | str, *, now: Callable[[], datetime]) -> Self:
        """The register at `place` for reading alone, also where nothing can be written; writing to it fails.

        Raises:
            RegistryError: as `open`; `registry-older`: `open` migrates it.
        """
        return cls(open_store_to_read(place), now=now)

    def close(self) -> None:
        """Give the connections back."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def place(self) -> Path | str:
        """Where it is: its file, or its URL."""
        return self._store.place

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._store.name

    # --- what workers do -------------------------------------------------------------------------------------------

    def wait_for_work(self, timeout: timedelta) -> bool:
        """Sleep until work was left for workers, or `timeout` is over; whether there may be some.

        On a server work of other hosts is heard of too; otherwise, and where a wake-up is lost, it is found by looking.
        """
        return self._store.wait_for_work(timeout)

    @cached_property
    def tasks(self) -> Tasks:
        """What is left to go on with, and what failed."""
        return Tasks(self._store, now=self._now)

    @cached_property
    def workers(self) -> Workers:
        """Who works."""
        return Workers(self._store, now=self._now)

    @cached_property
    def batches(self) -> Batches:
        """Many results under one authorisation."""
        return Batches(self._store, now=self._now)

    @cached_property
    def endpoints(self) -> Endpoints:
        """Who is told of what happens."""
        return Endpoints(self._store, now=self._now)

    @cached_property
    def outbox(self) -> Outbox:
        """What is on its way to them."""
        return Outbox(self._store, now=self._now)

    # --- what is asked once ----------------------------------------------------------------------------------------

    @cached_property
    def requests(self) -> Requests:
        """What was answered to requests that may be repeated."""
        return Requests(self._store, now=self._now)

    # --- what the public may learn ---------------------------------------------------------------------------------

    @cached_property
    def lookups(self) -> Lookups:
        """Many look-ups at a time."""
        return Lookups(self._store)

    # --- intents ---------------------------------------------------------------------------------------------------

    def together(self) -> AbstractContextManager[None]:
        """Many changes as one: what this thread records inside is all durable when the block is left, or none of it.

        >>> with registry.together():
        ...     intents = [registry.reserve(new) for new in group]
        """
        return self._store.together()

    def reserve(self, new: NewIntent) -> Intent:
        """Record `new` before anything is made; a known idempotency key gives what was recorded for it.

        What comes back may be in any state, VOID included: the caller decides what a retry of that means.

        Raises:
            RequestConflict: `request-conflict`: this key stands for another request.
            DuplicateNumber: `number-taken`.
            NotRegistered: `not-registered`: there is no such main result to attach it to.
            RegistryError: `main-unfit`: that is void, of another agency, or no result.
            InputError: `idempotency-key-invalid`, `digest-invalid`, `number-year-differs`, and an `intent-…` code
                where number, numbering, main result and kind do not fit each other.
        """
        with self._store.write() as session:
            return intents.reserve(session, new, at=self._now())

    def claim(self, id: ResultId) -> AbstractContextManager[None]:  # noqa: A002  # the register's word
        """Work on the intent `id` alone; freed by the system if the process dies, or its host.

        On a server a claim can be lost with the connection while its holder goes on; then two may work on one intent.
        Each step is still taken once, and what was stored first stays; `still_claimed` spares the rest.

        Raises:
            RequestInFlight: `request-in-flight`.
        """
        return self._store.claim(id)

    def still_claimed(self, id: ResultId) -> None:  # noqa: A002
        """Make sure, inside `claim`, that it holds: before what cannot be undone, such as a signature.

        Raises:
            RequestInFlight: `claim-lost`: somebody else may be at work by now.
        """
        if not self._store.still_claims(id):
            raise RequestInFlight("claim-lost", id=str(id))

    def awaiting(
        self,
        id: ResultId,  # noqa: A002
        *,
        prepared_sha256: str,
        to_be_signed_sha256: str,
        signing_time: datetime,
        expires: datetime,
    ) -> Intent:
        """RESERVED → AWAITING: the bytes that the competent person is to sign are fixed and stored.

        Whether a signature that comes after `expires` is still taken is the workflow's to decide: a signature that
        came in time may be recorded late, after a crash.

        Raises:
            RegistryError: `intent-state`: somebody else was faster. The same holds for the steps below.
        """
        values = {
            "awaiting_at": self._now(),
            "person_prepared_sha256": prepared_sha256,
            "person_to_be_signed_sha256": to_be_signed_sha256,
            "person_signing_time": signing_time,
            "expires_at": expires,
        }
        with self._store.write() as session:
            return intents.step(session, id, expected=(IntentState.RESERVED,), to=IntentState.AWAITING, values=values)

    def approved(self, id: ResultId, *, sha256: str) -> Intent:  # noqa: A002
        """AWAITING → APPROVED: the file with the person's signature is stored; or RESERVED → APPROVED, if adopted."""
        values = {"approved_at": self._now(), "approved_sha256": sha256}
        expected = (IntentState.AWAITING, IntentState.RESERVED)
        with self._store.write() as session:
            return intents.step(session, id, expected=expected, to=IntentState.APPROVED, values=values)

    def assign_number(
        self,
        id: ResultId,  # noqa: A002
        number: DocumentNumber | NextNumber,
        *,
        issue_date: date,
        duplicates: DuplicatePolicy = DuplicatePolicy.REFUSE,
    ) -> Intent:
        """Number and date an APPROVED result that was recorded AT_RELEASE, once.

        The same call again gives the same number. The year is the register's only as the book's: that a page which
        prints the year beforehand gets a date of that year is for the workflow to see to.

        Raises:
            RegistryError: `intent-state`, `numbering-reserved`, or `number-assigned`: it has another.
            DuplicateNumber: `number-taken`.
            InputError: `document-symbol-invalid`, `number-year-differs`.
        """
        with self._store.write() as session:
            return numbering.assign_number(
                session, id, number, issue_date=issue_date, duplicates=duplicates, at=self._now()
            )

    def prepared(
        self,
        id: ResultId,  # noqa: A002
        *,
        prepared_sha256: str,
        to_be_signed_sha256: str | None,
        signing_time: datetime,
    ) -> Intent:
        """RESERVED or APPROVED → PREPARED: the bytes that the agency signs are fixed and stored.

        Raises:
            RegistryError: `intent-state`, also where the person has not signed; `intent-not-numbered`;
                `main-not-numbered`.
        """
        values = {
            "prepared_at": self._now(),
            "prepared_sha256": prepared_sha256,
            "to_be_signed_sha256": to_be_signed_sha256,
            "signing_time": signing_time,
        }
        with self._store.write() as session:
            return intents.prepare(session, id, values)

    def signed(self, id: ResultId, *, sha256: str) -> Intent:  # noqa: A002
        """PREPARED → SIGNED: the signed bytes are stored."""
        values = {"signed_at": self._now(), "signed_sha256": sha256}
        with self._store.write() as session:
            return intents.step(session, id, expected=(IntentState.PREPARED,), to=IntentState.SIGNED, values=values)

    def issued(self, id: ResultId, registration: Registration) -> Intent:  # noqa: A002
        """SIGNED → ISSUED: when this returns, the file may be handed out.

        Raises:
            RegistryError: `file-already-registered`; `registration-signers`; `main-not-issued`: an attachment is not
                handed out before its main result.
        """
        with self._store.write() as session:
            return intents.issue(session, id, registration, at=self._now())

    def handed_over(self, id: ResultId, *, at: datetime, where: str) -> None:  # noqa: A002
        """Record that the file of an ISSUED intent reached `where`."""
        with self._store.write() as session:
            intents.deliver(session, id, at=at, where=where)

    def delivered(self, id: ResultId, *, at: datetime, where: str) -> Intent:  # noqa: A002
        """The same, and what is known of it then."""
        with self._store.write() as session:
            intents.deliver(session, id, at=at, where=where)
            return intents.as_intent(intents.row(session, id))

    def void(self, id: ResultId, *, reason: Reason, why: str = "") -> Intent:  # noqa: A002
        """Give up an intent that was not ISSUED, with its attachments; its number is never used again."""
        with self._store.write() as session:
            return intents.void(session, id, reason=reason, why=why, at=self._now())

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

    # --- what a file becomes after it was issued -------------------------------------------------------------------

    def upgraded(self, id: ResultId, version: FileVersion, *, after: str | None = None) -> Intent:  # noqa: A002
        """Register what the file of an ISSUED entry became by appending; its earlier digests stay known.

        `after` is the digest of the version that it was made from. When this returns, the version may be handed out.
        A level that was promised and is reached is done.

        Raises:
            RegistryError: `intent-state`, `file-already-registered`, `version-not-longer`, or `version-overtaken`:
                somebody else was faster, and this version does not begin with theirs.
        """
        with self._store.write() as session:
            versions.add(session, intents.row(session, id), version, at=self._now(), after=after)
            return intents.as_intent(intents.row(session, id))

    def upgrade_failed(self, id: ResultId, problem: Reason) -> Intent:  # noqa: A002
        """Record that a promised level was tried in vain."""
        with self._store.write() as session:
            versions.failed(session, id, problem, at=self._now())
            return intents.as_intent(intents.row(session, id))

    def upgrades(self, *, due_by: datetime | None = None, limit: int | None = None) -> tuple[Intent, ...]:
        """Entries whose promised level is not reached, the most urgent first; with `due_by` only those due by then."""
        with self._store.read() as session:
            return tuple(map(intents.as_intent, versions.upgrades(session, due_by=due_by, limit=limit)))

    def undelivered_versions(self) -> tuple[Intent, ...]:
        """Entries whose newest version did not reach its receiver yet, oldest first."""
        with self._store.read() as session:
            return tuple(map(intents.as_intent, versions.undelivered(session)))

    # --- looking up ------------------------------------------------------------------------------------------------

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

    # --- number books ----------------------------------------------------------------------------------------------

    def open_book(self, agency: AgencyCode, *, year: int, symbol: str, first: int, with_year: bool = False) -> None:
        """Let a book begin at `first`, because earlier numbers were given elsewhere.

        Raises:
            RegistryError: `book-in-use`.
        """
        DocumentNumber(first, year if with_year else None, symbol)
        with self._store.write() as session:
            books.open_book(session, (str(agency), year, symbol, with_year), first=first)

    def last_number(self, agency: AgencyCode, *, year: int, symbol: str, with_year: bool = False) -> int:
        """The last number that a book gave; the next one is probably the next that it gives."""
        with self._store.read() as session:
            return books.last_number(session, (str(agency), year, symbol, with_year))

    def book(self, agency: AgencyCode, *, year: int, symbol: str, with_year: bool = False) -> Book:
        """A number book in order; its `gaps` carry their reasons."""
        with self._store.read() as session:
            return books.book(session, (str(agency), year, symbol, with_year))

    # --- standing --------------------------------------------------------------------------------------------------

    def change(self, id: ResultId, change: StandingChange, *, once: RequestKey | None = None) -> CurrentStanding:  # noqa: A002
        """Add a change to the standing of an ISSUED entry; nothing is ever taken away.

        The attachments of a result follow it and have no changes of their own. For a request `once` that `requests`
        knows, it is done one time, however often that is repeated.

        Raises:
            RegistryError: a `standing-…` code that says which rule is broken.
        """
        with self._store.write() as session:
            if once is not None and done(session, once):
                return standing.standing(session, id, at=self._now())
            now = standing.change(session, id, change, recorded_at=self._now())
            if once is not None:
                mark_done(session, once, at=self._now())
            return now

    def standing(self, id: ResultId, *, at: datetime) -> CurrentStanding:  # noqa: A002
        """The standing at the moment `at`.

        Raises:
            NotRegistered: `not-registered`.
            RegistryError: `standing-not-issued` or `standing-not-issued-then`.
        """
        with self._store.read() as session:
            return standing.standing(session, id, at=at)

    def history(self, id: ResultId) -> tuple[StandingEntry, ...]:  # noqa: A002
        """Every change, oldest first; an attachment's are those of its main result."""
        with self._store.read() as session:
            return standing.history(session, id)

    # --- status lists ----------------------------------------------------------------------------------------------

    def shards(self) -> tuple[Shard, ...]:
        """Every shard of the status lists that has documents, by number."""
        with self._store.read() as session:
            return status.shards(session)

    def statuses(self, shard: int) -> tuple[ShardStatus, ...]:
        """The documents of a shard that stand otherwise than they began, or once did, by index."""
        with self._store.read() as session:
            return status.statuses(session, shard)

    # --- presentations ---------------------------------------------------------------------------------------------

    def present(self, id: ResultId, *, lifetime: timedelta = timedelta(seconds=30)) -> Presentation:  # noqa: A002
        """A code that shows the issued result `id` once, until it expires.

        Raises:
            NotRegistered: `not-registered`.
            RegistryError: `presentation-not-issued`.
        """
        with self._store.write() as session:
            return presentations.present(session, id, at=self._now(), lifetime=lifetime)

    def redeem(self, digits: str) -> ResultId:
        """Which result a code shows; it is used up thereby.

        Raises:
            RegistryError: `presentation-unknown`, `presentation-expired` or `presentation-used`.
        """
        with self._store.write() as session:
            found = presentations.redeem(session, digits, at=self._now())
        if isinstance(found, RegistryError):
            raise found
        return found

    @cached_property
    def recovery(self) -> Recovery:
        """For a register that was restored from a backup."""
        return Recovery(self._store, now=self._now)

    # --- health ----------------------------------------------------------------------------------------------------

    def reachable(self) -> None:
        """Find out whether the register could be written to now; nothing is.

        Raises:
            RegistryError: Why it cannot.
        """
        with self._store.write() as session:
            session.execute(select(1))

    def check(self) -> None:
        """Read the whole database and compare it with itself; slow, for `esign doctor`.

        Raises:
            RegistryError: `registry-damaged`.
        """
        self._store.check()
