"""A service over an office with keys in software."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.office import Office
from tests.support.service import ServiceForTest, service


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("office") / "made"
    Office.create(folder).registry.close()
    return folder


@pytest.fixture
def office(made: Path, tmp_path: Path) -> Iterator[Office]:
    found = Office.copied(made, tmp_path / "office")
    yield found
    found.registry.close()


@pytest.fixture
def here(office: Office) -> Iterator[ServiceForTest]:
    with service(office) as made:
        yield made
