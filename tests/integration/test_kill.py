"""SIGKILL at every named step of issuing: nothing lost, nothing twice, no number used twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from esign.registry import IntentState
from esign.report import Integrity
from esign.steps import Step
from tests.support.office import Office

ROOT = Path(__file__).parents[2]
SIGKILL = 9  # its name is missing on Windows, for which types are checked too
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")


@pytest.fixture(scope="module")
def offices(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Keys of both kinds: an RSA v1.5 signature can be made again, an ECDSA one comes out differently."""
    made = {kind: tmp_path_factory.mktemp("office") / kind for kind in ("rsa", "p256")}
    for kind, folder in made.items():
        Office.create(folder, kind=kind)
    return made


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.support.office", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=dict(os.environ))


def names(folder: Path) -> list[str]:
    """What is in a folder; a hidden part is what a killed writer was at, and is swept when it is old."""
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))


def independent_check(office: Office, expected_numbers: list[str]) -> None:
    """Rows, files and books, looked at from outside of the issuer."""
    entries = office.registry.listing().entries
    issued = [e for e in entries if e.state is IntentState.ISSUED]
    assert sorted(str(e.number) for e in issued) == expected_numbers
    assert len({e.status_number for e in entries}) == len(entries)
    archived = names(office.folder / "archive")
    later = {f"{e.id}.{v.sha256}.pdf" for e in issued for v in e.versions[1:]}
    assert {f"{e.id}.pdf" for e in issued} | later <= set(archived)
    # A version that was stored and not registered is left where it is: nothing refers to it. Several are made at once.
    assert {name.split(".")[0] for name in archived} == {str(e.id) for e in issued}
    assert len(archived) <= len(issued) + 2 * len(later)
    assert len(names(office.out)) == len(issued)
    for entry in issued:
        pdf = (office.folder / "archive" / f"{entry.id}.pdf").read_bytes()
        assert office.verifier().verify(pdf).integrity is Integrity.INTACT
    assert names(office.folder / "spool") == []
    assert office.registry.unfinished() == ()


# Only around the signature does it matter which kind of key it is.
STEPS = [step for step in Step if step not in {Step.AWAITING, Step.APPROVED, Step.STAMPED, Step.AUGMENTED}]
CASES = [*(("rsa", step) for step in STEPS), *(("p256", s) for s in (Step.PREPARED, Step.KEY_USED, Step.SIGNED))]


@pytest.mark.parametrize(("kind", "step"), CASES)
def test_killed_and_resumed(offices: dict[str, Path], tmp_path: Path, kind: str, step: Step) -> None:
    folder = Office.copied(offices[kind], tmp_path / "office").folder
    killed = run(folder, "issue", "first", "--die-at", step.value)
    assert killed.returncode == -SIGKILL, killed.stderr
    resumed = run(folder, "resume")
    assert resumed.returncode == 0, resumed.stderr
    # The portal knows nothing and simply asks again; then it goes on with the next dossier.
    again, following = run(folder, "issue", "first"), run(folder, "issue", "second")
    assert again.returncode == following.returncode == 0, again.stderr + following.stderr
    assert [out.stdout.split()[1] for out in (again, following)] == ["01/QĐ-UBND", "02/QĐ-UBND"]
    independent_check(Office.open(folder), ["01/QĐ-UBND", "02/QĐ-UBND"])


# When a group hears of a step for its first member, the step is durable for all of them; two groups are on the way.
LINE = [(Step.RESERVED, 1), (Step.AWAITING, 3), (Step.APPROVED, 2), (Step.PREPARED, 4), (Step.KEY_USED, 1)]


@pytest.mark.parametrize(("step", "nth"), [*LINE, (Step.ISSUED, 1), (Step.DELIVERED, 2)])
def test_a_line_that_is_killed_is_taken_up_again(
    offices: dict[str, Path], tmp_path: Path, step: Step, nth: int
) -> None:
    """Two signatures each, in groups: each result is made once, and no number is lost."""
    folder = Office.copied(offices["p256"], tmp_path / "office").folder
    killed = run(folder, "line", "k", "--person", "--die-at", step.value, "--nth", str(nth))
    assert killed.returncode == -SIGKILL, killed.stderr
    again = run(folder, "line", "k", "--person")
    assert again.returncode == 0, again.stderr
    expected = [f"{n:02}/QĐ-UBND" for n in range(1, 7)]
    assert [line.split()[1] for line in again.stdout.splitlines()] == expected
    independent_check(Office.open(folder), expected)


@pytest.mark.parametrize("step", [Step.PREPARED, Step.SIGNED])
def test_a_line_that_is_killed_is_resumed(offices: dict[str, Path], tmp_path: Path, step: Step) -> None:
    """`resume` is the one of single results: it knows nothing of lines."""
    folder = Office.copied(offices["rsa"], tmp_path / "office").folder
    assert run(folder, "line", "k", "--die-at", step.value, "--nth", "2").returncode == -SIGKILL
    resumed = run(folder, "resume")
    assert resumed.returncode == 0, resumed.stderr
    assert run(folder, "line", "k").returncode == 0
    independent_check(Office.open(folder), [f"{n:02}/QĐ-UBND" for n in range(1, 7)])


@pytest.mark.parametrize("step", [Step.RESERVED, Step.KEY_USED])
def test_killed_and_simply_asked_again(offices: dict[str, Path], tmp_path: Path, step: Step) -> None:
    """Without `resume`: a repeated request finishes what the dead process began."""
    folder = Office.copied(offices["p256"], tmp_path / "office").folder
    run(folder, "issue", "first", "--die-at", step.value)
    again = run(folder, "issue", "first")
    assert again.returncode == 0, again.stderr
    independent_check(Office.open(folder), ["01/QĐ-UBND"])


def test_killed_while_resuming(offices: dict[str, Path], tmp_path: Path) -> None:
    folder = Office.copied(offices["p256"], tmp_path / "office").folder
    run(folder, "issue", "first", "--die-at", Step.RESERVED.value)
    for step in (Step.SEALED, Step.KEY_USED, Step.READ_BACK, Step.ISSUED):
        assert run(folder, "resume", "--die-at", step.value).returncode == -SIGKILL
    assert run(folder, "resume").returncode == 0
    independent_check(Office.open(folder), ["01/QĐ-UBND"])


def test_many_processes_with_one_request_sign_once(offices: dict[str, Path], tmp_path: Path) -> None:
    folder = Office.copied(offices["p256"], tmp_path / "office").folder
    command = [sys.executable, "-m", "tests.support.office", str(folder), "issue", "same"]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(6)
    ]
    outputs = [(p.communicate(), p.returncode) for p in started]
    answers = {out for (out, _), code in outputs if code == 0}
    assert len(answers) == 1
    refused = [err for (_, err), code in outputs if code != 0]
    assert all("RequestInFlight" in err for err in refused), refused
    independent_check(Office.open(folder), ["01/QĐ-UBND"])
