"""Workers that are killed while they carry a batch out: each row once, no number twice, all of it finished."""

import sys
from pathlib import Path

import pytest

from tests.support.torture_work import kill_workers


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="signals, LD_PRELOAD and /proc")
def test_workers_are_killed_in_a_batch(tmp_path: Path) -> None:
    place = tmp_path / "place"
    figures = kill_workers(
        place, database="postgresql", key="ecdsa", rows=60, kill_every=1, seed=7, most_kills=3, most_seconds=300
    )
    assert figures.failures == (), str(figures)
