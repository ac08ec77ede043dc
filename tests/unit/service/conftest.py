"""A service over an office with keys in software."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.office import Office
from tests.support.service import ServiceForTest, service


@pytest.fixture
def office(rsa_office: Path, tmp_path: Path) -> Iterator[Office]:
    found = Office.copied(rsa_office, tmp_path / "office")
    yield found
    found.registry.close()


@pytest.fixture
def here(office: Office) -> Iterator[ServiceForTest]:
    with service(office) as made:
        yield made
