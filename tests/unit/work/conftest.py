"""An office with a register on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from esign.registry import Registry
from tests.support.office import Office
from tests.support.work import Workroom


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("office") / "made"
    Office.create(folder, kind="p256").registry.close()
    return folder


@pytest.fixture
def room(made: Path, tmp_path: Path) -> Iterator[Workroom]:
    """On SQLite."""
    office = Office.copied(made, tmp_path / "office")
    yield Workroom(office)
    office.registry.close()


@pytest.fixture
def any_room(made: Path, tmp_path: Path, register_place: Path | str) -> Iterator[Workroom]:
    """On SQLite and on PostgreSQL."""
    office = Office.copied(made, tmp_path / "office")
    office.registry.close()
    office.registry = Registry.open(register_place, now=office.clock)
    yield Workroom(office)
    office.registry.close()
