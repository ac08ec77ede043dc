"""Fixtures that every test can ask for, and what lets any test run after any other."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

pytest_plugins = [
    "tests.support.softhsm",
    "tests.support.shim",
    "tests.support.authority.fixture",
    "tests.support.postgres",
]


@contextmanager
def _without_playwrights_loop(item: pytest.Item) -> Iterator[None]:
    """Playwright's loop stands still between its tests, and the thread still says that it runs: no other may start."""
    loop = None if "tests/browser" in item.path.as_posix() else asyncio._get_running_loop()
    if loop is not None:
        asyncio._set_running_loop(None)
    try:
        yield
    finally:
        if loop is not None:
            asyncio._set_running_loop(loop)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    with _without_playwrights_loop(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    with _without_playwrights_loop(item):
        return (yield)
