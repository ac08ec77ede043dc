"""When a request is sent again, and after what pause."""

from datetime import UTC, datetime, timedelta

import pytest

from esign.client import Retrying
from esign.client.retrying import retry_after

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "code", "again"),
    [
        (503, "service-busy", True),
        (503, None, True),
        (429, "lookup-too-often", True),
        (502, None, True),
        (504, None, True),
        (409, "request-in-flight", True),
        (409, "request-is-in-flight", True),
        (409, "number-taken", False),
        (409, None, False),
        (422, "request-conflict", False),
        (400, "request-invalid", False),
        (401, "not-authenticated", False),
        (404, "not-registered", False),
        (408, "body-too-slow", False),
        (413, "body-too-large", False),
        (500, "service-failed", False),
    ],
)
def test_again(status: int, code: str | None, *, again: bool) -> None:
    assert Retrying().again(status, code) is again


def test_pauses_grow_up_to_a_limit_and_are_spread() -> None:
    policy = Retrying(first=timedelta(seconds=1), longest=timedelta(seconds=10))
    assert [policy.pause(n, asked=None, chance=1).total_seconds() for n in range(6)] == [1, 2, 4, 8, 10, 10]
    assert policy.pause(1000, asked=None, chance=1) == timedelta(seconds=10)
    assert policy.pause(3, asked=None, chance=0) == timedelta(0)


def test_what_the_service_asks_for_is_kept() -> None:
    policy = Retrying(longest=timedelta(seconds=1))
    assert policy.pause(0, asked=timedelta(seconds=8), chance=0) == timedelta(seconds=8)
    assert policy.pause(0, asked=timedelta(seconds=8), chance=1) == timedelta(seconds=10)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("999999999999", 86_400),
        ("Sun, 22 Nov 2026 03:00:05 GMT", 5),
        ("Sun, 22 Nov 2026 02:00:00 GMT", 0),
        ("soon", None),
        ("-1", None),
        ("٣", None),
        (None, None),
    ],
)
def test_retry_after(header: str | None, seconds: int | None) -> None:
    found = retry_after(header, NOW)
    assert found == (None if seconds is None else timedelta(seconds=seconds))
