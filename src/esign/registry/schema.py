"""The schema of a register: which revision a database has, whether this program knows it, and how it is changed."""

import logging
import threading
from importlib.resources import files
from pathlib import Path

from sqlalchemy import Connection, inspect

from esign.errors import RegistryError

__all__ = ["HEAD", "downgrade", "refuse_newer", "revision_of", "upgrade"]

HEAD = "0009"
"""The newest revision that this program knows; a test compares it with the migrations."""

_logger = logging.getLogger(__name__)
# Alembic's `context` and `op` are global in a process; two registers may be opened at the same moment.
_alembic = threading.Lock()


def revision_of(connection: Connection) -> str | None:
    """The revision of the schema; None in an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
    return None if revision is None else str(revision)


def refuse_newer(connection: Connection, *, path: str) -> None:
    """Refuse a register that a newer esign has migrated.

    Raises:
        RegistryError: `registry-newer`.
    """
    found = revision_of(connection)
    if found is not None and found != HEAD and found not in _known_revisions():
        raise RegistryError("registry-newer", path=path, found=found, known=HEAD)


def _known_revisions() -> set[str]:
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # late: only migrations need Alembic

    return {script.revision for script in ScriptDirectory(str(_migrations())).walk_revisions()}


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, inside the transaction of `connection`: all of them, or none."""
    _migrate(connection, up_to=HEAD)


def downgrade(connection: Connection, *, to: str) -> None:
    """Go back to the revision `to`, or to `base`, inside the transaction of `connection`.

    Raises:
        RegistryError: `registry-downgrade-loses`: the older schema has no place for what is there.
    """
    _migrate(connection, down_to=to)


def _migrate(connection: Connection, *, up_to: str = "", down_to: str = "") -> None:
    from alembic import command  # noqa: PLC0415  # late: only migrations need Alembic
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_migrations()).replace("%", "%%"))
    config.attributes["connection"] = connection
    _logger.debug("migrating a register from %s to %s", revision_of(connection), up_to or down_to)
    with _alembic:
        if up_to:
            command.upgrade(config, up_to)
        else:
            command.downgrade(config, down_to)


def _migrations() -> Path:
    return Path(str(files("esign.registry").joinpath("migrations")))
