"""An intent's life, one step at a time, and how it is found again."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from esign.codes import DocumentNumber, ResultId
from esign.errors import InputError, NotRegistered, RegistryError, RequestConflict
from esign.profile import DuplicatePolicy
from esign.reasons import Reason
from esign.registry import IntentKind, IntentState, NextNumber, Registry
from tests.unit.registry.by_hand import by_hand
from tests.unit.registry.making import (
    METADATA,
    OTHER_WARD,
    START,
    WARD,
    Clock,
    approve,
    await_person,
    copy_of,
    digest,
    issue,
    new_intent,
    prepare,
    registration,
)


def test_reserving_records_everything_but_the_holder(registry: Registry) -> None:
    new = new_intent(masked_holder="N***** C")
    intent = registry.reserve(new)
    assert intent.state is IntentState.RESERVED
    assert intent.metadata == dataclasses.replace(METADATA, holder="")
    assert str(intent.number) == "01/QĐ-UBND"
    assert intent.masked_holder == "N***** C"
    assert intent.reserved_at == START
    assert (intent.idempotency_key, intent.request_digest) == (new.idempotency_key, new.request_digest)
    assert registry.get(intent.id) == intent
    assert registry.by_key(new.idempotency_key) == intent
    with by_hand(registry) as raw:
        assert not [row for row in raw.dump() if "Canary" in row]
    assert "N*****" not in repr(intent)


def test_the_same_request_gives_the_same_intent_in_every_state(registry: Registry) -> None:
    new = new_intent()
    first = registry.reserve(new)
    assert registry.reserve(new) == first
    prepared = prepare(registry, first)
    assert registry.reserve(new) == prepared
    registry.void(first.id, reason=Reason("not-registered", {"id": "x"}))
    assert registry.reserve(new).state is IntentState.VOID
    book = registry.book(WARD, year=2026, symbol="QĐ-UBND")
    assert book.last == 1


def test_another_request_with_that_key_is_refused(registry: Registry) -> None:
    new = new_intent()
    first = registry.reserve(new)
    with pytest.raises(RequestConflict) as e:
        registry.reserve(dataclasses.replace(new, request_digest=digest("other")))
    assert e.value.code == "request-conflict"
    assert e.value.reason.facts["id"] == str(first.id)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"idempotency_key": ""}, "idempotency-key-invalid"),
        ({"idempotency_key": "k" * 256}, "idempotency-key-invalid"),
        ({"request_digest": "AB" * 32}, "digest-invalid"),
        ({"request_digest": "ab"}, "digest-invalid"),
        ({"number": None}, "intent-number-missing"),
        ({"kind": IntentKind.SIGNATURE}, "intent-number-unexpected"),
        ({"number": DocumentNumber.parse("12/2025/QĐ-UBND")}, "number-year-differs"),
        ({"number": NextNumber(symbol="không phải")}, "document-symbol-invalid"),
        ({"metadata": dataclasses.replace(METADATA, expires=datetime(2027, 1, 1))}, "time-without-zone"),  # noqa: DTZ001
    ],
)
def test_a_request_that_cannot_be_is_refused_and_leaves_nothing(
    registry: Registry, changes: dict[str, object], code: str
) -> None:
    with pytest.raises(InputError) as e:
        registry.reserve(dataclasses.replace(new_intent(), **changes))  # type: ignore[arg-type]
    assert e.value.code == code
    for language in ("vi", "en"):
        assert e.value.diagnostics(language).what
    assert registry.listing().entries == ()
    assert registry.book(WARD, year=2026, symbol="QĐ-UBND").last == 0


def test_a_plain_signature_has_no_number(registry: Registry) -> None:
    intent = registry.reserve(new_intent(kind=IntentKind.SIGNATURE, number=None, metadata=None))
    assert (intent.number, intent.metadata, intent.number_source) == (None, None, None)
    assert intent.kind is IntentKind.SIGNATURE


def test_the_way_to_issued(registry: Registry, clock: Clock) -> None:
    intent = registry.reserve(new_intent())
    clock.forward(seconds=1)
    intent = prepare(registry, intent)
    assert (intent.state, intent.prepared_at, intent.signing_time) == (IntentState.PREPARED, clock.at, START)
    assert (intent.prepared_sha256, intent.to_be_signed_sha256) == (digest("p"), digest("t"))
    clock.forward(seconds=1)
    facts = registration()
    intent = registry.signed(intent.id, sha256=facts.sha256)
    assert (intent.state, intent.signed_at, intent.signed_sha256) == (IntentState.SIGNED, clock.at, facts.sha256)
    assert intent.registration is None
    clock.forward(seconds=1)
    intent = registry.issued(intent.id, facts)
    assert (intent.state, intent.issued_at, intent.registration) == (IntentState.ISSUED, clock.at, facts)
    assert registry.by_sha256(facts.sha256) == intent
    assert registry.by_sha256(digest("nobody")) is None
    assert registry.unfinished() == (intent,)
    delivered = registry.delivered(intent.id, at=clock.forward(seconds=1), where="/out")
    again = registry.delivered(intent.id, at=clock.forward(seconds=1), where="https://portal")
    assert delivered.delivered_at == again.delivered_at == START + timedelta(seconds=4)
    assert [d.where for d in registry.deliveries(intent.id)] == ["/out", "https://portal"]
    assert registry.unfinished() == ()


@pytest.mark.parametrize("person", [False, True])
@pytest.mark.parametrize("done", ["reserved", "awaiting", "approved", "prepared", "signed", "issued", "void"])
def test_each_step_happens_once_and_in_order(registry: Registry, done: str, person: bool) -> None:  # noqa: FBT001
    intent = registry.reserve(new_intent(person=person))
    order = ["reserved", "awaiting", "approved", "prepared", "signed", "issued"]
    facts = registration()
    steps: dict[str, Callable[[], object]] = {
        "awaiting": lambda: await_person(registry, intent),
        "approved": lambda: approve(registry, intent),
        "prepared": lambda: prepare(registry, intent),
        "signed": lambda: registry.signed(intent.id, sha256=facts.sha256),
        "issued": lambda: registry.issued(intent.id, facts),
        "void": lambda: registry.void(intent.id, reason=Reason("x"), why="y"),
    }
    if done == "void":
        steps["void"]()
    else:
        for name in order[1 : order.index(done) + 1]:
            steps[name]()
    follows = {
        "reserved": {"awaiting", "approved"} if person else {"awaiting", "approved", "prepared"},
        "awaiting": {"approved"},
        "approved": {"prepared"},
        "prepared": {"signed"},
        "signed": {"issued"},
    }.get(done, set[str]())
    for name, take in steps.items():
        if name in follows or (name == "void" and done in order[:5]):
            continue
        before = registry.get(intent.id)
        with pytest.raises(RegistryError) as e:
            take()
        assert e.value.code == "intent-state"
        assert e.value.reason.facts["found"] == IntentState(done).word
        assert registry.get(intent.id) == before
    if done != "issued":
        with pytest.raises(RegistryError, match="expected issued"):
            registry.delivered(intent.id, at=START, where="/out")


def test_void_keeps_why(registry: Registry, clock: Clock) -> None:
    intent = prepare(registry, registry.reserve(new_intent()))
    clock.forward(hours=1)
    reason = Reason("not-registered", {"id": "x", "when": date(2026, 1, 1)})
    void = registry.void(intent.id, reason=reason, why="the token is gone")
    assert (void.state, void.voided_at, void.void_why) == (IntentState.VOID, clock.at, "the token is gone")
    assert void.void_reason == Reason("not-registered", {"id": "x", "when": "2026-01-01"})
    assert void.prepared_sha256 == digest("p")
    assert registry.unfinished() == ()


def test_one_file_is_registered_once(registry: Registry) -> None:
    facts = registration()
    first, second = (registry.reserve(new_intent()) for _ in range(2))
    for intent in (first, second):
        prepare(registry, intent)
        registry.signed(intent.id, sha256=facts.sha256)
    registry.issued(first.id, facts)
    with pytest.raises(RegistryError) as e:
        registry.issued(second.id, facts)
    assert e.value.code == "file-already-registered"
    assert registry.get(second.id).state is IntentState.SIGNED


def test_nobody_knows_a_stranger(registry: Registry) -> None:
    stranger = ResultId.random()
    calls: tuple[Callable[[ResultId], object], ...] = (
        registry.get,
        registry.history,
        lambda i: registry.standing(i, at=START),
        lambda i: registry.signed(i, sha256=digest("x")),
        lambda i: registry.issued(i, registration()),
        lambda i: registry.void(i, reason=Reason("x")),
        lambda i: registry.delivered(i, at=START, where="x"),
        lambda i: registry.listing(after=i),
    )
    for call in calls:
        with pytest.raises(NotRegistered, match=str(stranger)):
            call(stranger)
    assert registry.by_key("never") is None


def test_digests_are_checked_at_each_step(registry: Registry) -> None:
    intent = registry.reserve(new_intent())
    with pytest.raises(InputError):
        registry.prepared(intent.id, prepared_sha256="x", to_be_signed_sha256=None, signing_time=START)
    with pytest.raises(InputError, match="no zone"):
        registry.prepared(
            intent.id,
            prepared_sha256=digest("x"),
            to_be_signed_sha256=None,
            signing_time=datetime(2026, 1, 1),  # noqa: DTZ001
        )
    assert registry.get(intent.id).state is IntentState.RESERVED
    intent = registry.prepared(intent.id, prepared_sha256=digest("x"), to_be_signed_sha256=None, signing_time=START)
    assert intent.to_be_signed_sha256 is None


def test_unfinished_is_everything_that_needs_work_oldest_first(registry: Registry) -> None:
    reserved = registry.reserve(new_intent())
    issued = issue(registry)
    prepared = prepare(registry, registry.reserve(new_intent()))
    done = issue(registry)
    registry.delivered(done.id, at=START, where="/out")
    void = registry.reserve(new_intent())
    registry.void(void.id, reason=Reason("x"))
    assert [i.id for i in registry.unfinished()] == [reserved.id, issued.id, prepared.id]


def test_pages_do_not_shift(registry: Registry) -> None:
    first = [registry.reserve(new_intent()).id for _ in range(5)]
    page = registry.listing(limit=2)
    assert [e.id for e in page.entries] == [first[4], first[3]]
    registry.reserve(new_intent(agency=OTHER_WARD))
    page = registry.listing(limit=2, after=page.next)
    assert [e.id for e in page.entries] == [first[2], first[1]]
    page = registry.listing(limit=2, after=page.next)
    assert [e.id for e in page.entries] == [first[0]]
    assert page.next is None
    assert len(registry.listing(agency=OTHER_WARD).entries) == 1
    issued = issue(registry)
    assert registry.listing(states=(IntentState.ISSUED,)).entries == (issued,)


def test_times_come_back_in_utc(template: Path, tmp_path: Path) -> None:
    local = datetime(2026, 11, 21, 9, 0, 0, 123456, tzinfo=timezone(timedelta(hours=7)))
    with Registry.open(copy_of(template, tmp_path), now=lambda: local) as registry:
        intent = registry.reserve(new_intent(metadata=dataclasses.replace(METADATA, expires=local + timedelta(days=1))))
        again = registry.get(intent.id)
    assert again.reserved_at == local
    assert again.reserved_at.tzinfo is UTC
    assert again.metadata is not None
    assert again.metadata.expires == local + timedelta(days=1)


def test_a_duplicate_that_is_let_pass_is_noticed(registry: Registry) -> None:
    number = DocumentNumber.parse("17/QĐ-UBND")
    first = registry.reserve(new_intent(number=number))
    second = registry.reserve(new_intent(number=number, duplicates=DuplicatePolicy.WARN))
    assert first.notices == ()
    assert second.duplicate_of == first.id
    (notice,) = second.notices
    assert str(first.id) in notice.explain("vi").what
    assert [i.id for i in registry.find(number, agency=WARD, year=2026)] == [first.id, second.id]
    assert registry.find(number, agency=OTHER_WARD, year=2026) == ()
