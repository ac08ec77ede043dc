"""The archive by its names: one signed file for each result."""

from collections.abc import Iterator

from esign.codes import ResultId
from esign.errors import Error
from esign.files import Folder

__all__ = ["archived_ids", "name_of"]

_SUFFIX = ".pdf"


def name_of(result_id: ResultId) -> str:
    """Under which name the archive keeps the file of a result."""
    return f"{result_id}{_SUFFIX}"


def archived_ids(archive: Folder) -> Iterator[tuple[str, ResultId | None]]:
    """Every name in the archive with the result that it is of; None where it is no file of a result."""
    for name in archive.names():
        yield name, _parsed(name)


def _parsed(name: str) -> ResultId | None:
    if not name.endswith(_SUFFIX):
        return None
    try:
        found = ResultId.parse(name.removesuffix(_SUFFIX))
    except Error:
        return None
    return found if name_of(found) == name else None
