"""All campaigns, one after the other: `make torture`, or `python -m tests.support.torture [--hours H] [--seed N]`.

Each prints the figure that it reached; the end is 1 where one failed. Minutes by default; with `--hours` everything
takes so much longer. What a seed has finished stands in build/torture, so the same command, begun again after it was
stopped, goes on with what is left:

    nohup make torture TORTURE="--hours 8 --seed 1" &
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
_RESULTS = ROOT / "build" / "torture"
_MINUTES = 30
"""What all of them take by default."""


def campaigns(times: float, seed: int) -> Mapping[str, list[str]]:
    """Each campaign's module and how much it does, `times` as much as by default."""

    def much(count: float) -> str:
        return str(max(1, round(count * times)))

    seeded = ["--seed", str(seed)]
    return {
        "issuing": ["torture_issuing", "--rounds", much(100), *seeded],
        "keys": ["torture_keys", "--seconds", much(60)],
        "batch": ["torture_batch", *seeded],
        "work": ["torture_work", "--rows", much(1000), *seeded],
        "server": ["torture_server"],
        "service": ["torture_service", "--only", "everything", "--minutes", str(times), *seeded],
        "disk": ["torture_service", "--only", "disk", *seeded],
        "many": ["torture_service", "--only", "many", "--key", "rsa", "--results", much(500), *seeded],
        "duplicates": ["torture_duplicates", "--keys", much(20), *seeded],
        "schema": ["torture_schema", "--cases", much(2000), *seeded],
        "hostile": ["torture_hostile", "--paths", much(2000), *seeded],
        "mutations": ["torture_mutations"],
    }


def main() -> None:
    """Run what is left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=_MINUTES / 60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--only", nargs="+", help="some of them, by name")
    given = parser.parse_args()
    times = 60 * given.hours / _MINUTES
    journal = _RESULTS / f"{given.seed}-{given.hours:g}h.jsonl"
    journal.parent.mkdir(parents=True, exist_ok=True)
    finished = _finished(journal)
    print(f"seed {given.seed}; what is finished stands in {journal.relative_to(ROOT)}", flush=True)
    for name, command in campaigns(times, given.seed).items():
        if given.only and name not in given.only:
            continue
        if name not in finished:
            finished[name] = _run(command)
            with journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"campaign": name, "code": finished[name]}) + "\n")
        print(f"{name}: {'ok' if finished[name] == 0 else 'FAILED'}", flush=True)
    sys.exit(any(finished.values()))


def _finished(journal: Path) -> dict[str, int]:
    if not journal.exists():
        return {}
    lines = map(json.loads, journal.read_text("utf-8").splitlines())
    return {line["campaign"]: line["code"] for line in lines}


def _run(command: list[str]) -> int:
    module, *arguments = command
    return subprocess.run(
        [sys.executable, "-m", f"tests.support.{module}", *arguments], cwd=ROOT, check=False
    ).returncode


if __name__ == "__main__":
    main()
