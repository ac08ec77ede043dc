"""Consent: what else must be true before the agency's key signs a prepared document.

The workflow asks at the last moment, with every byte fixed. Whoever refuses leaves the intent as it is: it is found
again, and goes on once there is consent.
"""

from typing import Protocol

from esign.errors import ApprovalMissing
from esign.registry import Intent, Registry

__all__ = ["Consent", "FourEyes"]


class Consent(Protocol):
    """Says whether the key may sign."""

    def check(self, intent: Intent) -> None:
        """Return if the bytes with `intent.prepared_sha256` may be signed now.

        Raises:
            Error: They may not; nothing is given up.
        """


class FourEyes:
    """Implements `Consent`: somebody else than who asked has approved exactly these bytes."""

    def __init__(self, registry: Registry, *, persons: bool = False) -> None:
        """With `persons` it counts only where a person stands behind everybody who asked and approved."""
        self._registry = registry
        self._persons = persons

    def check(self, intent: Intent) -> None:
        """Look for the approval.

        Raises:
            ApprovalMissing: `approval-missing`.
        """
        if not self._registry.approvals.given(intent, persons=self._persons):
            raise ApprovalMissing("approval-missing", id=str(intent.id))
