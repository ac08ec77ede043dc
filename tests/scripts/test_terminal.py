"""What a script cannot say: Ctrl-C in the middle of work, and a reader that goes away."""

import os
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.scripts.helpers import page
from tests.scripts.helpers import run as helper
from tests.scripts.script import ESIGN, Player
from tests.scripts.terminal import with_terminal
from tests.support import shim as shims
from tests.support.waiting import until

pytestmark = pytest.mark.softhsm

_COUNT = 5


@pytest.fixture
def letters(office: Path) -> list[str]:
    (office / "in").mkdir()
    for number in range(_COUNT):
        page(office, {}, f"in/{number}.pdf", f"Letter {number}")
    return [f"in/{number}.pdf" for number in range(_COUNT)]


def test_ctrl_c_finishes_the_file_in_hand_and_the_rest_is_signed_later(
    office: Path, player: Player, letters: list[str], shim: shims.Shim
) -> None:
    helper(["configure", "module", f'"{shim.module}"'], office, player.environ)
    environ = player.environ | shim.environment
    sign = [str(ESIGN), "sign", "in", "--yes"]
    with ExitStack() as held:
        held.enter_context(shim.holding(after=2))  # whoever presses the keys may be slow

        def press(line: str, process: "subprocess.Popen[bytes]") -> None:
            if "in/0.pdf" in line:
                process.send_signal(signal.SIGINT)
                held.close()

        first = with_terminal(sign, [], cwd=office, environ=environ, on_line=press)
    assert first.returncode == 130, first.stderr
    assert "run the same command again to go on" in first.stderr
    done = first.stdout.count("signed\tin/")
    assert 1 <= done < _COUNT
    assert sorted(p.name for p in (office / "out").iterdir()) == [f"{n}.signed.pdf" for n in range(done)]

    second = with_terminal(sign, [], cwd=office, environ=environ)
    assert second.returncode == 0, second.stderr
    assert second.stdout.count("already\tin/") == done
    assert second.stdout.count("signed\tin/") == len(letters) - done


def test_a_second_ctrl_c_waits_for_no_token(office: Path, player: Player, letters: list[str], shim: shims.Shim) -> None:
    helper(["configure", "module", f'"{shim.module}"'], office, player.environ)
    environ = player.environ | shim.environment
    sign = [str(ESIGN), "sign", "in", "--yes"]

    def press(line: str, process: "subprocess.Popen[bytes]") -> None:
        if "in/0.pdf" in line:
            until(lambda: shim.calls()["C_Sign"] > 2)  # the token does not finish it
            for _ in range(2):
                process.send_signal(signal.SIGINT)
                time.sleep(0.3)  # two at once are one
            until(lambda: process.poll() is not None)

    with shim.holding(after=2):
        first = with_terminal(sign, [], cwd=office, environ=environ, on_line=press)
    assert first.returncode == 130, first.stderr
    assert "interrupted" in first.stderr
    done = first.stdout.count("signed\tin/")
    second = with_terminal(sign, [], cwd=office, environ=environ)
    assert second.returncode == 0, second.stderr
    assert second.stdout.count("already\tin/") >= done
    assert second.stdout.count("\tin/") == len(letters)


def test_many_files_are_asked_about_once_at_a_terminal(office: Path, player: Player, letters: list[str]) -> None:
    sign = [str(ESIGN), "sign", "in"]
    refused = with_terminal(sign, ["n"], cwd=office, environ=player.environ)
    assert refused.returncode == 5
    assert "not confirmed, nothing was done" in refused.stderr
    assert not list((office / "out").iterdir())
    agreed = with_terminal(sign, ["y"], cwd=office, environ=player.environ)
    assert agreed.returncode == 0, agreed.stderr
    assert agreed.stdout.count("signed\tin/") == len(letters)


@pytest.mark.usefixtures("letters")
def test_work_goes_on_when_nobody_reads_its_list_any_more(office: Path, player: Player) -> None:
    with subprocess.Popen(
        [str(ESIGN), "sign", "in"],
        cwd=office,
        env=player.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read().decode()
    assert process.returncode == 0, errors
    assert f"{_COUNT} signed" in errors
    assert len(list((office / "out").iterdir())) == _COUNT


def test_a_pin_comes_through_a_file_descriptor(office: Path, player: Player) -> None:
    def listed(*, wrong: bool) -> "subprocess.CompletedProcess[str]":
        reading, writing = os.pipe()
        os.write(writing, b"00000000\n" if wrong else (office / "softhsm/pin").read_bytes())
        os.close(writing)
        try:
            return subprocess.run(
                [str(ESIGN), "key", "list", "--pin-fd", str(reading)],
                cwd=office,
                env=player.environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                pass_fds=(reading,),
                check=False,
            )
        finally:
            os.close(reading)

    assert listed(wrong=False).stdout.startswith("con-dau\t")
    refused = listed(wrong=True)
    assert refused.returncode == 4
    assert "refused the PIN" in refused.stderr
    assert "00000000" not in refused.stderr


def test_ctrl_c_at_the_prompt_ends_quietly(office: Path, player: Player) -> None:
    path = office / "esign.toml"
    path.write_text(path.read_text("utf-8").replace('pin = {file = "softhsm/pin"}', 'pin = "prompt"'), "utf-8")
    ended = with_terminal([str(ESIGN), "key", "list"], ["\x03"], cwd=office, environ=player.environ)
    assert ended.returncode == 130, ended.stderr
    assert ended.stderr.rstrip().endswith("esign: interrupted; run the command again to go on")
    assert "Traceback" not in ended.stderr


def test_a_terminal_sees_colours_unless_it_wants_none(office: Path, player: Player) -> None:
    page(office, {}, "plain.pdf", "Unsigned")
    verify = [str(ESIGN), "verify", "plain.pdf", "missing.pdf"]
    environ = {**player.environ, "TERM": "xterm"}
    assert "\x1b[" not in with_terminal(verify, [], cwd=office, environ=environ).stderr
    del environ["NO_COLOR"]
    assert "\x1b[1;31mesign: error: \x1b[0m" in with_terminal(verify, [], cwd=office, environ=environ).stderr


def test_many_files_show_how_far_the_work_is(office: Path, player: Player) -> None:
    for number in range(12):
        page(office, {}, f"plain-{number}.pdf", "Unsigned")
    environ = {**player.environ, "TERM": "xterm"}
    seen = with_terminal([str(ESIGN), "verify", "--json", str(office)], [], cwd=office, environ=environ)
    assert seen.returncode == 1
    assert "/12" in seen.stderr
    few = with_terminal([str(ESIGN), "verify", "--json", "plain-1.pdf"], [], cwd=office, environ=environ)
    assert "/1" not in few.stderr
