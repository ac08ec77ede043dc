"""What is structurally odd about a file: where two readers may see two documents."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from esign.reasons import Reason

if TYPE_CHECKING:
    from esign.syntax.file import File

__all__ = ["find_problems"]


def find_problems(file: "File") -> Iterator[Reason]:
    """Everything odd, in no particular order."""
    yield from file.history.problems
