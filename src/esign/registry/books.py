"""Number books: what the register counts, inside the transaction that records the intent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from sqlalchemy import ColumnElement, Table, and_, bindparam, insert, select, update
from sqlalchemy.orm import Session

from esign.codes import DocumentNumber, ResultId
from esign.errors import DuplicateNumber, InputError, RegistryError
from esign.profile import DuplicatePolicy
from esign.registry.locking import alone
from esign.registry.models import BookRow, IntentRow
from esign.registry.values import NextNumber, NumberSource

__all__ = ["Chosen", "Key", "Wanted", "choose", "columns_of", "hold", "last_number", "open_book"]

Key = tuple[str, int, str, bool]
"""Agency, year, symbol, and whether the year is printed."""


def open_book(session: Session, key: Key, *, first: int) -> None:
    """Begin a book at `first`: the numbers before it were given on paper or by another system.

    Raises:
        RegistryError: `book-in-use`: it has counted already.
    """
    hold(session, [key])
    row = session.get(BookRow, key)
    if row is None:
        session.execute(insert(BookRow).values(**columns_of(key), first=first, last=first - 1))
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
_WITH_NUMBERS = select(_INTENT.c.number, _INTENT.c.id).where(
    _of_book(_INTENT),
    _INTENT.c.number.in_(bindparam("numbers", expanding=True)),
    _INTENT.c.duplicate_of.is_(None),
)


def last_number(session: Session, key: Key) -> int:
    """The last number that a book gave; 0 of one that nobody opened."""
    found = session.get(BookRow, key)
    return found.last if found is not None else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A number that a result is to get."""

    id: ResultId
    """The result."""
    agency: str
    """Whose book."""
    number: DocumentNumber | NextNumber
    """The number that another system gave, or the next one of a book."""
    issue_date: date
    """The date that goes with it; its year is the book's."""
    duplicates: DuplicatePolicy
    """For a given number that is taken."""

    @property
    def key(self) -> Key:
        """Which book."""
        number = self.number
        with_year = number.with_year if isinstance(number, NextNumber) else number.year is not None
        return self.agency, self.issue_date.year, number.symbol, with_year


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A number that a result gets."""

    number: DocumentNumber
    """The number."""
    source: NumberSource
    """Who counted."""
    duplicate_of: ResultId | None
    """The result that had it first, where the policy only warns."""
    issue_date: date
    """The date that goes with it."""

    @property
    def columns(self) -> dict[str, object]:
        """The columns of an intent that say so."""
        return {
            "issue_date": self.issue_date,
            "year": self.issue_date.year,
            "symbol": self.number.symbol,
            "with_year": self.number.year is not None,
            "number": self.number.number,
            "number_source": self.source,
            "duplicate_of": str(self.duplicate_of) if self.duplicate_of else None,
        }


def choose(session: Session, wanted: Sequence[Wanted]) -> list[Chosen]:
    """The numbers as they are wanted, in this order; the books have counted them.

    Raises:
        InputError: `document-symbol-invalid` or `number-year-differs`.
        DuplicateNumber: `number-taken`.
    """
    for each in wanted:
        _check(each)
    keys = list(dict.fromkeys(each.key for each in wanted))
    hold(session, keys)
    books = {key: _Counting(session, key, [w for w in wanted if w.key == key]) for key in keys}
    chosen = [books[each.key].choose(each) for each in wanted]
    for counting in books.values():
        counting.write()
    return chosen


def _check(wanted: Wanted) -> None:
    number, year = wanted.number, wanted.issue_date.year
    if isinstance(number, NextNumber):
        # Refuses a symbol that no number could have, before the book counts it.
        DocumentNumber(1, None, number.symbol)
    elif number.year is not None and number.year != year:
        raise InputError("number-year-differs", number=str(number), year=year)


def hold(session: Session, keys: Iterable[Key]) -> None:
    """Until the transaction ends, nobody else takes a number of these books."""
    alone(session, *(f"book {key}" for key in keys))


class _Counting:
    """A book, held, while results get their numbers of it."""

    def __init__(self, session: Session, key: Key, wanted: Sequence[Wanted]) -> None:
        self._session = session
        self._key = key
        session.flush()
        self._this = dict(zip(_OF_BOOK, key, strict=True))
        given = {w.number.number for w in wanted if isinstance(w.number, DocumentNumber)}
        next_ones = len(wanted) - sum(isinstance(w.number, DocumentNumber) for w in wanted)
        self._last = self._counted = self._counted_so_far() if next_ones else 0
        # What is looked for is found at once: the given numbers, and those that the book would count.
        self._looked_at = range(self._last + 1, self._last + 1 + next_ones + len(given))
        sought = [*given, *(self._looked_at if next_ones else ())]
        found = session.connection().execute(_WITH_NUMBERS, self._this | {"numbers": sought})
        self._taken = {number: ResultId.parse(id) for number, id in found}  # noqa: A001

    def _counted_so_far(self) -> int:
        last: int | None = self._session.connection().execute(_LAST, self._this).scalar()
        if last is None:
            open_book(self._session, self._key, first=1)
        return last or 0

    def choose(self, wanted: Wanted) -> Chosen:
        """The next number, or the given one."""
        number, other = wanted.number, None
        if isinstance(number, NextNumber):
            source, number = NumberSource.BOOK, self._next()
        else:
            source, other = NumberSource.GIVEN, self._taken.get(number.number)
            if other is not None and wanted.duplicates is DuplicatePolicy.REFUSE:
                facts = {"number": str(number), "agency": wanted.agency, "year": wanted.issue_date.year}
                raise DuplicateNumber("number-taken", other=str(other), **facts)
        self._taken.setdefault(number.number, wanted.id)
        return Chosen(number=number, source=source, duplicate_of=other, issue_date=wanted.issue_date)

    def _next(self) -> DocumentNumber:
        """Given numbers that stand in the way are passed over."""
        self._last += 1
        while self._last in self._taken or self._is_taken_further_on(self._last):
            self._last += 1
        _, year, symbol, with_year = self._key
        return DocumentNumber(self._last, year if with_year else None, symbol)

    def _is_taken_further_on(self, number: int) -> bool:
        if number in self._looked_at:
            return False
        found = self._session.connection().execute(_WITH_NUMBERS, self._this | {"numbers": [number]})
        return found.first() is not None

    def write(self) -> None:
        """The book has counted them."""
        if self._last != self._counted:
            self._session.connection().execute(_COUNTED, self._this | {"last": self._last})


def columns_of(key: Key) -> dict[str, object]:
    """By which a row is of this book."""
    return dict(zip(("agency", "year", "symbol", "with_year"), key, strict=True))
