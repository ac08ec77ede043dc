"""Codes that move: once, for half a minute, and nothing for who guesses."""

import threading
from datetime import timedelta

import pytest

from esign.codes import ResultId
from esign.errors import NotRegistered, RegistryError
from esign.registry import Registry
from tests.unit.registry.by_hand import Refused, by_hand
from tests.unit.registry.making import START, Clock, issue, new_intent


@pytest.fixture
def clock() -> Clock:
    return Clock()


def refusal(registry: Registry, digits: str) -> str:
    with pytest.raises(RegistryError) as e:
        registry.redeem(digits)
    return e.value.code


def test_a_code_shows_its_result_once(registry: Registry) -> None:
    result = issue(registry)
    shown = registry.present(result.id)
    assert len(shown.digits) == 20
    assert shown.expires == START + timedelta(seconds=30)
    assert shown.url("q.gov.vn") == f"https://q.gov.vn/p#{shown.digits}"
    assert registry.redeem(shown.digits) == result.id
    assert refusal(registry, shown.digits) == "presentation-used"


def test_a_screenshot_shows_nothing_after_half_a_minute(registry: Registry, clock: Clock) -> None:
    result = issue(registry)
    shown = registry.present(result.id)
    clock.forward(seconds=29.9)
    other = registry.present(result.id)
    assert registry.redeem(shown.digits) == result.id
    clock.forward(seconds=30)
    assert refusal(registry, other.digits) == "presentation-expired"
    assert refusal(registry, shown.digits) == "presentation-used"


def test_guesses_end_a_code_and_learn_nothing(registry: Registry) -> None:
    shown = registry.present(issue(registry).id)
    handle, code = shown.digits[:15], int(shown.digits[15:])
    wrong = [f"{handle}{(code + n) % 65536:05}" for n in range(1, 6)]
    assert {refusal(registry, digits) for digits in wrong} == {"presentation-unknown"}
    assert refusal(registry, shown.digits) == "presentation-unknown"


@pytest.mark.parametrize("digits", ["", "1", "0" * 20, "9" * 20, "0" * 21, "١" * 20, "-1234567890123456789", "1e5"])
def test_what_is_no_code_is_unknown(registry: Registry, digits: str) -> None:
    assert refusal(registry, digits) == "presentation-unknown"


def test_only_issued_results_are_presented(registry: Registry) -> None:
    with pytest.raises(RegistryError) as e:
        registry.present(registry.reserve(new_intent()).id)
    assert e.value.code == "presentation-not-issued"
    with pytest.raises(NotRegistered):
        registry.present(ResultId(bytes(10)))


def test_the_database_does_not_hold_the_code(registry: Registry) -> None:
    shown = registry.present(issue(registry).id)
    waits = registry.reserve(new_intent())
    with by_hand(registry) as raw:
        (row,) = raw.execute("SELECT * FROM presentation")
        for whose in (f"'{waits.id}'", "'nobody'"):
            with pytest.raises(Refused):
                raw.execute(f"INSERT INTO presentation VALUES (1, {whose}, 'x', '2026-01-01', '2026-01-01', NULL, 0)")
    assert shown.digits not in str(row)
    assert shown.digits[15:] not in [str(v) for v in row]


def test_old_codes_are_cleared(registry: Registry, clock: Clock) -> None:
    result = issue(registry)
    first = registry.present(result.id)
    clock.forward(days=2)
    registry.present(result.id)
    with by_hand(registry) as raw:
        assert raw.execute("SELECT count(*) FROM presentation") == [(1,)]
    assert refusal(registry, first.digits) == "presentation-unknown"


def test_of_many_who_use_a_code_at_once_one_sees_the_result(registry: Registry) -> None:
    shown = registry.present(issue(registry).id)
    seen: list[str] = []

    def use() -> None:
        try:
            registry.redeem(shown.digits)
            seen.append("shown")
        except RegistryError as e:
            seen.append(e.code)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(seen) == ["presentation-used"] * 7 + ["shown"]
