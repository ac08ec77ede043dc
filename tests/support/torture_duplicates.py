"""Many threads with one key at the same moment, again and again: each key is signed once, and all hear the same.

`python -m tests.support.torture_duplicates [--keys 1000] [--threads 200] [--seed N]`
"""

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from tests.support import checker
from tests.support.deployment import AGENCY, Deployment
from tests.support.torture_keys import Figures
from tests.support.torture_service import asked_for

__all__ = ["ask_at_once"]


def ask_at_once(deployment: Deployment, url: str, *, keys: int, threads: int, seed: int = 0) -> Figures:
    """For each of `keys` keys `threads` threads ask at once, each until it is told that the result is issued."""
    told: list[checker.Told] = []
    statuses: Counter[str] = Counter()
    failures: list[str] = []
    gate = threading.Barrier(threads)
    lock = threading.Lock()
    place = urlsplit(url)

    def ask(number: int) -> None:
        chance = random.Random(f"{seed}/{number}")
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)
        try:
            for n in range(keys):
                key = f"same-{seed}-{n}"
                body = json.dumps(asked_for(n))
                gate.wait()
                while not once(connection, key, body):
                    time.sleep(chance.random() / 2)
        except Exception as e:  # a thread that dies must not leave the others waiting
            failures.append(repr(e))
            gate.abort()
        finally:
            connection.close()

    def once(connection: http.client.HTTPConnection, key: str, body: str) -> bool:
        headers = {**deployment.headers(key), "Content-Type": "application/json"}
        try:
            connection.request("POST", f"/v1/agencies/{AGENCY}/results", body, headers)
            answer = connection.getresponse()
            said = json.loads(answer.read())
        except (OSError, http.client.HTTPException) as e:
            connection.close()
            with lock:
                statuses[type(e).__name__] += 1
            return False
        with lock:
            statuses[f"{answer.status} {said.get('code', '')}".strip()] += 1
            if answer.status == 201:
                told.append(checker.Told(key=key, id=said["id"], number=said["number"], sha256=said["file"]["sha256"]))
            elif answer.status not in {409, 503}:
                failures.append(f"{answer.status} {said.get('code')}")
        return answer.status not in {409, 503}

    running = [threading.Thread(target=ask, args=(n,)) for n in range(threads)]
    begun = time.monotonic()
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    seconds = time.monotonic() - begun
    found = checker.check(deployment.database, deployment.archive, told=told, signatures=deployment.shim.signatures)
    mine = {each.key for each in told}
    again = found.figures["of them again, over the same bytes"]
    if len(told) != keys * threads or len(mine) != keys or again:
        failures.append(f"{len(told)} answers for {len(mine)} keys, {again} signatures too many")
    answers = ", ".join(f"{count}× {status}" for status, count in sorted(statuses.items()))
    reached = f"{len(told)} answers, {seconds:.0f} s; {answers}; {found}"
    return Figures(f"{threads} threads with one key, {keys} keys", reached, (*failures, *found.failures))


def main() -> None:
    """Run it at full size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20261122)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="esign-broken-") as place:
        deployment = Deployment.make(Path(place) / "deployment")
        with deployment.running():
            url = deployment.serve().url
            figures = ask_at_once(deployment, url, keys=arguments.keys, threads=arguments.threads, seed=arguments.seed)
    print(figures, *figures.failures[1:5], sep="\n", flush=True)
    sys.exit(bool(figures.failures))


if __name__ == "__main__":
    main()
