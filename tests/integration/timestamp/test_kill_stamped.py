"""SIGKILL at the steps that time-stamps add: nothing lost, nothing twice, no level that is not there."""

import sys
from collections.abc import Callable

import pytest

from esign.profile import Level, TimestampPolicy
from esign.report import Integrity
from esign.steps import Step
from esign.upgrading import UpgradeStep
from tests.integration.test_kill import SIGKILL, independent_check, run
from tests.support.office import Office, stamped

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
NUMBERS = ["01/QĐ-UBND", "02/QĐ-UBND"]


@pytest.mark.parametrize("step", [Step.PREPARED, Step.KEY_USED, Step.STAMPED, Step.SIGNED, Step.ISSUED])
def test_killed_while_a_signature_is_stamped(office: Callable[..., Office], step: Step) -> None:
    folder = office(signature=stamped(TimestampPolicy.WAIT)).folder
    issuing = ["--timestamps", "wait"]
    killed = run(folder, "issue", "first", "--die-at", step.value, *issuing)
    assert killed.returncode == -SIGKILL, killed.stderr
    assert run(folder, "resume", *issuing).returncode == 0
    again, following = run(folder, "issue", "first", *issuing), run(folder, "issue", "second", *issuing)
    assert again.returncode == following.returncode == 0, again.stderr + following.stderr
    opened = Office.open(folder)
    independent_check(opened, NUMBERS)
    entries = opened.registry.listing().entries
    assert {e.registration.level for e in entries if e.registration} == {Level.B_T}


@pytest.mark.parametrize("step", UpgradeStep)
def test_killed_while_a_promise_is_kept(office: Callable[..., Office], step: UpgradeStep) -> None:
    folder = office(signature=stamped(TimestampPolicy.QUEUE)).folder
    for key in ("first", "second"):
        issued = run(folder, "issue", key, "--timestamps", "queue")
        assert issued.returncode == 0, issued.stderr
    killed = run(folder, "upgrade", "--die-at-upgrade", step.value)
    assert killed.returncode == -SIGKILL, killed.stderr
    # Whoever asks in between gets a registered version, whole, and never what nobody registered.
    opened = Office.open(folder)
    for entry in opened.registry.listing().entries:
        document = opened.issuer().document(entry.id)
        assert document.sha256 == entry.versions[-1].sha256
        assert opened.verifier().inspect(document.pdf).integrity is Integrity.INTACT
    opened.registry.close()
    upgraded = run(folder, "upgrade")
    assert upgraded.returncode == 0, upgraded.stderr
    opened = Office.open(folder)
    independent_check(opened, NUMBERS)
    entries = opened.registry.listing().entries
    assert [[v.level for v in e.versions] for e in entries] == [[Level.B_B, Level.B_T]] * 2
    assert opened.registry.upgrades() == opened.registry.undelivered_versions() == ()
    delivered = {p.read_bytes() for p in opened.out.iterdir()}
    assert delivered == {opened.issuer().document(e.id).pdf for e in entries}


def test_killed_with_all_proofs_in_hand(office: Callable[..., Office]) -> None:
    folder = office(signature=stamped(TimestampPolicy.WAIT, level=Level.B_LTA)).folder
    issuing = ["--timestamps", "wait", "--level", Level.B_LTA.value]
    killed = run(folder, "issue", "first", "--die-at", Step.AUGMENTED.value, *issuing)
    assert killed.returncode == -SIGKILL, killed.stderr
    assert run(folder, "resume", *issuing).returncode == 0
    opened = Office.open(folder)
    independent_check(opened, NUMBERS[:1])
    [entry] = opened.registry.listing().entries
    assert [v.level for v in entry.versions] == [Level.B_LTA]
