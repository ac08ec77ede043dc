"""Mutate signed files and look at each: `python -m tests.support.torture_mutations [--count 100000] [--seed N]`.

Nothing may raise, nothing may be called intact whose signed bytes changed or to which something was added, and nothing
may take more than 2 s of processor time or 512 MiB. The folder `--folder` keeps the files that are mutated, the figures
and every file that failed; run again with it, the campaign goes on where it stopped.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from esign.report import Integrity
from esign.sandbox import Budget, Sandbox, Task, TaskStopped
from tests.support.look import Look
from tests.support.mutations import Base, mutated
from tests.support.torture_keys import Figures
from tests.vectors.changes import generate

__all__ = ["Campaign", "bases"]

ROOT = Path(__file__).parents[2]
SEED = 20261122
WHOLE = 25
"""Every so many mutations the whole examination runs, pages drawn and seals read, and not the signatures alone."""
BUDGET = Budget()


def bases() -> Iterator[Base]:
    """Files of every make that end in a signature, of this project's vectors."""
    for path in sorted((ROOT / "tests" / "vectors" / "pades").glob("ok-*.vector")):
        base = Base.of(path.stem, path.read_bytes().partition(b"\n\n")[2])
        if base is not None:
            yield base
    for vector in generate.vectors():
        base = Base.of(vector.name, vector.pdf) if vector.expect == Integrity.INTACT.value else None
        if base is not None:
            yield base


class Campaign:
    """Mutations of one seed, in order."""

    def __init__(self, folder: Path, *, seed: int = SEED) -> None:
        self._folder = folder
        self._seed = seed
        self._bases = _kept(folder / "bases")
        self._state = folder / f"{seed}.json"
        self.done = 0
        self.verdicts: Counter[str] = Counter()
        self.failures: list[str] = []
        self.slowest = 0.0
        self.peak = 0
        if self._state.exists():
            known = json.loads(self._state.read_text("utf-8"))
            self.done, self.failures = known["done"], known["failures"]
            self.slowest, self.peak = known["slowest"], known["peak"]
            self.verdicts = Counter(known["verdicts"])

    def run(self, count: int) -> Figures:
        """Go on until `count` mutations were looked at."""
        sandbox = Sandbox(preload=("tests.support.look",))
        signatures, whole = Task(Look(), answers=()), Task(Look(whole=True), answers=())
        try:
            while self.done < count:
                self._one(sandbox, signatures if self.done % WHOLE else whole)
                self.done += 1
                if self.done % 1000 == 0:
                    self.save()
        finally:
            sandbox.close()
            self.save()
        reached = f"{self.done} mutations of {len(self._bases)} files, {dict(self.verdicts.most_common())}"
        limits = f"at most {self.slowest:.2f} s and {self.peak >> 10} MiB"
        name = f"mutations of signed files (seed {self._seed})"
        return Figures(name, f"{reached}, {limits}", tuple(self.failures))

    def _one(self, sandbox: Sandbox, task: Task) -> None:
        kind, base, pdf = mutated(self._bases, f"{self._seed}:{self.done}")
        try:
            found = sandbox.run(task, pdf, budget=BUDGET)
        except TaskStopped as e:
            self._failed(kind, base, pdf, e.code)
            return
        assert isinstance(found, tuple)
        verdict, codes, spent, peak = found
        self.verdicts[verdict] += 1
        self.slowest, self.peak = max(self.slowest, spent), max(self.peak, peak)
        if "sandbox-failed" in codes:
            self._failed(kind, base, pdf, "sandbox-failed")
        if verdict == Integrity.INTACT.value and not any(b.is_a_state(pdf) for b in self._bases):
            self._failed(kind, base, pdf, "accepted")

    def _failed(self, kind: str, base: Base, pdf: bytes, why: str) -> None:
        name = f"{self._seed}-{self.done}-{kind}-{why}.pdf"
        self._folder.joinpath(name).write_bytes(pdf)
        self.failures.append(f"{name} ({base.name})")

    def save(self) -> None:
        """Keep how far it came."""
        figures = {
            "seed": self._seed,
            "done": self.done,
            "verdicts": self.verdicts,
            "failures": self.failures,
            "slowest": round(self.slowest, 3),
            "peak": self.peak,
        }
        self._state.write_text(json.dumps(figures, indent=1), "utf-8")


def _kept(folder: Path) -> list[Base]:
    """The files of this campaign: signatures are made anew each time, and a campaign that goes on needs the same."""
    if not folder.exists():
        made = list(bases())
        folder.mkdir(parents=True)
        for base in made:
            (folder / f"{base.name}.pdf").write_bytes(base.pdf)
    kept = (Base.of(path.stem, path.read_bytes()) for path in sorted(folder.glob("*.pdf")))
    return [base for base in kept if base is not None]


def main() -> None:
    """Run, or go on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "mutations")
    arguments = parser.parse_args()
    figures = Campaign(arguments.folder, seed=arguments.seed).run(arguments.count)
    print(figures, flush=True)
    sys.exit(bool(figures.failures))


if __name__ == "__main__":
    main()
