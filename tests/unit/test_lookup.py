"""Looking up by typed ids and shown codes: what is forgiven, what is hidden, and who asks too often."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from esign.codes import ResultId
from esign.document import Standing, StandingChange
from esign.errors import InputError, NotRegistered, RegistryError
from esign.lookup import CountedCodes, Lookup, RateLimiter, UsedCodes, candidates
from esign.registry import Intent, IntentKind, Registry
from tests.support.registers import fresh_register
from tests.unit.registry.making import Clock, issue, new_intent


class Stopwatch:
    """A monotonic clock that only tests move."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    with Registry.open(fresh_register(tmp_path), now=clock) as registry:
        yield registry


@pytest.fixture
def watch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def lookup(registry: Registry, clock: Clock, watch: Stopwatch) -> Lookup:
    return Lookup(
        registry,
        now=clock,
        limiter=RateLimiter(rate=6, burst=50, monotonic=watch),
        redeemer=registry,
        hidden=lambda entry: entry.profile == "hidden",
    )


def not_found(lookup: Lookup, typed: str) -> str:
    with pytest.raises(NotRegistered) as e:
        lookup.by_id(typed, client="x")
    assert not e.value.reason.facts
    return e.value.code


def test_a_result_is_found_by_what_is_printed(lookup: Lookup, registry: Registry) -> None:
    result = issue(registry, masked_holder="N.V.A***")
    found = lookup.by_id(str(result.id), client="x")
    assert (found.entry.id, found.entry.number, found.swapped) == (result.id, result.number, False)
    assert found.entry.standing.standing is Standing.IN_FORCE
    assert found.entry.masked_holder == "N.V.A***"
    assert found.presented_at is None


@pytest.mark.parametrize("spelled", [str.lower, lambda s: s.replace("-", ""), lambda s: s.replace("-", " ")])
def test_spelling_is_forgiven(lookup: Lookup, registry: Registry, spelled: object) -> None:
    result = issue(registry)
    assert lookup.by_id(spelled(str(result.id)), client="x").entry.id == result.id  # type: ignore[operator]


def test_letters_for_digits_are_forgiven(lookup: Lookup, registry: Registry) -> None:
    result = issue(registry)
    typed = str(result.id).replace("0", "O").replace("1", "I")
    assert lookup.by_id(typed, client="x").entry.id == result.id


def test_two_swapped_neighbours_are_noticed_and_found(lookup: Lookup, registry: Registry) -> None:
    result = issue(registry)
    symbols = str(result.id).replace("-", "")
    swaps = [i for i in range(15) if symbols[i] != symbols[i + 1]]
    for i in swaps:
        found = lookup.by_id(symbols[:i] + symbols[i + 1] + symbols[i] + symbols[i + 2 :], client=f"{i}")
        assert (found.entry.id, found.swapped) == (result.id, True)
    # Anything else that is wrong is not found.
    other = "0" if symbols[0] != "0" else "2"
    assert not_found(lookup, other + symbols[1:]) == "lookup-not-found"


def test_candidates_are_the_id_and_its_swaps() -> None:
    found = candidates("0123-4567-89AB-CDEF")
    assert len(found) == len(set(found)) == 16
    assert found[1] == "1023-4567-89AB-CDEF"
    assert all(str(ResultId.parse(each)) == each for each in found)
    assert candidates(str(ResultId(bytes(10)))) == (str(ResultId(bytes(10))),)


def test_what_is_hidden_is_what_never_was(lookup: Lookup, registry: Registry) -> None:
    hidden: list[Intent] = [
        issue(registry, profile="hidden"),
        registry.reserve(new_intent()),
        issue(registry, kind=IntentKind.SIGNATURE, number=None, metadata=None),
    ]
    for id_ in [*(str(i.id) for i in hidden), "0123-4567-89AB-CDEF"]:
        assert not_found(lookup, id_) == "lookup-not-found"


def test_many_at_a_time_are_each_answered_as_alone(lookup: Lookup, registry: Registry, clock: Clock) -> None:
    first, second, third = (issue(registry) for _ in range(3))
    attached = issue(registry, kind=IntentKind.ATTACHMENT, main=first.id, number=None)
    clock.forward(minutes=1)
    registry.change(
        first.id, StandingChange(standing=Standing.CORRECTED, at=clock.at, by="x", why="y", other=second.id)
    )
    registry.change(third.id, StandingChange(standing=Standing.WITHDRAWN, at=clock.at, by="x", why="y"))
    asked = [first.id, attached.id, ResultId(bytes(10)), third.id, second.id]
    found = lookup.by_ids(asked)
    assert [f and f.entry.id for f in found] == [first.id, attached.id, None, third.id, second.id]
    alone = [lookup.by_ids([id_])[0] for id_ in asked]
    assert list(found) == alone
    for each in found:
        if each is not None:
            now = registry.standing(each.entry.id, at=clock.at)
            assert each.entry.standing.standing is now.standing
            assert each.entry.standing.corrections == now.corrections
            assert each.entry.number == registry.get(each.entry.id).number
            assert each.entry.issue_date == registry.get(each.entry.id).issue_date
    assert found[0] is not None
    assert [(o.id, o.number) for o in found[0].entry.others] == [(second.id, second.number)]


def test_a_reader_that_cannot_write_uses_codes_up_in_its_own_folder(
    registry: Registry, clock: Clock, tmp_path: Path
) -> None:
    result = issue(registry)
    readers = [UsedCodes(registry, tmp_path / "used", now=clock) for _ in range(2)]
    shown, late = registry.present(result.id), registry.present(result.id)

    def code(digits: str) -> str:
        with pytest.raises(RegistryError) as e:
            readers[1].redeem(digits)
        return e.value.code

    assert readers[0].redeem(shown.digits) == result.id
    assert code(shown.digits) == "presentation-used"
    assert code(shown.digits[:-1] + ("1" if shown.digits[-1] == "0" else "0")) == "presentation-unknown"
    clock.forward(minutes=1)
    assert code(late.digits) == "presentation-expired"
    assert shown.digits not in "".join(p.name for p in (tmp_path / "used").iterdir())
    readers[0].sweep()
    assert len(list((tmp_path / "used").iterdir())) == 1


@pytest.mark.parametrize("first_writes", [True, False])
def test_a_code_is_shown_once_on_a_side_that_writes_and_one_that_does_not(
    registry: Registry, clock: Clock, tmp_path: Path, *, first_writes: bool
) -> None:
    used = UsedCodes(registry, tmp_path / "used", now=clock)
    sides: list[CountedCodes | UsedCodes] = [used, CountedCodes(registry, used)]
    first, second = reversed(sides) if first_writes else sides
    result = issue(registry)
    shown = registry.present(result.id)
    assert first.redeem(shown.digits) == result.id
    with pytest.raises(RegistryError) as e:
        second.redeem(shown.digits)
    assert e.value.code == "presentation-used"


def test_where_uses_cannot_be_noted_nothing_is_shown(registry: Registry, clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "used").write_text("a file where the folder should be")
    with pytest.raises(RegistryError) as e:
        UsedCodes(registry, tmp_path / "used", now=clock).redeem(registry.present(issue(registry).id).digits)
    assert e.value.code == "disk-not-writable"


def test_what_is_no_id_is_said_so(lookup: Lookup) -> None:
    with pytest.raises(InputError) as e:
        lookup.by_id("ABCD-EFGH", client="x")
    assert e.value.code == "result-id-invalid"


def test_who_takes_its_place_is_told(lookup: Lookup, registry: Registry, clock: Clock) -> None:
    first, second = issue(registry), issue(registry)
    clock.forward(minutes=1)
    change = StandingChange(standing=Standing.REPLACED, at=clock.at, by="x", why="y", other=second.id)
    registry.change(first.id, change)
    found = lookup.by_id(str(first.id), client="x")
    assert found.entry.standing.standing is Standing.REPLACED
    assert [(o.id, o.number) for o in found.entry.others] == [(second.id, second.number)]


def test_a_code_that_moves_is_shown_once(lookup: Lookup, registry: Registry, clock: Clock) -> None:
    result = issue(registry, profile="hidden")  # its holder may show what others may not look up
    shown = registry.present(result.id)
    found = lookup.by_presentation(shown.digits, client="x")
    assert (found.entry.id, found.presented_at) == (result.id, clock.at)
    with pytest.raises(RegistryError) as e:
        lookup.by_presentation(shown.digits, client="x")
    assert e.value.code == "presentation-used"


def test_who_asks_too_often_waits(lookup: Lookup, registry: Registry, watch: Stopwatch) -> None:
    result = issue(registry)
    for _ in range(50):
        lookup.by_id(str(result.id), client="one")
    with pytest.raises(RegistryError) as e:
        lookup.by_id(str(result.id), client="one")
    assert e.value.code == "lookup-too-often"
    assert e.value.reason.facts == {"seconds": 10}
    assert lookup.by_id(str(result.id), client="two").entry.id == result.id
    watch.at += 10
    assert lookup.by_id(str(result.id), client="one").entry.id == result.id


def test_the_limiter_forgets_who_asked_long_ago_and_stays_small() -> None:
    watch = Stopwatch()
    limiter = RateLimiter(rate=1, burst=1, monotonic=watch, most=10)
    assert limiter.take("a") is None
    assert limiter.take("a") == timedelta(seconds=60)
    for n in range(10):
        assert limiter.take(f"{n}") is None
    assert limiter.take("a") is None
    assert len(limiter._buckets) == 10
