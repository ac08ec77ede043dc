"""What was appended in a way that two readers may take for two documents: objects that no table lists, entries astray.

A reader that repairs files uses what another one passes over. Before the first signature that is the signer's own
affair, for the bytes are signed; behind it nobody answers for it.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from esign.pades.changes.difference import Difference, Right
from esign.reasons import Reason
from esign.report import ChangeKind
from esign.syntax import File

__all__ = ["ambiguities"]

_MOST: Final = 20
_HARMLESS: Final = frozenset({"syntax-hybrid"})
"""Two tables that do not contradict each other (§7.5.8.4)."""
_OF_THE_END: Final = frozenset({"syntax-trailing-bytes", "syntax-eof-missing", "syntax-xref-loop"})


def ambiguities(file: File, *, end: int, revision: int) -> tuple[Difference, ...]:
    """What is structurally odd behind the first `end` bytes, with which `revision` ends."""
    return tuple(islice(_ambiguities(file, end, revision), _MOST))


def _ambiguities(file: File, end: int, revision: int) -> Iterator[Difference]:
    later = range(revision + 1, len(file.revisions))
    touched: frozenset[int] = frozenset().union(*(file.touched(index) for index in later))
    for problem in file.problems:
        offset, number = problem.facts.get("offset"), problem.facts.get("number")
        is_late = offset >= end if isinstance(offset, int) else number in touched
        if problem.code not in _HARMLESS and (is_late or problem.code in _OF_THE_END or file.rebuilt):
            reason = Reason("structure-ambiguous", {"problem": problem})
            yield Difference(kind=ChangeKind.STRUCTURE, reason=reason, right=Right.NEVER)
