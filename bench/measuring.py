"""How the benchmarks measure: kinds of work in turn, round after round, and ratios within each round.

A machine that changes its speed changes it for all kinds alike, so a ratio says more than a time. Where everything
runs in this process, SoftHSM too, its own processor seconds are counted: what else the machine does is not in them.
Where a token takes its time elsewhere, the clock on the wall counts.
"""

import json
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "build" / "bench.json"

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of work."""

    action: Callable[[], object]
    """What is done."""
    count: int = 1
    """How often in a round; what is fast is done often, so that the clock's own grain does not matter."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as much one kind of work takes as another, over all rounds."""

    median: float
    low: float
    """A tenth of the rounds is below."""
    high: float
    """A tenth is above."""

    @classmethod
    def of(cls, found: Iterable[float]) -> "Ratio":
        """Median and tenths."""
        rounds = sorted(found)
        return cls(statistics.median(rounds), rounds[len(rounds) // 10], rounds[-1 - len(rounds) // 10])

    def percent(self) -> str:
        """For people."""
        return f"{100 * self.median:.1f} % [{100 * self.low:.1f}-{100 * self.high:.1f}]"

    def times(self) -> str:
        """For people."""
        return f"{self.median:.1f} times [{self.low:.1f}-{self.high:.1f}]"


class Times:
    """Seconds for each kind of work, round by round."""

    def __init__(self, work: Mapping[str, Work], *, rounds: int, clock: Clock = time.process_time) -> None:
        self.seconds: dict[str, list[float]] = {what: [] for what in work}
        for each in work.values():
            each.action()  # what is made once is made now
        for _ in range(rounds):
            for what, each in work.items():
                started = clock()
                for _ in range(each.count):
                    each.action()
                self.seconds[what].append((clock() - started) / each.count)

    def median(self, what: str) -> float:
        """Seconds."""
        return statistics.median(self.seconds[what])

    def ratio(self, one: str, other: str) -> Ratio:
        """What `one` takes of what `other` takes, in each round."""
        return Ratio.of(a / b for a, b in zip(self.seconds[one], self.seconds[other], strict=True))


def keep(section: str, figures: object) -> None:
    """Put `figures` into build/bench.json as one of its sections."""
    FIGURES.parent.mkdir(exist_ok=True)
    kept = json.loads(FIGURES.read_text("utf-8")) if FIGURES.exists() else {}
    kept["version"] = 2
    kept["machine"] = f"{platform.machine()}, Python {platform.python_version()}"
    kept.setdefault("sections", {})[section] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        **_plain(figures),
    }
    FIGURES.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _plain(figures: object) -> dict[str, object]:
    if not isinstance(figures, Mapping):
        raise TypeError(figures)
    return {str(key): _value(value) for key, value in figures.items()}


def _value(value: object) -> object:
    if isinstance(value, Ratio):
        return {"median": round(value.median, 4), "low": round(value.low, 4), "high": round(value.high, 4)}
    if isinstance(value, Mapping):
        return _plain(value)
    return round(value, 9) if isinstance(value, float) else value
