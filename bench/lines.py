"""Several lines, a process each, on one register: what two cores make of results whose bodies are given.

One process of Python keeps one core busy. Where bodies are given nothing but the token would use the other one, so a
deployment runs as many lines as it has cores (`esign work`), each with its signer process. They share the register, its
audit and the archive. The share is that of `bench.issuance`: the raw token makes half as many results as signatures.
"""

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.issuing import Counter, counter, issue, raw, seconds  # noqa: E402
from bench.measuring import Ratio, keep  # noqa: E402

from esign.line import Line  # noqa: E402

_APART = 10**6
"""Numbers that are given, so far apart that no two processes give the same."""
_WARM = 64
"""Results before the first that are counted."""
_PATIENCE = 300.0


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--results", type=int, default=256, help="of each line in each round")
    arguments = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(arguments.lines, timeout=_PATIENCE)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with counter(folder) as at:  # what the other processes find made
            others = [
                spawn.Process(target=_walk, args=(folder, i, together, arguments.rounds, arguments.results))
                for i in range(1, arguments.lines)
            ]
            for other in others:
                other.start()
            shares, took = _measured(at, together, arguments.rounds, arguments.results * arguments.lines)
            for other in others:
                other.join()
    share = Ratio.of(shares)
    print(f"{arguments.lines} lines, body given: {1e3 * statistics.median(took):.2f} ms a result")
    print(f"whole issuance, body given, {arguments.lines} lines: {share.percent()} of what is possible")
    keep("issuance, several lines", {"lines": arguments.lines, "share of what is possible": {"body given": share}})


def _measured(at: Counter, together: Barrier, rounds: int, results: int) -> tuple[list[float], list[float]]:
    """Shares, and seconds for a result, of each round; this process walks one of the lines."""
    shares, took = [], []
    bodies = at.bodies()
    with Line(at.issuer, person_key=at.person_key) as line:
        issue(line, bodies, _WARM)
        for _ in range(rounds):
            with raw(at.raw_key) as sign:
                signature = seconds(sign, 300)  # while the others wait
            together.wait()
            started = time.perf_counter()
            issue(line, bodies, results // together.parties)
            together.wait()
            took.append((time.perf_counter() - started) / results)
            shares.append(2 * signature / took[-1])
    return shares, took


def _walk(folder: Path, index: int, together: Barrier, rounds: int, results: int) -> None:
    """Another process: the same, and nothing measured."""
    with counter(folder) as at, Line(at.issuer, person_key=at.person_key) as line:
        at.name, at.given = f"line {index}, ", index * _APART
        bodies = at.bodies()
        issue(line, bodies, _WARM)
        for _ in range(rounds):
            together.wait()
            issue(line, bodies, results)
            together.wait()


if __name__ == "__main__":
    main()
