"""The register as a source for publishing: standings become entries and details."""

from collections.abc import Mapping, Sequence

from esign.document import Standing
from esign.publishing.publisher import ShardState
from esign.registry import OtherResult as RegisteredResult
from esign.registry import Registry, ShardStatus
from esign.seal.shard import Entry
from esign.seal.status_details import Corrected, Detail, OtherResult, Replaced

__all__ = ["RegisterSource"]


class RegisterSource:
    """Implements `StatusSource` over a register."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def shards(self) -> Sequence[ShardState]:
        """Every shard that has documents."""
        return [
            ShardState(number=s.number, counter=s.counter, allow_list=s.allow_list) for s in self._registry.shards()
        ]

    def entries(self, shard: int) -> Mapping[int, tuple[Entry, Detail | None]]:
        """The documents that stand otherwise than they began, or once did."""
        return {status.index: _entry(status) for status in self._registry.statuses(shard)}


def _entry(status: ShardStatus) -> tuple[Entry, Detail | None]:
    match status.standing:
        case Standing.WITHDRAWN:
            return Entry.WITHDRAWN, None
        case Standing.SUSPENDED:
            return Entry.SUSPENDED, None
        case Standing.CORRECTED:
            return Entry.DETAIL, Corrected(tuple(map(_other, status.corrections)))
        case Standing.REPLACED:
            assert status.replaced_by is not None, "the register keeps no replacement without its result"
            return Entry.DETAIL, Replaced(_other(status.replaced_by))
        case Standing.IN_FORCE:
            return Entry.VALID, None
    # Not issued: an entry that points to a detail, and no detail.
    return Entry.DETAIL, None


def _other(other: RegisteredResult) -> OtherResult:
    return OtherResult(other.number, other.id)
