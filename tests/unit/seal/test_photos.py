"""The printed seal is read from simulated scans and photos (bench/photos.py has the whole table)."""

import pytest
from bench.photos import measure


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "least"), [("scan", 1.0), ("photo", 0.97)])
def test_a_seal_is_read_from_a_picture_at_300_dpi(mode: str, least: float) -> None:
    _, with_a_second_look = measure(300, mode, trials=36)
    assert with_a_second_look >= least
