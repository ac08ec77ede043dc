"""Fresh registers in SQLite files, copied: migrations take longer than most tests."""

import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from esign.registry import Registry

__all__ = ["fresh_register"]


def fresh_register(folder: Path) -> Path:
    """`register.sqlite` in `folder`, with the newest schema; nothing was entered in it.

    All of them begin with the same entry of the audit: two registers that must differ are opened where nothing is.
    """
    path = folder / "register.sqlite"
    path.write_bytes(_migrated())
    return path


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory(prefix="esign-register-") as folder:
        path = Path(folder) / "register.sqlite"
        Registry.open(path, now=lambda: datetime.now(UTC)).close()
        return path.read_bytes()
