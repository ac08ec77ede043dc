"""Fixtures that every test can ask for."""

import pytest

pytest_plugins = [
    "tests.support.softhsm",
    "tests.support.shim",
    "tests.support.authority.fixture",
    "tests.support.postgres",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Playwright leaves an event loop running in its thread, in which pyHanko's validation cannot start its own.
    items.sort(key=lambda item: "tests/browser" in item.path.as_posix())
