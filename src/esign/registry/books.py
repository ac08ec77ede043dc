"""Number books: what the register counts, inside the transaction that records the intent."""

from datetime import date
from typing import cast

from sqlalchemy import ColumnElement, Table, and_, bindparam, insert, select, update
from sqlalchemy.orm import Session

from esign.codes import AgencyCode, DocumentNumber, ResultId
from esign.errors import DuplicateNumber, InputError, RegistryError
from esign.profile import DuplicatePolicy
from esign.reasons import Reason
from esign.registry.locking import alone
from esign.registry.models import BookRow, IntentRow
from esign.registry.values import Book, BookEntry, IntentState, NextNumber, NumberSource

__all__ = ["book", "choose", "give", "hold", "last_number", "open_book", "take"]

_Key = tuple[str, int, str, bool]


def open_book(session: Session, key: _Key, *, first: int) -> None:
    """Begin a book at `first`: the numbers before it were given on paper or by another system.

    Raises:
        RegistryError: `book-in-use`: it has counted already.
    """
    _hold(session, key)
    row = session.get(BookRow, key)
    if row is None:
        session.execute(insert(BookRow).values(**_columns(key), first=first, last=first - 1))
    elif row.last >= row.first and row.first != first:
        raise RegistryError("book-in-use", symbol=key[2], year=key[1], last=row.last)
    elif row.first != first:
        row.first, row.last = first, first - 1


_OF_BOOK = ("of_agency", "of_year", "of_symbol", "of_with_year")
_BOOK, _INTENT = cast("Table", BookRow.__table__), cast("Table", IntentRow.__table__)


def _of_book(table: Table) -> ColumnElement[bool]:
    return and_(*(table.c[name.removeprefix("of_")] == bindparam(name) for name in _OF_BOOK))


_LAST = select(_BOOK.c.last).where(_of_book(_BOOK))
_COUNTED = update(_BOOK).where(_of_book(_BOOK))
_WITH_NUMBER = select(_INTENT.c.id).where(
    _of_book(_INTENT), _INTENT.c.number == bindparam("number"), _INTENT.c.duplicate_of.is_(None)
)


def last_number(session: Session, key: _Key) -> int:
    """The last number that a book gave; 0 of one that nobody opened."""
    found = session.get(BookRow, key)
    return found.last if found is not None else 0


def choose(
    session: Session,
    wanted: DocumentNumber | NextNumber,
    *,
    agency: str,
    issue_date: date,
    duplicates: DuplicatePolicy,
) -> dict[str, object]:
    """The columns of an intent that say date and number, with the number as `wanted`.

    Raises:
        InputError: `document-symbol-invalid` or `number-year-differs`.
        DuplicateNumber: `number-taken`.
    """
    year, other = issue_date.year, None
    hold(session, wanted, agency=agency, year=year)
    match wanted:
        case NextNumber(symbol=symbol, with_year=with_year):
            # Refuses a symbol that no number could have, before the book counts it.
            DocumentNumber(1, None, symbol)
            number, source = take(session, (agency, year, symbol, with_year)), NumberSource.BOOK
        case DocumentNumber() as number:
            if number.year is not None and number.year != year:
                raise InputError("number-year-differs", number=str(number), year=year)
            source = NumberSource.GIVEN
            other = give(session, (agency, year, number.symbol, number.year is not None), number, duplicates)
    return {
        "issue_date": issue_date,
        "year": year,
        "symbol": number.symbol,
        "with_year": number.year is not None,
        "number": number.number,
        "number_source": source,
        "duplicate_of": str(other) if other else None,
    }


def hold(session: Session, wanted: DocumentNumber | NextNumber, *, agency: str, year: int) -> None:
    """Until the transaction ends, nobody else takes a number of the book that `wanted` is from."""
    with_year = wanted.with_year if isinstance(wanted, NextNumber) else wanted.year is not None
    _hold(session, (agency, year, wanted.symbol, with_year))


def _hold(session: Session, key: _Key) -> None:
    alone(session, f"book {key}")


def take(session: Session, key: _Key) -> DocumentNumber:
    """The next number of a book; given numbers that stand in the way are passed over."""
    session.flush()
    connection, this = session.connection(), dict(zip(_OF_BOOK, key, strict=True))
    last = connection.execute(_LAST, this).scalar()
    if last is None:
        open_book(session, key, first=1)
        last = 0
    number = last + 1
    while _first_with(session, key, number) is not None:
        number += 1
    connection.execute(_COUNTED, this | {"last": number})
    return DocumentNumber(number, key[1] if key[3] else None, key[2])


def give(session: Session, key: _Key, number: DocumentNumber, policy: DuplicatePolicy) -> ResultId | None:
    """Check a number that another system gave; the result that has it already, where `policy` only warns.

    Raises:
        DuplicateNumber: `number-taken`.
    """
    other = _first_with(session, key, number.number)
    if other is None:
        return None
    if policy is DuplicatePolicy.REFUSE:
        raise DuplicateNumber("number-taken", number=str(number), agency=key[0], year=key[1], other=other)
    return ResultId.parse(other)


def _first_with(session: Session, key: _Key, number: int) -> str | None:
    this = dict(zip(_OF_BOOK, key, strict=True)) | {"number": number}
    found: str | None = session.connection().execute(_WITH_NUMBER, this).scalar()
    return found


def book(session: Session, key: _Key) -> Book:
    """A whole book, with a reason for every number that no result has."""
    row = session.get(BookRow, key)
    first, last = (row.first, row.last) if row else (1, 0)
    rows = session.scalars(
        select(IntentRow).filter_by(**_columns(key)).order_by(IntentRow.number, IntentRow.sequence)
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


def _entry(row: IntentRow, key: _Key) -> BookEntry:
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


def _unexplained(number: int, key: _Key) -> BookEntry:
    missing = DocumentNumber(number, key[1] if key[3] else None, key[2])
    # Only a database that somebody edited or restored in parts has these.
    return BookEntry(
        number=missing,
        state=None,
        id=None,
        source=None,
        reason=Reason("number-unexplained", {"number": str(missing)}),
    )


def _columns(key: _Key) -> dict[str, object]:
    return dict(zip(("agency", "year", "symbol", "with_year"), key, strict=True))
