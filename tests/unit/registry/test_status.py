"""Shards, and what a publisher reads from the register."""

import itertools
import random

import pytest

from esign.document import Standing, StandingChange
from esign.errors import RegistryError
from esign.profile import Numbering
from esign.reasons import Reason
from esign.registry import IntentKind, OtherResult, Registry, ShardStatus
from tests.unit.registry.by_hand import Refused, by_hand
from tests.unit.registry.making import OTHER_WARD, Clock, finish, issue, new_intent, prepare

SHARD = 1 << 17


def place(number: int) -> int:
    return number % SHARD


@pytest.fixture
def clock() -> Clock:
    return Clock()


def change(registry: Registry, clock: Clock, intent: object, to: Standing, other: object = None) -> None:
    clock.forward(minutes=1)
    new = StandingChange(standing=to, at=clock.at, by="x", why="y", other=other)  # type: ignore[arg-type]
    registry.change(intent.id, new)  # type: ignore[attr-defined]


def test_a_shard_counts_changes_and_nothing_else(registry: Registry, clock: Clock) -> None:
    first = issue(registry)
    assert [(s.number, s.counter, s.allow_list) for s in registry.shards()] == [(0, 0, False)]
    assert registry.statuses(0) == ()
    change(registry, clock, first, Standing.SUSPENDED)
    change(registry, clock, first, Standing.IN_FORCE)
    (shard,) = registry.shards()
    assert shard.counter == 2
    assert registry.statuses(0) == (ShardStatus(index=place(first.status_number), standing=Standing.IN_FORCE),)


def test_every_standing_is_told_with_who_takes_its_place(registry: Registry, clock: Clock) -> None:
    results = [issue(registry) for _ in range(6)]
    change(registry, clock, results[0], Standing.WITHDRAWN)
    change(registry, clock, results[1], Standing.REPLACED, results[5].id)
    change(registry, clock, results[2], Standing.CORRECTED, results[4].id)
    change(registry, clock, results[2], Standing.CORRECTED, results[5].id)
    change(registry, clock, results[2], Standing.SUSPENDED)
    change(registry, clock, results[2], Standing.IN_FORCE)
    void = registry.reserve(new_intent())
    registry.void(void.id, reason=Reason("request-lost"), why="")
    others = [OtherResult(id=r.id, number=r.number) for r in results]
    found = {s.index: s for s in registry.statuses(0)}
    assert found == {
        s.index: s
        for s in (
            ShardStatus(index=place(results[0].status_number), standing=Standing.WITHDRAWN),
            ShardStatus(index=place(results[1].status_number), standing=Standing.REPLACED, replaced_by=others[5]),
            ShardStatus(
                index=place(results[2].status_number),
                standing=Standing.CORRECTED,
                corrections=(others[4], others[5]),
            ),
            ShardStatus(index=place(void.status_number), standing=None),
        )
    }
    assert registry.shards()[0].counter == 7


def test_an_attachment_follows_its_main_result(registry: Registry, clock: Clock) -> None:
    main = issue(registry)
    before = issue(registry, kind=IntentKind.ATTACHMENT, main=main.id, number=None)
    late = registry.reserve(new_intent(kind=IntentKind.ATTACHMENT, main=main.id, number=None))
    change(registry, clock, main, Standing.WITHDRAWN)
    wanted = {place(i.status_number): Standing.WITHDRAWN for i in (main, before)}
    assert {s.index: s.standing for s in registry.statuses(0)} == wanted | {place(late.status_number): None}
    counter = registry.shards()[0].counter
    finish(registry, late)
    assert {s.index: s.standing for s in registry.statuses(0)} == wanted | {
        place(late.status_number): Standing.WITHDRAWN
    }
    assert registry.shards()[0].counter > counter


def test_an_allow_list_has_shards_of_its_own_and_knows_what_is_issued(registry: Registry) -> None:
    issue(registry)
    listed = registry.reserve(new_intent(allow_list=True))
    waiting = registry.reserve(new_intent(allow_list=True))
    assert {i.status_number // SHARD for i in (listed, waiting)} == {1}
    assert [(s.number, s.counter, s.allow_list) for s in registry.shards()] == [(0, 0, False), (1, 0, True)]
    assert registry.statuses(1) == ()
    finish(registry, listed)
    assert registry.statuses(1) == (ShardStatus(index=place(listed.status_number), standing=Standing.IN_FORCE),)
    assert registry.shards()[1].counter == 1


def test_agencies_are_mixed_and_places_tell_no_order(registry: Registry) -> None:
    made = [
        registry.reserve(new_intent(agency=OTHER_WARD if n % 2 else new_intent().agency)).status_number
        for n in range(40)
    ]
    assert len(set(made)) == 40
    assert {n // SHARD for n in made} == {0}
    rising = sum(a < b for a, b in itertools.pairwise(made))
    assert 5 < rising < 34  # in order, all 39 would rise; by chance, fewer than 6 or more than 33: 1 in 10^9


def test_a_step_that_fails_counts_nothing(registry: Registry, clock: Clock) -> None:
    first = issue(registry)
    change(registry, clock, first, Standing.WITHDRAWN)
    with pytest.raises(RegistryError):
        change(registry, clock, first, Standing.SUSPENDED)
    assert registry.shards()[0].counter == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE status_shard SET counter = 0",
        "UPDATE status_shard SET allow_list = true",
        "DELETE FROM status_shard",
        "INSERT OR REPLACE INTO status_shard (shard, used, opened_at) VALUES (0, 0, '2026-01-01')",
        "DELETE FROM status_exception",
        "UPDATE status_exception SET id = id",
        "INSERT OR REPLACE INTO status_exception SELECT * FROM status_exception",
        "INSERT INTO status_exception SELECT 5, id FROM intent",
    ],
)
def test_the_database_keeps_careless_hands_off(registry: Registry, clock: Clock, statement: str) -> None:
    change(registry, clock, issue(registry), Standing.WITHDRAWN)
    with by_hand(registry) as raw, pytest.raises(Refused):
        raw.execute(statement)


def test_what_the_lists_say_is_what_the_register_says(registry: Registry, clock: Clock) -> None:
    """Random histories: the entries of a shard agree with `Registry.standing`, which is computed otherwise."""
    dice = random.Random(5)
    results = [issue(registry) for _ in range(12)]
    results += [issue(registry, kind=IntentKind.ATTACHMENT, main=r.id, number=None) for r in results[:4]]
    for _ in range(120):
        other = dice.choice(results)
        to = dice.choice([Standing.IN_FORCE, Standing.CORRECTED, Standing.SUSPENDED, Standing.REPLACED])
        try:
            change(
                registry,
                clock,
                dice.choice(results),
                to,
                other.id if to in {Standing.CORRECTED, Standing.REPLACED} else None,
            )
        except RegistryError:
            continue
    told = {s.index: s for s in registry.statuses(0)}
    seen = set()
    for result in results:
        standing = registry.standing(result.id, at=clock.at)
        entry = told.get(place(result.status_number), ShardStatus(index=0, standing=Standing.IN_FORCE))
        assert entry.standing is standing.standing
        assert tuple(o.id for o in entry.corrections) == standing.corrections
        assert (entry.replaced_by.id if entry.replaced_by else None) == standing.replaced_by
        seen.add(entry.standing)
    assert len(seen) >= 3


def test_what_is_numbered_late_is_told_with_its_number(registry: Registry, clock: Clock) -> None:
    late = registry.reserve(new_intent(number=None, numbering=Numbering.AT_RELEASE))
    assert registry.statuses(0) == ()
    with pytest.raises(RegistryError):
        prepare(registry, late)
