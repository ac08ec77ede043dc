"""The steps of intents as many take them together: what `Registry` does for one, with the statements of one.

Each call is one transaction, unless it stands in `Registry.together`: all of them are durable when it returns, or none
is. Intents are given as they were last seen; whoever was faster with one of them undoes the call (`intent-state`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from esign.codes import DocumentNumber, ResultId
from esign.profile import DuplicatePolicy
from esign.registry import issuing, numbering, reserving, steps
from esign.registry.audit import Actor
from esign.registry.books import Wanted
from esign.registry.recovered import RecoveredRequests
from esign.registry.registration import Registration
from esign.registry.steps import Change
from esign.registry.store import Store
from esign.registry.values import Intent, IntentState, NewIntent, NextNumber

__all__ = ["Fixation", "Many"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixation:
    """The bytes that somebody is to sign, as the register knows them."""

    prepared_sha256: str
    """Of the file with the empty signature, hexadecimal."""
    to_be_signed_sha256: str | None
    """Of the CMS signed attributes, hexadecimal; None where nobody knows them any more."""
    signing_time: datetime
    """The claimed time inside them."""


class Many:
    """The steps of many intents; `by` says who takes each, in the same order, where it is not whoever acts here."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self.recovered = RecoveredRequests(store, now=now)
        """What was registered by a recovery, and belongs to somebody's request."""

    def reserve(self, asked: Sequence[NewIntent], *, by: Sequence[Actor] = ()) -> list[Intent]:
        """As `Registry.reserve`; numbers are given in this order."""
        with self._store.write() as session:
            self.recovered.give_back(session, asked)
            return reserving.reserve(session, asked, at=self._now(), by=by)

    def awaiting(
        self, fixed: Sequence[tuple[Intent, Fixation]], *, expires: Sequence[datetime], by: Sequence[Actor] = ()
    ) -> list[Intent]:
        """As `Registry.awaiting`."""
        at = self._now()
        changes = [
            {
                "awaiting_at": at,
                "person_prepared_sha256": fixation.prepared_sha256,
                "person_to_be_signed_sha256": fixation.to_be_signed_sha256,
                "person_signing_time": fixation.signing_time,
                "expires_at": until,
            }
            for (_, fixation), until in zip(fixed, expires, strict=True)
        ]
        return self._take([i for i, _ in fixed], changes, (IntentState.RESERVED,), IntentState.AWAITING, by)

    def approved(self, signed: Sequence[tuple[Intent, str]], *, by: Sequence[Actor] = ()) -> list[Intent]:
        """As `Registry.approved`; each with the SHA-256 of its file."""
        at = self._now()
        changes = [{"approved_at": at, "approved_sha256": sha256} for _, sha256 in signed]
        expected = (IntentState.AWAITING, IntentState.RESERVED)
        return self._take([i for i, _ in signed], changes, expected, IntentState.APPROVED, by)

    def numbered(
        self,
        wanted: Sequence[tuple[Intent, DocumentNumber | NextNumber, date]],
        *,
        duplicates: DuplicatePolicy,
        by: Sequence[Actor] = (),
    ) -> list[Intent]:
        """As `Registry.assign_number`, for intents that have no number yet."""
        asked = [
            (i, Wanted(id=i.id, agency=str(i.agency), number=number, issue_date=day, duplicates=duplicates))
            for i, number, day in wanted
        ]
        with self._store.write() as session:
            return numbering.assign_numbers(session, asked, at=self._now(), by=by)

    def prepared(self, fixed: Sequence[tuple[Intent, Fixation]], *, by: Sequence[Actor] = ()) -> list[Intent]:
        """As `Registry.prepared`."""
        at = self._now()
        changes = [
            {
                "prepared_at": at,
                "prepared_sha256": fixation.prepared_sha256,
                "to_be_signed_sha256": fixation.to_be_signed_sha256,
                "signing_time": fixation.signing_time,
            }
            for _, fixation in fixed
        ]
        with self._store.write() as session:
            return steps.prepare(session, _changes([i for i, _ in fixed], changes, by))

    def signed(self, stored: Sequence[tuple[Intent, str]], *, by: Sequence[Actor] = ()) -> list[Intent]:
        """As `Registry.signed`; each with the SHA-256 of its file."""
        at = self._now()
        changes = [{"signed_at": at, "signed_sha256": sha256} for _, sha256 in stored]
        return self._take([i for i, _ in stored], changes, (IntentState.PREPARED,), IntentState.SIGNED, by)

    def issued(self, signed: Sequence[tuple[Intent, Registration]], *, by: Sequence[Actor] = ()) -> list[Intent]:
        """As `Registry.issued`."""
        with self._store.write() as session:
            return issuing.issue(session, signed, at=self._now(), by=by)

    def delivered(
        self, places: Mapping[ResultId, str], *, at: datetime, by: Mapping[ResultId, Actor] | None = None
    ) -> None:
        """As `Registry.delivered`, each to its place."""
        with self._store.write() as session:
            steps.deliver(session, places, at=at, by=by)

    def _take(
        self,
        intents: Sequence[Intent],
        columns: Sequence[Mapping[str, object]],
        expected: tuple[IntentState, ...],
        to: IntentState,
        by: Sequence[Actor],
    ) -> list[Intent]:
        with self._store.write() as session:
            return steps.take(session, _changes(intents, columns, by), expected=expected, to=to)


def _changes(
    intents: Sequence[Intent], columns: Sequence[Mapping[str, object]], by: Sequence[Actor | None]
) -> list[Change]:
    return [
        Change(intent=intent, columns=values, by=who)
        for intent, values, who in zip(intents, columns, by or [None] * len(intents), strict=True)
    ]
