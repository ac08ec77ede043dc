"""Anchors of the audit chain in other hands: they know when a register is older than it was.

An office keeps them on another machine (docs/spec/audit.md). Whoever opens a register to issue compares the newest
one: a copy of yesterday would give yesterday's numbers again.
"""

from dataclasses import dataclass

from esign.errors import RegistryError
from esign.registry import Registry

__all__ = ["Witness", "refuse_older"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """How far the audit chain had come, as an anchor says."""

    sequence: int
    """The entry."""
    hash: str
    """Its hash."""

    @property
    def name(self) -> str:
        """How an entry of a recovery names it."""
        return f"{self.sequence}:{self.hash}"


def refuse_older(registry: Registry, witness: Witness | None) -> None:
    """Return if the register holds what `witness` saw, or was recovered since; also where there is no witness.

    Raises:
        RegistryError: `registry-restored`: it is older, or another one; nothing may be issued from it.
    """
    if witness is None:
        return
    found = registry.audit.entries(after=witness.sequence - 1, limit=1)
    if found and (found[0].sequence, found[0].hash) == (witness.sequence, witness.hash):
        return
    if any(entry.act == "register.recovered" for entry in registry.audit.entries(object=witness.name)):
        return
    head = registry.audit.head()
    raise RegistryError("registry-restored", found=head.sequence if head else 0, expected=witness.sequence)
