"""Hanoi's three weeks: 66,000 results, each rendered, sealed, signed by two, audited, registered, archived, delivered.

It goes on where it was stopped, in the same folder; what it took is added up. Give it a disk with 20 GB of room.

    nice python -m bench.three_weeks FOLDER [--results 66000]
"""

import argparse
import json
import sys
import time
from datetime import timedelta
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.issuing import counter, issue  # noqa: E402
from bench.measuring import keep  # noqa: E402

from esign.delivery import FolderDelivery  # noqa: E402
from esign.line import Line  # noqa: E402

RESULTS = 66_000
_STRETCH = 1000


def main() -> None:
    """Issue what is left, say how it goes, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--results", type=int, default=RESULTS)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    progress = arguments.folder / "progress.json"
    done, seconds = json.loads(progress.read_text("ascii")) if progress.exists() else (0, 0.0)
    delivery = FolderDelivery(arguments.folder / "out")
    with counter(arguments.folder, delivery=delivery) as at, Line(at.issuer, person_key=at.person_key) as line:
        requests = at.filled()
        at.given = done
        while done < arguments.results:
            count = min(_STRETCH, arguments.results - done)
            started = time.perf_counter()
            issue(line, islice(requests, count), count)
            seconds, done = seconds + time.perf_counter() - started, done + count
            progress.write_text(json.dumps([done, seconds]), "ascii")
            print(f"{done} results in {timedelta(seconds=round(seconds))}, {done / seconds:.1f} a second", flush=True)
    keep("three weeks", {"results": done, "minutes": seconds / 60})


if __name__ == "__main__":
    main()
