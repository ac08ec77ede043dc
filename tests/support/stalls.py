"""Tests on a machine that stands still: `python -m tests.support.stalls [--seed 1] [--burners 2] tests/unit/service …`.

Runs pytest with these arguments, and stops its workers and the processes that they started for seconds at a time, at
random: one process, a worker alone, or a worker with everything below it. Burners take processor time meanwhile. A
test that falls here and not otherwise goes by the clock: it has to wait for what happens instead (tests/README.md).
"""

import argparse
import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.signals import SIGCONT, SIGSTOP

__all__ = ["Staller"]

_BURN = "while True: pass"


@dataclass
class Staller:
    """Stops processes below the process `root`, now and then."""

    root: int
    chance: random.Random
    shortest: float = 1.0
    longest: float = 3.0
    stalls: int = 0
    seconds: float = 0.0

    def stall(self) -> None:
        """Let some processes stand still for a while; those that somebody stopped already are not ours to wake."""
        chosen = [pid for pid in self._chosen() if _state(pid) not in {"T", "Z", ""}]
        try:
            for pid in chosen:
                _signal(pid, SIGSTOP)
            lasts = self.chance.uniform(self.shortest, self.longest)
            time.sleep(lasts)
        finally:
            for pid in reversed(chosen):
                _signal(pid, SIGCONT)
        self.stalls += bool(chosen)
        self.seconds += lasts if chosen else 0.0

    def _chosen(self) -> list[int]:
        """For each worker: nothing, itself, one process that it started, or all of them."""
        children = _children()
        chosen: list[int] = []
        for worker in children[self.root]:
            below = list(_below(worker, children))
            kinds = [[], [worker], [self.chance.choice(below)] if below else [worker], [worker, *below]]
            chosen += self.chance.choices(kinds, weights=[2, 2, 3, 3])[0]
        return chosen


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (after := _stat(int(entry.name))):
            found[int(after[1])].append(int(entry.name))
    return found


def _below(pid: int, children: dict[int, list[int]]) -> Iterator[int]:
    for child in children[pid]:
        yield child
        yield from _below(child, children)


def _stat(pid: int) -> list[str]:
    """State, parent and so on of a process (proc(5)); nothing where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _state(pid: int) -> str:
    return (_stat(pid) or [""])[0]


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@contextmanager
def _burning(count: int) -> Iterator[None]:
    burners = [subprocess.Popen([sys.executable, "-c", _BURN]) for _ in range(count)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.stalls")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--burners", type=int, default=0, help="processes that take all the processor time they get")
    parser.add_argument("--workers", type=int, default=2)
    options, given = parser.parse_known_args()
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(options.workers), *given]
    with _burning(options.burners), subprocess.Popen(command) as pytest:
        staller = Staller(root=pytest.pid, chance=random.Random(options.seed))
        while pytest.poll() is None:
            staller.stall()
            time.sleep(staller.chance.uniform(0.2, 1.5))
    print(f"seed {options.seed}: {staller.stalls} stalls, {staller.seconds:.0f} s of standing still")
    return pytest.returncode


if __name__ == "__main__":
    sys.exit(main())
