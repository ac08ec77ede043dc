"""Hundreds of files with one PIN: killed and resumed, and keys that ask for the PIN each time."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripts.helpers import page
from tests.scripts.helpers import run as helper
from tests.scripts.script import ESIGN, Player
from tests.scripts.terminal import with_terminal
from tests.support import shim as shims
from tests.support.torture_batch import sign_and_kill

pytestmark = [pytest.mark.softhsm, pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and cc")]


def test_killed_and_started_again_each_file_is_signed_once(office: Path, player: Player, shim: shims.Shim) -> None:
    figures = sign_and_kill(office, player.environ, shim, files=20, kills=3, seed=7)
    assert not figures.failures, figures


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("always", "asks for the PIN at each signature (CKA_ALWAYS_AUTHENTICATE)"),
        ("pad", "takes its PIN on its own pad or reader"),
    ],
)
def test_a_key_that_asks_each_time_is_found_before_the_start(
    office: Path, player: Player, shim: shims.Shim, trouble: str, said: str
) -> None:
    helper(["configure", "module", f'"{shim.module}"'], office, player.environ)
    if trouble == "always":
        shim.always_authenticate()
    else:
        shim.flags(shims.CKF_PROTECTED_AUTHENTICATION_PATH)
    (office / "in").mkdir()
    for number in range(3):
        page(office, {}, f"in/{number}.pdf", f"Letter {number}")
    done = subprocess.run(
        [str(ESIGN), "sign", "in", "--yes"],
        cwd=office,
        env=player.environ | shim.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 4
    assert said in done.stderr
    assert "3 to do" in done.stderr
    assert "esign: hint:" in done.stderr
    assert done.stdout == ""
    assert not list((office / "archive").iterdir())
    assert shim.calls()["C_Sign"] == 0


def test_what_is_refused_is_told_before_the_pin(office: Path, player: Player) -> None:
    (office / "in").mkdir()
    for number in range(2):
        page(office, {}, f"in/{number}.pdf", f"Letter {number}")
    (office / "in/broken.pdf").write_text("this is no PDF")
    helper(["configure", "pin", '"prompt"'], office, player.environ)
    pin = (office / "softhsm/pin").read_text("utf-8").strip()
    done = with_terminal([str(ESIGN), "sign", "in"], ["y", pin], cwd=office, environ=player.environ)
    assert done.returncode == 1, done.stderr
    plan, question, prompt = (
        done.stderr.index(t) for t in ("in/broken.pdf: this is no PDF", "sign 2 files?", "PIN of")
    )
    assert plan < question < prompt
    assert done.stderr.count("PIN of") == 1
    assert done.stdout.count("signed\t") == 2
    filed = [p.read_text("utf-8-sig") for p in sorted((office / "reports").iterdir())]
    assert [p.suffix for p in sorted((office / "reports").iterdir())] == [".csv", ".html"]
    for text in filed:
        assert "broken" not in text, "file names may be names of people"
        assert "this is no PDF" in text
        assert text.count("done") >= 2
    assert "con-dau" in filed[1]
    assert "UỶ BAN NHÂN DÂN PHƯỜNG MẪU" in filed[1]


def test_nothing_left_to_do_asks_for_no_pin(office: Path, player: Player) -> None:
    page(office, {}, "a.pdf", "Letter")
    player.play("> esign sign a.pdf --out signed")
    helper(["configure", "pin", '"prompt"'], office, player.environ)
    player.play("> esign sign a.pdf --out signed\nout: already | a.pdf | signed/a.signed.pdf")
