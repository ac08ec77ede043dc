"""What one process of a register does at a time, on whichever host: by a claim like that of a result."""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from esign.codes import ResultId

if TYPE_CHECKING:
    from esign.registry import Registry

__all__ = ["alone"]


def alone(registry: "Registry", what: str) -> Callable[[], AbstractContextManager[None]]:
    """Held while `what` is done; entering it raises RequestInFlight where somebody else does it."""
    id_ = ResultId(hashlib.sha256(what.encode()).digest()[:10])  # no result's, which are random
    return lambda: registry.claim(id_)
