"""Figures of publishing (bench/status.py has the whole country): bytes a shard, passes, memory."""

import time
from pathlib import Path

from bench.status import measure

from tests.support.site import key

SHARDS = 12
COUNTRY = 763


def test_a_country_fits_a_phone(tmp_path: Path) -> None:
    found = measure(tmp_path, key("status"), shards=SHARDS, stopwatch=time.process_time)
    assert found["list_bytes"] / SHARDS * COUNTRY <= 1_100_000
    assert found["detail_bytes"] / SHARDS * COUNTRY <= 9_000_000
    assert found["renewing_pass_s"] / SHARDS * COUNTRY <= 60
    assert found["one_change_s"] <= 1
    assert found["memory_grown_mib"] <= 64
