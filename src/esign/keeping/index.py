"""What the keeper knows of each document, so that planning reads none of them: one row a document, in SQLite.

A row is good as long as the document has the same stamp (size and time of change, or digest); everything in it can be
found again by reading the documents, so the file may be lost.
"""

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from esign.errors import RegistryError

__all__ = ["Entry", "Index"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
    name TEXT PRIMARY KEY, stamp TEXT NOT NULL, level TEXT NOT NULL, until TEXT, code TEXT NOT NULL, what TEXT NOT NULL,
    renewed_at TEXT, problem TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS document_until ON document (until) WHERE until IS NOT NULL;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One document."""

    name: str
    """How its store calls it."""
    stamp: str
    """Changes whenever the document does."""
    level: str
    """The lowest level of its signatures; empty where there is nothing to keep."""
    until: datetime | None
    """When its proof ends; None where no end is known."""
    code: str
    """Why: a reason code of `keeping.toml`."""
    what: str
    """The fact that goes with it."""
    renewed_at: datetime | None = None
    """When it was last renewed by us."""
    problem: str | None = None
    """The reason code of the last attempt, where it failed."""


class Index:
    """The rows; safe for threads."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or make it.

        Raises:
            RegistryError: `keeping-index-unusable`.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")  # a lost row is found again
            connection.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as e:
            raise RegistryError("keeping-index-unusable", path=path, problem=str(e)) from e
        return cls(connection, path)

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def stamps(self) -> Mapping[str, str]:
        """The stamp of every document that is known."""
        with self._reading() as connection:
            return dict(connection.execute("SELECT name, stamp FROM document"))

    def put(self, *entries: Entry) -> None:
        """Say what these are now."""
        rows = [
            (e.name, e.stamp, e.level, _text(e.until), e.code, e.what, _text(e.renewed_at), e.problem) for e in entries
        ]
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            connection.execute("COMMIT")

    def forget(self, names: set[str]) -> None:
        """These are gone."""
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("DELETE FROM document WHERE name = ?", [(n,) for n in names])
            connection.execute("COMMIT")

    def due(self, *, before: datetime) -> Iterator[Entry]:
        """Those whose proof ends before then, the most urgent first."""
        query = "SELECT * FROM document WHERE until IS NOT NULL AND until < ? ORDER BY until, name"
        with self._reading() as connection:
            rows = connection.execute(query, (_text(before),)).fetchall()
        return map(_entry, rows)

    def get(self, name: str) -> Entry | None:
        """One."""
        with self._reading() as connection:
            row = connection.execute("SELECT * FROM document WHERE name = ?", (name,)).fetchone()
        return _entry(row) if row else None

    def by_year(self) -> Mapping[str, int]:
        """How many proofs end in each year; `-` for those without a known end."""
        query = "SELECT coalesce(substr(until, 1, 4), '-'), count(*) FROM document GROUP BY 1 ORDER BY 1"
        with self._reading() as connection:
            return dict(connection.execute(query))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as e:
                raise RegistryError("keeping-index-unusable", path=self._path, problem=str(e)) from e


def _text(moment: datetime | None) -> str | None:
    # In UTC and of one length, so that texts compare as times do.
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") if moment is not None else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def _entry(row: tuple[str, str, str, str | None, str, str, str | None, str | None]) -> Entry:
    name, stamp, level, until, code, what, renewed, problem = row
    return Entry(
        name=name,
        stamp=stamp,
        level=level,
        until=_moment(until),
        code=code,
        what=what,
        renewed_at=_moment(renewed),
        problem=problem,
    )
