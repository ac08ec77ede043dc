"""SQL typed by hand into a register, on either database: what the triggers have to withstand."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg import sql

from esign.registry import Registry

__all__ = ["Refused", "SQLByHand", "by_hand"]


class Refused(Exception):
    """The database did not take a statement, because of a trigger or a constraint."""


class SQLByHand(Protocol):
    """Somebody at the database's own prompt; each statement commits."""

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run it; `Refused` where a rule of the register is against it."""

    def dump(self) -> list[str]:
        """All rows of all tables."""


class _SQLite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(statement).fetchall()
        except sqlite3.IntegrityError as e:
            raise Refused(str(e)) from e

    def dump(self) -> list[str]:
        return list(self._connection.iterdump())


class _PostgreSQL:
    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
        self._connection = connection

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        # There is no REPLACE here; without it a row that is in the way must be refused all the same.
        plain = statement.replace(" OR REPLACE", "").replace("REPLACE INTO", "INSERT INTO")
        try:
            cursor = self._connection.execute(plain.encode())
            return cursor.fetchall() if cursor.description else []
        except (psycopg.IntegrityError, psycopg.errors.RaiseException) as e:
            raise Refused(str(e)) from e

    def dump(self) -> list[str]:
        tables = self.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        query = "SELECT to_json(t)::text FROM {} AS t ORDER BY 1"
        return [
            row
            for (table,) in tables
            for (row,) in self._connection.execute(sql.SQL(query).format(sql.Identifier(table))).fetchall()
        ]


@contextmanager
def by_hand(registry: Registry) -> Iterator[SQLByHand]:
    """At the prompt of the register's database."""
    if isinstance(registry.place, Path):
        raw = sqlite3.connect(registry.place, isolation_level=None)
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("PRAGMA recursive_triggers = ON")
        try:
            yield _SQLite(raw)
        finally:
            raw.close()
    else:
        with psycopg.connect(registry.place, autocommit=True) as connection:
            yield _PostgreSQL(connection)
