"""Where a command puts documents: in folders, beside what others have put there."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from esign.errors import InputError
from esign.reasons import Reason

if TYPE_CHECKING:
    from esign.delivery import FolderDelivery
    from esign.issued import Issued

__all__ = ["SIGNED", "collected", "free", "put", "sha256_of", "write_free"]

SIGNED = ".signed.pdf"
"""The ending of a file that was signed as it was."""


def sha256_of(path: Path) -> str:
    """Of a file, hex.

    Raises:
        InputError: `file-unreadable`.
    """
    from esign_cli.places import read_file

    return hashlib.sha256(read_file(path)).hexdigest()


def put(issued: "Issued", delivery: "FolderDelivery") -> Path:
    """Where an issued document is; it was delivered there now or before, unless it was removed since."""
    from esign.delivery import file_name

    path = delivery.folder / file_name(issued.id, issued.number)
    if not path.is_file() or sha256_of(path) != issued.sha256:
        delivery.deliver(result_id=issued.id, number=issued.number, pdf=issued.pdf)
    return path


def collected(places: Sequence[Path], *, ending: str = ".pdf", new: str = SIGNED) -> list[tuple[Path, Path]]:
    """The files, and the names of their outputs; a folder brings its own with their subfolders.

    Raises:
        InputError: `file-unreadable`: there is no such place.
    """
    found: dict[Path, Path] = {}
    for place in places:
        if place.is_dir():
            below = sorted(p for p in place.rglob("*") if p.is_file() and p.name.lower().endswith(ending))
            for path in below:
                found.setdefault(path, path.relative_to(place).with_suffix(new))
        elif place.is_file():
            found.setdefault(place, Path(place.name).with_suffix(new))
        else:
            raise InputError("file-unreadable", file=place, problem=Reason("system-not-found"))
    return list(found.items())


def free(out: Path, sha256: str, *, ending: str = SIGNED) -> Path:
    """Where a file with this SHA-256 goes: another one that has the name already is left alone."""
    if not out.exists() or sha256_of(out) == sha256:
        return out
    return out.with_name(f"{out.name.removesuffix(ending)}-{sha256[:8]}{ending}")


def write_free(out: Path, data: bytes, *, ending: str = SIGNED) -> Path:
    """Write `data` to `out`, or beside what stands there; also where an earlier output was removed since."""
    from esign.files import write_durably

    path = free(out, hashlib.sha256(data).hexdigest(), ending=ending)
    if not path.is_file():
        write_durably(path, data, private=False)
    return path
