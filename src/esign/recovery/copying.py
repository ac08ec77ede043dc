"""A copy of a SQLite register while it is being worked with (https://www.sqlite.org/backup.html).

On PostgreSQL `pg_dump` and the archived write-ahead log do this (docs/guide/backup.md).
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from esign.errors import RegistryError
from esign.reasons import system_problem

__all__ = ["copy_database"]


def copy_database(source: Path, target: Path) -> None:
    """Copy the register at `source` into the new file `target`, whole, checked and durable, or not at all.

    Raises:
        RegistryError: `backup-exists`, `backup-not-readable`, `disk-not-writable`.
    """
    if target.exists():
        raise RegistryError("backup-exists", file=target)
    aside = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside.unlink(missing_ok=True)
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as register,
            closing(sqlite3.connect(aside)) as copy,
        ):
            register.backup(copy)
            # Whoever restores it on a medium that is read-only finds no journal missing.
            copy.execute("PRAGMA journal_mode = DELETE")
            (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise RegistryError("backup-not-readable", file=source, problem=found)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.rename(target)
    except sqlite3.Error as e:
        raise RegistryError("backup-not-readable", file=source, problem=type(e).__name__) from e
    except OSError as e:
        raise RegistryError("disk-not-writable", folder=target.parent.name, problem=system_problem(e)) from e
    finally:
        aside.unlink(missing_ok=True)
