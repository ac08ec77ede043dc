"""Compare two runs of the benchmarks: what has moved further than the rounds of each did (`python -m bench.compare`).

Only ratios are compared: they are what stays the same on another machine, or on the same one while it is busy.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Moved", "compared", "main", "ratios"]


class Moved(NamedTuple):
    """One ratio in both runs."""

    what: str
    before: Mapping[str, float]
    after: Mapping[str, float]

    @property
    def verdict(self) -> str:
        """`same` where the rounds of one run reach into those of the other."""
        if self.after["low"] > self.before["high"]:
            return "more"
        return "less" if self.after["high"] < self.before["low"] else "same"

    def __str__(self) -> str:
        before, after = self.before["median"], self.after["median"]
        return f"{self.verdict}  {100 * (after / before - 1):+6.1f} %  {before:.3f} → {after:.3f}  {self.what}"


def ratios(figures: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, float]]]:
    """Every ratio in `figures`, by its path."""
    for key, value in figures.items():
        if isinstance(value, Mapping):
            if value.keys() == {"median", "low", "high"}:
                yield key, value
            else:
                yield from ((f"{key} / {below}", ratio) for below, ratio in ratios(value))


def compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Moved]:
    """What both runs measured."""
    old = dict(ratios(before["sections"]))
    return [Moved(what, old[what], ratio) for what, ratio in ratios(after["sections"]) if what in old]


def main(arguments: list[str]) -> int:
    """Print the table of two runs; 1 where something was compared and is less than before."""
    before, after = (json.loads(Path(argument).read_text("utf-8")) for argument in arguments)
    found = compared(before, after)
    print(*found, sep="\n")
    return int(any(moved.verdict == "less" for moved in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
