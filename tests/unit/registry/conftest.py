"""A fresh register for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from esign.registry import Registry
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
def registry(template: Path, tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    with Registry.open(copy_of(template, tmp_path), now=clock) as registry:
        yield registry
