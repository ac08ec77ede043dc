"""One step of a document's history: two revisions next to each other, and what the later one touched."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from esign.pades.changes.likeness import POINTERS, Likeness
from esign.pades.changes.snapshot import Snapshot
from esign.syntax import Dict, Object, same

__all__ = ["Step"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """From `before` to `after`."""

    before: Snapshot
    """The earlier revision."""
    after: Snapshot
    """The later one."""
    changed: frozenset[int]
    """The objects that are other ones in `after`."""

    @cached_property
    def alike(self) -> Likeness:
        """Compares values of both sides with all that they lead to."""
        return Likeness(self.before.reader, self.after.reader, self.before.landmarks, self.after.landmarks)

    def is_kept(self, one: Object, other: Object, *, key: str = "") -> bool:
        """Whether a value says what it said; what the update did not reach is not followed."""
        if same(one, other) and self.before.value_reach(one).isdisjoint(self.changed):
            return True
        return self.alike(one, other, pointed=key in POINTERS)

    def unlike(self, one: Dict, other: Dict, *, without: Iterable[str] = ()) -> list[str]:
        """The keys of two dictionaries whose values say something else, but for the keys `without`."""
        keys = (one.keys() | other.keys()) - set(without)
        return sorted(key for key in keys if not self.is_kept(one.get(key), other.get(key), key=key))
