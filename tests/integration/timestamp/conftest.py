"""An office that knows a time-stamping authority, which really answers."""

import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.authority import Authorities
from tests.support.office import NOW, Office


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authorities]:
    """One for all tests; its clock stands still."""
    with Authorities.start(tmp_path_factory.mktemp("authorities"), now=NOW) as found:
        yield found


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, pki: Authorities) -> Path:
    """The keys and certificates of an office."""
    folder = tmp_path_factory.mktemp("made") / "office"
    Office.create(folder, kind="p256")
    crls = [urllib.request.urlopen(pki.crl(label)).read() for label in ("root", "stamping")]
    Office.name_authority(folder, pki.tsa("tsa"), pki.certificate("root"), crls=crls)
    return folder


@pytest.fixture
def office(made: Path, tmp_path: Path) -> Callable[..., Office]:
    """Opens a fresh office with a profile."""

    def opened(**profile: object) -> Office:
        return Office.copied(made, tmp_path / "office", **profile)

    return opened
