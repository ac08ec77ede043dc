"""Versions of an issued file, and levels that were promised for later."""

from datetime import timedelta

import pytest

from esign.errors import RegistryError
from esign.profile import Level
from esign.reasons import Reason
from esign.registry import FileVersion, Intent, Registry, Upgrade, UpgradeState
from tests.unit.registry.by_hand import Refused, by_hand
from tests.unit.registry.making import START, Clock, digest, new_intent, prepare, registration

PROMISE = Upgrade(level=Level.B_T, due=START + timedelta(days=1), alarm=START + timedelta(days=7))


def issued(registry: Registry, *, upgrade: Upgrade | None = PROMISE) -> Intent:
    intent = registry.reserve(new_intent())
    prepare(registry, intent)
    facts = registration(upgrade=upgrade)
    registry.signed(intent.id, sha256=facts.sha256)
    return registry.issued(intent.id, facts)


def version(text: str = "stamped", *, size: int = 20_000, level: Level = Level.B_T) -> FileVersion:
    return FileVersion(sha256=digest(text), size=size, level=level, at=START, notices=(Reason("x", {"n": 1}),))


def test_what_was_promised_is_visible_until_it_is_reached(registry: Registry, clock: Clock) -> None:
    intent = issued(registry)
    assert intent.registration is not None
    assert intent.registration.level is Level.B_B
    assert intent.upgrade == PROMISE
    assert registry.upgrades() == (intent,)
    clock.forward(hours=2)
    done = registry.upgraded(intent.id, version())
    assert done.upgrade is not None
    assert done.upgrade.done_at == clock()
    assert registry.upgrades() == ()
    assert [(v.position, v.level) for v in done.versions] == [(0, Level.B_B), (1, Level.B_T)]
    assert done.versions[1].notices == (Reason("x", {"n": 1}),)


def test_every_digest_stays_known(registry: Registry) -> None:
    intent = issued(registry)
    registry.upgraded(intent.id, version("a", size=20_000))
    now = registry.upgraded(intent.id, version("b", size=30_000, level=Level.B_LTA))
    assert [registry.by_sha256(v.sha256) for v in now.versions] == [now] * 3


@pytest.mark.parametrize(
    ("after", "state"),
    [
        (timedelta(0), UpgradeState.PENDING),
        (timedelta(hours=23, minutes=59), UpgradeState.PENDING),
        (timedelta(days=1), UpgradeState.LATE),
        (timedelta(days=6, hours=23), UpgradeState.LATE),
        (timedelta(days=7), UpgradeState.OVERDUE),
        (timedelta(days=4000), UpgradeState.OVERDUE),
    ],
)
def test_a_promise_has_a_deadline_and_a_grace(after: timedelta, state: UpgradeState) -> None:
    assert PROMISE.state(START + after) is state


def test_a_try_in_vain_moves_no_deadline(registry: Registry, clock: Clock) -> None:
    intent = issued(registry)
    for _ in range(3):
        clock.forward(hours=1)
        intent = registry.upgrade_failed(intent.id, Reason("timestamp-unavailable", {"count": 2, "why": "x"}))
    found = intent.upgrade
    assert found is not None
    assert (found.due, found.alarm, found.tries, found.tried_at) == (PROMISE.due, PROMISE.alarm, 3, clock())
    assert found.problem == Reason("timestamp-unavailable", {"count": 2, "why": "x"})
    assert found.state(clock()) is UpgradeState.PENDING


def test_a_version_of_a_lower_level_ends_no_promise(registry: Registry) -> None:
    intent = issued(registry, upgrade=Upgrade(level=Level.B_LTA, due=PROMISE.due, alarm=PROMISE.alarm))
    registry.upgraded(intent.id, version("a"))
    assert len(registry.upgrades()) == 1
    registry.upgraded(intent.id, version("b", size=30_000, level=Level.B_LTA))
    assert registry.upgrades() == ()


def test_the_most_urgent_comes_first(registry: Registry) -> None:
    later = issued(registry, upgrade=Upgrade(level=Level.B_T, due=START + timedelta(days=3), alarm=PROMISE.alarm))
    sooner = issued(registry)
    issued(registry, upgrade=None)
    assert [i.id for i in registry.upgrades()] == [sooner.id, later.id]
    assert [i.id for i in registry.upgrades(due_by=START + timedelta(days=2))] == [sooner.id]
    assert [i.id for i in registry.upgrades(limit=1)] == [sooner.id]


def test_a_version_that_nobody_got_yet_is_found(registry: Registry, clock: Clock) -> None:
    intent = issued(registry)
    registry.delivered(intent.id, at=clock(), where="out")
    registry.upgraded(intent.id, version())
    assert [i.id for i in registry.undelivered_versions()] == [intent.id]
    clock.forward(hours=1)
    now = registry.delivered(intent.id, at=clock(), where="out")
    assert registry.undelivered_versions() == ()
    assert [v.delivered_at for v in now.versions] == [START, clock()]


def test_only_what_is_longer_and_new_is_a_version(registry: Registry) -> None:
    intent, other = issued(registry), issued(registry)
    with pytest.raises(RegistryError) as shorter:
        registry.upgraded(intent.id, version(size=12_345))
    assert shorter.value.code == "version-not-longer"
    registry.upgraded(intent.id, version())
    for sha256 in (digest("stamped"), intent.versions[0].sha256):
        with pytest.raises(RegistryError) as known:
            registry.upgraded(other.id, FileVersion(sha256=sha256, size=50_000, level=Level.B_T, at=START))
        assert known.value.code == "file-already-registered"
    waiting = registry.reserve(new_intent())
    with pytest.raises(RegistryError) as early:
        registry.upgraded(waiting.id, version("c"))
    assert early.value.code == "intent-state"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM file_version",
        "UPDATE file_version SET sha256 = 'x'",
        "UPDATE file_version SET level = 'PAdES-B-LTA'",
        "INSERT OR REPLACE INTO file_version SELECT result_id, 1, 'x', 999, level, at, notices, NULL FROM file_version",
        "INSERT INTO file_version SELECT result_id, 3, 'x', 99999, level, at, notices, NULL FROM file_version",
        "INSERT INTO file_version SELECT result_id, 2, 'x', 3, level, at, notices, NULL FROM file_version",
        "INSERT INTO file_version SELECT id, 2, sha256, 99999, level, signing_time, notices, NULL FROM issued",
        "DELETE FROM upgrade",
        "UPDATE upgrade SET due = '2030-01-01', alarm = '2031-01-01'",
        "UPDATE upgrade SET level = 'PAdES-B-B'",
        "UPDATE upgrade SET done_at = NULL",
        "UPDATE upgrade SET tries = 0",
        "INSERT OR REPLACE INTO upgrade SELECT result_id, level, due, alarm, 0, NULL, NULL, NULL, NULL FROM upgrade",
    ],
)
def test_the_database_itself_forgets_nothing(registry: Registry, statement: str) -> None:
    intent = issued(registry)
    registry.upgrade_failed(intent.id, Reason("x"))
    registry.upgraded(intent.id, version())
    with by_hand(registry) as raw, pytest.raises(Refused):
        raw.execute(statement)
