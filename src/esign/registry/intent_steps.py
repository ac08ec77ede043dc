"""The steps of one intent, as the workflows take them: `Many` with one."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from functools import cached_property

from esign.codes import DocumentNumber, ResultId
from esign.errors import RequestInFlight
from esign.profile import DuplicatePolicy
from esign.reasons import Reason
from esign.registry import intents, numbering, steps
from esign.registry.many import Fixation, Many
from esign.registry.registration import Registration
from esign.registry.store import Store
from esign.registry.values import Intent, NewIntent, NextNumber

__all__ = ["IntentSteps"]


class IntentSteps:
    """What `esign.registry.Registry` records of an intent."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    @cached_property
    def many(self) -> Many:
        """The same steps for many intents at a time."""
        return Many(self._store, now=self._now)

    def salt(self, intent: Intent) -> bytes:
        """16 bytes for the seal of `intent`; a recovery reads in them whose request it was."""
        return self.many.recovered.salt(intent)

    def together(self) -> AbstractContextManager[None]:
        """Many changes as one: what this thread records inside is all durable when the block is left, or none of it.

        >>> with registry.together():
        ...     signed = registry.many.signed(stored)
        ...     issued = registry.many.issued(list(zip(signed, facts, strict=True)))
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
        return self.many.reserve([new])[0]

    @contextmanager
    def claim(self, id: ResultId) -> Iterator[None]:  # noqa: A002  # the register's word
        """Work on the intent `id` alone; freed by the system if the process dies, or its host.

        On a server a claim can be lost with the connection while its holder goes on; then two may work on one intent.
        Each step is still taken once, and what was stored first stays; `still_claimed` spares the rest.

        Raises:
            RequestInFlight: `request-in-flight`.
        """
        with self.claim_all([id]) as claimed:
            if not claimed:
                raise RequestInFlight("request-in-flight", id=str(id))
            yield

    def claim_all(self, ids: Sequence[ResultId]) -> AbstractContextManager[frozenset[ResultId]]:
        """`claim` those of `ids` that nobody else works on; which they are."""
        return self._store.claim(ids)

    def still_claimed(self, id: ResultId) -> None:  # noqa: A002
        """Make sure, inside `claim`, that it holds: before what cannot be undone, such as a signature.

        Raises:
            RequestInFlight: `claim-lost`: somebody else may be at work by now.
        """
        if not self.all_still_claimed([id]):
            raise RequestInFlight("claim-lost", id=str(id))

    def all_still_claimed(self, ids: Sequence[ResultId]) -> frozenset[ResultId]:
        """Those of `ids` whose claim holds."""
        return self._store.still_claims(ids)

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
        fixation = Fixation(
            prepared_sha256=prepared_sha256, to_be_signed_sha256=to_be_signed_sha256, signing_time=signing_time
        )
        with self.together():
            return self.many.awaiting([(self._one(id), fixation)], expires=[expires])[0]

    def approved(self, id: ResultId, *, sha256: str) -> Intent:  # noqa: A002
        """AWAITING → APPROVED: the file with the person's signature is stored; or RESERVED → APPROVED, if adopted."""
        with self.together():
            return self.many.approved([(self._one(id), sha256)])[0]

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
        fixation = Fixation(
            prepared_sha256=prepared_sha256, to_be_signed_sha256=to_be_signed_sha256, signing_time=signing_time
        )
        with self.together():
            return self.many.prepared([(self._one(id), fixation)])[0]

    def signed(self, id: ResultId, *, sha256: str) -> Intent:  # noqa: A002
        """PREPARED → SIGNED: the signed bytes are stored."""
        with self.together():
            return self.many.signed([(self._one(id), sha256)])[0]

    def issued(self, id: ResultId, registration: Registration) -> Intent:  # noqa: A002
        """SIGNED → ISSUED: when this returns, the file may be handed out.

        Raises:
            RegistryError: `file-already-registered`; `registration-signers`; `main-not-issued`: an attachment is not
                handed out before its main result.
        """
        with self.together():
            return self.many.issued([(self._one(id), registration)])[0]

    def delivered(self, id: ResultId, *, at: datetime, where: str) -> Intent:  # noqa: A002
        """Record that the file of an ISSUED intent reached `where`; what is known of it then."""
        with self.together():
            self.many.delivered({id: where}, at=at)
            return self._one(id)

    def void(self, id: ResultId, *, reason: Reason, why: str = "") -> Intent:  # noqa: A002
        """Give up an intent that was not ISSUED, with its attachments; its number is never used again."""
        with self._store.write() as session:
            return steps.void(session, id, reason=reason, why=why, at=self._now())

    def _one(self, id: ResultId) -> Intent:  # noqa: A002
        with self._store.read() as session:
            return intents.one(session, id)
