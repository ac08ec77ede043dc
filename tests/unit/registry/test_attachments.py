"""Attachments: they print their main result's number, are issued after it, and stand as it stands. Copies."""

import dataclasses
from datetime import date, timedelta
from typing import Any

import pytest

from esign.codes import ResultId
from esign.document import Standing, StandingChange
from esign.errors import Error, InputError, NotRegistered, RegistryError
from esign.profile import Numbering
from esign.reasons import Reason
from esign.registry import Intent, IntentKind, IntentState, NextNumber, Registry
from tests.unit.registry.by_hand import Refused, by_hand
from tests.unit.registry.making import (
    METADATA,
    OTHER_WARD,
    WARD,
    Clock,
    approve,
    await_person,
    finish,
    issue,
    new_intent,
    prepare,
    registration,
)


def attach(registry: Registry, to: Intent, **changes: Any) -> Intent:
    values: dict[str, Any] = {"kind": IntentKind.ATTACHMENT, "number": None, "main": to.id}
    return registry.reserve(new_intent(**values | changes))


def test_an_attachment_prints_the_number_of_its_main_result(registry: Registry) -> None:
    main = registry.reserve(new_intent(issue_date=date(2026, 11, 20)))
    first, second = attach(registry, main), attach(registry, main)
    for attached in (first, second):
        assert (attached.main, attached.kind) == (main.id, IntentKind.ATTACHMENT)
        assert (attached.number, attached.issue_date) == (main.number, date(2026, 11, 20))
        assert (attached.number_source, attached.duplicate_of, attached.notices) == (None, None, ())
    assert registry.attachments(main.id) == (first, second)
    assert registry.attachments(first.id) == ()
    # It takes nothing from the book, and is no duplicate in it.
    assert main.number is not None
    assert [i.id for i in registry.find(main.number, agency=WARD, year=2026)] == [main.id]
    assert [e.id for e in registry.book(WARD, year=2026, symbol="QĐ-UBND").entries] == [main.id]
    assert str(registry.reserve(new_intent()).number) == "02/QĐ-UBND"


def test_a_number_that_the_main_result_gets_late_is_the_attachments_too(registry: Registry) -> None:
    main = registry.reserve(new_intent(number=None, numbering=Numbering.AT_RELEASE))
    attached = attach(registry, main)
    assert attached.number is None
    with pytest.raises(RegistryError) as e:
        prepare(registry, attached)
    assert e.value.code == "main-not-numbered"
    approve(registry, main)
    registry.assign_number(main.id, NextNumber(symbol="QĐ-UBND"), issue_date=date(2026, 11, 25))
    attached = registry.get(attached.id)
    assert (str(attached.number), attached.issue_date) == ("01/QĐ-UBND", date(2026, 11, 25))
    assert prepare(registry, attached).state is IntentState.PREPARED


def test_an_attachment_is_not_issued_before_its_main_result(registry: Registry) -> None:
    main = registry.reserve(new_intent())
    attached = prepare(registry, attach(registry, main))
    facts = registration()
    registry.signed(attached.id, sha256=facts.sha256)
    with pytest.raises(RegistryError) as e:
        registry.issued(attached.id, facts)
    assert e.value.code == "main-not-issued"
    assert registry.get(attached.id).state is IntentState.SIGNED
    finish(registry, main)
    assert registry.issued(attached.id, facts).state is IntentState.ISSUED


def test_what_nothing_can_be_attached_to(registry: Registry) -> None:
    main = issue(registry)
    void = registry.reserve(new_intent())
    registry.void(void.id, reason=Reason("x"))
    plain = registry.reserve(new_intent(kind=IntentKind.SIGNATURE, number=None, metadata=None))
    attached = attach(registry, main)
    for unfit in (void, plain, attached, issue(registry, agency=OTHER_WARD)):
        with pytest.raises(RegistryError) as e:
            attach(registry, unfit)
        assert e.value.code == "main-unfit"
        assert all(e.value.diagnostics(language).next_step for language in ("vi", "en"))
    with pytest.raises(NotRegistered):
        registry.reserve(new_intent(kind=IntentKind.ATTACHMENT, number=None, main=ResultId.random()))
    with pytest.raises(NotRegistered):
        registry.attachments(ResultId.random())
    assert registry.attachments(main.id) == (attached,)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"main": None}, "intent-main-missing"),
        ({"number": NextNumber(symbol="QĐ-UBND")}, "intent-number-unexpected"),
        ({"numbering": Numbering.AT_RELEASE}, "intent-numbering-unexpected"),
        ({"kind": IntentKind.RESULT, "number": NextNumber(symbol="QĐ-UBND")}, "intent-main-unexpected"),
        ({"kind": IntentKind.COPY}, "intent-main-unexpected"),
        ({"kind": IntentKind.SIGNATURE}, "intent-main-unexpected"),
    ],
)
def test_only_attachments_have_a_main_result(registry: Registry, changes: dict[str, Any], code: str) -> None:
    main = issue(registry)
    with pytest.raises(InputError) as e:
        attach(registry, main, **changes)
    assert e.value.code == code
    assert registry.attachments(main.id) == ()


def test_the_same_request_for_an_attachment_is_the_same(registry: Registry) -> None:
    main = registry.reserve(new_intent())
    new = new_intent(kind=IntentKind.ATTACHMENT, number=None, main=main.id)
    attached = registry.reserve(new)
    registry.void(main.id, reason=Reason("x"))
    again = registry.reserve(new)
    assert (again.id, again.state) == (attached.id, IntentState.VOID)


def test_what_is_given_up_takes_its_attachments_along(registry: Registry) -> None:
    main, other = registry.reserve(new_intent()), registry.reserve(new_intent())
    attached = [attach(registry, main), prepare(registry, attach(registry, main))]
    given_up = attach(registry, main)
    registry.void(given_up.id, reason=Reason("x"), why="nhầm tệp")
    spared = attach(registry, other)
    registry.void(main.id, reason=Reason("y"), why="mất điện")
    found = registry.attachments(main.id)
    assert [i.id for i in found] == [*(a.id for a in attached), given_up.id]
    assert {i.state for i in found} == {IntentState.VOID}
    assert [i.void_reason and i.void_reason.code for i in found] == ["main-void", "main-void", "x"]
    assert [i.void_why for i in found] == ["mất điện", "mất điện", "nhầm tệp"]
    assert registry.get(spared.id).state is IntentState.RESERVED


def test_an_attachment_waits_when_its_main_result_waits(registry: Registry) -> None:
    main = registry.reserve(new_intent(person=True))
    attached = attach(registry, main)
    assert [i.id for i in registry.unfinished()] == [main.id, attached.id]
    assert registry.waiting() == ()
    for step in (await_person, approve):
        step(registry, main)
        assert registry.unfinished() == ()
        assert [i.id for i in registry.waiting()] == [main.id, attached.id]
    assert registry.waiting(expired_at=main.reserved_at + timedelta(days=99)) == ()
    prepare(registry, main)
    assert [i.id for i in registry.unfinished()] == [main.id, attached.id]


# --- standing ------------------------------------------------------------------------------------------------------


def issued_pair(registry: Registry, **changes: Any) -> tuple[Intent, Intent]:
    main = issue(registry, **changes)
    return main, finish(registry, attach(registry, main))


@pytest.mark.parametrize("to", [Standing.WITHDRAWN, Standing.REPLACED, Standing.SUSPENDED, Standing.CORRECTED])
def test_an_attachment_stands_as_its_main_result_stands(registry: Registry, clock: Clock, to: Standing) -> None:
    main, attached = issued_pair(registry)
    other = issue(registry) if to in {Standing.REPLACED, Standing.CORRECTED} else None
    before = clock.at
    assert registry.standing(attached.id, at=before).standing is Standing.IN_FORCE
    change = StandingChange(
        standing=to, at=clock.forward(hours=1), by="chánh văn phòng", why="QĐ 12", other=other.id if other else None
    )
    registry.change(main.id, change)
    assert registry.standing(attached.id, at=clock.at) == registry.standing(main.id, at=clock.at)
    assert registry.standing(attached.id, at=clock.at).standing is to
    assert registry.standing(attached.id, at=before).standing is Standing.IN_FORCE
    assert registry.history(attached.id) == registry.history(main.id)
    late = finish(registry, attach(registry, main))  # issued when its main result stood like this already
    assert registry.standing(late.id, at=clock.at).standing is to


def test_an_attachment_has_no_changes_of_its_own(registry: Registry, clock: Clock) -> None:
    main, attached = issued_pair(registry)
    attempts: list[tuple[Intent, Standing, Intent | None]] = [
        (attached, Standing.WITHDRAWN, None),
        (main, Standing.REPLACED, attached),
        (issue(registry), Standing.CORRECTED, attached),
    ]
    for intent, to, other in attempts:
        change = StandingChange(standing=to, at=clock.at, by="x", why="y", other=other.id if other else None)
        with pytest.raises(RegistryError) as e:
            registry.change(intent.id, change)
        assert e.value.code == "standing-attachment"
        assert e.value.reason.facts["main"] == str(main.id)
    assert registry.history(main.id) == ()


@pytest.mark.parametrize(("main_days", "own_days", "ends"), [(10, None, 10), (None, 5, 5), (10, 5, 5), (5, 10, 5)])
def test_an_attachment_ends_with_its_main_result(
    registry: Registry, clock: Clock, main_days: int | None, own_days: int | None, ends: int
) -> None:
    def ending(days: int | None) -> Any:
        return dataclasses.replace(METADATA, expires=None if days is None else clock.at + timedelta(days=days))

    main = issue(registry, metadata=ending(main_days))
    attached = finish(registry, attach(registry, main, metadata=ending(own_days)))
    end = clock.at + timedelta(days=ends)
    assert registry.standing(attached.id, at=end - timedelta(seconds=1)).standing is Standing.IN_FORCE
    found = registry.standing(attached.id, at=end)
    assert (found.standing, found.expires) == (Standing.EXPIRED, end)


# --- copies --------------------------------------------------------------------------------------------------------


def test_a_copy_has_a_number_where_the_office_numbers_its_copies(registry: Registry, clock: Clock) -> None:
    plain = issue(registry, kind=IntentKind.COPY, number=None)
    numbered = issue(registry, kind=IntentKind.COPY, number=NextNumber(symbol="SY-UBND"))
    assert (plain.number, str(numbered.number)) == (None, "01/SY-UBND")
    assert (plain.kind, plain.main) == (IntentKind.COPY, None)
    change = StandingChange(standing=Standing.WITHDRAWN, at=clock.at, by="x", why="y")
    assert registry.change(plain.id, change).standing is Standing.WITHDRAWN
    with pytest.raises(RegistryError, match="nothing can be attached"):
        attach(registry, numbered)


# --- by hand -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE intent SET main = NULL WHERE kind = 'attachment'",
        "UPDATE intent SET main = (SELECT id FROM intent WHERE sequence = 1) WHERE kind = 'attachment'",
        "UPDATE intent SET main = (SELECT id FROM intent WHERE sequence = 1) WHERE sequence = 3",
        "INSERT {copied} 'attachment', NULL, NULL",
        "INSERT {copied} 'attachment', (SELECT id FROM intent WHERE state = 'void'), NULL",
        "INSERT {copied} 'attachment', (SELECT id FROM intent WHERE agency = 'H26.1.3'), NULL",
        "INSERT {copied} 'attachment', (SELECT id FROM intent WHERE kind = 'attachment' LIMIT 1), NULL",
        "INSERT {copied} 'attachment', 'nobody', NULL",
        "INSERT {copied} 'attachment', (SELECT id FROM intent WHERE sequence = 1), 99",
        "INSERT {copied} 'copy', (SELECT id FROM intent WHERE sequence = 1), NULL",
        "UPDATE intent SET state = 'issued' WHERE kind = 'attachment'",
        (
            "INSERT INTO standing_change SELECT id, 0, 'withdrawn', '2026-11-22', 'x', 'y', NULL, '2026-11-22'"
            " FROM intent WHERE kind = 'attachment' AND state = 'issued'"
        ),
        (
            "INSERT INTO standing_change SELECT m.id, 0, 'replaced', '2026-11-22', 'x', 'y', a.id, '2026-11-22'"
            " FROM intent m, intent a WHERE m.sequence = 1 AND a.kind = 'attachment' AND a.state = 'issued'"
        ),
    ],
)
def test_sql_by_hand_attaches_nothing_wrongly(registry: Registry, statement: str) -> None:
    issued_pair(registry)
    open_main = registry.reserve(new_intent())
    void = registry.reserve(new_intent())
    registry.void(void.id, reason=Reason("x"))
    issue(registry, agency=OTHER_WARD)
    attached = prepare(registry, attach(registry, open_main))
    registry.signed(attached.id, sha256="ab" * 32)
    columns = (
        "agency, request_digest, profile, title, subject, ordinal, masked_holder, issue_date, year, with_year,"
        " reserved_at, void_why"
    )
    copied = (
        f"INTO intent ({columns}, state, id, idempotency_key, status_number, symbol, number_source, kind, main, number)"
        f" SELECT {columns}, 'reserved', 'new', 'new', 99, %s, %s, "
    )
    with_number = statement.endswith("99")
    whole = statement.format(copied=copied % (("'X'", "'given'") if with_number else ("NULL", "NULL")))
    if "{copied}" in statement:
        whole += " FROM intent WHERE sequence = 1"
        good = (copied % ("NULL", "NULL")) + "'attachment', (SELECT id FROM intent WHERE sequence = 1), NULL"
    with by_hand(registry) as raw:
        before = raw.dump()
        with pytest.raises(Refused):
            raw.execute(whole)
        assert raw.dump() == before
        if "{copied}" in statement:  # with nothing wrong it is accepted
            raw.execute(f"INSERT {good} FROM intent WHERE sequence = 1")


def test_a_register_with_attachments_is_whole(registry: Registry) -> None:
    issued_pair(registry)
    registry.check()
    with pytest.raises(Error):
        attach(registry, registry.reserve(new_intent(agency=OTHER_WARD)))
    registry.check()
