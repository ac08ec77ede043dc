"""Many threads with one key at the same moment, again and again: each key is signed once, and all hear the same.

`python -m tests.support.torture_duplicates [--keys 1000] [--threads 200] [--database sqlite|postgresql] [--servers 2]`

All threads ask for one key at once; whoever is told to come back does so in the next round, right after it has asked
for the next key. So the machine is busy with answers, and nobody waits.
"""

import argparse
import http.client
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support import checker
from tests.support.breaking import asked_for
from tests.support.deployment import AGENCY, Deployment
from tests.support.postgres import postgres_server
from tests.support.torture_keys import Figures

__all__ = ["ask_at_once"]

_LATER = {409, 503}
_SHOWN = 50


@dataclass
class _Heard:
    """What all threads were told."""

    told: list[checker.Told] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, key: str, status: int, said: dict[str, Any]) -> None:
        """One answer."""
        with self.lock:
            self.statuses[f"{status} {said.get('code', '')}".strip()] += 1
            if status == 201:
                self.told.append(
                    checker.Told(key=key, id=said["id"], number=said["number"], sha256=said["file"]["sha256"])
                )
            elif status not in _LATER:
                self.failures.append(f"{status} {said.get('code')}")

    def cut(self, problem: Exception) -> None:
        """No answer."""
        with self.lock:
            self.statuses[type(problem).__name__] += 1


class _Caller:
    """One thread's connection to one server."""

    def __init__(self, url: str, headers: dict[str, str], heard: _Heard) -> None:
        place = urlsplit(url)
        self._connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)
        self._headers = headers
        self._heard = heard

    def ask(self, key: str, body: str) -> bool:
        """Whether the answer is final."""
        headers = {**self._headers, "Idempotency-Key": key, "Content-Type": "application/json"}
        try:
            self._connection.request("POST", f"/v1/agencies/{AGENCY}/results", body, headers)
            answer = self._connection.getresponse()
            said = json.loads(answer.read())
        except (OSError, http.client.HTTPException) as e:
            self._connection.close()
            self._heard.cut(e)
            return False
        self._heard.note(key, answer.status, said)
        return answer.status not in _LATER

    def close(self) -> None:
        self._connection.close()


class _Rounds:
    """All threads ask for one key after the other, each at the same moment."""

    def __init__(self, requests: dict[str, str], *, threads: int, heard: _Heard, seconds: float) -> None:
        self._requests = requests
        self._heard = heard
        self._began = time.monotonic()
        self._seconds = seconds
        self._gate = threading.Barrier(threads, action=self._begin)
        self._over = False
        self.done = 0

    @property
    def lasted(self) -> float:
        """So many seconds up to now."""
        return time.monotonic() - self._began

    def _begin(self) -> None:
        """One thread does this, while the others wait for it."""
        self._over = self.lasted > self._seconds
        self.done += not self._over
        if self.done % _SHOWN == 0:
            print(
                f"{self.done} keys, {len(self._heard.told)} answers, {self.lasted:.0f} s", file=sys.stderr, flush=True
            )

    def take_part(self, caller: _Caller) -> None:
        """What each thread does."""
        waiting: list[str] = []
        try:
            for key in self._requests:
                self._gate.wait()
                if self._over:
                    break
                final = caller.ask(key, self._requests[key])
                waiting = self._ask_again(caller, waiting)
                waiting += [] if final else [key]
            while waiting:
                time.sleep(0.2)
                waiting = self._ask_again(caller, waiting)
        except Exception as e:  # a thread that dies must not leave the others waiting
            self._heard.failures.append(repr(e))
            self._gate.abort()
        finally:
            caller.close()

    def _ask_again(self, caller: _Caller, keys: list[str]) -> list[str]:
        return [key for key in keys if not caller.ask(key, self._requests[key])]


def ask_at_once(
    deployment: Deployment,
    urls: Sequence[str],
    *,
    keys: int,
    threads: int,
    seed: int = 0,
    seconds: float = float("inf"),
) -> Figures:
    """For each of `keys` keys `threads` threads ask at once, each until it is told that the result is issued."""
    heard = _Heard()
    requests = {f"same-{seed}-{n}": json.dumps(asked_for(n)) for n in range(keys)}
    rounds = _Rounds(requests, threads=threads, heard=heard, seconds=seconds)
    callers = [_Caller(urls[n % len(urls)], deployment.headers(), heard) for n in range(threads)]
    running = [threading.Thread(target=rounds.take_part, args=(caller,)) for caller in callers]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    took, told, failures = rounds.lasted, heard.told, heard.failures
    found = checker.check(deployment.database, deployment.archive, told=told, signatures=deployment.shim.signatures)
    mine = {each.key for each in told}
    again = found.figures["of them again, over the same bytes"]
    if len(told) != rounds.done * threads or len(mine) != rounds.done or again:
        failures.append(f"{len(told)} answers for {len(mine)} keys, {again} signatures too many")
    answers = ", ".join(f"{count}× {status}" for status, count in sorted(heard.statuses.items()))
    reached = f"{len(told)} answers, {took:.0f} s; {answers}; {found}"
    name = f"{threads} threads with one key, {rounds.done} keys, {len(urls)} servers (seed {seed})"
    return Figures(name, reached, (*failures, *found.failures))


def main() -> None:
    """Run it at full size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="count what was asked by then")
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--servers", type=int, default=1)
    given = parser.parse_args()
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="esign-broken-")))
        database = None
        if given.database == "postgresql":
            server = stack.enter_context(postgres_server())
            database = server.url(server.register())
        deployment = Deployment.make(place / "deployment", database=database)
        with deployment.running():
            urls = [deployment.serve().url for _ in range(given.servers)]
            size = {"keys": given.keys, "threads": given.threads, "seconds": 60 * given.minutes}
            figures = ask_at_once(deployment, urls, seed=given.seed, **size)
    print(f"{given.database}: {figures}", *figures.failures[1:5], sep="\n", flush=True)
    sys.exit(bool(figures.failures))


if __name__ == "__main__":
    main()
