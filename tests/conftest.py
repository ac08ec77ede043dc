"""Fixtures that every test can ask for, and what lets any test run after any other."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby, islice

import pytest
from hypothesis import settings

from tests.support.memory import in_memory

pytest_plugins = [
    "tests.support.softhsm",
    "tests.support.shim",
    "tests.support.offices",
    "tests.support.authority.fixture",
    "tests.support.postgres",
]

if (_memory := in_memory(gibibytes=4)) is not None:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_memory))  # where pytest makes its folders

# How long an example takes is the machine's affair, and a busy one takes its time.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

_SLOW = ("tests/scripts/", "tests/integration/", "tests/browser/")
"""Where tests start processes, servers and browsers, each of which takes seconds."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each worker its share of the slow modules, first, so that none is left with them alone at the end.

    A worker begins with as many tests as any other, in this order, and whoever is done takes some of another's last.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if any(folder in item.path.as_posix() for folder in _SLOW)]
    modules = [list(tests) for _, tests in groupby(slow, key=lambda item: item.path)]
    found = set(slow)
    others = iter([item for item in items if item not in found])
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        ordered += [item for module in modules[worker::workers] for item in module]
        end = len(items) * (worker + 1) // workers
        ordered += islice(others, max(0, end - len(ordered)))
    items[:] = [*ordered, *others]


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
