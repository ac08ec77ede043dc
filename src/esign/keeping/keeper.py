"""Plan and renew: the index says what is due, several at a time are renewed, each is replaced before the next counts.

A run that is killed loses nothing: a document is replaced whole or not at all, and the next run sees by its stamp what
became of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from esign.errors import Error
from esign.keeping.index import Entry, Index
from esign.keeping.stores import DocumentStore
from esign.pades.lifetime import Lifetime, lifetime_of
from esign.pades.renewal import Renewer
from esign.parallel import in_parallel

__all__ = ["Keeper", "Plan", "Renewed"]

_BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is due."""

    documents: int
    """How many the store has."""
    read: int
    """How many had to be read, because they are new or changed."""
    due: tuple[Entry, ...]
    """Those whose proof ends within the time that was asked for, the most urgent first."""
    by_year: Mapping[str, int]
    """How many proofs end in each year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """What became of one document."""

    name: str
    """Of the document."""
    until: datetime | None
    """When its proof ends now."""
    error: Error | None
    """Why it was not renewed."""


class Keeper:
    """Keeps the documents of one store alive."""

    def __init__(
        self,
        store: DocumentStore,
        *,
        index: Index,
        renewer: Renewer,
        now: Callable[[], datetime],
        at_once: int = 4,
    ) -> None:
        """`at_once` documents wait for their time-stamps at the same moment."""
        self._store = store
        self._index = index
        self._renewer = renewer
        self._now = now
        self._at_once = at_once

    def plan(self, *, within: timedelta) -> Plan:
        """Bring the index up to date and say what is due `within` that time."""
        known = self._index.stamps()
        present = dict(self._store.documents())
        self._index.forget(known.keys() - present.keys())
        changed = [(name, stamp) for name, stamp in present.items() if known.get(name) != stamp]
        read = 0
        while batch := changed[read : read + _BATCH]:
            self._index.put(*(self._looked_at(name, stamp) for name, stamp in batch))
            read += len(batch)
        due = tuple(self._index.due(before=self._now() + within))
        return Plan(documents=len(present), read=read, due=due, by_year=self._index.by_year())

    def renew(self, due: Sequence[Entry]) -> Iterator[Renewed]:
        """Renew these, in their order; what cannot be renewed stays due, with its problem."""
        return in_parallel(self._renew, due, at_once=self._at_once)

    def _looked_at(self, name: str, stamp: str) -> Entry:
        try:
            pdf = self._store.read(name)
        except Error as e:
            # Told in every plan until it can be read: nobody knows how long it has.
            return Entry(name=name, stamp="", level="", until=self._now(), code=e.code, what=name, problem=e.code)
        return _entry(name, stamp, lifetime_of(pdf, self._renewer.inspect(pdf)))

    def _renew(self, entry: Entry) -> Renewed:
        try:
            pdf = self._store.read(entry.name)
            made = self._renewer.renew(pdf)
            stamp = self._store.replace(entry.name, made)
        except Error as e:
            self._index.put(replace(entry, problem=e.code))
            return Renewed(name=entry.name, until=entry.until, error=e)
        fresh = _entry(entry.name, stamp, lifetime_of(made, self._renewer.inspect(made)))
        self._index.put(replace(fresh, renewed_at=self._now()))
        return Renewed(name=entry.name, until=fresh.until, error=None)


def _entry(name: str, stamp: str, lifetime: Lifetime) -> Entry:
    what = str(lifetime.reason.facts.get("what", ""))
    return Entry(
        name=name, stamp=stamp, level=lifetime.level, until=lifetime.until, code=lifetime.reason.code, what=what
    )
