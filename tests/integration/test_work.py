"""Workers that are killed while they carry a batch out: each row once, no number twice, all of it finished."""

from pathlib import Path

import pytest

from tests.support.office import Office
from tests.support.torture_work import kill_workers


@pytest.mark.slow
def test_workers_are_killed_in_a_batch(postgres_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "office"
    Office.create(folder, kind="p256").registry.close()
    figures = kill_workers(folder, postgres_url, rows=60, workers=2, kill_every=2.5, seed=7, most_kills=4)
    assert figures.failures == (), str(figures)
