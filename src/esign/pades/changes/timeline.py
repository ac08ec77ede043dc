"""The history of a document since a revision: what each later one made different.

Only neighbours are compared, and of them only what an update touched, so that the time is linear in the revisions. A
change that a later update takes back was still made, and is told.
"""

from collections.abc import Callable, Iterator
from typing import Final

from esign.pades.changes.annotations import compare_annotations
from esign.pades.changes.catalog import compare_catalog, compare_trailer
from esign.pades.changes.difference import Difference
from esign.pades.changes.evidence import compare_evidence
from esign.pades.changes.form import compare_form
from esign.pades.changes.pages import compare_pages
from esign.pades.changes.snapshot import Snapshot
from esign.pades.changes.step import Step
from esign.pades.changes.structure import compare_unreached
from esign.pades.changes.tags import compare_tags
from esign.pades.reading import Reader
from esign.syntax import Dict, File, Stream, same

__all__ = ["differences"]

_PARTS: Final[tuple[Callable[[Step], Iterator[Difference]], ...]] = (
    compare_trailer,
    compare_catalog,
    compare_pages,
    compare_form,
    compare_annotations,
    compare_tags,
    compare_evidence,
    compare_unreached,
)


def differences(file: File, since: int) -> Iterator[tuple[Difference, ...]]:
    """What each revision after `since` made different, in their order."""
    before: Snapshot | None = None
    for index in range(since + 1, len(file.revisions)):
        reader = Reader(file.at(index))
        earlier = Reader(file.at(index - 1)) if before is None else before.reader
        changed = frozenset(n for n in file.touched(index) if not _is_same(earlier, reader, n))
        if before is None:
            before = Snapshot.read(earlier)
        after = before.next(reader, changed)
        step = Step(before=before, after=after, changed=changed)
        yield tuple(d for compare in _PARTS for d in compare(step))
        after.remember(before, changed)
        before = after


def _is_same(before: Reader, after: Reader, number: int) -> bool:
    """Whether an object that was written again says what it said, in the same words."""
    one, other = before.get_number(number), after.get_number(number)
    if isinstance(one, Stream) and isinstance(other, Stream):
        if one.length_wrong or other.length_wrong or before.raw(one) != after.raw(other):
            return False
        return same(_without_length(one.dictionary), _without_length(other.dictionary))
    return same(one, other)


def _without_length(dictionary: Dict) -> Dict:
    return Dict({key: value for key, value in dictionary.items() if key != "Length"})
