"""An office that is ready to work, made once for all workers and copied for each script."""

from pathlib import Path

import pytest
from filelock import FileLock

from tests.scripts.script import Player, copy, environment
from tests.support.shim import Shim
from tests.support.softhsm import softhsm_module

_OPENING = Path(__file__).with_name("opening.txt")


@pytest.fixture(scope="session")
def opened_office(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """What `opening.txt` makes."""
    softhsm_module()
    base = tmp_path_factory.getbasetemp()
    # pytest-xdist: each worker has a folder of its own below the one that they share.
    folder = (base if worker_id == "master" else base.parent) / "opening"
    with FileLock(f"{folder}.lock"):
        ready = folder / "ready"
        if not ready.exists():
            folder.mkdir()  # of a failed opening it is there: the others fail as well, and quickly
            Player(folder, environment(folder / "state")).play(_OPENING.read_text("utf-8"))
            ready.touch()
    return folder / "office"


@pytest.fixture
def office(opened_office: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return copy(opened_office, tmp_path / "office")


@pytest.fixture
def shim(shim_built: Path, tmp_path: Path) -> Shim:
    """A shim for the token of an office, whose own SOFTHSM2_CONF it goes by."""
    return Shim(tmp_path / "shim", shim_built)


@pytest.fixture
def player(office: Path, tmp_path: Path) -> Player:
    """Somebody in that office."""
    return Player(office, environment(tmp_path / "state"))
