"""Workers as processes: killed while they carry a batch out, and what they do where nothing else runs."""

import sys
from pathlib import Path

import pytest

from tests.support.deployment import Deployment
from tests.support.torture_work import kill_workers
from tests.support.waiting import until


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="signals, LD_PRELOAD and /proc")
def test_workers_are_killed_in_a_batch(tmp_path: Path) -> None:
    place = tmp_path / "place"
    figures = kill_workers(
        place, database="postgresql", key="ecdsa", rows=60, kill_every=1, seed=7, most_kills=3, most_seconds=300
    )
    assert figures.failures == (), str(figures)


@pytest.mark.softhsm
@pytest.mark.skipif(sys.platform != "linux", reason="signals, LD_PRELOAD and /proc")
def test_the_audit_is_anchored_where_only_workers_run(postgres_url: str, tmp_path: Path) -> None:
    """Elsewhere, by one of them at a time; what happened since is anchored when they end."""
    elsewhere = tmp_path / "elsewhere"
    made = Deployment.make(tmp_path / "place", database=postgres_url)
    configuration = made.folder / "esign.toml"
    text = configuration.read_text("utf-8").replace('anchors = ""', f'anchors = "{elsewhere}"')
    configuration.write_text(text, "utf-8")

    def anchors() -> int:
        return len(list(elsewhere.glob("*.p7s"))) if elsewhere.is_dir() else 0

    with made.running():
        workers = [made.work() for _ in range(2)]
        until(anchors)
        made.esign("audit", "show", "--limit", "1")  # is an entry itself
        assert [worker.end(120) for worker in workers] == [0, 0]
        assert anchors() == 2, "one at the start, one at the end"
        assert "2 anchors agree" in made.esign("--lang", "en", "audit", "verify")
        assert "audit.kept" in made.esign("audit", "show", "--object", "anchors")
