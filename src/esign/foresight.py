"""Which number a book will probably give, so that a page is set once: the proof with that number is the page.

A number is taken only when its intent is recorded. Until then it is a guess, which costs a second setting where it was
wrong: somebody else took a number of that book meanwhile, or a request before was refused.
"""

import threading
from collections import Counter
from datetime import date

from esign.codes import AgencyCode, DocumentNumber
from esign.registry import NextNumber, Registry

__all__ = ["Foresight", "next_number"]

_Book = tuple[int, str, bool]


class Foresight:
    """Guesses the numbers of one agency; safe to use from several threads."""

    def __init__(self, registry: Registry, agency: AgencyCode) -> None:
        self._registry = registry
        self._agency = agency
        self._lock = threading.Lock()
        self._last: dict[_Book, int] = {}
        self._guessed: Counter[_Book] = Counter()

    def guess(self, wanted: NextNumber, issued: date) -> DocumentNumber:
        """The number that the next request gets, behind those that were guessed before and are not settled."""
        book = _book(wanted, issued)
        with self._lock:
            if not self._guessed[book]:  # others may have counted since
                self._last[book] = next_number(self._registry, self._agency, wanted, issued).number - 1
            self._guessed[book] += 1
            number = self._last[book] + self._guessed[book]
        return _spelled(number, wanted, issued)

    def settle(self, wanted: NextNumber, issued: date, given: DocumentNumber | None) -> None:
        """A guess came true, or not: `given` is what the book gave, None where it was not asked."""
        book = _book(wanted, issued)
        with self._lock:
            self._guessed[book] -= 1
            if given is not None:
                self._last[book] = max(self._last[book], given.number)


def next_number(registry: Registry, agency: AgencyCode, wanted: NextNumber, issued: date) -> DocumentNumber:
    """The number that the book gives, if nobody else asks before."""
    last = registry.last_number(agency, year=issued.year, symbol=wanted.symbol, with_year=wanted.with_year)
    return _spelled(last + 1, wanted, issued)


def _spelled(number: int, wanted: NextNumber, issued: date) -> DocumentNumber:
    return DocumentNumber(number, issued.year if wanted.with_year else None, wanted.symbol)


def _book(wanted: NextNumber, issued: date) -> _Book:
    return issued.year, wanted.symbol, wanted.with_year
