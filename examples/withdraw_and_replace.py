"""Standing: `python examples/withdraw_and_replace.py FOLDER WRONG-ID RIGHT-ID` replaces one result by another.

The right one is then suspended and taken up again, and the wrong one stays replaced for ever: nothing is deleted.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from esign import Registry, ResultId, Standing, StandingChange
from esign_cli.config import Config


def main(folder: Path, wrong: str, right: str) -> None:
    """Change standings and print the history."""

    def now() -> datetime:
        return datetime.now(UTC)

    def became(standing: Standing, why: str, *, other: ResultId | None = None) -> StandingChange:
        return StandingChange(standing=standing, at=now(), by="Nguyễn Văn Mẫu, văn thư", why=why, other=other)

    with Registry.open(Config.load(folder / "esign.toml").paths.registry, now=now) as registry:
        replaced, replacing = ResultId.parse(wrong), ResultId.parse(right)
        registry.change(replaced, became(Standing.REPLACED, "sai tên người hưởng", other=replacing))
        registry.change(replacing, became(Standing.SUSPENDED, "chờ xác minh"))
        registry.change(replacing, became(Standing.IN_FORCE, "đã xác minh"))
        for result in (replaced, replacing):
            print(result, registry.standing(result, at=now()).standing.value)
            for entry in registry.history(result):
                print("   ", f"{entry.change.at:%d.%m.%Y}", entry.change.standing.value, entry.change.why)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:4])
