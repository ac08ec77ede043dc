"""A batch that is killed at random and started again: each file once, one C_Login a process, a complete summary.

`python -m tests.support.torture_batch [--files 300] [--kills 10] [--seed N]` runs it at full size; the test suite runs
the same function with fewer files.
"""

import argparse
import csv
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from esign.registry import IntentState, Registry
from esign.report import Integrity
from esign.trust import TrustStore
from esign.verification import Verifier
from tests.scripts.helpers import page, run
from tests.scripts.script import ESIGN, Player, environment
from tests.support import shim as shims
from tests.support.torture_keys import Figures
from tests.support.waiting import until

SIGKILL = 9  # its name is missing on Windows, for which types are checked too
_OPENING = Path(__file__).parents[1] / "scripts/opening.txt"


@dataclass
class Run:
    """One process: how it ended, what it printed, how often it logged in."""

    code: int
    rows: list[str]
    logins: int


def sign_and_kill(
    office: Path, environ: dict[str, str], shim: shims.Shim, *, files: int, kills: int, seed: int
) -> Figures:
    """Sign a folder in `office` through `shim`, kill the process `kills` times after some signatures, then finish."""
    chance = random.Random(seed)
    run(["configure", "module", f'"{shim.module}"'], office, environ)
    environ = environ | shim.environment
    (office / "in").mkdir()
    for number in range(files):
        page(office, {}, f"in/{number:04}.pdf", f"Letter {number}")
    failures: list[str] = []
    starts = killed = 0
    while killed < kills:
        fresh = files - len(list((office / "out").iterdir()))
        if not fresh:
            failures.append(f"all was done after {killed} kills")
            break
        # What was signed and not put out before it died needs no signature any more.
        after = chance.randint(0, max(1, fresh // (3 * (kills - killed))))
        died = _sign(office, environ, shim, die_after=after, delay=chance.random() / 20)
        starts, killed = starts + 1, killed + (died.code == -SIGKILL)
        failures += [f"start {starts}: {died.logins} logins"] if died.logins != 1 else []
    # The last kill may come when everything is signed: then there is nothing to log in for.
    needed = {1} if len(list((office / "out").iterdir())) < files else {0, 1}
    last = _sign(office, environ, shim)
    if last.code != 0 or last.logins not in needed:
        failures.append(f"the last run: exit {last.code}, {last.logins} logins")
    failures += _counted(office, files)
    reached = f"{files} files, {killed} kills, {starts + 1} starts"
    return Figures(f"a batch that is killed (seed {seed})", reached, tuple(failures))


def _sign(
    office: Path, environ: dict[str, str], shim: shims.Shim, *, die_after: int | None = None, delay: float = 0
) -> Run:
    """Sign the folder; with `die_after` it dies `delay` seconds after the token kept the signature behind so many."""
    shim.forget()
    rows: list[str] = []
    with (
        subprocess.Popen(
            [str(ESIGN), "sign", "in", "--yes"],
            cwd=office,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        ) as process,
        nullcontext() if die_after is None else shim.holding(after=die_after),
    ):
        if die_after is not None:
            # Whoever signs has logged in: a death while the PIN is tried counts as a refusal (law 2).
            until(lambda: shim.calls()["C_Sign"] > die_after or process.poll() is not None)
            time.sleep(delay)
            process.kill()
        assert process.stdout is not None
        rows += process.stdout
    return Run(process.returncode, rows, shim.calls()["C_Login"])


def _counted(office: Path, files: int) -> list[str]:
    """Rows of the register, archive, outputs and summary, looked at from outside."""
    with Registry.open(office / "register.sqlite", now=lambda: datetime.now(UTC)) as registry:
        entries = registry.listing(limit=10 * files).entries
    wrong = []
    if len(entries) != files or {e.state for e in entries} != {IntentState.ISSUED}:
        wrong.append(f"{len(entries)} entries, not all issued")
    # A writer that was killed leaves a hidden part behind, never half of a file.
    archived = {p.stem for p in (office / "archive").iterdir() if not p.name.startswith(".")}
    if archived != {str(e.id) for e in entries}:
        wrong.append("the archive does not match the register")
    outputs = sorted(p for p in (office / "out").iterdir() if not p.name.startswith("."))
    if len(outputs) != files:
        wrong.append(f"{len(outputs)} outputs")
    verifier = Verifier(trust=TrustStore(), now=lambda: datetime.now(UTC))
    wrong += [p.name for p in outputs if verifier.inspect(p.read_bytes()).integrity is not Integrity.INTACT]
    summary = max((office / "reports").glob("*.csv"), key=lambda p: p.stat().st_mtime)
    with summary.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file, delimiter=";"))[1:]
    if {line[3] for line in lines} != archived or len(lines) != files:
        wrong.append("the last summary is not complete")
    if not {line[1] for line in lines} <= {"done", "done before"}:
        wrong.append("the last summary has failures")
    return wrong


def main() -> None:
    """Run it at full size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=20261121)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve()
        environ = environment(folder / "state")
        Player(folder, environ).play(_OPENING.read_text("utf-8"))
        shim = shims.Shim(folder / "shim", shims.build(folder))
        figures = sign_and_kill(
            folder / "office", environ, shim, files=arguments.files, kills=arguments.kills, seed=arguments.seed
        )
    print(figures, flush=True)
    sys.exit(bool(figures.failures))


if __name__ == "__main__":
    os.environ.setdefault("CI", "true")  # a missing tool is a failure here
    main()
