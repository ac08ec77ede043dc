"""The PKCS#11 modules that esign knows, and which of them this machine has (`modules.toml`)."""

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from esign.errors import KeyStoreError

__all__ = ["Evidence", "FoundModule", "KnownModule", "find_modules", "known_modules", "module_named"]


class Evidence(Enum):
    """How a row of the table is known."""

    TRIED = "tried"
    """The project's tests run with it."""
    REPORTED = "reported"
    """Others use it under this name; `source` says who."""
    UNKNOWN = "unknown"
    """Named somewhere; nobody told how it behaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModule:
    """A row of the table: one vendor's module under all its file names."""

    id: str
    """What `module-name` of a URI and the configuration call it."""
    vendor: str
    """Who makes it, and for which tokens."""
    evidence: Evidence
    """How this row is known."""
    source: str
    """Where from."""
    files: Mapping[str, tuple[str, ...]]
    """File names per platform (`linux`, `windows`, `macos`), the newest first."""
    directories: Mapping[str, tuple[str, ...]]
    """Where they usually are, beside the platform's own directories."""
    quirks: tuple[str, ...]
    """What was seen of its behaviour; for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundModule:
    """A known module that is installed here."""

    known: KnownModule
    """Its row."""
    path: Path
    """The file."""


_USUAL = {
    "linux": (
        "/usr/lib",
        "/usr/lib64",
        "/usr/local/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib/pkcs11",
        "/usr/lib64/pkcs11",
        "/usr/lib/x86_64-linux-gnu/pkcs11",
        "/usr/lib/aarch64-linux-gnu/pkcs11",
    ),
    # A 32-bit process sees SysWOW64 under System32's name, which is what is wanted.
    "windows": (r"%SystemRoot%\System32",),
    "macos": ("/usr/local/lib", "/opt/homebrew/lib", "/Library/Security/tokend"),
}


def platform_id(platform: str = sys.platform) -> str:
    """The table's name of a `sys.platform`."""
    return {"win32": "windows", "cygwin": "windows", "darwin": "macos"}.get(platform, "linux")


@cache
def known_modules() -> tuple[KnownModule, ...]:
    """The whole table, in its order."""
    table = tomllib.loads(files("esign_hsm").joinpath("modules.toml").read_text("utf-8"))
    return tuple(_row(name, row) for name, row in table.items())


def _row(name: str, row: Mapping[str, Any]) -> KnownModule:
    return KnownModule(
        id=name,
        vendor=row["vendor"],
        evidence=Evidence(row["evidence"]),
        source=row["source"],
        files={p: tuple(row[p]) for p in _USUAL if p in row},
        directories={p: tuple(d) for p, d in row.get("directories", {}).items()},
        quirks=tuple(row.get("quirks", ())),
    )


def find_modules(*, platform: str = sys.platform, root: Path | None = None) -> tuple[FoundModule, ...]:
    """The known modules that are installed; one file a row, the newest, and no file twice.

    `root`: looks below it instead of in the file system's root (tests, mounted images).
    """
    here = platform_id(platform)
    found: dict[Path, FoundModule] = {}
    for known in known_modules():
        path = next((p for p in _places(known, here, root) if p.is_file()), None)
        if path is not None:
            found.setdefault(path.resolve(), FoundModule(known=known, path=path))
    return tuple(found.values())


def _places(known: KnownModule, platform: str, root: Path | None) -> list[Path]:
    directories = (*known.directories.get(platform, ()), *_USUAL[platform])
    return [_below(root, d) / name for name in known.files.get(platform, ()) for d in directories]


def _below(root: Path | None, directory: str) -> Path:
    if root is None:
        return Path(os.path.expandvars(directory))
    parts = directory.replace("\\", "/").replace("%", "").split("/")
    return root.joinpath(*(p.rstrip(":") for p in parts if p))


def module_named(name: str) -> Path:
    """The file of a module: a path as it is, else a row of the table that is installed here.

    Raises:
        KeyStoreError: `module-unknown` or `module-not-installed`.
    """
    if os.sep in name or (os.altsep and os.altsep in name) or Path(name).is_file():
        return Path(name)
    if all(k.id != name for k in known_modules()):
        raise KeyStoreError("module-unknown", module=name, known=", ".join(k.id for k in known_modules()))
    found = next((f.path for f in find_modules() if f.known.id == name), None)
    if found is None:
        raise KeyStoreError("module-not-installed", module=name)
    return found
