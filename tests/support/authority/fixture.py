"""The fixture `authorities`: the test PKI, fresh for each test, at the time of the office."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.authority import NOW, Authorities


@pytest.fixture
def authorities(tmp_path: Path) -> Iterator[Authorities]:
    with Authorities.start(tmp_path / "authorities", now=NOW) as found:
        yield found
