"""Many documents under one authorisation: a plan that people confirm, then each document exactly once.

    look       every task is examined without a key: to do, done before, or refused with its reasons
    confirm    a person sees the plan; what is refused is refused before anybody types a PIN
    run        one task after the other, a row for each as it finishes

A task is known by its content, so a run that was killed is simply started again: what the register has is not made a
second time, and what was left half done is finished (`Issuer` goes on from where it stopped).

>>> batch = plan([Requested(name="a.pdf", request=ask), ...], issuer=keyless, registry=registry)
>>> rows = [row for row in run(batch, issuer, keep=write)]
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum
from typing import Protocol

from esign.archive import sha256
from esign.codes import DocumentNumber, ResultId
from esign.errors import (
    DuplicateNumber,
    Error,
    InputError,
    KeyStoreError,
    PreflightError,
    RequestConflict,
    SigningError,
    TimestampError,
)
from esign.issuance import Issued, Issuer
from esign.profile import DuplicatePolicy
from esign.reasons import Reason
from esign.registry import Intent, IntentState, NextNumber, Registry
from esign.request import Given, Request

__all__ = [
    "Entry",
    "Outcome",
    "Outlook",
    "Plan",
    "Refused",
    "Released",
    "Requested",
    "Row",
    "Seen",
    "Task",
    "findings",
    "plan",
    "run",
]


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


class Outcome(Enum):
    """What became of one task."""

    ISSUED = "issued"
    """Done now."""
    KNOWN = "known"
    """Done before."""
    OURS = "ours"
    """A signed file of ours: left alone."""
    REFUSED = "refused"
    """The plan said so."""
    FAILED = "failed"
    """It did not work."""
    LEFT = "left"
    """Not reached: somebody stopped the run, or the token or the disk did."""


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

    def do(self, issuer: Issuer, *, content: str) -> Issued:
        """Do it, or give what was done before; `content` is what `look` saw.

        Raises:
            InputError: `batch-changed`: it is something else now.
            Error: As `Issuer.issue` or `Issuer.release`.
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
        content = _content(request)
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

    def do(self, issuer: Issuer, *, content: str) -> Issued:
        """See `Task.do`."""
        request = self.request()
        if _content(request) != content:
            raise InputError("batch-changed")
        return issuer.issue(request)


def _content(request: Request) -> str:
    return sha256(request.to_bytes())


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

    def do(self, issuer: Issuer, *, content: str) -> Issued:  # noqa: ARG002 - the register holds what was looked at
        """See `Task.do`."""
        return issuer.release(self.id, number=self.number, issue_date=self.issue_date)


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

    def do(self, issuer: Issuer, *, content: str) -> Issued:  # noqa: ARG002 - as a task
        """Always raises."""
        raise self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One task of a plan."""

    position: int
    """From 1, in the order in which they were given."""
    task: Task
    """The task."""
    seen: Seen
    """What a look at it found."""
    error: Error | None = None
    """Why it is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do."""

    entries: tuple[Entry, ...]
    """Every task, in order."""

    def count(self, outlook: Outlook) -> int:
        """How many look so."""
        return sum(e.seen.outlook is outlook for e in self.entries)

    @property
    def refused(self) -> tuple[Entry, ...]:
        """What cannot be done."""
        return tuple(e for e in self.entries if e.seen.outlook is Outlook.REFUSED)

    @property
    def needs_key(self) -> bool:
        """Whether anything is left to sign."""
        return self.count(Outlook.TO_DO) > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one task."""

    entry: Entry
    """Which."""
    outcome: Outcome
    """What."""
    issued: Issued | None = None
    """Its document, for ISSUED and KNOWN."""
    error: Error | None = None
    """Why not, for REFUSED and FAILED."""

    @property
    def id(self) -> ResultId | None:
        """The result's id, as far as it has one."""
        if self.issued is not None:
            return self.issued.id
        return self.entry.seen.intent.id if self.entry.seen.intent else None

    @property
    def number(self) -> DocumentNumber | None:
        """Số, ký hiệu, as far as it has one."""
        if self.issued is not None:
            return self.issued.number
        return self.entry.seen.intent.number if self.entry.seen.intent else None

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why not; else what was let pass."""
        if self.error is not None:
            return findings(self.error)
        return self.issued.notices if self.issued else ()


def findings(error: Error) -> tuple[Reason, ...]:
    """Everything that an error has to say."""
    return (error.findings if isinstance(error, PreflightError) else ()) or (error.reason,)


def plan(
    tasks: Iterable[Task],
    *,
    issuer: Issuer,
    registry: Registry,
    on_look: Callable[[Entry], None] = lambda _entry: None,
) -> Plan:
    """Look at every task; `issuer` may be one without keys, and `on_look` hears of each."""
    entries: list[Entry] = []
    first: dict[str, int] = {}
    for position, task in enumerate(tasks, 1):
        entry = _looked_at(position, task, issuer=issuer, registry=registry)
        earlier = first.setdefault(entry.seen.content or f"#{position}", position)
        if earlier != position and entry.error is None and task.unique:
            repeated = InputError("batch-repeated", first=entries[earlier - 1].task.name)
            entry = replace(entry, seen=replace(entry.seen, outlook=Outlook.REFUSED), error=repeated)
        entries.append(entry)
        on_look(entry)
    return Plan(entries=tuple(entries))


def _looked_at(position: int, task: Task, *, issuer: Issuer, registry: Registry) -> Entry:
    try:
        return Entry(position=position, task=task, seen=task.look(issuer, registry))
    except Error as e:
        if _stops_all(e):
            raise
        known = None
        with suppress(Error):
            known = task.known(registry)
        refused = Seen(outlook=Outlook.REFUSED, reasons=findings(e), intent=known)
        return Entry(position=position, task=task, seen=refused, error=e)


def run(
    plan: Plan,
    issuer: Issuer,
    *,
    stop: Callable[[], bool] = lambda: False,
    keep: Callable[[Entry, Issued], None] = lambda _entry, _issued: None,
) -> Iterator[Row]:
    """Do what `plan` says, a row for each entry as it finishes; what is not reached is LEFT.

    `keep` puts the document where it belongs, before its row is given. `stop` is asked between two tasks. A token, a
    disk or every time-stamping authority that fails stops the run, because the next task would fail alike.
    """
    stopped = False
    for entry in plan.entries:
        stopped = stopped or stop()
        if entry.seen.outlook is Outlook.REFUSED:
            yield Row(entry=entry, outcome=Outcome.REFUSED, error=entry.error)
        elif entry.seen.outlook is Outlook.OURS:
            yield Row(entry=entry, outcome=Outcome.OURS)
        elif stopped:
            yield Row(entry=entry, outcome=Outcome.LEFT)
        else:
            row = _done(entry, issuer, keep)
            stopped = row.error is not None and _stops_all(row.error)
            yield row


def _done(entry: Entry, issuer: Issuer, keep: Callable[[Entry, Issued], None]) -> Row:
    try:
        issued = entry.task.do(issuer, content=entry.seen.content)
        keep(entry, issued)
    except Error as e:
        return Row(entry=entry, outcome=Outcome.FAILED, error=e)
    known = entry.seen.outlook is Outlook.DONE
    return Row(entry=entry, outcome=Outcome.KNOWN if known else Outcome.ISSUED, issued=issued)


def _stops_all(error: Error) -> bool:
    """The token, time-stamps, the register or the disk; what is wrong with one document says nothing of the next."""
    if isinstance(error, KeyStoreError | TimestampError):
        return error.code != "prepared-for-other-key"
    return error.code.startswith(("registry-", "disk-"))
