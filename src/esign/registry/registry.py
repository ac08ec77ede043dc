"""The register as the workflows see it: one object over one database."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sqlalchemy import select

from esign.codes import AgencyCode, DocumentNumber, ResultId
from esign.document import StandingChange
from esign.errors import RegistryError
from esign.reasons import Reason
from esign.registry import books, intents, versions
from esign.registry.audit_log import AuditLog
from esign.registry.finding import Finding
from esign.registry.intent_steps import IntentSteps
from esign.registry.opening import open_store, open_store_to_read
from esign.registry.registration import FileVersion
from esign.registry.store import Store
from esign.registry.values import Intent

if TYPE_CHECKING:  # whoever issues asks for none of them, and each command would wait for all
    from esign.registry.access import AccessKeys
    from esign.registry.approvals import Approvals
    from esign.registry.batches import Batches
    from esign.registry.book_listing import Book
    from esign.registry.endpoints import Endpoints
    from esign.registry.lookups import Lookups
    from esign.registry.outbox import Outbox
    from esign.registry.presentations import Presentation
    from esign.registry.recovery import Recovery
    from esign.registry.requests import RequestKey, Requests
    from esign.registry.shards import Shard, ShardStatus
    from esign.registry.standing import CurrentStanding, StandingEntry
    from esign.registry.tasks import Tasks
    from esign.registry.workers import Workers

__all__ = ["Registry"]


class Registry(IntentSteps, Finding):
    """What was issued, its standing, and the intents before it.

    Safe to use from several threads; several processes of one host may open the same file, and those of several hosts
    the same database on a server. A call that returns has made its change durable; a call that raises has changed
    nothing, but for `registry-unreachable`: then the answer may have been lost on its way.
    """

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        super().__init__(store, now=now)
        self.audit = AuditLog(store, now=now)
        """The audit chain."""

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

    # --- who may do what -------------------------------------------------------------------------------------------

    @cached_property
    def access(self) -> "AccessKeys":
        """The keys of access."""
        from esign.registry.access import AccessKeys

        return AccessKeys(self._store, now=self._now)

    @cached_property
    def approvals(self) -> "Approvals":
        """What a second person decided, where the profile asks for four eyes."""
        from esign.registry.approvals import Approvals

        return Approvals(self._store, now=self._now)

    # --- what workers do -------------------------------------------------------------------------------------------

    def wait_for_work(self, timeout: timedelta) -> bool:
        """Sleep until work was left for workers, or `timeout` is over; whether there may be some.

        On a server work of other hosts is heard of too; otherwise, and where a wake-up is lost, it is found by looking.
        """
        return self._store.wait_for_work(timeout)

    @cached_property
    def tasks(self) -> "Tasks":
        """What is left to go on with, and what failed."""
        from esign.registry.tasks import Tasks

        return Tasks(self._store, now=self._now)

    @cached_property
    def workers(self) -> "Workers":
        """Who works."""
        from esign.registry.workers import Workers

        return Workers(self._store, now=self._now)

    @cached_property
    def batches(self) -> "Batches":
        """Many results under one authorisation."""
        from esign.registry.batches import Batches

        return Batches(self._store, now=self._now)

    @cached_property
    def endpoints(self) -> "Endpoints":
        """Who is told of what happens."""
        from esign.registry.endpoints import Endpoints

        return Endpoints(self._store, now=self._now)

    @cached_property
    def outbox(self) -> "Outbox":
        """What is on its way to them."""
        from esign.registry.outbox import Outbox

        return Outbox(self._store, now=self._now)

    # --- what is asked once ----------------------------------------------------------------------------------------

    @cached_property
    def requests(self) -> "Requests":
        """What was answered to requests that may be repeated."""
        from esign.registry.requests import Requests

        return Requests(self._store, now=self._now)

    # --- what the public may learn ---------------------------------------------------------------------------------

    @cached_property
    def lookups(self) -> "Lookups":
        """Many look-ups at a time."""
        from esign.registry.lookups import Lookups

        return Lookups(self._store)

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

    def book(self, agency: AgencyCode, *, year: int, symbol: str, with_year: bool = False) -> "Book":
        """A number book in order; its `gaps` carry their reasons."""
        from esign.registry.book_listing import book

        with self._store.read() as session:
            return book(session, (str(agency), year, symbol, with_year))

    # --- standing --------------------------------------------------------------------------------------------------

    def change(self, id: ResultId, change: StandingChange, *, once: "RequestKey | None" = None) -> "CurrentStanding":  # noqa: A002
        """Add a change to the standing of an ISSUED entry; nothing is ever taken away.

        The attachments of a result follow it and have no changes of their own. For a request `once` that `requests`
        knows, it is done one time, however often that is repeated.

        Raises:
            RegistryError: a `standing-…` code that says which rule is broken.
        """
        from esign.registry import standing
        from esign.registry.requests import done, mark_done

        with self._store.write() as session:
            if once is not None and done(session, once):
                return standing.standing(session, id, at=self._now())
            now = standing.change(session, id, change, recorded_at=self._now())
            if once is not None:
                mark_done(session, once, at=self._now())
            return now

    def standing(self, id: ResultId, *, at: datetime) -> "CurrentStanding":  # noqa: A002
        """The standing at the moment `at`.

        Raises:
            NotRegistered: `not-registered`.
            RegistryError: `standing-not-issued` or `standing-not-issued-then`.
        """
        from esign.registry import standing

        with self._store.read() as session:
            return standing.standing(session, id, at=at)

    def history(self, id: ResultId) -> "tuple[StandingEntry, ...]":  # noqa: A002
        """Every change, oldest first; an attachment's are those of its main result."""
        from esign.registry import standing

        with self._store.read() as session:
            return standing.history(session, id)

    # --- status lists ----------------------------------------------------------------------------------------------

    def shards(self) -> "tuple[Shard, ...]":
        """Every shard of the status lists that has documents, by number."""
        from esign.registry import shards

        with self._store.read() as session:
            return shards.shards(session)

    def statuses(self, shard: int) -> "tuple[ShardStatus, ...]":
        """The documents of a shard that stand otherwise than they began, or once did, by index."""
        from esign.registry import shards

        with self._store.read() as session:
            return shards.statuses(session, shard)

    # --- presentations ---------------------------------------------------------------------------------------------

    def present(self, id: ResultId, *, lifetime: timedelta = timedelta(seconds=30)) -> "Presentation":  # noqa: A002
        """A code that shows the issued result `id` once, until it expires.

        Raises:
            NotRegistered: `not-registered`.
            RegistryError: `presentation-not-issued`.
        """
        from esign.registry import presentations

        with self._store.write() as session:
            return presentations.present(session, id, at=self._now(), lifetime=lifetime)

    def redeem(self, digits: str) -> ResultId:
        """Which result a code shows; it is used up thereby.

        Raises:
            RegistryError: `presentation-unknown`, `presentation-expired` or `presentation-used`.
        """
        from esign.registry import presentations

        with self._store.write() as session:
            found = presentations.redeem(session, digits, at=self._now())
        if isinstance(found, RegistryError):
            raise found
        return found

    @cached_property
    def recovery(self) -> "Recovery":
        """For a register that was restored from a backup."""
        from esign.registry.recovery import Recovery

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
