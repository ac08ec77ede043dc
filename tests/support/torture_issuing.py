"""Issuing, killed at random steps and resumed: `python -m tests.support.torture_issuing [--rounds 100] [--seed N]`."""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from esign.report import Integrity
from esign.steps import Step
from tests.support.office import Office
from tests.support.torture_keys import Figures

ROOT = Path(__file__).parents[2]
_STEPS = [step for step in Step if step not in {Step.AWAITING, Step.APPROVED, Step.STAMPED, Step.AUGMENTED}]
SIGKILL = 9  # its name is missing on Windows, for which types are checked too


def kill_while_issuing(*, rounds: int, seed: int) -> Figures:
    """Issue results one after the other, each process killed at a random step or left alone; then resume and count."""
    chance = random.Random(seed)
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        Office.create(folder, kind="p256")
        kills = 0
        for number in range(rounds):
            step = chance.choice([*_STEPS, None])
            died = _run(folder, "issue", f"k{number}", *(["--die-at", step.value] if step else []))
            kills += died == -SIGKILL
            if chance.random() < 0.5:
                _run(folder, "resume", *(["--die-at", chance.choice(_STEPS).value] if chance.random() < 0.5 else []))
        failures += [f"k{n} was not issued" for n in range(rounds) if _run(folder, "issue", f"k{n}") != 0]
        failures += _counted(Office.open(folder), rounds)
    return Figures(f"kill -9 while issuing (seed {seed})", f"{rounds} results, {kills} kills", tuple(failures))


def kill_lines(*, rounds: int, seed: int) -> Figures:
    """Results with two signatures on a line, killed at a random step of a random member; then again, and counted."""
    chance = random.Random(seed)
    failures: list[str] = []
    kills = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        Office.create(folder, kind="p256")
        for number in range(rounds):
            step = chance.choice([*_STEPS, Step.AWAITING, Step.APPROVED])
            dying = ["--die-at", step.value, "--nth", str(chance.randint(1, 6))]
            kills += _run(folder, "line", f"k{number}", "--person", *dying) == -SIGKILL
            if chance.random() < 0.5:
                _run(folder, "resume")
        failures += [f"k{n} was not issued" for n in range(rounds) if _run(folder, "line", f"k{n}", "--person") != 0]
        failures += _counted(Office.open(folder), 6 * rounds)
    return Figures(f"kill -9 on a line (seed {seed})", f"{6 * rounds} results, {kills} kills", tuple(failures))


def _counted(office: Office, expected: int) -> list[str]:
    entries = office.registry.listing(limit=10 * expected).entries
    numbers = sorted(e.number.number for e in entries if e.number)
    wrong = []
    if numbers != list(range(1, expected + 1)):
        wrong.append(f"numbers are {numbers}")
    # A writer that was killed leaves a hidden part behind, never half of a file.
    if len([p for p in office.out.iterdir() if not p.name.startswith(".")]) != expected:
        wrong.append("delivered files do not match")
    for entry in entries:
        pdf = (office.folder / "archive" / f"{entry.id}.pdf").read_bytes()
        if office.verifier().inspect(pdf).integrity is not Integrity.INTACT:
            wrong.append(f"{entry.number} is not intact")
    return wrong


def _run(folder: Path, *arguments: str) -> int:
    command = [sys.executable, "-m", "tests.support.office", str(folder), *arguments]
    return subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, check=False).returncode


def main() -> None:
    """Run it at full size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=20261121)
    arguments = parser.parse_args()
    figures = kill_while_issuing(rounds=arguments.rounds, seed=arguments.seed)
    print(figures, flush=True)
    sys.exit(bool(figures.failures))


if __name__ == "__main__":
    main()
