"""What is measured can be compared later, and drawn."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from bench.cold import OTHERS, Folder, measure
from bench.compare import compared, main
from bench.picture import drawn

from tests.support.softhsm import softhsm_module

GUIDE = Path(__file__).parents[2] / "docs" / "guide"


def run(median: float, *, spread: float = 0.02) -> dict[str, object]:
    ratio = {"median": median, "low": median - spread, "high": median + spread}
    return {
        "sections": {
            "signing RSA-2048": {"at": "-", "seconds": {"raw": 1.0}, "share of the raw rate": {"hidden": ratio}}
        }
    }


@pytest.mark.parametrize(
    ("after", "verdict", "code"), [(0.85, "same", 0), (0.87, "same", 0), (0.95, "more", 0), (0.70, "less", 1)]
)
def test_only_what_leaves_the_spread_has_moved(tmp_path: Path, after: float, verdict: str, code: int) -> None:
    (moved,) = compared(run(0.85), run(after))
    assert (moved.what, moved.verdict) == ("signing RSA-2048 / share of the raw rate / hidden", verdict)
    files = [tmp_path / "before.json", tmp_path / "after.json"]
    for file, figures in zip(files, (run(0.85), run(after)), strict=True):
        file.write_text(json.dumps(figures), "utf-8")
    assert main([str(file) for file in files]) == code


def test_the_picture_shows_the_figures_of_the_guide() -> None:
    figures = json.loads((GUIDE / "performance.json").read_text("utf-8"))
    picture = drawn(figures["sections"])
    assert picture == (GUIDE / "performance.svg").read_text("utf-8")
    texts = [element.text for element in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert "stock pyHanko, visible" in texts
    guide = (GUIDE / "performance.md").read_text("utf-8")
    for section, kinds in figures["sections"].items():
        for what, ratio in kinds.get("share of the raw rate", {}).items():
            assert f"{100 * ratio['median']:.0f} %" in guide, (section, what)


def test_a_cold_start_is_measured(tmp_path: Path) -> None:
    softhsm_module()
    found: Any = measure(Folder(tmp_path), rounds=1)
    seconds = found["seconds"]
    assert seconds["Python alone"]["processor"] <= seconds["esign sign"]["processor"]
    assert 0 < seconds["the token"]["clock"] < seconds["esign sign"]["clock"]
    assert set(found["instructions"]) in (set(), {"Python alone", "esign sign", "esign verify", *OTHERS})
