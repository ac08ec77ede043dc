"""What was appended in a way that two readers may take for two documents: objects that no table lists, entries astray.

A reader that repairs files uses what another one passes over. Before the first signature that is the signer's own
affair, for the bytes are signed; behind it nobody answers for it.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from esign.pades.changes.difference import Difference, Right
from esign.pades.changes.step import Step
from esign.reasons import Reason
from esign.report import ChangeKind
from esign.syntax import File, Object, Stream

__all__ = ["ambiguities", "compare_unreached"]

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


def compare_unreached(step: Step) -> Iterator[Difference]:
    """Objects that were there, that nothing leads to, and that say something else now.

    Nobody has a reason to write one again, unless another reader of this file finds its way to it.
    """
    before, after = step.before.reader, step.after.reader
    there = (n for n in step.changed if before.view.location(n) is not None and after.view.location(n) is not None)
    rewritten = frozenset(n for n in there if not _is_container(before.get_number(n)))
    unreached = step.after.unreached(step.before.unreached(rewritten)) if rewritten else frozenset()
    for number in sorted(unreached)[:1]:
        reason = Reason("object-overwritten", {"number": number})
        yield Difference(kind=ChangeKind.STRUCTURE, reason=reason, right=Right.NEVER)


def _is_container(value: Object) -> bool:
    """Whether an object is a part of the file's own structure."""
    return isinstance(value, Stream) and value.dictionary.get("Type") in {"XRef", "ObjStm"}
