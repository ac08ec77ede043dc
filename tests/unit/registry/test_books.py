"""Number books and status numbers: counted once, never again, each gap explained."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from esign.codes import DocumentNumber
from esign.errors import DuplicateNumber, InputError, RegistryError
from esign.profile import DuplicatePolicy
from esign.reasons import Reason
from esign.registry import IntentState, NextNumber, NumberSource, Registry
from esign.registry.status import SHARD_LIMIT, SHARD_SIZE
from tests.unit.registry.by_hand import by_hand
from tests.unit.registry.making import OTHER_WARD, WARD, Clock, issue, new_intent


def numbers_of(registry: Registry, count: int, **changes: Any) -> list[str]:
    return [str(registry.reserve(new_intent(**changes)).number) for _ in range(count)]


def test_a_book_for_each_agency_year_symbol_and_form(registry: Registry) -> None:
    assert numbers_of(registry, 2) == ["01/QĐ-UBND", "02/QĐ-UBND"]
    assert numbers_of(registry, 1, agency=OTHER_WARD) == ["01/QĐ-UBND"]
    assert numbers_of(registry, 1, number=NextNumber(symbol="GXN-UBND")) == ["01/GXN-UBND"]
    assert numbers_of(registry, 1, number=NextNumber(symbol="QĐ-UBND", with_year=True)) == ["01/2026/QĐ-UBND"]
    assert numbers_of(registry, 1, issue_date=date(2027, 1, 1)) == ["01/QĐ-UBND"]
    assert numbers_of(registry, 1) == ["03/QĐ-UBND"]


def test_the_year_begins_at_midnight_in_vietnam(registry: Registry, clock: Clock) -> None:
    clock.at = datetime(2026, 12, 31, 16, 59, 59, tzinfo=UTC)
    old = registry.reserve(new_intent())
    clock.forward(seconds=1)
    new = registry.reserve(new_intent())
    assert (old.issue_date, new.issue_date) == (date(2026, 12, 31), date(2027, 1, 1))
    assert str(old.number) == str(new.number) == "01/QĐ-UBND"


def test_given_numbers_and_the_book_do_not_meet(registry: Registry) -> None:
    for given in ("02/QĐ-UBND", "3/QĐ-UBND", "500/QĐ-UBND"):
        registry.reserve(new_intent(number=DocumentNumber.parse(given)))
    assert numbers_of(registry, 2) == ["01/QĐ-UBND", "04/QĐ-UBND"]
    with pytest.raises(DuplicateNumber) as e:
        registry.reserve(new_intent(number=DocumentNumber.parse("4/QĐ-UBND")))
    assert e.value.code == "number-taken"
    assert e.value.diagnostics("vi").next_step
    book = registry.book(WARD, year=2026, symbol="QĐ-UBND")
    assert (book.first, book.last) == (1, 4)
    assert [e.number.number for e in book.entries] == [1, 2, 3, 4, 500]
    assert [e.source for e in book.entries] == [
        NumberSource.BOOK,
        NumberSource.GIVEN,
        NumberSource.GIVEN,
        NumberSource.BOOK,
        NumberSource.GIVEN,
    ]


def test_a_refused_duplicate_leaves_no_intent(registry: Registry) -> None:
    number = DocumentNumber.parse("9/QĐ-UBND")
    registry.reserve(new_intent(number=number))
    refused = new_intent("second", number=number)
    with pytest.raises(DuplicateNumber):
        registry.reserve(refused)
    assert registry.by_key("second") is None
    # The same request passes where the operator decides so, and the one after it is a duplicate of the first.
    warned = [registry.reserve(new_intent(number=number, duplicates=DuplicatePolicy.WARN)) for _ in range(2)]
    assert warned[0].duplicate_of == warned[1].duplicate_of != warned[0].id


def test_a_void_number_is_never_used_again(registry: Registry) -> None:
    given = registry.reserve(new_intent(number=DocumentNumber.parse("2/QĐ-UBND")))
    taken = registry.reserve(new_intent())
    for intent in (given, taken):
        registry.void(intent.id, reason=Reason("not-registered", {"id": "x"}), why="a mistake")
    assert numbers_of(registry, 1) == ["03/QĐ-UBND"]
    with pytest.raises(DuplicateNumber):
        registry.reserve(new_intent(number=DocumentNumber.parse("1/QĐ-UBND")))


def test_every_gap_has_its_reason(registry: Registry) -> None:
    issue(registry)
    void = registry.reserve(new_intent())
    registry.void(void.id, reason=Reason("not-registered", {"id": "x"}), why="a mistake")
    machine = registry.reserve(new_intent())
    registry.void(machine.id, reason=Reason("not-registered", {"id": "abc"}))
    waiting = registry.reserve(new_intent())
    book = registry.book(WARD, year=2026, symbol="QĐ-UBND")
    assert [(e.number.number, e.reason.code) for e in book.gaps if e.reason] == [
        (2, "number-void"),
        (3, "number-void"),
        (4, "number-unfinished"),
    ]
    assert [e.id for e in book.gaps] == [void.id, machine.id, waiting.id]
    said = [e.reason.explain("en").what for e in book.gaps if e.reason]
    assert "a mistake" in said[0]
    assert "abc" in said[1]
    assert "reserved" in said[2]
    assert all(e.reason.explain("vi").what for e in book.gaps if e.reason)


def test_a_number_that_nothing_explains_is_said_so(registry: Registry, tmp_path: Path) -> None:
    numbers_of(registry, 2)
    with by_hand(registry) as raw:
        raw.execute("UPDATE number_book SET last = 4")
    book = registry.book(WARD, year=2026, symbol="QĐ-UBND")
    unexplained = [e for e in book.gaps if e.state is None]
    assert [e.number.number for e in unexplained] == [3, 4]
    assert {e.reason.code for e in unexplained if e.reason} == {"number-unexplained"}
    assert numbers_of(registry, 1) == ["05/QĐ-UBND"]


def test_a_book_can_begin_where_paper_ended(registry: Registry) -> None:
    registry.open_book(WARD, year=2026, symbol="QĐ-UBND", first=500)
    registry.open_book(WARD, year=2026, symbol="QĐ-UBND", first=413)  # a slip, noticed in time
    assert numbers_of(registry, 2) == ["413/QĐ-UBND", "414/QĐ-UBND"]
    registry.open_book(WARD, year=2026, symbol="QĐ-UBND", first=413)  # said again: nothing to do
    with pytest.raises(RegistryError) as e:
        registry.open_book(WARD, year=2026, symbol="QĐ-UBND", first=1)
    assert e.value.code == "book-in-use"
    book = registry.book(WARD, year=2026, symbol="QĐ-UBND")
    assert (book.first, book.last, len(book.entries)) == (413, 414, 2)
    with pytest.raises(InputError):
        registry.open_book(WARD, year=2026, symbol="QĐ-UBND", first=0)


def test_a_book_that_nobody_opened_is_empty(registry: Registry) -> None:
    book = registry.book(WARD, year=1999, symbol="QĐ-UBND")
    assert (book.first, book.last, book.entries, book.gaps) == (1, 0, (), ())


def test_status_numbers_are_random_places_in_the_open_shard(registry: Registry) -> None:
    found = [registry.reserve(new_intent()).status_number for _ in range(60)]
    assert len(set(found)) == 60
    assert all(n < SHARD_SIZE for n in found)
    # Sixty draws in order, or all in one half, would each be a miracle.
    assert found != sorted(found)
    assert min(found) < SHARD_SIZE // 2 < max(found)


def test_a_new_shard_opens_when_three_quarters_are_used(registry: Registry) -> None:
    registry.reserve(new_intent())
    with by_hand(registry) as raw:
        raw.execute(f"UPDATE status_shard SET used = {SHARD_LIMIT - 1}")
    last, first = (registry.reserve(new_intent()).status_number for _ in range(2))
    assert last < SHARD_SIZE <= first < 2 * SHARD_SIZE
    with by_hand(registry) as raw:
        assert raw.execute("SELECT shard, used FROM status_shard ORDER BY 1") == [(0, SHARD_LIMIT), (1, 1)]
        raw.execute(f"INSERT INTO status_shard (shard, used, opened_at) VALUES (32767, {SHARD_LIMIT}, '2026-01-01')")
    with pytest.raises(RegistryError) as e:
        registry.reserve(new_intent("too-late"))
    assert e.value.code == "status-numbers-used-up"
    assert registry.by_key("too-late") is None


def test_voided_states_are_shown_in_the_book(registry: Registry) -> None:
    intent = registry.reserve(new_intent())
    registry.void(intent.id, reason=Reason("x"))
    (entry,) = registry.book(WARD, year=2026, symbol="QĐ-UBND").entries
    assert (entry.state, entry.id) == (IntentState.VOID, intent.id)
