"""Requests that join a line by themselves: whoever waits is told, whatever becomes of the others."""

import threading
from concurrent.futures import CancelledError, Future
from pathlib import Path

import pytest

from esign.errors import RegistryError
from esign.issued import Issued
from esign.line import Line
from esign.registry import Intent, acting
from esign.steps import Step
from tests.support.office import Office, request
from tests.support.waiting import LONG


class Stop(BaseException):
    """What no code is prepared for."""


@pytest.fixture
def office(p256_office: Path, tmp_path: Path) -> Office:
    return Office.copied(p256_office, tmp_path / "office")


def joined(line: Line, who: str) -> "Future[Issued]":
    with acting(f"key:{who}", request=f"request of {who}"):
        return line.join(request(who))


def test_each_in_its_own_name(office: Office) -> None:
    with Line(office.issuer(delivery=None)) as line:
        found = {who: joined(line, who) for who in ("an", "bình", "chi")}
        results = {who: future.result(LONG) for who, future in found.items()}
    assert sorted(str(r.number) for r in results.values()) == [f"{n:02}/QĐ-UBND" for n in (1, 2, 3)]
    for who, result in results.items():
        entries = office.registry.audit.entries(object=str(result.id))
        assert {(e.actor, e.request) for e in entries} == {(f"key:{who}", f"request of {who}")}
        assert result.intent == office.registry.get(result.id)
    assert list((office.folder / "spool").iterdir()) == []
    office.registry.close()


@pytest.mark.parametrize("step", [Step.CHECKED, Step.RESERVED, Step.PREPARED, Step.SIGNED], ids=lambda s: s.value)
@pytest.mark.parametrize("problem", [ValueError("!"), Stop()], ids=["fault", "stop"])
def test_what_nobody_foresaw_keeps_nobody_waiting(office: Office, step: Step, problem: BaseException) -> None:
    """The group falls apart once; each goes on from where the register has it."""
    failed = threading.Event()

    def heard(done: Step, _intent: Intent | None) -> None:
        if done is step and not failed.is_set():
            failed.set()
            raise problem

    with Line(office.issuer(heard, delivery=None)) as line:
        results = [future.result(LONG) for future in [joined(line, f"k{n}") for n in range(3)]]
    assert failed.is_set()
    assert sorted(str(r.number) for r in results) == [f"{n:02}/QĐ-UBND" for n in (1, 2, 3)]
    assert office.registry.unfinished() == ()
    office.registry.close()


def test_what_fails_again_is_told(office: Office) -> None:
    def heard(done: Step, intent: Intent | None) -> None:
        if done is Step.KEY_USED and intent is not None and intent.idempotency_key == "bad":
            raise ValueError("!")

    with Line(office.issuer(heard, delivery=None)) as line:
        bad, good = joined(line, "bad"), joined(line, "good")
        assert good.result(LONG).number is not None
        with pytest.raises(ValueError, match="!"):
            bad.result(LONG)
    office.registry.close()


def test_a_register_that_is_away_is_told_to_all(office: Office) -> None:
    with Line(office.issuer(delivery=None)) as line:
        office.registry.close()
        (office.folder / "register.sqlite").unlink()
        (office.folder / "register.sqlite").mkdir()
        found = [joined(line, f"k{n}") for n in range(3)]
        for future in found:
            with pytest.raises(RegistryError):
                future.result(LONG)
    office.registry.close()


def test_what_is_on_the_line_is_finished_when_it_closes(office: Office) -> None:
    """What waits for a lane is forgotten: nothing of it was recorded."""
    reached, opened = threading.Event(), threading.Event()

    def heard(step: Step, _intent: Intent | None) -> None:
        if step is Step.CHECKED:
            reached.set()
            assert opened.wait(LONG)

    line = Line(office.issuer(heard, delivery=None))
    first = joined(line, "first")
    assert reached.wait(LONG)
    waiting = joined(line, "waiting")
    closing = threading.Thread(target=line.close)
    closing.start()
    with pytest.raises(CancelledError):
        waiting.result(LONG)
    opened.set()
    closing.join(LONG)
    assert first.result(LONG).number is not None
    assert office.registry.by_key("waiting") is None
    office.registry.close()


def test_who_gives_up_before_it_begins_is_not_begun(office: Office) -> None:
    reached, opened = threading.Event(), threading.Event()

    def heard(step: Step, _intent: Intent | None) -> None:
        if step is Step.CHECKED and not reached.is_set():
            reached.set()
            assert opened.wait(LONG)

    with Line(office.issuer(heard, delivery=None)) as line:
        first = joined(line, "first")
        assert reached.wait(LONG)
        gone, other = joined(line, "gone"), joined(line, "other")
        assert gone.cancel()
        assert not first.cancel()
        opened.set()
        assert [str(f.result(LONG).number) for f in (first, other)] == ["01/QĐ-UBND", "02/QĐ-UBND"]
    assert office.registry.by_key("gone") is None
    office.registry.close()
