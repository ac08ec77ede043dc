"""Plays every script beside this file, in an office of its own."""

from pathlib import Path

import pytest

from tests.scripts.script import Player

SCRIPTS = sorted(
    p for p in Path(__file__).parent.glob("*.txt") if p.name != "opening.txt"
)  # every office begins with it


@pytest.mark.softhsm
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_script(script: Path, player: Player) -> None:
    player.play(script.read_text("utf-8"))
