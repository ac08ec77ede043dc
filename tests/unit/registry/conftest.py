"""A fresh register for each test, on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from esign.registry import Registry
from tests.support.postgres import PostgresServer
from tests.unit.registry.making import Clock, copy_of


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "register.sqlite"
    Registry.open(path, now=Clock()).close()
    assert not path.with_name("register.sqlite-wal").exists()
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def in_file(template: Path, tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    """A register in a SQLite file, for what only files have."""
    with Registry.open(copy_of(template, tmp_path), now=clock) as registry:
        yield registry


@pytest.fixture
def on_server(postgres_url: str, clock: Clock) -> Iterator[Registry]:
    """A register on PostgreSQL, for what only servers have."""
    with Registry.open(postgres_url, now=clock) as registry:
        yield registry


@pytest.fixture(params=["in_file", "on_server"])
def registry(request: pytest.FixtureRequest) -> Registry:
    """A register; the test runs on both databases."""
    found: Registry = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["in_file", "on_server"])
def empty_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """Where nothing is yet."""
    if request.param == "in_file":
        yield tmp_path / "register.sqlite"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.database()
    yield server.url(name)
    server.drop(name)
