"""Standing: which changes are possible, what holds when, and that nothing is ever taken away."""

import dataclasses
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from esign.codes import ResultId
from esign.document import Standing, StandingChange
from esign.errors import Error, InputError, RegistryError
from esign.registry import Intent, Registry
from tests.unit.registry.making import METADATA, OTHER_WARD, START, Clock, copy_of, issue, new_intent


def changed(registry: Registry, intent: Intent, to: Standing, *, at: datetime, other: Intent | None = None) -> Standing:
    change = StandingChange(standing=to, at=at, by="chánh văn phòng", why="QĐ 12", other=other.id if other else None)
    return registry.change(intent.id, change).standing


def test_a_result_begins_in_force(registry: Registry, clock: Clock) -> None:
    intent = issue(registry)
    now = registry.standing(intent.id, at=clock.at)
    assert (now.standing, now.change, now.corrections, now.replaced_by) == (Standing.IN_FORCE, None, (), None)
    assert registry.history(intent.id) == ()


def test_only_issued_results_have_a_standing(registry: Registry, clock: Clock) -> None:
    intent = registry.reserve(new_intent())
    for call in (
        lambda: registry.standing(intent.id, at=clock.at),
        lambda: changed(registry, intent, Standing.WITHDRAWN, at=clock.at),
    ):
        with pytest.raises(RegistryError) as e:
            call()
        assert e.value.code == "standing-not-issued"
    issued = issue(registry)
    with pytest.raises(RegistryError) as e:
        registry.standing(issued.id, at=clock.at - timedelta(seconds=1))
    assert e.value.code == "standing-not-issued-then"


def test_what_held_at_which_moment(registry: Registry, clock: Clock) -> None:
    intent, correction, replacement = (issue(registry) for _ in range(3))
    at = [clock.forward(days=1) for _ in range(4)]
    assert changed(registry, intent, Standing.CORRECTED, at=at[0], other=correction) is Standing.CORRECTED
    assert changed(registry, intent, Standing.SUSPENDED, at=at[1]) is Standing.SUSPENDED
    # Lifting a suspension does not take the correction back.
    assert changed(registry, intent, Standing.IN_FORCE, at=at[2]) is Standing.CORRECTED
    assert changed(registry, intent, Standing.REPLACED, at=at[3], other=replacement) is Standing.REPLACED
    held = [registry.standing(intent.id, at=moment).standing for moment in (START, *at)]
    assert held == [
        Standing.IN_FORCE,
        Standing.CORRECTED,
        Standing.SUSPENDED,
        Standing.CORRECTED,
        Standing.REPLACED,
    ]
    last = registry.standing(intent.id, at=clock.at)
    assert (last.corrections, last.replaced_by) == ((correction.id,), replacement.id)
    history = registry.history(intent.id)
    assert [e.change.at for e in history] == at
    assert {e.recorded_at for e in history} == {clock.at}
    assert history[0].change.by == "chánh văn phòng"
    # The others are untouched.
    assert registry.standing(correction.id, at=clock.at).standing is Standing.IN_FORCE


@pytest.mark.parametrize("final", [Standing.WITHDRAWN, Standing.REPLACED])
def test_some_changes_are_final(registry: Registry, clock: Clock, final: Standing) -> None:
    intent, other = issue(registry), issue(registry)
    changed(registry, intent, final, at=clock.at, other=other if final is Standing.REPLACED else None)
    for to in Standing:
        with pytest.raises(RegistryError) as e:
            changed(registry, intent, to, at=clock.at, other=other)
        assert e.value.code == "standing-step"
    assert len(registry.history(intent.id)) == 1


def test_expiry_is_computed_and_never_stored(registry: Registry, clock: Clock) -> None:
    end = clock.at + timedelta(days=30)
    intent = issue(registry, metadata=dataclasses.replace(METADATA, expires=end))
    assert registry.standing(intent.id, at=end - timedelta(microseconds=1)).standing is Standing.IN_FORCE
    assert registry.standing(intent.id, at=end).standing is Standing.EXPIRED
    with pytest.raises(RegistryError) as e:
        changed(registry, intent, Standing.EXPIRED, at=clock.at)
    assert e.value.code == "standing-step"
    clock.at = end + timedelta(days=1)
    assert changed(registry, intent, Standing.SUSPENDED, at=clock.at) is Standing.EXPIRED
    assert changed(registry, intent, Standing.WITHDRAWN, at=clock.at) is Standing.WITHDRAWN


def test_changes_have_an_order_and_no_future(registry: Registry, clock: Clock) -> None:
    intent = issue(registry)
    first = clock.forward(days=2)
    changed(registry, intent, Standing.SUSPENDED, at=first)
    for at in (first - timedelta(seconds=1), clock.at + timedelta(seconds=1), START - timedelta(days=1)):
        with pytest.raises(RegistryError) as e:
            changed(registry, intent, Standing.WITHDRAWN, at=at)
        assert e.value.code == "standing-time"
    clock.forward(days=2)
    # Entered today, in force since yesterday.
    changed(registry, intent, Standing.WITHDRAWN, at=first + timedelta(days=1))
    assert registry.history(intent.id)[-1].recorded_at == clock.at
    with pytest.raises(InputError):
        registry.standing(intent.id, at=datetime(2026, 11, 21))  # noqa: DTZ001


def test_the_other_result_must_be_able_to_take_part(registry: Registry, clock: Clock) -> None:
    intent, withdrawn = issue(registry), issue(registry)
    changed(registry, withdrawn, Standing.WITHDRAWN, at=clock.at)
    others: list[tuple[Standing, ResultId | None, str]] = [
        (Standing.REPLACED, None, "standing-other-missing"),
        (Standing.CORRECTED, None, "standing-other-missing"),
        (Standing.WITHDRAWN, issue(registry).id, "standing-other-unexpected"),
        (Standing.REPLACED, intent.id, "standing-other-self"),
        (Standing.REPLACED, ResultId.random(), "not-registered"),
        (Standing.REPLACED, registry.reserve(new_intent()).id, "standing-not-issued"),
        (Standing.REPLACED, issue(registry, agency=OTHER_WARD).id, "standing-other-agency"),
        (Standing.REPLACED, withdrawn.id, "standing-other-over"),
    ]
    for to, other, code in others:
        with pytest.raises(RegistryError) as e:
            registry.change(intent.id, StandingChange(standing=to, at=clock.at, by="x", why="y", other=other))
        assert e.value.code == code
        assert e.value.diagnostics("vi").what != code
    assert registry.history(intent.id) == ()


def test_results_do_not_replace_each_other_in_a_circle(registry: Registry, clock: Clock) -> None:
    a, b, c = (issue(registry) for _ in range(3))
    changed(registry, a, Standing.CORRECTED, at=clock.at, other=b)
    changed(registry, b, Standing.REPLACED, at=clock.at, other=c)
    with pytest.raises(RegistryError) as e:
        changed(registry, c, Standing.REPLACED, at=clock.at, other=a)
    assert e.value.code == "standing-cycle"
    assert changed(registry, a, Standing.REPLACED, at=clock.at, other=c) is Standing.REPLACED


class StandingMachine(RuleBasedStateMachine):
    """The register against a few lines of Python that say the same in another way."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.registry = Registry.open(copy_of(self.template, Path(self.folder.name)), now=self.clock)
        self.results: list[Intent] = []
        self.changes: dict[ResultId, list[StandingChange]] = {}

    @initialize()
    def three_results(self) -> None:
        for n in range(3):
            expires = self.clock.at + timedelta(hours=20) if n == 0 else None
            intent = issue(self.registry, metadata=dataclasses.replace(METADATA, expires=expires))
            self.results.append(intent)
            self.changes[intent.id] = []

    @rule(hours=st.integers(1, 10))
    def time_passes(self, hours: int) -> None:
        self.clock.forward(hours=hours)

    @rule(
        which=st.integers(0, 2),
        to=st.sampled_from(Standing),
        other=st.one_of(st.none(), st.integers(0, 2)),
        back=st.sampled_from([0, 0, 0, 1, 100]),
    )
    def somebody_decides(self, which: int, to: Standing, other: int | None, back: int) -> None:
        intent = self.results[which]
        named = None if other is None else self.results[other].id
        change = StandingChange(standing=to, at=self.clock.at - timedelta(hours=back), by="x", why="y", other=named)
        allowed = self.allows(intent.id, change)
        try:
            self.registry.change(intent.id, change)
        except Error:
            assert not allowed, f"{change} was refused"
        else:
            assert allowed, f"{change} was accepted"
            self.changes[intent.id].append(change)

    def allows(self, of: ResultId, change: StandingChange) -> bool:
        past = self.changes[of]
        names = [c.standing for c in past]
        if Standing.WITHDRAWN in names or Standing.REPLACED in names or change.standing is Standing.EXPIRED:
            return False
        suspended = bool(names) and names[-1] is Standing.SUSPENDED
        if suspended and change.standing in {Standing.SUSPENDED, Standing.CORRECTED}:
            return False
        if not suspended and change.standing is Standing.IN_FORCE:
            return False
        if change.at < max([START, *(c.at for c in past)]):
            return False
        needs = change.standing in {Standing.CORRECTED, Standing.REPLACED}
        if needs != (change.other is not None):
            return False
        if change.other is None:
            return True
        over = {c.standing for c in self.changes[change.other]} & {Standing.WITHDRAWN, Standing.REPLACED}
        return change.other != of and not over and not self.leads(change.other, of)

    def leads(self, start: ResultId, to: ResultId) -> bool:
        return any(c.other is not None and (c.other == to or self.leads(c.other, to)) for c in self.changes[start])

    @invariant()
    def the_register_agrees(self) -> None:
        for intent in self.results:
            past = self.changes[intent.id]
            assert [e.change for e in self.registry.history(intent.id)] == past
            found = self.registry.standing(intent.id, at=self.clock.at)
            assert found.standing is self.expected(intent, past)
            corrections = [c.other for c in past if c.standing is Standing.CORRECTED]
            assert list(found.corrections) == corrections

    def expected(self, intent: Intent, past: list[StandingChange]) -> Standing:
        names = [c.standing for c in past]
        for final in (Standing.WITHDRAWN, Standing.REPLACED):
            if final in names:
                return final
        if intent.metadata and intent.metadata.expires and self.clock.at >= intent.metadata.expires:
            return Standing.EXPIRED
        if names and names[-1] is Standing.SUSPENDED:
            return Standing.SUSPENDED
        return Standing.CORRECTED if Standing.CORRECTED in names else Standing.IN_FORCE

    def teardown(self) -> None:
        self.registry.check()
        self.registry.close()
        self.folder.cleanup()


def test_standing_follows_its_rules(template: Path) -> None:
    machine = type("Machine", (StandingMachine,), {"template": template})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
