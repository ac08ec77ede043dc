"""What a batch is made of: one document to issue, sign or release, and what a look at it says."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Protocol

from esign.archive import sha256
from esign.codes import DocumentNumber, ResultId
from esign.errors import DuplicateNumber, Error, InputError, RequestConflict, SigningError
from esign.issuance import Issuer
from esign.issued import Issued
from esign.profile import DuplicatePolicy
from esign.reasons import Reason
from esign.registry import Intent, IntentState, NextNumber, Registry
from esign.request import Given, Request

__all__ = ["Act", "Outlook", "Refused", "Released", "Requested", "Seen", "Task"]

Act = Callable[[Issuer], Issued]
"""Something that is done with an issuer, and is no request."""


class Outlook(Enum):
    """What a plan says of one task."""

    TO_DO = "to-do"
    """It will be done; perhaps a dead process began it."""
    DONE = "done"
    """The register has its document already."""
    OURS = "ours"
    """The file is itself one that this agency signed."""
    REFUSED = "refused"
    """It cannot be done, for the reasons that stand with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look at one task found."""

    outlook: Outlook
    """What will become of it."""
    reasons: tuple[Reason, ...] = ()
    """Why it is refused; else what will be let pass."""
    content: str = ""
    """SHA-256 of what was looked at, hex: what is done must be this."""
    intent: Intent | None = None
    """What the register has of it."""


class Task(Protocol):
    """One document to issue, sign or release."""

    @property
    def name(self) -> str:
        """What a person calls it: a path, a row of a sheet. It may hold personal data: for the screen only."""

    @property
    def unique(self) -> bool:
        """Whether a second task with the same content is a mistake."""

    def known(self, registry: Registry) -> Intent | None:
        """What the register has of it."""

    def look(self, issuer: Issuer, registry: Registry) -> Seen:
        """Examine it; touches no key and records nothing.

        Raises:
            Error: It is refused.
        """

    def work(self, *, content: str) -> Request | Act:
        """What there is to do, as often as one likes: done again it gives what was made before.

        Raises:
            InputError: `batch-changed`: it is something else than `content`, which `look` saw.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """A request: a file to sign, a row of a sheet, a copy, an attachment."""

    name: str
    """See `Task`."""
    request: Callable[[], Request] = field(repr=False)
    """Makes it: hundreds of files need not be in memory together."""

    @property
    def unique(self) -> bool:
        """A file may lie in two places; two equal results are a slip."""
        return self.request().metadata is not None

    def known(self, registry: Registry) -> Intent | None:
        """See `Task.known`."""
        return registry.by_key(self.request().idempotency_key)

    def look(self, issuer: Issuer, registry: Registry) -> Seen:
        """See `Task.look`."""
        request = self.request()
        content = request.sha256()
        if isinstance(request.content, Given) and request.metadata is None:
            own = registry.by_sha256(sha256(request.content.pdf))
            if own is not None:
                return Seen(outlook=Outlook.OURS, content=content, intent=own)
        known = registry.by_key(request.idempotency_key)
        if known is None:
            issuer.check(request)
            return Seen(outlook=Outlook.TO_DO, content=content)
        if known.request_digest != request.digest(known.profile):
            raise RequestConflict("request-conflict", id=str(known.id))
        if known.state is IntentState.VOID:
            raise SigningError("request-voided", why=known.void_reason or known.void_why)
        done = known.state is IntentState.ISSUED
        return Seen(outlook=Outlook.DONE if done else Outlook.TO_DO, content=content, intent=known)

    def work(self, *, content: str) -> Request:
        """See `Task.work`."""
        request = self.request()
        if request.sha256() != content:
            raise InputError("batch-changed")
        return request


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A result that its competent person has signed; the records clerk numbers, dates and seals it."""

    name: str
    """See `Task`."""
    id: ResultId
    """Which."""
    number: DocumentNumber | NextNumber | None = None
    """A number from a sheet; None takes the one that it has, or the next of its book."""
    issue_date: date | None = None
    """Its date, where it has none yet; None takes today."""
    duplicates: DuplicatePolicy = DuplicatePolicy.REFUSE
    """What the profile says of a number that is taken."""
    unique: bool = True
    """A result is released once."""

    def known(self, registry: Registry) -> Intent | None:
        """See `Task.known`."""
        return registry.get(self.id)

    def look(self, issuer: Issuer, registry: Registry) -> Seen:
        """See `Task.look`."""
        intent = registry.get(self.id)
        content = sha256(f"{intent.id} {intent.approved_sha256}".encode())
        if self.issue_date is not None and intent.number is not None and intent.issue_date != self.issue_date:
            raise SigningError("number-is-given", number=intent.number)
        if isinstance(self.number, DocumentNumber):
            self._check_number(self.number, intent, registry)
        if intent.state is IntentState.ISSUED:
            return Seen(outlook=Outlook.DONE, content=content, intent=intent)
        notices = issuer.check_release(intent.id)
        return Seen(outlook=Outlook.TO_DO, reasons=notices, content=content, intent=intent)

    def _check_number(self, number: DocumentNumber, intent: Intent, registry: Registry) -> None:
        if intent.number is not None:
            if intent.number != number:
                raise SigningError("number-is-given", number=intent.number)
            return
        if self.duplicates is DuplicatePolicy.WARN:
            return
        year = (self.issue_date or intent.issue_date).year
        others = [i for i in registry.find(number, agency=intent.agency, year=year) if i.id != intent.id]
        if others:
            facts = {"number": str(number), "agency": str(intent.agency), "year": year, "other": str(others[0].id)}
            raise DuplicateNumber("number-taken", **facts)

    def work(self, *, content: str) -> Act:  # noqa: ARG002 - the register holds what was looked at
        """See `Task.work`."""
        return lambda issuer: issuer.release(self.id, number=self.number, issue_date=self.issue_date)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Something that is no task at all: a row that cannot be read, a file that nobody asked for."""

    name: str
    """See `Task`."""
    error: Error
    """Why."""
    unique: bool = False
    """Nothing follows from it."""

    def known(self, registry: Registry) -> Intent | None:  # noqa: ARG002 - as a task
        """Nothing."""
        return None

    def look(self, issuer: Issuer, registry: Registry) -> Seen:  # noqa: ARG002 - as a task
        """Always raises."""
        raise self.error

    def work(self, *, content: str) -> Act:  # noqa: ARG002 - as a task
        """Always raises."""
        raise self.error
