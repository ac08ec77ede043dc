"""What a command reads: files, folders of PDFs, and pipes; each is read once, and no more than anybody verifies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from esign.errors import InputError
from esign.reasons import system_problem

__all__ = ["Input", "inputs"]

_MOST_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Input:
    """One file that was named, or found in a folder that was."""

    path: Path
    """Where it is."""
    name: Path
    """What outputs on it are called after: without its ending, relative to the folder that was named."""

    def read(self) -> bytes:
        """Its bytes; a pipe gives them only once, and an endless one is given up.

        Raises:
            InputError: `file-unreadable` or `file-too-large`.
        """
        try:
            with self.path.open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        except OSError as e:
            raise InputError("file-unreadable", file=self.path, problem=system_problem(e)) from e
        if len(data) > _MOST_BYTES:
            raise InputError("file-too-large", file=self.path, most=_MOST_BYTES // 2**20)
        return data

    def output(self, folder: Path, ending: str) -> Path:
        """Where an output on it goes: `a/b` becomes `folder/a/b` and `ending`."""
        return folder / self.name.with_name(self.name.name + ending)


def inputs(places: Sequence[Path], *, ending: str = ".pdf") -> list[Input]:
    """The files that `places` are or hold, each once; one that is not there is told when it is read.

    Their names differ, so that no output takes another's place: a second `a` is `a-2`.
    """
    found = {path: name for place in places for path, name in _of(place, ending)}
    taken: set[str] = set()
    return [Input(path, _free(name, taken)) for path, name in found.items()]


def _of(place: Path, ending: str) -> Iterator[tuple[Path, Path]]:
    """Each file, and its name without `ending`, relative to the folder that was named."""
    if not place.is_dir():
        yield place, _plain(Path(place.name), ending)
        return
    below = sorted(p for p in place.rglob("*") if p.name.lower().endswith(ending) and p.is_file())
    yield from ((path, _plain(path.relative_to(place), ending)) for path in below)


def _plain(name: Path, ending: str) -> Path:
    return name.with_suffix("") if name.suffix.lower() == ending else name


def _free(name: Path, taken: set[str]) -> Path:
    found, number = name, 1
    while str(found).casefold() in taken:  # some file systems take capitals for the same
        number += 1
        found = name.with_name(f"{name.name}-{number}")
    taken.add(str(found).casefold())
    return found
