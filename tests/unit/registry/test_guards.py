"""The rules that the database itself keeps, whoever types: nothing that was recorded is changed or taken away."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from esign.document import Standing, StandingChange
from esign.errors import RegistryError
from esign.registry import Registry
from tests.unit.registry.by_hand import Refused, SQLByHand, by_hand
from tests.unit.registry.making import START, issue, new_intent, prepare


@pytest.fixture
def filled(registry: Registry) -> Iterator[SQLByHand]:
    """A register with an entry of each kind, opened by somebody who knows only SQL."""
    first, second = issue(registry), issue(registry)
    registry.delivered(first.id, at=START, where="/out")
    registry.change(
        first.id,
        StandingChange(standing=Standing.REPLACED, at=START, by="x", why="y", other=second.id),
    )
    prepare(registry, registry.reserve(new_intent()))
    registry.reserve(new_intent())
    with by_hand(registry) as raw:
        yield raw


_INTENT_COLUMNS = (
    "id, state, kind, agency, idempotency_key, request_digest, profile, title, subject, ordinal, masked_holder,"
    " issue_date, year, symbol, with_year, number, number_source, status_number, reserved_at, void_why"
)


def copied(**changes: str) -> str:
    """An INSERT of the last intent again, with other values for some columns."""
    fresh = {"id": "'new'", "idempotency_key": "'new'", "status_number": "99", "number": "99"} | changes
    values = ", ".join(fresh.get(c, c) for c in _INTENT_COLUMNS.split(", "))
    return f"INTO intent ({_INTENT_COLUMNS}) SELECT {values} FROM intent WHERE state = 'reserved' LIMIT 1"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM intent",
        "DELETE FROM issued",
        "DELETE FROM signer",
        "DELETE FROM delivery",
        "DELETE FROM standing_change",
        "DELETE FROM number_book",
        "UPDATE standing_change SET why = 'other'",
        "UPDATE standing_change SET standing = 'withdrawn', other = NULL",
        "UPDATE issued SET sha256 = 'x'",
        "UPDATE issued SET pages = 99",
        "UPDATE signer SET serial = '00'",
        "UPDATE delivery SET \"where\" = 'elsewhere'",
        "UPDATE number_book SET last = last - 1",
        "UPDATE number_book SET first = 7",
        *(
            f"UPDATE intent SET {column} = 'x'"
            for column in ("id", "agency", "idempotency_key", "request_digest", "profile", "title")
        ),
        "UPDATE intent SET reserved_at = '2020-01-01'",
        "UPDATE intent SET number = 77 WHERE state = 'reserved'",
        "UPDATE intent SET status_number = 77 WHERE state = 'reserved'",
        "UPDATE intent SET state = 'reserved' WHERE state = 'issued'",
        "UPDATE intent SET state = 'void' WHERE state = 'issued'",
        "UPDATE intent SET state = 'issued' WHERE state = 'reserved'",
        "UPDATE intent SET state = 'signed' WHERE state = 'reserved'",
        "UPDATE intent SET state = 'nonsense' WHERE state = 'reserved'",
        "UPDATE intent SET state = 'reserved' WHERE state = 'prepared'",
        "UPDATE intent SET prepared_sha256 = 'x' WHERE state = 'prepared'",
        "UPDATE intent SET delivered_at = NULL WHERE delivered_at IS NOT NULL",
        "UPDATE intent SET issued_at = '2020-01-01' WHERE state = 'issued'",
        "UPDATE OR REPLACE intent SET sequence = 1 WHERE sequence = 2",
        "INSERT " + copied(state="'issued'"),
        "INSERT " + copied(number="1"),
        "INSERT OR REPLACE " + copied(number="1"),
        "INSERT OR REPLACE " + copied(id="id"),
        "INSERT OR REPLACE " + copied(idempotency_key="idempotency_key"),
        "INSERT OR REPLACE " + copied(status_number="status_number"),
        "REPLACE INTO number_book SELECT agency, year, symbol, with_year, 1, 0 FROM number_book",
        (
            "REPLACE INTO standing_change SELECT result_id, position, 'withdrawn', at, by, 'other', NULL, recorded_at"
            " FROM standing_change"
        ),
        (
            "REPLACE INTO issued SELECT id, 'x', size, signing_time, level, mechanism, 99, NULL, profile, fonts,"
            " notices FROM issued"
        ),
        "REPLACE INTO signer SELECT result_id, position, 'x', issuer, serial, role FROM signer",
        "INSERT INTO signer SELECT result_id, 7, 'x', issuer, serial, role FROM signer LIMIT 1",
        "UPDATE signer SET role = 'person'",
        (
            "INSERT INTO standing_change SELECT (SELECT id FROM intent WHERE state = 'prepared'), 0, 'withdrawn', at,"
            " by, why, NULL, recorded_at FROM standing_change"
        ),
        "INSERT INTO delivery SELECT (SELECT id FROM intent WHERE state = 'prepared'), 0, at, 'x' FROM delivery",
        (
            "INSERT INTO standing_change SELECT result_id, 1, 'expired', at, by, why, NULL, recorded_at"
            " FROM standing_change"
        ),
        (
            "INSERT INTO standing_change SELECT result_id, 1, 'replaced', at, by, why, NULL, recorded_at"
            " FROM standing_change"
        ),
    ],
)
def test_sql_by_hand_cannot_rewrite_the_register(filled: SQLByHand, statement: str) -> None:
    before = filled.dump()
    with pytest.raises(Refused):
        filled.execute(statement)
    assert filled.dump() == before


def test_the_statements_above_are_refused_for_the_right_reason(filled: SQLByHand) -> None:
    # The same copy with nothing wrong is accepted: so a refusal above was not a mistake in the statement.
    filled.execute("INSERT " + copied())
    assert filled.execute("SELECT count(*) FROM intent WHERE id = 'new'") == [(1,)]
    filled.execute("UPDATE intent SET state = 'void', voided_at = '2026-11-21' WHERE id = 'new'")


_CLOSED = {
    "sqlite": "CREATE TRIGGER closed BEFORE INSERT ON intent BEGIN SELECT RAISE(ABORT, 'closed for the night'); END",
    "postgresql": (
        "CREATE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'closed for the night'; END $$;"
        " CREATE TRIGGER closed BEFORE INSERT ON intent FOR EACH ROW EXECUTE FUNCTION closed()"
    ),
}


def test_a_trigger_that_refuses_is_a_typed_error(registry: Registry) -> None:
    with by_hand(registry) as raw:
        raw.execute(_CLOSED["sqlite" if isinstance(registry.place, Path) else "postgresql"])
    with pytest.raises(RegistryError, match="closed for the night") as e:
        registry.reserve(new_intent())
    assert e.value.code == "registry-refused"


@pytest.mark.parametrize("table", ["intent", "issued", "signer", "delivery", "standing_change", "number_book"])
def test_a_table_is_never_emptied(on_server: Registry, table: str) -> None:
    with by_hand(on_server) as raw, pytest.raises(Refused):
        raw.execute(f"TRUNCATE {table} CASCADE")


def test_a_guard_that_was_switched_off_is_found(on_server: Registry) -> None:
    issue(on_server)
    on_server.check()
    with by_hand(on_server) as raw:
        raw.execute("ALTER TABLE intent DISABLE TRIGGER intent_step")
    with pytest.raises(RegistryError) as e:
        on_server.check()
    assert (e.value.code, e.value.reason.facts["detail"]) == ("registry-damaged", "trigger intent_step is disabled")
