"""Whole issuance beside the raw token and the page alone: ratios of one run, in turn (`make bench`).

A result is checked, recorded, sealed, signed by the competent person and by the agency, looked at, registered durably
on SQLite and delivered to the caller. Its share is that of what the slower of two processor cores could do:

    body given      the token alone makes half as many results as signatures
    rendered        the page alone on one core, or the token alone on the other, whichever is slower
    slow tokens     signatures a second, of those that the token can make

Shares are by the clock on the wall, and say little where others use the two cores; the processor seconds of this
process, typst and Python together, are printed beside them, and how often a page was set for each result.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.issuing import Counter, counter, issue, raw, seconds  # noqa: E402
from bench.measuring import Ratio, keep  # noqa: E402

from esign.line import Line  # noqa: E402
from tests.support.rendering import CountingRenderer  # noqa: E402
from tests.support.shim import Shim, build  # noqa: E402

RESULTS = 512
"""In each round. While the last group is sealed, signed and registered, no page is left that the other core could set:
of so many results that costs a fiftieth, of a quarter as many a twelfth."""
DELAYS = {5: 1440, 20: 360, 300: 40}
"""Milliseconds that a simulated token takes for a signature, and how many results are made: three signatures each, the
seal's among them. The first pages have to be set, and the last results to be registered, while the token has nothing to
do: of what takes half a minute these are a hundredth."""


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--results", type=int, default=RESULTS, help="in each round")
    parser.add_argument("--slow", action="store_true", help="only the simulated tokens")
    arguments = parser.parse_args()
    if arguments.slow:
        with tempfile.TemporaryDirectory() as place:
            slow(Path(place))
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "fast"
        folder.mkdir()
        renderer = CountingRenderer()
        with counter(folder, renderer=renderer) as at, Line(at.issuer, person_key=at.person_key) as line:
            fast(at, line, renderer, rounds=arguments.rounds, results=arguments.results)
    # SoftHSM looks for its tokens once in a process.
    subprocess.run([sys.executable, "-m", "bench.issuance", "--slow"], check=True)


def fast(at: Counter, line: Line, renderer: CountingRenderer, *, rounds: int, results: int) -> None:
    """SoftHSM's own speed: the token takes processor time as everything else does."""
    filled, bodies = at.filled(), at.bodies()
    issue(line, filled, 64)
    issue(line, bodies, 64)
    given: list[float] = []
    rendered: list[float] = []
    took: dict[str, list[float]] = {"raw": [], "page": [], "rendered": [], "given": []}
    used: dict[str, list[float]] = {"page": [], "rendered": [], "given": []}
    pages = 0
    for _ in range(rounds):
        with raw(at.raw_key) as sign:
            signature = seconds(sign, 300)
        page, cpu = timed(lambda: seconds(at.render, 100), 100)
        used["page"].append(cpu)
        pages -= renderer.count
        of_rendered, cpu = timed(lambda: issue(line, filled, results), results)
        used["rendered"].append(cpu)
        pages += renderer.count
        of_given, cpu = timed(lambda: issue(line, bodies, results), results)
        used["given"].append(cpu)
        given.append(2 * signature / of_given)
        rendered.append(max(page, 2 * signature) / of_rendered)
        for what, value in zip(took, (signature, page, of_rendered, of_given), strict=True):
            took[what].append(value)
    for what, values in took.items():
        print(f"{what:10} {1e3 * statistics.median(values):8.2f} ms")
    for what, values in used.items():
        print(f"{what:10} {1e3 * statistics.median(values):8.2f} ms of a processor")
    print(f"{pages / (rounds * results):.2f} pages set for each result")
    shares = {"body given": Ratio.of(given), "rendered": Ratio.of(rendered)}
    for what, share in shares.items():
        print(f"whole issuance, {what}: {share.percent()} of what is possible")
    processor = {what: statistics.median(values) for what, values in used.items()}
    keep("issuance", {"share of what is possible": shares, "processor seconds": processor})


def timed(action: Callable[[], object], count: int) -> tuple[float, float]:
    """Seconds for one of `count`, on the wall and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    action()
    return (time.perf_counter() - wall) / count, (time.process_time() - processor) / count


def slow(folder: Path) -> None:
    """Tokens that take their time without a processor of ours: how busy they are kept."""
    shares = {}
    shim = Shim(folder / "shim", build(folder))
    os.environ.update(shim.environment)
    with counter(folder, module=shim.module) as at, Line(at.issuer, person_key=at.person_key) as line:
        filled = at.filled()
        issue(line, filled, 64)
        for delay, results in DELAYS.items():
            shim.delay(delay, single=True)
            with raw(at.raw_key) as sign:
                signature = seconds(sign, 20)
            shim.forget()
            started = time.perf_counter()
            issue(line, filled, results)
            took = time.perf_counter() - started
            made = shim.calls()["C_Sign"]
            shares[f"{delay} ms"] = made * signature / took
            print(
                f"a token of {delay:3} ms a signature is busy {100 * shares[f'{delay} ms']:.1f} % ({made} signatures)"
            )
    keep("issuance, slow tokens", {"busy": shares})


if __name__ == "__main__":
    main()
