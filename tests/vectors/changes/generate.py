"""Write the vectors of what may and may not be done to a signed file.

    python -m tests.vectors.changes.generate FOLDER

Nothing is stored: the tests make them anew. Each file has a header (`expect:`, `finding:`, `comment:`), a blank line,
and a PDF. `expect:` is the integrity that a verifier must find; `finding:` the codes of what it refuses, or where it
refuses nothing of the changes that it tells. The keys are made from well-known numbers and certify themselves: who
signed is not the question here.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.vectors.changes import attacks, benign, ranges
from tests.vectors.changes.vector import Vector

__all__ = ["vectors"]


def vectors() -> Iterator[Vector]:
    """All of them."""
    yield from benign.vectors()
    yield from attacks.vectors()
    yield from ranges.vectors()


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for vector in vectors():
        (folder / f"{vector.name}.vector").write_bytes(vector.content())


if __name__ == "__main__":
    main()
