"""Two officials: waiting for the person, then for the agency; numbers that are taken at release."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from esign.codes import DocumentNumber
from esign.document import SignerRole
from esign.errors import DuplicateNumber, Error, InputError, RegistryError
from esign.profile import DuplicatePolicy, Numbering
from esign.reasons import Reason
from esign.registry import Intent, IntentKind, IntentState, NextNumber, NumberSource, Registry, SignerCertificate
from tests.unit.registry.by_hand import Refused, by_hand
from tests.unit.registry.making import (
    OTHER_WARD,
    START,
    WARD,
    Clock,
    approve,
    await_person,
    digest,
    finish,
    issue,
    new_intent,
    prepare,
    registration,
)

NEXT = NextNumber(symbol="QĐ-UBND")
TODAY = date(2026, 11, 23)


def late(registry: Registry, **changes: Any) -> Intent:
    """An APPROVED result that waits for its number."""
    values: dict[str, Any] = {"number": None, "numbering": Numbering.AT_RELEASE, "person": True}
    intent = registry.reserve(new_intent(**values | changes))
    await_person(registry, intent)
    return approve(registry, intent)


def test_the_way_over_two_officials(registry: Registry, clock: Clock) -> None:
    intent = registry.reserve(new_intent(person=True))
    assert (intent.person, intent.numbering) == (True, Numbering.RESERVED)
    end = clock.forward(minutes=1) + timedelta(days=3)
    intent = await_person(registry, intent, expires=end)
    assert (intent.state, intent.awaiting_at, intent.expires_at) == (IntentState.AWAITING, clock.at, end)
    assert intent.person_prepared_sha256 == digest("person p")
    assert intent.person_to_be_signed_sha256 == digest("person t")
    assert intent.person_signing_time == START
    clock.forward(days=5)  # over the time: a signature that came in time may be recorded late
    intent = approve(registry, intent)
    assert (intent.state, intent.approved_at, intent.approved_sha256) == (
        IntentState.APPROVED,
        clock.at,
        digest("person s"),
    )
    assert (intent.prepared_at, intent.prepared_sha256, intent.signing_time) == (None, None, None)
    issued = finish(registry, intent)
    assert (issued.state, issued.prepared_sha256, issued.approved_sha256) == (
        IntentState.ISSUED,
        digest("p"),
        digest("person s"),
    )
    assert issued.registration is not None
    assert [s.role for s in issued.registration.signers] == [SignerRole.PERSON, SignerRole.AGENCY]
    assert registry.get(intent.id) == issued


def test_an_adopted_file_is_approved_at_once(registry: Registry) -> None:
    intent = approve(registry, registry.reserve(new_intent(person=True)))
    assert (intent.state, intent.awaiting_at, intent.person_prepared_sha256) == (IntentState.APPROVED, None, None)


def test_the_person_signs_before_the_agency(registry: Registry) -> None:
    intent = registry.reserve(new_intent(person=True))
    for said in ("reserved", "awaiting"):
        with pytest.raises(RegistryError) as e:
            prepare(registry, intent)
        assert e.value.code == "intent-state"
        assert e.value.reason.facts["found"] == IntentState(said).word
        if said == "reserved":
            await_person(registry, intent)
    assert "đang chờ người có thẩm quyền ký" in e.value.diagnostics("vi").what
    approve(registry, intent)
    assert prepare(registry, intent).state is IntentState.PREPARED


def certificates(*roles: SignerRole) -> tuple[SignerCertificate, ...]:
    return tuple(SignerCertificate(sha256=digest(r), issuer="CN=CA", serial="01", role=r) for r in roles)


@pytest.mark.parametrize(
    ("roles", "approved", "good"),
    [
        ((SignerRole.PERSON, SignerRole.AGENCY), True, True),
        ((SignerRole.PERSON, SignerRole.PERSON, SignerRole.AGENCY), True, True),
        ((SignerRole.AGENCY,), False, True),
        ((SignerRole.PERSON,), False, True),  # a plain signature
        ((SignerRole.AGENCY,), True, False),
        ((SignerRole.PERSON,), True, False),
        ((SignerRole.AGENCY, SignerRole.PERSON), True, False),
        ((SignerRole.AGENCY, SignerRole.PERSON), False, False),
        ((), True, False),
    ],
)
def test_who_signed_is_registered_in_order(
    registry: Registry,
    roles: tuple[SignerRole, ...],
    approved: bool,  # noqa: FBT001
    good: bool,  # noqa: FBT001
) -> None:
    intent = registry.reserve(new_intent())
    if approved:
        approve(registry, intent)
    facts = registration(signers=certificates(*roles))
    prepare(registry, intent)
    registry.signed(intent.id, sha256=facts.sha256)
    if good:
        assert registry.issued(intent.id, facts).registration == facts
        return
    with pytest.raises(RegistryError) as e:
        registry.issued(intent.id, facts)
    assert e.value.code == "registration-signers"
    assert registry.get(intent.id).state is IntentState.SIGNED


# --- waiting -------------------------------------------------------------------------------------------------------


def test_what_waits_for_people_is_not_left_by_a_crash(registry: Registry, clock: Clock) -> None:
    reserved, awaiting, approved, other, prepared = (
        registry.reserve(new_intent(agency=OTHER_WARD if n == 3 else WARD)) for n in range(5)
    )
    await_person(registry, awaiting, expires=START + timedelta(days=1))
    approve(registry, approved)
    await_person(registry, other, expires=START + timedelta(days=2))
    approve(registry, prepared)
    prepare(registry, prepared)
    assert [i.id for i in registry.unfinished()] == [reserved.id, prepared.id]
    assert [i.id for i in registry.waiting()] == [awaiting.id, approved.id, other.id]
    assert [i.id for i in registry.waiting(agency=WARD)] == [awaiting.id, approved.id]
    end = START + timedelta(days=1)
    assert registry.waiting(expired_at=end - timedelta(microseconds=1)) == ()
    assert [i.id for i in registry.waiting(expired_at=end)] == [awaiting.id]
    late = end + timedelta(days=9)
    assert [i.id for i in registry.waiting(expired_at=late)] == [awaiting.id, other.id]
    assert [i.id for i in registry.waiting(expired_at=late, agency=OTHER_WARD)] == [other.id]
    with pytest.raises(InputError, match="no zone"):
        registry.waiting(expired_at=datetime(2026, 11, 21))  # noqa: DTZ001


@pytest.mark.parametrize("state", ["awaiting", "approved"])
def test_what_waits_can_be_given_up_and_the_book_says_where_it_stands(registry: Registry, state: str) -> None:
    intent = registry.reserve(new_intent())
    (await_person if state == "awaiting" else approve)(registry, intent)
    (gap,) = registry.book(WARD, year=2026, symbol="QĐ-UBND").gaps
    assert gap.reason is not None
    assert gap.reason.code == f"number-{state}"
    assert all(gap.reason.explain(language).next_step for language in ("vi", "en"))
    registry.void(intent.id, reason=Reason("x"), why="quá hạn")
    assert registry.waiting() == ()
    (gap,) = registry.book(WARD, year=2026, symbol="QĐ-UBND").gaps
    assert gap.reason is not None
    assert (gap.reason.code, gap.reason.facts["why"]) == ("number-void", "quá hạn")


# --- numbers at release --------------------------------------------------------------------------------------------


def test_a_number_at_release(registry: Registry, clock: Clock) -> None:
    intent = late(registry)
    assert (intent.number, intent.number_source, intent.numbered_at) == (None, None, None)
    assert registry.book(WARD, year=2026, symbol="QĐ-UBND").entries == ()
    other = registry.reserve(new_intent())  # numbered meanwhile, from the same book
    clock.forward(days=2)
    numbered = registry.assign_number(intent.id, NEXT, issue_date=TODAY)
    assert str(other.number) == "01/QĐ-UBND"
    assert (str(numbered.number), numbered.issue_date, numbered.numbered_at) == ("02/QĐ-UBND", TODAY, clock.at)
    assert (numbered.state, numbered.number_source) == (IntentState.APPROVED, NumberSource.BOOK)
    assert numbered.id == registry.find(DocumentNumber.parse("2/QĐ-UBND"), agency=WARD, year=2026)[0].id
    (entry,) = [e for e in registry.book(WARD, year=2026, symbol="QĐ-UBND").entries if e.id == intent.id]
    assert (entry.number.number, entry.state) == (2, IntentState.APPROVED)
    issued = finish(registry, intent)
    assert (str(issued.number), issued.issue_date) == ("02/QĐ-UBND", TODAY)
    # Who asks again is told the same, also when all is done.
    assert registry.assign_number(intent.id, NEXT, issue_date=TODAY) == issued
    assert registry.book(WARD, year=2026, symbol="QĐ-UBND").last == 2


def test_the_year_of_the_release_is_the_year_of_the_book(registry: Registry) -> None:
    intent = late(registry, issue_date=date(2026, 12, 31))
    assert intent.issue_date == date(2026, 12, 31)
    numbered = registry.assign_number(
        intent.id, NextNumber(symbol="QĐ-UBND", with_year=True), issue_date=date(2027, 1, 4)
    )
    assert str(numbered.number) == "01/2027/QĐ-UBND"
    assert registry.book(WARD, year=2027, symbol="QĐ-UBND", with_year=True).last == 1
    given = late(registry)
    with pytest.raises(InputError) as e:
        registry.assign_number(given.id, DocumentNumber.parse("7/2026/QĐ-UBND"), issue_date=date(2027, 1, 4))
    assert e.value.code == "number-year-differs"
    assert registry.get(given.id) == given


def test_a_number_is_assigned_once(registry: Registry) -> None:
    intent = late(registry)
    number = DocumentNumber.parse("17/QĐ-UBND")
    numbered = registry.assign_number(intent.id, number, issue_date=TODAY)
    assert registry.assign_number(intent.id, number, issue_date=TODAY) == numbered
    others: list[tuple[DocumentNumber | NextNumber, date]] = [
        (DocumentNumber.parse("18/QĐ-UBND"), TODAY),
        (DocumentNumber.parse("17/2026/QĐ-UBND"), TODAY),
        (number, TODAY + timedelta(days=1)),
        (NEXT, TODAY),
    ]
    for wanted, day in others:
        with pytest.raises(RegistryError) as e:
            registry.assign_number(intent.id, wanted, issue_date=day)
        assert e.value.code == "number-assigned"
        assert "17/QĐ-UBND" in e.value.diagnostics("vi").what
    counted = late(registry)
    registry.assign_number(counted.id, NEXT, issue_date=TODAY)
    for wanted in (
        NextNumber(symbol="GXN-UBND"),
        NextNumber(symbol="QĐ-UBND", with_year=True),
        DocumentNumber.parse("1/QĐ-UBND"),
    ):
        with pytest.raises(RegistryError, match="gets no other"):
            registry.assign_number(counted.id, wanted, issue_date=TODAY)
    assert [e.number.number for e in registry.book(WARD, year=2026, symbol="QĐ-UBND").entries] == [1, 17]
    assert registry.book(WARD, year=2026, symbol="GXN-UBND").entries == ()


def test_a_taken_number_is_refused_at_release_too(registry: Registry) -> None:
    first = issue(registry)
    intent = late(registry)
    number = DocumentNumber.parse("1/QĐ-UBND")
    with pytest.raises(DuplicateNumber) as e:
        registry.assign_number(intent.id, number, issue_date=TODAY)
    assert e.value.reason.facts["other"] == str(first.id)
    assert registry.get(intent.id) == intent
    warned = registry.assign_number(intent.id, number, issue_date=TODAY, duplicates=DuplicatePolicy.WARN)
    assert warned.duplicate_of == first.id
    assert [n.code for n in warned.notices] == ["number-duplicate"]
    # The same, but for a caller who lets no duplicate pass.
    assert registry.assign_number(intent.id, number, issue_date=TODAY, duplicates=DuplicatePolicy.WARN) == warned
    with pytest.raises(DuplicateNumber):
        registry.assign_number(intent.id, number, issue_date=TODAY)


def test_only_an_approved_result_that_waits_for_its_number_gets_one(registry: Registry) -> None:
    values: dict[str, Any] = {"number": None, "numbering": Numbering.AT_RELEASE}
    intent = registry.reserve(new_intent(**values))
    for advance in (lambda: None, lambda: await_person(registry, intent)):
        advance()
        with pytest.raises(RegistryError) as e:
            registry.assign_number(intent.id, NEXT, issue_date=TODAY)
        assert e.value.code == "intent-state"
    approve(registry, intent)
    with pytest.raises(RegistryError) as e:
        prepare(registry, intent)
    assert e.value.code == "intent-not-numbered"
    registry.assign_number(intent.id, NEXT, issue_date=TODAY)
    registry.void(intent.id, reason=Reason("x"))
    with pytest.raises(RegistryError) as e:
        registry.assign_number(intent.id, NEXT, issue_date=TODAY)
    assert e.value.code == "intent-state"
    (gap,) = registry.book(WARD, year=2026, symbol="QĐ-UBND").gaps
    assert gap.reason is not None
    assert (gap.number.number, gap.reason.code) == (1, "number-void")
    reserved = approve(registry, registry.reserve(new_intent()))
    with pytest.raises(RegistryError) as e:
        registry.assign_number(reserved.id, NEXT, issue_date=TODAY)
    assert e.value.code == "numbering-reserved"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"numbering": Numbering.AT_RELEASE}, "intent-number-early"),
        ({"numbering": Numbering.AT_RELEASE, "kind": IntentKind.SIGNATURE}, "intent-numbering-unexpected"),
        ({"numbering": Numbering.AT_RELEASE, "kind": IntentKind.COPY, "number": None}, "intent-numbering-unexpected"),
    ],
)
def test_a_number_at_release_is_for_results_without_one(registry: Registry, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as e:
        registry.reserve(new_intent(**changes))
    assert e.value.code == code
    assert registry.listing().entries == ()


def test_sixteen_clerks_at_once_take_one_number(registry: Registry) -> None:
    intents = [late(registry) for _ in range(2)]
    barrier = threading.Barrier(16)

    def assign(which: int) -> Intent:
        barrier.wait()
        return registry.assign_number(intents[which % 2].id, NEXT, issue_date=TODAY)

    with ThreadPoolExecutor(16) as pool:
        found = {f.result() for f in [pool.submit(assign, n) for n in range(16)]}
    assert sorted(str(i.number) for i in found) == ["01/QĐ-UBND", "02/QĐ-UBND"]
    assert registry.book(WARD, year=2026, symbol="QĐ-UBND").last == 2


# --- by hand -------------------------------------------------------------------------------------------------------

LATE = "numbering = 'at-release' AND number IS NULL"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE intent SET state = 'awaiting' WHERE state = 'approved'",
        "UPDATE intent SET state = 'prepared' WHERE state = 'awaiting'",
        "UPDATE intent SET state = 'prepared' WHERE state = 'reserved' AND person",
        "UPDATE intent SET state = 'approved' WHERE state = 'awaiting'",
        "UPDATE intent SET person = false WHERE person",
        "UPDATE intent SET numbering = 'reserved' WHERE numbering = 'at-release'",
        "UPDATE intent SET approved_sha256 = 'x' WHERE state = 'approved'",
        "UPDATE intent SET expires_at = '2030-01-01' WHERE state = 'awaiting'",
        "UPDATE intent SET expires_at = '2030-01-01' WHERE state = 'approved' AND expires_at IS NOT NULL",
        f"UPDATE intent SET state = 'prepared', prepared_at = '2026-11-23' WHERE state = 'approved' AND {LATE}",
        f"UPDATE intent SET issue_date = '2026-01-01' WHERE {LATE}",
        f"UPDATE intent SET number = 1, symbol = 'QĐ-UBND', number_source = 'book' WHERE {LATE}",
        f"UPDATE OR REPLACE intent SET number = 1, symbol = 'QĐ-UBND', number_source = 'given' WHERE {LATE}",
        f"UPDATE intent SET number = 9, symbol = 'X', number_source = 'given', signed_at = '2026-11-23' WHERE {LATE}",
        f"UPDATE intent SET number = 9, symbol = 'X', number_source = 'given', state = 'void' WHERE {LATE}",
        "UPDATE intent SET number = 9 WHERE number = 2 AND state = 'approved'",
        "UPDATE intent SET number = NULL, symbol = NULL, number_source = NULL WHERE state = 'approved'",
    ],
)
def test_sql_by_hand_keeps_to_the_order_of_officials(registry: Registry, statement: str) -> None:
    prepare(registry, registry.reserve(new_intent()))  # has number 1
    numbered, waits = late(registry), late(registry)
    registry.assign_number(numbered.id, NEXT, issue_date=TODAY)
    await_person(registry, registry.reserve(new_intent(person=True)))
    registry.reserve(new_intent(person=True))
    touched = statement.replace("OR REPLACE ", "")
    where = touched[touched.index(" WHERE ") :]
    with by_hand(registry) as raw:
        before = raw.dump()
        assert raw.execute(f"SELECT count(*) FROM intent{where}") != [(0,)], "the statement touches nothing"
        with pytest.raises(Refused):
            raw.execute(statement)
        assert raw.dump() == before
        # And with nothing wrong it is accepted.
        raw.execute(f"UPDATE intent SET number = 9, symbol = 'X', number_source = 'given' WHERE id = '{waits.id}'")


def test_every_refusal_speaks_both_languages(registry: Registry) -> None:
    intent = late(registry)
    refused: list[Error] = []
    calls: tuple[Callable[[], object], ...] = (
        lambda: prepare(registry, intent),
        lambda: await_person(registry, intent),
        lambda: registry.issued(intent.id, registration()),
        lambda: registry.delivered(intent.id, at=START, where="x"),
    )
    for call in calls:
        with pytest.raises(RegistryError) as e:
            call()
        refused.append(e.value)
    for error in refused:
        said = [error.diagnostics(language) for language in ("vi", "en")]
        assert all(s.what and s.next_step for s in said)
        assert "approved" not in said[0].what
