"""The state machine of intents against a model, in any order of steps."""

import tempfile
from datetime import date
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from esign.codes import DocumentNumber, ResultId
from esign.errors import DuplicateNumber, RegistryError, RequestConflict
from esign.profile import Numbering
from esign.reasons import Reason
from esign.registry import Intent, IntentState, NextNumber, Registry
from tests.unit.registry.making import (
    START,
    WARD,
    Clock,
    approve,
    await_person,
    copy_of,
    digest,
    file_of,
    new_intent,
    prepare,
    registration,
)

_FOLLOWS = {
    "awaiting": ({IntentState.RESERVED}, IntentState.AWAITING),
    "approved": ({IntentState.RESERVED, IntentState.AWAITING}, IntentState.APPROVED),
    "prepared": ({IntentState.RESERVED, IntentState.APPROVED}, IntentState.PREPARED),
    "signed": ({IntentState.PREPARED}, IntentState.SIGNED),
    "issued": ({IntentState.SIGNED}, IntentState.ISSUED),
}
_FOR_PEOPLE = {IntentState.AWAITING, IntentState.APPROVED}
_DAY = date(2026, 11, 23)


class IntentMachine(RuleBasedStateMachine):
    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.registry = Registry.open(copy_of(self.template, Path(self.folder.name)), now=Clock())
        self.keys: dict[str, tuple[str, ResultId]] = {}
        self.states: dict[ResultId, IntentState] = {}
        self.numbers: dict[int, ResultId] = {}
        self.delivered: set[ResultId] = set()
        self.persons: set[ResultId] = set()
        self.unnumbered: set[ResultId] = set()
        self.assigned: dict[ResultId, int | None] = {}

    @rule(
        key=st.integers(0, 6),
        body=st.sampled_from(["one", "one", "two"]),
        given=st.one_of(st.none(), st.integers(1, 8)),
        late=st.booleans(),
        person=st.booleans(),
    )
    def reserve(self, key: int, body: str, given: int | None, late: bool, person: bool) -> None:  # noqa: FBT001
        new = new_intent(
            f"key {key}",
            request_digest=digest(body),
            number=None if late else self.wanted(given),
            numbering=Numbering.AT_RELEASE if late else Numbering.RESERVED,
            person=person,
        )
        known = self.keys.get(new.idempotency_key)
        try:
            intent = self.registry.reserve(new)
        except RequestConflict:
            assert known is not None
            assert known[0] != body
            return
        except DuplicateNumber:
            assert known is None
            assert given in self.numbers
            assert not late
            return
        if known is not None:
            assert known == (body, intent.id)
            assert intent.state is self.states[intent.id]
            return
        assert intent.id not in self.states
        self.keys[new.idempotency_key] = (body, intent.id)
        self.states[intent.id] = intent.state
        if person:
            self.persons.add(intent.id)
        if late:
            assert intent.number is None
            self.unnumbered.add(intent.id)
        else:
            self.number(intent, given)

    def wanted(self, given: int | None) -> DocumentNumber | NextNumber:
        return NextNumber(symbol="QĐ") if given is None else DocumentNumber(given, None, "QĐ")

    def number(self, intent: Intent, given: int | None) -> None:
        assert intent.number is not None
        assert intent.number.number not in self.numbers
        assert given in {None, intent.number.number}
        self.numbers[intent.number.number] = intent.id

    @precondition(lambda self: self.states)
    @rule(which=st.integers(0, 6), given=st.one_of(st.none(), st.integers(1, 8)))
    def assign_number(self, which: int, given: int | None) -> None:
        one = list(self.states)[which % len(self.states)]
        again = one in self.assigned and self.assigned[one] == given and self.states[one] is not IntentState.VOID
        first = one in self.unnumbered and self.states[one] is IntentState.APPROVED
        before = self.registry.get(one)
        try:
            intent = self.registry.assign_number(one, self.wanted(given), issue_date=_DAY)
        except DuplicateNumber:
            assert first
            assert given in self.numbers
        except RegistryError:
            assert not first
            assert not again
        else:
            assert first or again
            if again:
                assert intent == before
                return
            self.number(intent, given)
            self.unnumbered.remove(one)
            self.assigned[one] = given

    @precondition(lambda self: self.states)
    @rule(which=st.integers(0, 6), name=st.sampled_from([*_FOLLOWS, "void", "delivered"]))
    def step(self, which: int, name: str) -> None:
        one = list(self.states)[which % len(self.states)]
        state = self.states[one]
        if name == "void":
            allowed, to = not state.final, IntentState.VOID
        elif name == "delivered":
            allowed, to = state is IntentState.ISSUED, IntentState.ISSUED
        else:
            allowed, to = state in _FOLLOWS[name][0], _FOLLOWS[name][1]
        if name == "prepared" and state is IntentState.RESERVED and one in self.persons:
            allowed = False
        if name == "prepared" and one in self.unnumbered:
            allowed = False
        take = {
            "awaiting": lambda: await_person(self.registry, self.registry.get(one)),
            "approved": lambda: approve(self.registry, self.registry.get(one)),
            "prepared": lambda: prepare(self.registry, self.registry.get(one)),
            "signed": lambda: self.registry.signed(one, sha256=digest(one)),
            "issued": lambda: self.registry.issued(one, registration(sha256=digest(one))),
            "void": lambda: self.registry.void(one, reason=Reason("x")),
            "delivered": lambda: self.registry.delivered(one, at=START, where="/out"),
        }
        try:
            take[name]()
        except RegistryError as refusal:
            assert refusal.code in {"intent-state", "intent-not-numbered"}  # noqa: PT017  # either may happen
            assert not allowed
        else:
            assert allowed
            self.states[one] = to
            if name == "delivered":
                self.delivered.add(one)

    @rule()
    def the_program_starts_again(self) -> None:
        path = file_of(self.registry)
        self.registry.close()
        self.registry = Registry.open(path, now=Clock())

    @invariant()
    def the_register_agrees(self) -> None:
        assert {i.id: i.state for i in self.registry.listing().entries} == self.states
        book = self.registry.book(WARD, year=2026, symbol="QĐ")
        assert {e.number.number: e.id for e in book.entries} == self.numbers
        assert {e.id for e in book.gaps} == {
            one for one, state in self.states.items() if state is not IntentState.ISSUED and one not in self.unnumbered
        }
        assert {i.id for i in self.registry.waiting()} == {
            one for one, state in self.states.items() if state in _FOR_PEOPLE
        }
        assert {i.id for i in self.registry.unfinished()} == {
            one
            for one, state in self.states.items()
            if (not state.final and state not in _FOR_PEOPLE)
            or (state is IntentState.ISSUED and one not in self.delivered)
        }

    def teardown(self) -> None:
        self.registry.check()
        self.registry.close()
        self.folder.cleanup()


def test_intents_follow_their_rules(template: Path) -> None:
    machine = type("Machine", (IntentMachine,), {"template": template})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
