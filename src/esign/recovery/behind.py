"""Whether the register is behind its own files and status lists: then an older copy of it was restored.

What is signed is in the archive before its registration is durable, and published after it: a signed file of a result
that the register does not know, or a status list that has seen more changes, was made by a register that knew more.
"""

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from esign.archive import archived
from esign.codes import ResultId
from esign.errors import Error, RegistryError
from esign.files import Files
from esign.registry import Registry

if TYPE_CHECKING:
    from esign.recovery.issued_file import Reader

__all__ = ["SAMPLE", "refuse_behind_archive", "refuse_behind_status"]

SAMPLE = 5_000
"""So many files are looked up where there are more: if one of a thousand is missing, one is among them (99.3 %)."""
_READ = 5
"""So many that are unknown are read: what a stranger put there proves nothing."""


def refuse_behind_archive(
    registry: Registry, archive: Files, reader: Callable[[], "Reader"], *, sample: int | None = SAMPLE
) -> None:
    """Return if the register knows the files in `archive`, or `sample` of them by chance; None looks all of them up.

    A file proves something only if a key of this agency signed it, as `reader` finds out: what somebody else put into
    the folder is for `esign registry check`.

    Raises:
        RegistryError: `registry-behind-archive`; `disk-not-readable`, `store-not-readable`.
    """
    names = [(name, found) for name, found in archived(archive) if found is not None]
    if sample is not None and len(names) > sample:
        names = random.sample(names, sample)  # nobody gains from knowing which
    unknown = registry.recovery.unknown(found for _, found in names)
    first = {found: name for name, found in sorted(names, reverse=True) if found in unknown}
    for found in sorted(first, key=str)[:_READ]:
        if _is_ours(reader(), found, archive.get(first[found])):
            raise RegistryError("registry-behind-archive", id=str(found), count=len(unknown))


def _is_ours(reader: "Reader", result_id: ResultId, pdf: bytes | None) -> bool:
    try:
        return pdf is not None and bool(reader.read(result_id, [pdf]))
    except Error:
        return False


def refuse_behind_status(registry: Registry, published: Mapping[int, int]) -> None:
    """Return if the register has come as far as the status lists, whose counters are `published` by shard.

    Raises:
        RegistryError: `registry-behind-status`.
    """
    known = {shard.number: shard.counter for shard in registry.shards()}
    for number, counter in sorted(published.items()):
        if known.get(number, -1) < counter:
            raise RegistryError("registry-behind-status", shard=number, found=known.get(number, 0), published=counter)
