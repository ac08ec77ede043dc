"""Workers killed in a batch: `python -m tests.support.torture_work [--rows 10000] [--workers 2] [--kill-every 3]`.

Processes carry one batch out, on SQLite or on PostgreSQL; one of them is killed at random times and another takes its
place. Afterwards everything is counted from outside: rows, numbers, files and keys. The test suite runs the same
function with fewer rows.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from esign.registry import Batch, IntentState, Registry, RowState
from tests.support.office import NOW, Office, request
from tests.support.postgres import postgres_server
from tests.support.torture_keys import Figures
from tests.support.work import Workroom

ROOT = Path(__file__).parents[2]
_IN_ORDER = {0, -signal.SIGTERM}  # the second: told to stop while it was still loading


class RunningClock:
    """Goes on from the tests' own day; all processes agree on it, because it began with the office's folder."""

    def __init__(self, folder: Path) -> None:
        self._began = (folder / "key.p12").stat().st_mtime

    def __call__(self) -> datetime:
        return NOW + timedelta(seconds=time.time() - self._began)


def open_room(folder: Path, place: Path | str) -> Workroom:
    """The office in `folder` with its register at `place`."""
    office = Office.open(folder)
    office.registry.close()
    clock = RunningClock(folder)
    office.clock = clock  # type: ignore[assignment]  # a clock is whatever says the time
    office.registry = Registry.open(place, now=clock)
    return Workroom(office)


def kill_workers(
    folder: Path,
    place: Path | str,
    *,
    rows: int,
    workers: int,
    kill_every: float,
    seed: int,
    most_kills: int = sys.maxsize,
    seconds: float = 7200,
) -> Figures:
    """Carry one batch of `rows` out with `workers` processes, of which one is killed every few seconds."""
    chance = random.Random(seed)
    room = open_room(folder, place)
    batch = room.batch([request(f"row-{n}") for n in range(rows)], rows_at_once=32)
    room.authorise(batch)
    began, kills = time.monotonic(), 0
    end = began + seconds
    running = [_start(folder, place) for _ in range(workers)]
    batches = room.office.registry.batches
    try:
        while batches.get(batch.id).finished_at is None and time.monotonic() < end:
            time.sleep(kill_every * (0.5 + chance.random()))
            victim = chance.randrange(workers)
            if kills < most_kills and batches.get(batch.id).finished_at is None:
                running[victim].kill()
                kills += running[victim].wait() == -9
                running[victim] = _start(folder, place)
        last_kill = time.monotonic()
        while room.office.registry.tasks.count() and time.monotonic() < last_kill + 60:
            time.sleep(0.2)
        reconciled = time.monotonic() - last_kill
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        ended = [process.wait(60) for process in running]
    elapsed = time.monotonic() - began
    failures = _counted(room, batch, rows)
    failures += [f"a worker ended with {code}" for code in ended if code not in _IN_ORDER]
    if reconciled > 30:
        failures.append(f"finished {reconciled:.0f} s after the last kill")
    room.office.registry.close()
    reached = f"{rows} rows, {kills} kills, {elapsed:.0f} s, delivered {reconciled:.1f} s after the batch's end"
    kind = "SQLite" if isinstance(place, Path) else "PostgreSQL"
    return Figures(f"{workers} workers killed in a batch, {kind} (seed {seed})", reached, tuple(failures))


def _start(folder: Path, place: Path | str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.support.torture_work", "--work", str(folder), str(place)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _counted(room: Workroom, batch: Batch, rows: int) -> list[str]:
    """Rows, register, archive and audit, each by itself."""
    office, wrong = room.office, []
    counts = {s: n for s, n in office.registry.batches.counts(batch.id).items() if n}
    if counts != {RowState.ISSUED: rows}:
        wrong.append(f"the rows are {counts}")
    entries = office.registry.listing(limit=2 * rows).entries
    states = Counter(e.state for e in entries)
    if states != {IntentState.ISSUED: rows}:
        wrong.append(f"the register has {states}")
    numbers = sorted(e.number.number for e in entries if e.number)
    if numbers != list(range(1, rows + 1)):
        wrong.append(f"{len(numbers)} numbers, {len(set(numbers))} different, up to {numbers[-1] if numbers else 0}")
    for entry in entries:
        digest = entry.registration.sha256 if entry.registration else ""
        if sha256(office.issuer().document(entry.id).pdf).hexdigest() != digest:
            wrong.append(f"the file of {entry.number} is another")
    issued = Counter(e.object for e in office.registry.audit.all() if e.act == "intent.issued")
    if issued != dict.fromkeys((str(e.id) for e in entries), 1):
        wrong.append(f"the audit has {sum(issued.values())} issued")
    # What the killed left is nobody's, and goes once it is old.
    for path in (office.folder / "spool").iterdir():
        os.utime(path, (0, 0))
    office.issuer().equipment.bench.sweep(())
    room.spool.sweep(office.registry.batches.unfinished)
    left = [p.name for p in (office.folder / "spool").iterdir()]
    if left:
        wrong.append(f"{len(left)} files are left in the spool: {left[:5]}")
    return wrong[:20]


def _work(folder: Path, place: Path | str) -> None:
    """A worker, until SIGTERM comes."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    room = open_room(folder, place)
    room.worker(hands=1).run(stop)
    room.office.registry.close()


def main() -> None:
    """Run it at full size, on both databases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kill-every", type=float, default=3)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--on", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        where, register = arguments.work
        _work(Path(where), register if "://" in register else Path(register))
        return
    failed = False
    for kind in arguments.on or ["postgresql", "sqlite"]:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "office"
            Office.create(folder, kind="p256").registry.close()
            place: Path | str = folder / "batch.sqlite"
            if kind == "postgresql":
                server = stack.enter_context(postgres_server())
                place = server.url(server.register())
            figures = kill_workers(
                folder,
                place,
                rows=arguments.rows,
                workers=arguments.workers,
                kill_every=arguments.kill_every,
                seed=arguments.seed,
            )
        print(figures, flush=True)
        failed |= bool(figures.failures)
    sys.exit(failed)


if __name__ == "__main__":
    os.environ.setdefault("CI", "true")  # a missing tool is a failure here
    main()
