"""A number book in order, with a reason for every number that no result has."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from esign.codes import AgencyCode, DocumentNumber, ResultId
from esign.reasons import Reason
from esign.registry.books import Key, columns_of
from esign.registry.models import BookRow, IntentRow
from esign.registry.values import IntentState, NumberSource

__all__ = ["Book", "BookEntry", "book"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookEntry:
    """One number of a book and what became of it."""

    number: DocumentNumber
    """Số, ký hiệu."""
    state: IntentState | None
    """None: nothing in the register explains this number."""
    id: ResultId | None
    """The intent that has the number."""
    source: NumberSource | None
    """Who counted."""
    duplicate_of: ResultId | None = None
    """The result that had this number first."""
    reason: Reason | None = None
    """Why no result has this number; None where one has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A number book: an agency's numbers of one year and symbol."""

    agency: AgencyCode
    """Whose."""
    year: int
    """Of the issue dates."""
    symbol: str
    """Ký hiệu."""
    with_year: bool
    """Whether the year is printed in the number."""
    first: int
    """Where the register began to count."""
    last: int
    """The last number that the register gave out; `first - 1` when there is none."""
    entries: tuple[BookEntry, ...]
    """By number. Every number from `first` to `last` is here, given ones beyond that as well."""

    @property
    def gaps(self) -> tuple[BookEntry, ...]:
        """The numbers without an issued result, each with the reason."""
        return tuple(e for e in self.entries if e.reason is not None)


def book(session: Session, key: Key) -> Book:
    """A whole book, with a reason for every number that no result has."""
    row = session.get(BookRow, key)
    first, last = (row.first, row.last) if row else (1, 0)
    rows = session.scalars(
        select(IntentRow).filter_by(**columns_of(key)).order_by(IntentRow.number, IntentRow.sequence)
    ).all()
    entries = [_entry(intent, key) for intent in rows]
    present = {intent.number for intent in rows}
    entries += [_unexplained(n, key) for n in range(first, last + 1) if n not in present]
    entries.sort(key=lambda e: e.number.number)
    agency, year, symbol, with_year = key
    return Book(
        agency=AgencyCode(agency),
        year=year,
        symbol=symbol,
        with_year=with_year,
        first=first,
        last=last,
        entries=tuple(entries),
    )


def _entry(row: IntentRow, key: Key) -> BookEntry:
    number = DocumentNumber(row.number or 0, key[1] if key[3] else None, key[2])
    facts = {"number": str(number), "id": row.id}
    reason = None
    if row.state is IntentState.VOID:
        why = Reason(row.void_code or "", row.void_facts or {})
        reason = Reason("number-void", facts | {"code": why.code, "why": row.void_why or str(why)})
    elif row.state is IntentState.AWAITING:
        reason = Reason("number-awaiting", facts)
    elif row.state is IntentState.APPROVED:
        reason = Reason("number-approved", facts)
    elif row.state is not IntentState.ISSUED:
        reason = Reason("number-unfinished", facts | {"state": row.state.word})
    return BookEntry(
        number=number,
        state=row.state,
        id=ResultId.parse(row.id),
        source=row.number_source,
        duplicate_of=ResultId.parse(row.duplicate_of) if row.duplicate_of else None,
        reason=reason,
    )


def _unexplained(number: int, key: Key) -> BookEntry:
    missing = DocumentNumber(number, key[1] if key[3] else None, key[2])
    # Only a database that somebody edited or restored in parts has these.
    return BookEntry(
        number=missing,
        state=None,
        id=None,
        source=None,
        reason=Reason("number-unexplained", {"number": str(missing)}),
    )
