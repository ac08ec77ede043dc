"""The service under load from another process, beside what its token signs in the same run (`make bench`).

Everything is on: seal, audit, webhooks' outbox, two signatures for each result (the seal's and the agency's), SQLite or
PostgreSQL with every commit on the disk. Rounds of the raw token and of the service take turns, so a busy machine slows
both; the share is that of each round. The public side is asked at fixed moments, and an answer's time counts from the
moment when its question was due.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from bench.measuring import Ratio, keep

from esign.keys import KeyRef, Mechanism
from esign_hsm import FilePin, TokenKeyStore, softhsm
from tests.support.deployment import AGENCY, Deployment
from tests.support.postgres import postgres_server
from tests.support.service import wanted

ROOT = Path(__file__).resolve().parents[1]
LABEL = "van-thu"

_numbers = itertools.count()


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6, help="of load in each round")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1500, help="look-ups a second")
    parser.add_argument("--raw", nargs=2, metavar=("FOLDER", "COUNT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.raw:
        print(json.dumps(raw(Path(arguments.raw[0]), int(arguments.raw[1]))))
        return
    figures: dict[str, Any] = {}
    for database in ("sqlite", "postgresql"):
        with stored(database) as url, tempfile.TemporaryDirectory(prefix="esign-bench-") as place:
            deployment = Deployment.make(Path(place) / "deployment", database=url)
            with deployment.running():
                figures[f"issuing, {database}"] = issuing(deployment, arguments)
                figures[f"public, {database}"] = looking_up(deployment, arguments)
    keep("service", figures)


def issuing(deployment: Deployment, given: argparse.Namespace) -> dict[str, Any]:
    """Results a second, and their share of what the token signs."""
    server = deployment.serve()
    shares, rates, p50, p99, raws = [], [], [], [], []
    load(server.url, results(deployment, 50), given.connections, 60, once=True)  # what is made once is made
    for _ in range(given.rounds):
        signed = measured_raw(deployment, 400)
        said = load(server.url, results(deployment, 20_000), given.connections, given.seconds, once=True)
        assert set(said["statuses"]) == {"201"}, said["statuses"]
        raws.append(signed)
        rates.append(said["rate"])
        shares.append(said["rate"] / signed)
        p50.append(said["p50"])
        p99.append(said["p99"])
    server.end()
    found = {
        "token": statistics.median(raws),
        "results": statistics.median(rates),
        "share": _spread(shares),
        "p50": statistics.median(p50),
        "p99": statistics.median(p99),
    }
    print(
        f"{deployment.database.partition(':')[0][-12:]}: {found['results']:.1f} results a second, "
        f"{found['share'].percent()} of the token's {found['token']:.0f} signatures; "
        f"p50 {1e3 * found['p50']:.0f} ms, p99 {1e3 * found['p99']:.0f} ms",
        flush=True,
    )
    return found


def looking_up(deployment: Deployment, given: argparse.Namespace) -> dict[str, Any]:
    """Look-ups at a fixed rate, of ids that are there and ids that are not, while nothing else is asked."""
    server = deployment.serve("--public")
    there = ids(deployment)
    bodies = [json.dumps({"id": each}) for each in (*there, *("0" * 15 + "23456789"[n % 8] for n in range(len(there))))]
    requests: list[Any] = [["/lookup", {}, body] for body in bodies]
    load(server.url, requests, 16, 2)
    found = load(server.url, requests, 64, given.seconds, rate=given.rate)
    most = load(server.url, requests, 64, given.seconds)
    server.end()
    print(
        f"public side: {found['rate']:.0f} look-ups a second of {given.rate:.0f} wanted, "
        f"p50 {1e3 * found['p50']:.1f} ms, p99 {1e3 * found['p99']:.1f} ms; at the most {most['rate']:.0f} a second",
        flush=True,
    )
    return {"wanted": given.rate, "rate": found["rate"], "p50": found["p50"], "p99": found["p99"], "most": most["rate"]}


def results(deployment: Deployment, count: int) -> list[Any]:
    """So many requests for results, none asked before."""
    path = f"/v1/agencies/{AGENCY}/results"
    body = json.dumps(wanted(), ensure_ascii=False)
    return [[path, deployment.headers(f"load-{next(_numbers)}"), body] for _ in range(count)]


def ids(deployment: Deployment) -> list[str]:
    """Of a hundred results."""
    server = deployment.serve()
    answer = httpx.get(
        f"{server.url}/v1/agencies/{AGENCY}/results", headers=deployment.headers(), params={"limit": 100}
    )
    server.end()
    return [each["id"] for each in answer.json()["results"]]


def load(url: str, requests: list[Any], connections: int, seconds: float, **more: Any) -> Any:
    """What bench/load.py measures."""
    asked = {"url": url, "requests": requests, "connections": connections, "seconds": seconds, **more}
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        cwd=ROOT,
        input=json.dumps(asked) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def measured_raw(deployment: Deployment, count: int) -> float:
    """Signatures a second, in a process of its own: SoftHSM has one set of tokens in each."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.service", "--raw", str(deployment.folder), str(count)],
        cwd=ROOT,
        env={**os.environ, **deployment.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    rate: float = json.loads(done.stdout)
    return rate


def raw(folder: Path, count: int) -> float:
    """Signatures a second of one session."""
    softhsm.use(folder / "softhsm" / "softhsm2.conf")
    with TokenKeyStore(module=softhsm.find_module(), pin=FilePin(folder / "softhsm" / "pin")) as store:
        key = store.key(KeyRef(token=LABEL, object="con-dau"))
        key.sign(b"warm", mechanism=Mechanism.RSA_PKCS1_SHA256)
        begun = time.perf_counter()
        for number in range(count):
            key.sign(b"%d" % number, mechanism=Mechanism.RSA_PKCS1_SHA256)
        return count / (time.perf_counter() - begun)


@contextmanager
def stored(database: str) -> Iterator[str | None]:
    """Where the register is; None: in the folder."""
    if database == "sqlite":
        yield None
        return
    with postgres_server() as server:
        yield server.url(server.register())


def _spread(values: list[float]) -> Ratio:
    ordered = sorted(values)
    return Ratio(statistics.median(ordered), ordered[0], ordered[-1])


if __name__ == "__main__":
    main()
