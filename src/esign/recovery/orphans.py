"""Versions in the archive that were stored and never registered, because a process died in between.

Nobody was given one: a version is handed out once it is registered. It goes when it is certain that nobody will miss
it: it is older than a day, the register went on with another version since, which is whole and there, and no row, no
entry of the audit and so no anchor names it. What the register knows less of than it once did, after a recovery, stays.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from esign.archive import Archive, archived, digest_in
from esign.codes import ResultId
from esign.errors import RequestInFlight, SigningError
from esign.files import Files
from esign.registry import IntentState, Registry
from esign.registry.recovered import CAUGHT_UP

__all__ = ["sweep_orphans"]

_LEAST = timedelta(days=1)
_PAGE = 1000


def sweep_orphans(registry: Registry, archive: Files, *, now: Callable[[], datetime]) -> Iterator[str]:
    """Remove them, each with an entry in the audit, and give their names."""
    digests = {digest: (name, id_) for name, id_ in archived(archive) if id_ and (digest := digest_in(name))}
    for digest in sorted(registry.recovery.unregistered(digests)):
        name, result_id = digests[digest]
        if archive.age(name) < _LEAST:
            continue
        # Whose known version is not there, or who is being worked on, is left alone.
        with suppress(RequestInFlight, SigningError), registry.claim(result_id):
            if _is_orphan(registry, archive, result_id, digest, stored_at=now() - archive.age(name)):
                registry.audit.record("archive.swept", object=result_id, digest=digest)
                archive.discard(name)
                yield name


def _is_orphan(registry: Registry, archive: Files, result_id: ResultId, digest: str, *, stored_at: datetime) -> bool:
    """Whether the register went on without it; asked while nobody else works on that result."""
    if registry.recovery.unknown([result_id]):
        return False  # perhaps the register is an old one
    intent = registry.get(result_id)
    if intent.state is not IntentState.ISSUED or registry.recovery.unregistered([digest]) != {digest}:
        return False
    newest = intent.versions[-1]
    if newest.position == 0 or newest.at <= stored_at or _is_told(registry, result_id, digest):
        return False
    found = archive.get(f"{result_id}.{digest}.pdf") or b""
    if hashlib.sha256(found).hexdigest() != digest:
        return False  # not what its name says: for `esign registry check`
    kept = Archive(archive).version(intent)
    return kept.startswith(found) or not _was_forgotten(registry, stored_at)


def _is_told(registry: Registry, result_id: ResultId, digest: str) -> bool:
    """Whether an entry of the audit about this result names the file; anchors stand for those entries."""
    last = -1
    while page := registry.audit.entries(object=str(result_id), after=last, limit=_PAGE):
        if any(entry.digest == digest for entry in page):
            return True
        last = page[-1].sequence
    return False


def _was_forgotten(registry: Registry, stored_at: datetime) -> bool:
    """Whether the register may have known it once: it was stored before the last recovery."""
    act, what = CAUGHT_UP
    recovered = registry.audit.latest(act, object=what)
    if recovered is None:
        return False
    return stored_at <= datetime.fromisoformat(recovered.at).astimezone(UTC)
