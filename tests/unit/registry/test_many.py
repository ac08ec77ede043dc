"""Steps that many intents take together: the same as one by one, all of them or none, each in the name of who asked."""

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import pytest

from esign.codes import DocumentNumber, ResultId
from esign.errors import DuplicateNumber, NotRegistered, RegistryError, RequestConflict
from esign.profile import DuplicatePolicy, Numbering
from esign.reasons import Reason
from esign.registry import Actor, Fixation, Intent, IntentState, NextNumber, Registry
from tests.unit.registry.making import METADATA, START, WARD, Clock, digest, new_intent, registration, unique

_DAY = date(2026, 11, 23)


def fixation(intent: Intent) -> Fixation:
    return Fixation(
        prepared_sha256=digest(f"p{intent.id}"), to_be_signed_sha256=digest(f"t{intent.id}"), signing_time=START
    )


def reserve(registry: Registry, count: int = 3, **changes: object) -> list[Intent]:
    return registry.many.reserve([new_intent(**changes) for _ in range(count)])  # type: ignore[arg-type]  # of NewIntent


def stands(registry: Registry, intents: list[Intent]) -> bool:
    """Whether what was given back is what the register has."""
    return [registry.get(intent.id) for intent in intents] == intents


@pytest.mark.parametrize(
    "changes",
    [
        {"number": DocumentNumber(9, 2026, "QĐ-UBND")},
        {"number": DocumentNumber(10, None, "QĐ-UBND"), "masked_holder": "N.V.A***"},
        {
            "metadata": replace(
                METADATA, dossier=None, expires=datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=7)))
            )
        },
    ],
)
def test_what_was_recorded_is_what_is_given_back(registry: Registry, changes: dict[str, object]) -> None:
    intents = reserve(registry, count=1, **changes)
    assert stands(registry, intents)
    assert [repr(registry.get(intent.id)) for intent in intents] == [*map(repr, intents)]


def test_the_whole_way(registry: Registry, clock: Clock) -> None:
    """What each call gives back is what is read afterwards, without having been read."""
    intents = reserve(registry, person=True, numbering=Numbering.AT_RELEASE, number=None)
    assert stands(registry, intents)
    clock.forward(seconds=1)
    expires = [clock.at + timedelta(days=n) for n in range(3)]
    intents = registry.many.awaiting([(i, fixation(i)) for i in intents], expires=expires)
    assert [i.expires_at for i in intents] == expires
    assert stands(registry, intents)
    clock.forward(seconds=1)
    intents = registry.many.approved([(i, digest(f"s{i.id}")) for i in intents])
    wanted = [(i, NextNumber(symbol="QĐ-UBND"), _DAY) for i in intents]
    intents = registry.many.numbered(wanted, duplicates=DuplicatePolicy.REFUSE)
    assert [str(i.number) for i in intents] == [f"{n:02}/QĐ-UBND" for n in (1, 2, 3)]
    assert stands(registry, intents)
    intents = registry.many.prepared([(i, fixation(i)) for i in intents])
    assert stands(registry, intents)
    facts = [registration() for _ in intents]
    intents = registry.many.signed([(i, f.sha256) for i, f in zip(intents, facts, strict=True)])
    assert stands(registry, intents)
    clock.forward(seconds=1)
    intents = registry.many.issued(list(zip(intents, facts, strict=True)))
    assert {i.issued_at for i in intents} == {clock.at}
    assert stands(registry, intents)
    registry.many.delivered({i.id: f"/out/{i.id}" for i in intents[1:]}, at=clock.at)
    assert registry.unfinished() == (intents[0],)
    assert [d.where for d in registry.deliveries(intents[2].id)] == [f"/out/{intents[2].id}"]
    registry.check()


def test_each_entry_of_the_audit_names_who_asked(registry: Registry) -> None:
    people = [Actor(f"key:portal-{n}", f"r{n}") for n in range(3)]
    intents = registry.many.reserve([new_intent() for _ in people], by=people)
    prepared = registry.many.prepared([(i, fixation(i)) for i in intents], by=people)
    facts = [registration() for _ in people]
    signed = registry.many.signed([(i, f.sha256) for i, f in zip(prepared, facts, strict=True)], by=people)
    issued = registry.many.issued(list(zip(signed, facts, strict=True)), by=people)
    by = {i.id: who for i, who in zip(issued, people, strict=True)}
    registry.many.delivered(dict.fromkeys(by, "/out"), at=START, by=by)
    for intent, who in by.items():
        entries = registry.audit.entries(object=str(intent))
        assert [e.act.removeprefix("intent.") for e in entries] == [
            "reserved",
            "prepared",
            "signed",
            "issued",
            "delivered",
        ]
        assert {(e.actor, e.request) for e in entries} == {(who.name, who.request)}


def test_whoever_was_faster_with_one_undoes_the_step_of_all(registry: Registry) -> None:
    intents = reserve(registry)
    registry.void(intents[1].id, reason=Reason("x"))
    with pytest.raises(RegistryError) as e:
        registry.many.prepared([(i, fixation(i)) for i in intents])
    assert e.value.code == "intent-state"
    assert e.value.reason.facts["id"] == str(intents[1].id)
    assert e.value.reason.facts["found"] == IntentState.VOID.word
    assert [registry.get(i.id).state for i in intents] == [
        IntentState.RESERVED,
        IntentState.VOID,
        IntentState.RESERVED,
    ]
    assert len(registry.audit.entries(object=str(intents[0].id))) == 1


def test_nobody_steps_for_a_stranger(registry: Registry) -> None:
    (intent,) = reserve(registry, 1)
    stranger = replace(intent, id=ResultId.random())
    with pytest.raises(NotRegistered):
        registry.many.prepared([(i, fixation(i)) for i in (intent, stranger)])
    with pytest.raises(NotRegistered):
        registry.many.delivered({stranger.id: "/out"}, at=START)
    assert registry.get(intent.id) == intent


def test_keys_that_are_known_or_repeated(registry: Registry) -> None:
    first, again = new_intent("a"), new_intent("b")
    (known,) = registry.many.reserve([first])
    found = registry.many.reserve([again, first, again, new_intent("c")])
    assert found[1] == known
    assert found[0] == found[2]
    assert [str(i.number) for i in (found[0], found[3])] == ["02/QĐ-UBND", "03/QĐ-UBND"]
    other = replace(again, request_digest=digest("other"))
    for asked in ([new_intent("d"), other], [new_intent("d"), replace(other, idempotency_key="d")]):
        with pytest.raises(RequestConflict):
            registry.many.reserve(asked)
    assert registry.by_key("d") is None
    assert registry.last_number(WARD, year=2026, symbol="QĐ-UBND") == 3


def test_given_numbers_among_those_of_the_book(registry: Registry) -> None:
    """In the order in which they are asked for: what is given is passed over by the book, from either side."""
    numbers = [None, "02/QĐ-UBND", None, "05/QĐ-UBND", None, None]
    asked = [new_intent(number=DocumentNumber.parse(n)) if n else new_intent() for n in numbers]
    found = registry.many.reserve([*asked[:4], *asked[4:], new_intent(number=NextNumber(symbol="QĐ-SYT"))])
    assert [str(i.number) for i in found] == [
        "01/QĐ-UBND",
        "02/QĐ-UBND",
        "03/QĐ-UBND",
        "05/QĐ-UBND",
        "04/QĐ-UBND",
        "06/QĐ-UBND",
        "01/QĐ-SYT",
    ]
    assert registry.last_number(WARD, year=2026, symbol="QĐ-UBND") == 6


def test_a_number_that_is_taken_within_the_group(registry: Registry) -> None:
    number = DocumentNumber.parse("17/QĐ-UBND")
    with pytest.raises(DuplicateNumber):
        registry.many.reserve([new_intent(number=number), new_intent(number=number)])
    assert registry.listing().entries == ()
    warned = replace(new_intent(number=number), duplicates=DuplicatePolicy.WARN)
    first, second, third = registry.many.reserve(
        [new_intent(number=number), warned, replace(warned, idempotency_key=unique())]
    )
    assert (first.duplicate_of, second.duplicate_of, third.duplicate_of) == (None, first.id, first.id)


def test_one_file_for_two(registry: Registry) -> None:
    intents = registry.many.prepared([(i, fixation(i)) for i in reserve(registry, 2)])
    facts = registration()
    signed = registry.many.signed([(i, facts.sha256) for i in intents])
    with pytest.raises(RegistryError) as e:
        registry.many.issued([(i, facts) for i in signed])
    assert e.value.code == "file-already-registered"
    assert stands(registry, signed)


def test_places_in_the_status_lists_are_had_once(registry: Registry) -> None:
    intents = [*reserve(registry, 40), *reserve(registry, 40, allow_list=True)]
    assert len({i.status_number for i in intents}) == 80
    shards = {i.status_number >> 17 for i in intents[:40]}, {i.status_number >> 17 for i in intents[40:]}
    assert not shards[0] & shards[1]


def test_nothing_is_a_group_too(registry: Registry) -> None:
    assert registry.many.reserve([]) == []
    assert registry.many.prepared([]) == registry.many.issued([]) == []
    registry.many.delivered({}, at=START)
    assert registry.audit.entries(object="-") == ()
