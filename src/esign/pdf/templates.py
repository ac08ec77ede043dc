"""Templates: what a kind of result looks like, what data it needs, and an invented sample.

A template is a folder with `template.typ`, `schema.json` (JSON Schema 2020-12 with Vietnamese titles) and
`sample.json`; `nd30.typ`, the page rules that all share, is laid beside them.

>>> sorted(t.name for t in templates())
['ho-kinh-doanh', 'quyet-dinh', 'xac-nhan-cu-tru']
"""

import hashlib
import json
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from esign.errors import InputError
from esign.pdf._typst import refuse_packages

__all__ = ["Template", "certification", "load", "templates"]

MAIN = "template.typ"
_SHARED = "nd30.typ"
_LARGEST = 32 * 1024 * 1024
_MOST_FILES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One template as it was when it was loaded; later changes of its folder do not reach it."""

    name: str
    """Its folder's name."""
    title: str
    """The schema's title: the kind of document, in Vietnamese."""
    digest: str
    """SHA-256 over its files, hexadecimal: which version a result was set with."""
    schema: Mapping[str, Any] = field(repr=False, compare=False)
    """JSON Schema 2020-12 of the data."""
    sample: Mapping[str, Any] = field(repr=False, compare=False)
    """Invented data that are valid."""
    files: Mapping[str, bytes] = field(repr=False, compare=False)
    """Every file, by its path inside the folder, with the shared style."""

    def check(self, data: Mapping[str, Any]) -> None:
        """Validate `data`, in NFC, against the schema.

        Raises:
            InputError: `template-data-invalid` with the JSON pointer, the field's title and the rule that it breaks;
                never a value, because values are personal data.
        """
        from esign.pdf._schema import check_data  # noqa: PLC0415  # jsonschema, which given documents do without

        check_data(data, self.schema, template=self.name, title=self.title)


def templates() -> tuple[Template, ...]:
    """The templates that come with esign."""
    return tuple(_own(name) for name in _names())


def load(name_or_path: str | Path) -> Template:
    """A template that comes with esign, by name, or an operator's own, by its folder.

    Raises:
        InputError: `template-not-found`, `template-invalid`, `template-imports-package`.
    """
    if isinstance(name_or_path, str) and name_or_path in _names():
        return _own(name_or_path)
    folder = Path(name_or_path)
    if not (folder / MAIN).is_file():
        raise InputError("template-not-found", template=str(name_or_path))
    return _read(folder.resolve())


def certification() -> Template:
    """The page behind a certified copy (lời chứng); no result by itself, so `templates` leaves it out."""
    return _own("statements/chung-thuc")


@cache
def _names() -> tuple[str, ...]:
    with as_file(files("esign.pdf").joinpath("templates")) as folder:
        return tuple(sorted(f.name for f in folder.iterdir() if (f / MAIN).is_file()))


@cache
def _own(name: str) -> Template:
    with as_file(files("esign.pdf").joinpath("templates", name)) as folder:
        return _read(folder)


def _read(folder: Path) -> Template:
    from esign.pdf._schema import check_schema  # noqa: PLC0415  # as in Template.check

    name = folder.name
    shared = files("esign.pdf").joinpath("templates", _SHARED).read_bytes()
    try:
        found = {_SHARED: shared, **dict(_files(folder))}
    except OSError as e:
        raise InputError("template-invalid", template=name, problem=type(e).__name__) from e
    refuse_packages(name, found)
    schema, sample = (_json(name, found, f) for f in ("schema.json", "sample.json"))
    check_schema(schema, template=name)
    digest = hashlib.sha256()
    for path, content in sorted(found.items()):
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return Template(
        name=name,
        title=str(schema.get("title", name)),
        digest=digest.hexdigest(),
        schema=schema,
        sample=sample,
        files=found,
    )


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Regular files below `folder`; a link could lead out of it, so it is refused."""
    total = 0
    for count, path in enumerate(sorted(folder.rglob("*"))):
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode):
            continue
        inside = path.relative_to(folder).as_posix()
        total += status.st_size
        if not stat.S_ISREG(status.st_mode) or total > _LARGEST or count > _MOST_FILES:
            raise InputError("template-invalid", template=folder.name, problem=inside)
        yield inside, path.read_bytes()


def _json(template: str, found: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        value = json.loads(found[name].decode("utf-8"))
    except (KeyError, ValueError, RecursionError) as e:
        raise InputError("template-invalid", template=template, problem=name) from e
    if not isinstance(value, dict):
        raise InputError("template-invalid", template=template, problem=name)
    return value
