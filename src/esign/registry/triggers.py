"""Triggers that keep mistakes out of the register, said once for both databases.

A migration gives `(name, when, condition, message)`, the condition in SQLite's words. On PostgreSQL each becomes a
function of the same name; `IS NOT` between values is `IS DISTINCT FROM` there, `max` of several values `greatest`,
and JSON is compared as text.

SQLite's INSERT OR REPLACE deletes the row that is in its way, so some triggers look for such a row before it can. They
are SQLite's alone (`replacing`): PostgreSQL has no such statement, and its constraints say the same without a race.
"""

import re
from collections.abc import Iterable

from alembic import op

__all__ = ["Trigger", "create_triggers", "drop_triggers", "forbid_truncate"]

Trigger = tuple[str, str, str, str]
"""Name, `BEFORE INSERT|UPDATE|DELETE ON table`, condition, message."""

_VALUES_DIFFER = re.compile(r"\bIS NOT (?!NULL\b)")
_OF_SEVERAL = re.compile(r"\bmax\(\(")
# https://www.postgresql.org/docs/15/datatype-json.html: the type json has no equality.
_JSON = re.compile(r"\b((?:NEW|OLD)\.(?:fonts|notices|void_facts|problem_facts))\b")


def create_triggers(triggers: Iterable[Trigger], *, replacing: Iterable[str] = ()) -> None:
    """Create `triggers` in the database that is being migrated."""
    only_sqlite = set(replacing)
    for name, when, condition, message in triggers:
        if _is_sqlite():
            op.execute(f"CREATE TRIGGER {name} {when} WHEN {condition} BEGIN SELECT RAISE(ABORT, '{message}'); END")
        elif name not in only_sqlite:
            row = "OLD" if " DELETE " in when else "NEW"
            is_so = "true" if condition == "1" else _as_postgresql(condition)
            _create(name, f"{when} FOR EACH ROW", f"IF ({is_so}) THEN {_raise(message)} END IF; RETURN {row};")


def forbid_truncate(*tables: str) -> None:
    """Keep TRUNCATE, which runs no trigger of rows and which SQLite does not have, away from `tables`."""
    if not _is_sqlite():
        for table in tables:
            _create(f"{table}_truncate", f"BEFORE TRUNCATE ON {table}", _raise(f"{table} is never emptied"))


def drop_triggers(*names: str) -> None:
    """Drop triggers by their names; those that this database never had are passed over."""
    for name in names:
        # On PostgreSQL the trigger goes with the function that it runs.
        op.execute(f"DROP TRIGGER IF EXISTS {name}" if _is_sqlite() else f"DROP FUNCTION IF EXISTS {name}() CASCADE")


def _as_postgresql(condition: str) -> str:
    for pattern, words in (_VALUES_DIFFER, "IS DISTINCT FROM "), (_JSON, r"\1::text"), (_OF_SEVERAL, "greatest(("):
        condition = pattern.sub(words, condition)
    return condition


def _create(name: str, when: str, body: str) -> None:
    op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")
    op.execute(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()")


def _raise(message: str) -> str:
    return f"RAISE EXCEPTION '{message}' USING ERRCODE = 'restrict_violation';"


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
