"""A file is looked at under limits, and whatever it is, a report comes back (DESIGN laws 5, 7 and 9)."""

import sys

import pytest

from esign.errors import VerificationFailed
from esign.examination import Examiner
from esign.report import Integrity, Outcome
from esign.sandbox import Budget, enforces_memory
from esign.seal import SealKeys
from esign.trust import TrustStore
from esign.verification import Verifier
from tests.support.office import NOW, Clock, Office, request
from tests.unit.syntax.test_hostile import HOSTILE

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office.create(tmp_path_factory.mktemp("examination") / "office", kind="p256")


@pytest.fixture(scope="module")
def issued(office: Office) -> bytes:
    return office.issuer().issue(request("examined")).pdf


def test_a_worker_says_what_this_process_would_say(office: Office, issued: bytes) -> None:
    for pdf in (issued, issued[:-700], issued.replace(b"/Prev", b"/Prex"), b"", b"%PDF-1.7"):
        isolated = office.verifier().inspect(pdf)
        assert isolated == office.verifier(isolated=False).inspect(pdf)
    assert office.verifier().verify(issued).integrity is Integrity.INTACT


@POSIX
def test_beyond_the_time_nothing_is_known(office: Office, issued: bytes) -> None:
    verifier = office.verifier(budget=Budget(cpu=0.002))
    report = verifier.inspect(issued)
    assert report.integrity is Integrity.UNREADABLE
    assert [reason.code for reason in report.reasons][:1] == ["sandbox-time"]
    assert report.standing is not None  # the register is asked in this process, and knows the file
    with pytest.raises(VerificationFailed) as caught:
        verifier.verify(issued)
    assert caught.value.code == "sandbox-time"
    assert office.verifier().inspect(issued).integrity is Integrity.INTACT


@pytest.mark.skipif(not enforces_memory(), reason="the memory limit is held on Linux only")
def test_beyond_the_memory_nothing_is_known(office: Office) -> None:
    large = b"%PDF-1.7\n" + bytes(200 << 20)
    report = office.verifier(budget=Budget(cpu=20, memory=230 << 20)).inspect(large)
    assert report.integrity is Integrity.UNREADABLE
    assert report.reasons


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_in_a_report(name: str) -> None:
    report = Verifier(trust=TrustStore(), now=Clock()).inspect(HOSTILE[name]())
    assert report.integrity is not Integrity.INTACT
    assert report.reasons
    assert all(reason.explain("vi").what != reason.code for reason in report.reasons)


def test_a_mistake_of_ours_is_no_verdict(issued: bytes) -> None:
    class Broken(TrustStore):
        @property
        def anchors(self) -> tuple[bytes, ...]:  # type: ignore[override]
            raise ZeroDivisionError

    examiner = Examiner(trust=Broken.__new__(Broken), seal_keys=SealKeys())
    found = examiner(issued, NOW)
    assert found.integrity is Integrity.UNREADABLE
    assert [check.outcome for check in found.checks] == [Outcome.FAILED]
    assert [check.reason.code for check in found.checks if check.reason] == ["sandbox-failed"]


def test_a_file_of_ones_own_can_be_looked_at_without_a_worker(office: Office, issued: bytes) -> None:
    assert office.verifier(isolated=False).verify(issued).integrity is Integrity.INTACT
