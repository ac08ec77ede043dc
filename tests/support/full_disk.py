"""A disk that is full, or broken, from a chosen write of a process on (full_disk.c, built here with cc)."""

import errno
import subprocess
from pathlib import Path

from tests.support.programs import program

__all__ = ["FullDisk"]

_SOURCE = Path(__file__).with_suffix(".c")


class FullDisk:
    """Steers the disk below `folder` for processes that are started with `environment`."""

    def __init__(self, place: Path, folder: Path) -> None:
        cc = program("cc")
        place.mkdir(parents=True, exist_ok=True)
        self._library = place / "full_disk.so"
        self._fault, self._hits = place / "fault", place / "hits"
        self._folder = folder
        options = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"]
        subprocess.run([cc, *options, _SOURCE, "-o", self._library, "-ldl", "-lpthread"], check=True)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs."""
        return {
            "LD_PRELOAD": str(self._library),
            "ESIGN_DISK_FOLDER": f"{self._folder}/",
            "ESIGN_DISK_FAULT": str(self._fault),
            "ESIGN_DISK_HITS": str(self._hits),
        }

    def fail_from(self, write: int, problem: int = errno.ENOSPC) -> None:
        """From its `write`-th write on a process fails with `problem`."""
        self._hits.unlink(missing_ok=True)
        aside = self._fault.with_suffix(".new")
        aside.write_text(f"{write} {problem}", "ascii")
        aside.replace(self._fault)

    def mend(self) -> int:
        """There is room again; how many writes failed meanwhile."""
        self._fault.unlink(missing_ok=True)
        return self._hits.stat().st_size if self._hits.exists() else 0
