"""`esign`, which kills itself with SIGKILL at the named step that a file tells: `python -m tests.support.doomed …`.

The file is `die-at-<step>` in the folder ESIGN_DOOM; the first process that finishes that step takes it away and dies.
Everything else is the ordinary program.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from esign.issuance import Issuer
from esign.registry import Intent
from esign.steps import Step
from esign_cli.main import main

SIGKILL = 9  # its name is missing on Windows, for which types are checked too


def doom(folder: Path) -> None:
    """Let every issuer of this process listen."""
    ordinary: Callable[..., None] = Issuer.__init__

    def made(self: Issuer, **parts: Any) -> None:
        told = parts.pop("on_step", lambda _step, _intent: None)

        def heard(step: Step, intent: Intent | None) -> None:
            told(step, intent)
            try:
                (folder / f"die-at-{step.value}").rename(folder / f"died-{os.getpid()}-{step.value}")
            except FileNotFoundError:
                return
            os.kill(os.getpid(), SIGKILL)

        ordinary(self, on_step=heard, **parts)

    Issuer.__init__ = made  # type: ignore[method-assign]


if __name__ == "__main__":
    doom(Path(os.environ["ESIGN_DOOM"]))
    main()
