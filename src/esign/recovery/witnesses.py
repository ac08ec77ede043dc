"""Anchors of the audit chain in other hands: they know when a register is older than it was.

An office keeps them on another machine (docs/spec/audit.md). Whoever opens a register to issue compares the newest
one: a copy of yesterday would give yesterday's numbers again. What else knows it: `esign.recovery.behind`.
"""

from dataclasses import dataclass

from esign.auditing.anchor_text import AnchorText
from esign.auditing.anchors import SignerJudge, is_signed, newest_first
from esign.errors import RegistryError
from esign.files import Folder
from esign.registry import Registry

__all__ = ["Witness", "newest_anchor", "refuse_older"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """How far the audit chain had come, as an anchor says."""

    register: str
    """The register's identity: the object of its first entry."""
    sequence: int
    """The entry."""
    hash: str
    """Its hash."""

    @property
    def name(self) -> str:
        """How an entry of a recovery names it."""
        return f"{self.sequence}:{self.hash}"


def newest_anchor(folder: Folder, judge: SignerJudge) -> Witness | None:
    """The newest anchor in `folder` that somebody signed who may; None where there is none yet.

    Raises:
        InputError: `audit-anchor-malformed`.
        RegistryError: `disk-not-readable`.
    """
    for _, anchor in newest_first(folder):
        if is_signed(anchor, judge):
            said = AnchorText.read(anchor.content)
            return Witness(register=said.register, sequence=said.sequence, hash=said.hash)
    return None


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
