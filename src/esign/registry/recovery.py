"""What a register that was restored from a backup is told of what came after the backup (docs/adr/0026-recovery.md).

Nothing here is part of the normal way of a result. Services are stopped meanwhile.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from esign.codes import AgencyCode, DocumentNumber, ProcedureCode, ResultId
from esign.errors import RegistryError
from esign.profile import DuplicatePolicy, Numbering
from esign.registry import intents
from esign.registry.audit import note
from esign.registry.intents import one
from esign.registry.issuing import issue
from esign.registry.models import BookRow, IntentRow, IssuedRow, ShardRow, SignerRow, VersionRow
from esign.registry.numbering import assign_number
from esign.registry.recovered import CAUGHT_UP, placeholder
from esign.registry.registration import Registration
from esign.registry.status import SHARD_LIMIT, SHARD_SIZE, status_numbers
from esign.registry.steps import Change, prepare, take
from esign.registry.store import Store
from esign.registry.values import Intent, IntentKind, IntentState, NumberSource

__all__ = ["Found", "Recovery"]

_AT_ONCE = 500
"""Values in one question: databases bound the number of parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A signed file that the register does not know, as far as the file tells."""

    id: ResultId
    """Under which it is kept, and which its seal names."""
    agency: AgencyCode
    """Who issued it."""
    profile: str
    """The issuance profile of the folder."""
    number: DocumentNumber | None
    """Of its seal; None for a file without."""
    procedure: ProcedureCode | None
    """Of its seal, where that discloses it."""
    status_number: int | None
    """Of its seal; None gives it a new one."""
    masked_holder: str
    """Of its seal."""
    issue_date: date
    """The day of its seal or signature, in +07:00."""
    expires: datetime | None
    """Of its seal."""
    salt: bytes | None
    """Of its seal: whose request it was."""
    registration: Registration
    """The facts of the file."""


class Recovery:
    """Brings a register up to what was signed and published after its backup."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def register(self, found: Found) -> Intent:
        """Register a file that the register does not know; its number and its status number are taken from now on.

        Where another entry has its number already, it is an attachment or a copy of that, and is registered without.

        Raises:
            RegistryError: `recovery-status-taken`; as `Registry.issued`.
        """
        with self._store.write() as session:
            return _register(session, found, at=self._now())

    def finish(self, id: ResultId, found: Found) -> Intent:  # noqa: A002  # the register's word
        """Take an entry that the backup shows unfinished to ISSUED, because its signed file is there.

        Raises:
            RegistryError: as `Registry.issued`.
        """
        with self._store.write() as session:
            return _finish(session, id, found, at=self._now())

    def begin_new_shards(self, published: Mapping[int, int]) -> None:
        """Give no more places of the shards that are known or published: some were given after the backup.

        `published` are the counters that readers have seen, by shard; the register counts on from there.
        """
        with self._store.write() as session:
            for number, counter in published.items():
                row = session.get(ShardRow, number) or ShardRow(
                    shard=number, used=0, opened_at=self._now(), allow_list=False, counter=0
                )
                row.counter = max(row.counter, counter + 1)
                session.add(row)
            session.flush()
            session.execute(
                update(ShardRow)
                .where(ShardRow.used < SHARD_LIMIT)
                .values(used=SHARD_LIMIT)
                .execution_options(synchronize_session=False)
            )

    def skip_numbers(self, count: int, *, year: int) -> None:
        """Leave out `count` numbers of each book from `year` on: they may stand on paper that nobody here has."""
        with self._store.write() as session:
            session.execute(
                update(BookRow)
                .where(BookRow.year >= year)
                .values(last=BookRow.last + count)
                .execution_options(synchronize_session=False)
            )

    def close(self, *, anchor: str = "", digest: str = "") -> None:
        """Leave entries in the audit chain: that it was caught up, and where an `anchor` tells how far it went before.

        What is missing of it is missing.
        """
        act, what = CAUGHT_UP
        with self._store.write() as session:
            note(session, act, at=self._now(), object=what)
            if anchor:
                note(session, "register.recovered", at=self._now(), object=anchor, digest=digest)

    def by_status_number(self, status_number: int) -> Intent | None:
        """The entry with this place in the status lists."""
        with self._store.read() as session:
            found = session.scalar(select(IntentRow).filter_by(status_number=status_number))
            return intents.as_intent(found) if found else None

    def unknown(self, ids: Iterable[ResultId]) -> frozenset[ResultId]:
        """Those of `ids` that no entry has, in whatever state."""
        left = set(ids)
        with self._store.read() as session:
            for some in _in_pieces(sorted(map(str, left))):
                found = session.scalars(select(IntentRow.id).where(IntentRow.id.in_(some)))
                left.difference_update(map(ResultId.parse, found))
        return frozenset(left)

    def unregistered(self, digests: Iterable[str]) -> frozenset[str]:
        """Those of `digests` that are of no file and no version that the register has."""
        left = set(digests)
        with self._store.read() as session:
            for some in _in_pieces(sorted(left)):
                for column in (IssuedRow.sha256, VersionRow.sha256):
                    left.difference_update(session.scalars(select(column).where(column.in_(some))))
        return frozenset(left)

    def missing_numbers(self) -> Mapping[str, int]:
        """By book, how many of its numbers no entry has; only a database that was restored in parts has such."""
        with self._store.read() as session:
            counted = {_name(book): _missing(session, book) for book in session.scalars(select(BookRow))}
        return {name: count for name, count in counted.items() if count}

    def signer_certificates(self) -> frozenset[str]:
        """SHA-256 of every certificate that signed something registered."""
        with self._store.read() as session:
            return frozenset(session.scalars(select(SignerRow.certificate_sha256).distinct()))


def _in_pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))


def _register(session: Session, found: Found, *, at: datetime) -> Intent:
    """Register a file that the register does not know; its number and its status number are taken from now on.

    Where another entry has its number already, it is an attachment or a copy of that, and is registered without one.
    """
    numbered = found.number if found.number is not None and not _taken(session, found) else None
    key, digest = f"recovered-{found.id}", found.registration.sha256
    if found.salt is not None:
        wanted = placeholder(found.salt, found.registration.sha256)
        if session.scalar(select(IntentRow.id).filter_by(idempotency_key=wanted[0])) is None:
            key, digest = wanted
    values: dict[str, object] = {
        "id": str(found.id),
        "state": IntentState.RESERVED,
        "kind": IntentKind.SIGNATURE if numbered is None else IntentKind.RESULT,
        "agency": str(found.agency),
        "person": False,
        "idempotency_key": key,
        "request_digest": digest,
        "profile": found.profile,
        "procedure": str(found.procedure) if found.procedure and numbered else None,
        "title": "",
        "subject": "",
        "ordinal": 1,
        "masked_holder": found.masked_holder,
        "expires": found.expires,
        "issue_date": found.issue_date,
        "year": found.issue_date.year,
        "with_year": False,
        "numbering": Numbering.RESERVED,
        "status_number": _status_number(session, found, at),
        "reserved_at": at,
        "void_why": "",
    }
    if numbered is not None:
        values |= _numbered(session, found, numbered)
    session.execute(insert(IntentRow).values(values))
    note(session, "intent.recovered", at=at, agency=str(found.agency), object=found.id)
    return _finish(session, found.id, found, at=at)


def _finish(session: Session, id: ResultId, found: Found, *, at: datetime) -> Intent:  # noqa: A002
    """Take an entry that the backup shows unfinished to ISSUED, because its signed file is there."""
    facts, intent = found.registration, one(session, id)
    if intent.person and intent.state in {IntentState.RESERVED, IntentState.AWAITING}:
        change = Change(intent=intent, columns={"approved_at": at, "approved_sha256": facts.sha256})
        expected = (IntentState.RESERVED, IntentState.AWAITING)
        (intent,) = take(session, [change], expected=expected, to=IntentState.APPROVED)
    if intent.number is None and intent.numbering is Numbering.AT_RELEASE and found.number:
        warn = DuplicatePolicy.WARN
        intent = assign_number(session, id, found.number, issue_date=found.issue_date, duplicates=warn, at=at)
    if intent.state in {IntentState.RESERVED, IntentState.APPROVED}:
        # What was prepared is gone; the signed file holds all of it.
        prepared = {"prepared_at": at, "prepared_sha256": facts.sha256, "signing_time": facts.signing_time}
        (intent,) = prepare(session, [Change(intent=intent, columns=prepared)])
    if intent.state is IntentState.PREPARED:
        change = Change(intent=intent, columns={"signed_at": at, "signed_sha256": facts.sha256})
        (intent,) = take(session, [change], expected=(IntentState.PREPARED,), to=IntentState.SIGNED)
    return issue(session, [(intent, facts)], at=at)[0]


def _taken(session: Session, found: Found) -> bool:
    assert found.number is not None
    key = _key(found, found.number)
    return session.scalar(select(IntentRow.id).filter_by(**key, number=found.number.number).limit(1)) is not None


def _numbered(session: Session, found: Found, number: DocumentNumber) -> dict[str, object]:
    """The number, and the book that has counted it by now."""
    key = _key(found, number)
    book = session.scalar(select(BookRow).filter_by(**key))
    if book is not None and book.last < number.number:
        book.last = number.number
        session.flush()
    source = NumberSource.GIVEN if book is None else NumberSource.BOOK
    return {**key, "number": number.number, "number_source": source}


def _key(found: Found, number: DocumentNumber) -> dict[str, object]:
    return {
        "agency": str(found.agency),
        "year": number.year or found.issue_date.year,
        "symbol": number.symbol,
        "with_year": number.year is not None,
    }


def _status_number(session: Session, found: Found, at: datetime) -> int:
    """The place that its seal names; where another entry has it, or there is no seal, a place of a new shard."""
    wanted = found.status_number
    if wanted is not None:
        shard = session.get(ShardRow, wanted // SHARD_SIZE)
        if shard is None:
            session.add(ShardRow(shard=wanted // SHARD_SIZE, used=1, opened_at=at, allow_list=False, counter=0))
            session.flush()
        if session.scalar(select(IntentRow.id).filter_by(status_number=wanted)) is None:
            return wanted
        raise RegistryError("recovery-status-taken", id=str(found.id))
    (number,) = status_numbers(session, 1, at, allow_list=False)
    return number


def _name(book: BookRow) -> str:
    return f"{book.agency} {book.year} {book.symbol}"


def _missing(session: Session, book: BookRow) -> int:
    key = {"agency": book.agency, "year": book.year, "symbol": book.symbol, "with_year": book.with_year}
    has = func.count(func.distinct(IntentRow.number))
    present = session.scalar(select(has).filter_by(**key).where(IntentRow.number.between(book.first, book.last)))
    return book.last - book.first + 1 - (present or 0)
