"""An office with a register on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from esign.registry import Registry
from tests.support.office import Office
from tests.support.work import Workroom


@pytest.fixture
def room(p256_office: Path, tmp_path: Path) -> Iterator[Workroom]:
    """On SQLite."""
    office = Office.copied(p256_office, tmp_path / "office")
    yield Workroom(office)
    office.registry.close()


@pytest.fixture
def any_room(p256_office: Path, tmp_path: Path, register_place: Path | str) -> Iterator[Workroom]:
    """On SQLite and on PostgreSQL."""
    office = Office.copied(p256_office, tmp_path / "office")
    office.registry.close()
    office.registry = Registry.open(register_place, now=office.clock)
    yield Workroom(office)
    office.registry.close()
