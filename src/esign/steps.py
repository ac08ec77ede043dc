"""The named steps of issuing, in order; whoever listens hears of each once it is done and durable."""

from collections.abc import Callable
from enum import Enum

from esign.registry import Intent

__all__ = ["OnStep", "Step"]


class Step(Enum):
    """The named steps of issuing, in order; each is reported once it is done and durable."""

    CHECKED = "checked"
    RESERVED = "reserved"
    LAID_OUT = "laid-out"
    AWAITING = "awaiting"
    APPROVED = "approved"
    SEALED = "sealed"
    PREPARED = "prepared"
    KEY_USED = "key-used"
    STAMPED = "stamped"
    AUGMENTED = "augmented"
    SIGNED = "signed"
    READ_BACK = "read-back"
    ISSUED = "issued"
    DELIVERED = "delivered"


OnStep = Callable[[Step, Intent | None], None]
"""Who listens; the intent is None before there is one."""
