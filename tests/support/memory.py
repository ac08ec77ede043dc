"""Where files are in memory: nothing waits for a disk there, and tests of what is flushed kill processes, not power."""

import shutil
from pathlib import Path

__all__ = ["in_memory"]


def in_memory(*, gibibytes: int) -> Path | None:
    """A folder in memory with so much room; None where there is none: a container has 64 MiB unless it is told."""
    folder = Path("/dev/shm")
    return folder if folder.is_dir() and shutil.disk_usage(folder).free > gibibytes << 30 else None
