"""A folder for the time that an object lives: typst takes fonts and projects from folders only."""

import os
import shutil
import tempfile
import weakref
from pathlib import Path

__all__ = ["Folder"]


class Folder:
    """A private folder (mode 0700), removed with this object.

    `TemporaryDirectory` asks to be closed and warns otherwise; fonts and projects live as long as the process.
    """

    def __init__(self, prefix: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        weakref.finalize(self, _remove, self.path, os.getpid())


def _remove(path: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked child ends earlier than its parent
        shutil.rmtree(path, ignore_errors=True)
