"""The PIN guard: what is durable, what blocks whom, and what a crash leaves."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from esign.errors import PINError
from esign.keys import PinGuard
from esign.pin_state import PinState, Trying
from esign_hsm import FilePinGuard
from esign_hsm.guard import _read, _write

SERIAL = "0A1B/2C"


@pytest.fixture
def guard(tmp_path: Path) -> PinGuard:
    return FilePinGuard(tmp_path / "guard")


def outcome(guard: PinGuard, name: str, *, attended: bool) -> None:
    with guard.attempt(SERIAL, attended=attended) as attempt:
        getattr(attempt, name)()


def test_accepted_and_not_sent_leave_nothing(guard: PinGuard) -> None:
    for name in ("accepted", "not_sent"):
        for attended in (False, True):
            outcome(guard, name, attended=attended)
            assert not guard.blocked(SERIAL)


def test_a_refusal_blocks_unattended_sources_only(guard: PinGuard) -> None:
    outcome(guard, "refused", attended=False)
    assert guard.blocked(SERIAL)
    with pytest.raises(PINError) as e:
        outcome(guard, "accepted", attended=False)
    assert e.value.code == "pin-blocked"
    assert SERIAL in str(e.value)
    outcome(guard, "accepted", attended=True)  # a person may
    assert guard.blocked(SERIAL)  # but the file may still be wrong
    guard.clear(SERIAL)
    outcome(guard, "accepted", attended=False)


def test_a_person_undoes_a_typing_mistake(guard: PinGuard) -> None:
    outcome(guard, "refused", attended=True)
    assert guard.blocked(SERIAL)
    outcome(guard, "not_sent", attended=True)
    assert guard.blocked(SERIAL)
    outcome(guard, "accepted", attended=True)
    assert not guard.blocked(SERIAL)


@pytest.mark.parametrize("attended", [False, True])
def test_leaving_without_a_word_is_a_refusal(guard: PinGuard, *, attended: bool) -> None:
    with guard.attempt(SERIAL, attended=attended):
        pass
    assert guard.blocked(SERIAL)


@pytest.mark.parametrize("attended", [False, True])
def test_an_exception_is_a_refusal(guard: PinGuard, *, attended: bool) -> None:
    with pytest.raises(ZeroDivisionError), guard.attempt(SERIAL, attended=attended):
        raise ZeroDivisionError
    assert guard.blocked(SERIAL)


def test_other_tokens_are_not_blocked(guard: PinGuard) -> None:
    outcome(guard, "refused", attended=False)
    assert not guard.blocked("other")
    with guard.attempt("other", attended=False) as attempt:
        attempt.accepted()


DYING = """
import sys, time
from pathlib import Path
from esign_hsm.guard import FilePinGuard
with FilePinGuard(Path(sys.argv[1])).attempt("0A1B/2C", attended=sys.argv[2] == "True"):
    print("trying", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("attended", [False, True])
def test_killed_while_trying(tmp_path: Path, *, attended: bool) -> None:
    guard = FilePinGuard(tmp_path / "guard")
    child = subprocess.Popen(
        [sys.executable, "-c", DYING, str(tmp_path / "guard"), str(attended)], stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "trying\n"
        child.kill()
    assert child.returncode  # it did not get to the end
    assert guard.blocked(SERIAL)
    with pytest.raises(PINError):
        outcome(guard, "accepted", attended=False)
    outcome(guard, "accepted", attended=True)
    assert guard.blocked(SERIAL) is not attended


def test_one_attempt_at_a_time(guard: PinGuard) -> None:
    order = []

    def run(number: int) -> None:
        with guard.attempt(SERIAL, attended=False) as attempt:
            order.append(("in", number))
            time.sleep(0.01)
            order.append(("out", number))
            attempt.accepted()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(order) == 10
    for entered, left in zip(order[::2], order[1::2], strict=True):
        assert (entered[0], left[0], entered[1]) == ("in", "out", left[1])


@pytest.mark.parametrize("content", ["", "{", "[]", '{"trying": ""}', "null", "\0"])
def test_a_damaged_file_blocks(tmp_path: Path, guard: PinGuard, content: str) -> None:
    outcome(guard, "accepted", attended=False)
    (file,) = (tmp_path / "guard").glob("*.json")
    file.write_text(content)
    assert guard.blocked(SERIAL)
    guard.clear(SERIAL)
    assert not guard.blocked(SERIAL)


def test_the_serial_is_not_in_a_file_name(tmp_path: Path, guard: PinGuard) -> None:
    outcome(guard, "refused", attended=False)
    for file in (tmp_path / "guard").iterdir():
        assert "0A1B" not in file.name


def test_state_is_written_before_the_attempt(tmp_path: Path, guard: PinGuard) -> None:
    with guard.attempt(SERIAL, attended=False) as attempt:
        (file,) = (tmp_path / "guard").glob("*.json")
        assert _read(file) == PinState(trying=Trying.UNATTENDED)
        attempt.accepted()
    assert _read(file) == PinState()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    state = PinState(trying=Trying.ATTENDED, attended=False, unattended=True)
    _write(tmp_path / "x.json", state)
    assert _read(tmp_path / "x.json") == state
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


class OneWrongPin(RuleBasedStateMachine):
    """Whatever happens in whatever order, an unattended wrong PIN is sent at most once between two clearings."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.directory = tempfile.TemporaryDirectory()
        self.sent = 0
        self.typed_wrong = False

    def teardown(self) -> None:
        self.directory.cleanup()

    @property
    def guard(self) -> FilePinGuard:
        return FilePinGuard(Path(self.directory.name))  # as a new process sees it

    @rule(dies=st.booleans())
    def wrong_file(self, *, dies: bool) -> None:
        try:
            with self.guard.attempt(SERIAL, attended=False) as attempt:
                self.sent += 1
                if not dies:
                    attempt.refused()
        except PINError as e:
            assert e.code == "pin-blocked"  # noqa: PT017  # it is not always raised
            assert self.sent or self.typed_wrong

    @rule(right=st.booleans())
    def typed(self, *, right: bool) -> None:
        with self.guard.attempt(SERIAL, attended=True) as attempt:
            if right:
                attempt.accepted()
                self.typed_wrong = False
            else:
                attempt.refused()
                self.typed_wrong = True

    @rule()
    def went_away(self) -> None:
        with self.guard.attempt(SERIAL, attended=True) as attempt:
            attempt.not_sent()

    @precondition(lambda self: self.sent)
    @rule()
    def cleared(self) -> None:
        self.guard.clear(SERIAL)
        self.sent = 0
        self.typed_wrong = False

    @invariant()
    def at_most_once(self) -> None:
        assert self.sent <= 1
        assert self.guard.blocked(SERIAL) == bool(self.sent or self.typed_wrong)


TestOneWrongPin = OneWrongPin.TestCase
TestOneWrongPin.settings = settings(max_examples=30, stateful_step_count=12, deadline=None)
