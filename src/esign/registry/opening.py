"""Opening a register: a path is a SQLite file, a `postgresql://` URL a database on a server."""

from pathlib import Path
from typing import TYPE_CHECKING

from esign.errors import RegistryError
from esign.registry.sqlite_file import open_file, open_file_to_read
from esign.registry.store import Store

if TYPE_CHECKING:
    from esign.registry.database_url import DatabaseURL

__all__ = ["open_store", "open_store_to_read"]


def open_store(place: Path | str) -> Store:
    """The database at `place`, made or migrated where that is needed.

    Raises:
        RegistryError: as `esign.registry.sqlite_file.open_file` and `esign.registry.server.open_database`.
    """
    if isinstance(place, Path):
        return open_file(place)
    url = _url(place)
    from esign.registry.server import open_database  # noqa: PLC0415  # an extra: esign[postgresql]

    return open_database(url)


def open_store_to_read(place: Path | str) -> Store:
    """The database at `place` for reading alone.

    Raises:
        RegistryError: as `open_store`, and `registry-older`: opening it for work migrates it.
    """
    if isinstance(place, Path):
        return open_file_to_read(place)
    url = _url(place)
    from esign.registry.server import open_database_to_read  # noqa: PLC0415  # an extra: esign[postgresql]

    return open_database_to_read(url)


def _url(place: str) -> "DatabaseURL":
    from esign.registry.database_url import DatabaseURL  # noqa: PLC0415  # late: most registers are files

    url = DatabaseURL.parse(place)
    try:
        import psycopg  # noqa: F401, PLC0415  # an extra: esign[postgresql]
    except ImportError as e:
        raise RegistryError("registry-driver-missing") from e
    return url
