"""Fixtures that every test can ask for."""

pytest_plugins = ["tests.support.softhsm", "tests.support.shim", "tests.support.authority.fixture"]
