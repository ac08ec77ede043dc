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
    """What outputs on it are called after: relative to the folder that was named."""

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
        """Where an output on it goes: `a/b.pdf` becomes `folder/a/b` and `ending`."""
        plain = self.name.with_suffix("") if self.name.suffix.lower() == ".pdf" else self.name
        return folder / plain.with_name(plain.name + ending)


def inputs(places: Sequence[Path], *, ending: str = ".pdf") -> list[Input]:
    """The files that `places` are or hold, each once; one that is not there is told when it is read."""
    found = (each for place in places for each in _of(place, ending))
    return list({each.path: each for each in found}.values())


def _of(place: Path, ending: str) -> Iterator[Input]:
    if not place.is_dir():
        yield Input(place, Path(place.name))
        return
    below = sorted(p for p in place.rglob("*") if p.name.lower().endswith(ending) and p.is_file())
    yield from (Input(path, path.relative_to(place)) for path in below)
