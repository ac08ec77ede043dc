"""A difference between two revisions, and the right without which nobody may make it."""

from dataclasses import dataclass
from enum import IntEnum

from esign.reasons import Reason
from esign.report import ChangeKind

__all__ = ["Difference", "Right"]


class Right(IntEnum):
    """What must be left open for a change; each includes those before it (ISO 32000-2 §12.8.2.2, Table 257)."""

    ALWAYS = 1
    """Nothing: validation data, time-stamps and what no page shows; permitted even with P = 1."""
    FILL = 2
    """Fields may be filled in and signed: P = 2."""
    ANNOTATE = 3
    """Notes may be made: P = 3."""
    DESIGN = 4
    """No signature says anything of changes: then even room for further signatures may be made."""
    UNCOVER = 5
    """What stands on the page as an annotation may be taken away: only where a certification says P = 3."""
    NEVER = 6
    """No signature can leave it open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that one revision made different."""

    kind: ChangeKind
    """The category."""
    reason: Reason
    """What happened."""
    right: Right
    """What must be left open for it."""
    page: int | None = None
    """From 1, where it concerns one page."""
    field: str = ""
    """The fully qualified name of the form field that it concerns: a lock on it forbids the change (FieldMDP)."""
