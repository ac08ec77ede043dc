"""Workers killed in a batch: `python -m tests.support.torture_work [--rows 10000] [--workers 2] [--kill-every 3]`.

A portal hands one batch in and authorises it, over HTTP; `esign work` processes carry it out. One of them is killed
every few seconds, at random times and at named steps, and another takes its place. The checker counts afterwards.

With `--folder F` everything is kept there; begun again in the same folder, it goes on with what is left.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.support import checker
from tests.support.breaking import STEPS, Bench, asked_for, bench, figures, settle
from tests.support.deployment import AGENCY
from tests.support.torture_keys import Figures

__all__ = ["kill_workers"]

_PAGE = 1000
_PATIENCE = 30
_ROW = 5


class _Batch:
    """One batch, as its portal sees it."""

    def __init__(self, b: Bench, client: httpx.Client, rows: int) -> None:
        """Hand it in and authorise it; again is the same batch."""
        self._fleet, self._client = b.fleet, client
        lines = "\n".join(json.dumps({**asked_for(n), "key": f"row-{n}"}) for n in range(rows))
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": "batch"}
        batch = self._ask("POST", "batches", content=lines, headers=headers)
        self._place = f"batches/{batch['id']}"
        self._ask("POST", f"{self._place}/authorisation", json={"root": batch["root"]})

    @property
    def state(self) -> dict[str, Any]:
        """What it says of itself."""
        return self._ask("GET", self._place)

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do."""
        return bool(self.state["finished_at"])

    @property
    def rows(self) -> Iterator[checker.Told]:
        """What it tells of its rows, which are all issued."""
        after = "0"
        while after:
            page = self._ask("GET", f"{self._place}/rows", params={"after": after, "limit": _PAGE})
            for row in page["rows"]:
                place = str(row["position"])
                yield checker.Told(key=place, id=row["result"], number=row["number"], sha256=row["sha256"])
            after = page["next"]

    @property
    def problems(self) -> set[str]:
        """What its workers stand still for."""
        return {worker["problem"]["code"] for worker in self._ask("GET", "work")["workers"] if worker["problem"]}

    def _ask(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        answer = self._client.request(method, f"{self._fleet.urls()[0]}/v1/agencies/{AGENCY}/{path}", **given)
        assert answer.is_success, answer.text[:500]
        found: dict[str, Any] = answer.json()
        return found


def kill_workers(
    place: Path,
    *,
    database: str,
    key: str,
    rows: int,
    workers: int = 2,
    kill_every: float,
    seed: int,
    most_kills: int = sys.maxsize,
    most_seconds: float = 7200,
    lasting: bool = False,
) -> Figures:
    """Carry one batch of `rows` out with `workers` processes, of which one after the other is killed.

    After up to `_ROW` kills, a few seconds apart, nobody dies until what they left is finished.
    """
    with (
        bench(place, database=database, key=key, seed=seed, workers=workers, lasting=lasting) as b,
        httpx.Client(timeout=600, headers=b.deployment.headers()) as client,
    ):
        batch, kills, begun = _Batch(b, client, rows), 0, time.monotonic()
        while not batch.finished:
            seconds = time.monotonic() - begun
            print(f"{seconds:.0f} s, {kills} kills: {batch.state['rows']}", file=sys.stderr, flush=True)
            if seconds > most_seconds:
                b.failures.append("the batch never came to its end")
                break
            row = b.chance.randint(1, _ROW)
            kills += _kill_some(b, batch, min(row, most_kills - kills), apart=kill_every)
            time.sleep(1)
        seconds = time.monotonic() - begun
        b.portal.told += batch.rows if batch.finished else ()
        found = settle(b, expected=rows)
    name = f"{workers} workers killed in a batch of {rows} ({database}, {key}, seed {seed})"
    return figures(f"{name}, {seconds:.0f} s", b, found)


def _kill_some(b: Bench, batch: _Batch, count: int, *, apart: float) -> int:
    """Kill one worker after the other, then let the others finish what was left; how many died."""
    died = 0
    left: set[str] = set()
    for _ in range(count):
        time.sleep(apart * (0.5 + b.chance.random()))
        died += _kill(b, batch)
        left = checker.unfinished(b.direct)
        b.fleet.heal()
    with suppress(TimeoutError):
        b.reconcile(left, "workers killed", meanwhile=partial(_look_after, b, batch))
    return died


def _look_after(b: Bench, batch: _Batch) -> None:
    """What systemd and an operator do."""
    b.fleet.heal()
    if "pin-blocked" in batch.problems:  # law 2: a death while a PIN is tried counts as a refusal
        b.deployment.unblock()
        b.happened["PIN cleared by an operator"] += 1
    time.sleep(0.5)


def _kill(b: Bench, batch: _Batch) -> bool:
    """One worker dies: in the middle of whatever it does, or whoever finishes a named step next; whether one did."""
    if b.chance.random() < 0.5:
        b.chance.choice([p for p in b.fleet.processes if not p.port]).kill()
        b.happened["kill at random"] += 1
        return True
    step = b.chance.choice(STEPS)
    b.deployment.die_at(step)
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and all(p.alive for p in b.fleet.processes):
        time.sleep(0.2)
        with suppress(httpx.HTTPError, IndexError):  # it may be the server that dies
            if batch.finished:
                break
    died = not b.deployment.spare(step)
    b.happened["kill at a step"] += died
    return died


def main() -> None:
    """Run it at full size, on both databases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kill-every", type=float, default=3)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--key", choices=["rsa", "ecdsa"], default="rsa")
    parser.add_argument("--on", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--folder", type=Path, help="keep everything here, and go on with what is here")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))  # whoever stops it leaves no process behind
    failed = False
    for database in given.on or ["postgresql", "sqlite"]:
        place = given.folder / database if given.folder else Path(tempfile.mkdtemp(prefix="esign-broken-"))
        reached = kill_workers(
            place,
            database=database,
            key=given.key,
            rows=given.rows,
            workers=given.workers,
            kill_every=given.kill_every,
            seed=given.seed,
            lasting=bool(given.folder),
        )
        print(reached, *reached.failures[1:], sep="\n", flush=True)
        failed |= bool(reached.failures)
        if not given.folder:
            shutil.rmtree(place)
    sys.exit(failed)


if __name__ == "__main__":
    main()
