"""Where a working folder keeps things: files, folders, object stores, and whether its register is there."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from esign.errors import ConfigurationError, InputError, RegistryError
from esign.reasons import system_problem

if TYPE_CHECKING:
    from esign.files import Files
    from esign_cli.config.paths import PathsSection

__all__ = ["files_at", "has_register", "holds_files", "read_file", "read_files"]


def read_file(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        InputError: `file-unreadable`.
    """
    try:
        return path.read_bytes()
    except OSError as e:
        raise InputError("file-unreadable", file=path, problem=system_problem(e)) from e


def read_files(places: Sequence[Path], endings: Sequence[str]) -> Iterator[bytes]:
    """The contents of files, and of the files with one of `endings` in folders, in the order of their names."""
    for place in places:
        if not place.exists():
            raise ConfigurationError("trust-missing", path=place)
        if place.is_dir():
            yield from (read_file(p) for p in sorted(place.iterdir()) if p.suffix.lower() in endings)
        else:
            yield read_file(place)


def files_at(place: Path | str) -> "Files":
    """A folder of this host, or an object store that several hosts share.

    Raises:
        ConfigurationError: `store-extra-missing`, or `store-url-invalid`.
    """
    if isinstance(place, str):
        from esign.objects import ObjectFiles

        return ObjectFiles.at(place)
    from esign.files import Folder

    return Folder(place)


def has_register(paths: "PathsSection") -> bool:
    """Whether the register's file is there.

    Raises:
        RegistryError: `register-missing`: documents were issued, so an empty register in its place would give their
            numbers again, and a verifier without it would call a withdrawn result good.
    """
    if isinstance(paths.registry, str) or paths.registry.exists():
        return True
    if holds_files(paths.archive):
        raise RegistryError("register-missing", file=paths.registry, archive=paths.archive)
    return False


def holds_files(archive: Path | str) -> bool:
    """Whether documents were issued."""
    return next(files_at(archive).names(), None) is not None
