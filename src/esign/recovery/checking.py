"""Compares what the register says with what there is: rows, files, numbers, places (read only, any time).

Each side is read by itself: rows through the register's listing, files through the names of the folder. What is being
made while this runs may be told as unfinished; what is told as missing is missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from esign.archive import Archive, archived, names_of, sha256
from esign.codes import ResultId
from esign.errors import RegistryError
from esign.files import Files
from esign.reasons import Reason
from esign.registry import Intent, IntentState, Registry
from esign.spool import Spool

__all__ = ["Finding", "check"]

_PAGE = 500
_SPOOLED = {
    IntentState.RESERVED: "{digest}.request",
    IntentState.PREPARED: "{id}.pdf",
    IntentState.SIGNED: "{id}.record",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it must be, or that somebody should know."""

    reason: Reason
    """What, and what to do."""
    grave: bool = True
    """Whether register and files disagree; else it is work that is left."""


def check(registry: Registry, *, archive: Files, spool: Files) -> Iterator[Finding]:
    """Everything that does not agree; nothing where all is well. Every archived file is read and hashed."""
    known: set[ResultId] = set()
    spooled = Spool(spool)
    for intent in _entries(registry):
        known.add(intent.id)
        yield from _entry(intent, archive, spooled)
    for name, result_id in archived(archive):
        if result_id is None:
            yield Finding(reason=Reason("check-file-strange", {"name": name}), grave=False)
        elif result_id not in known and not _since(registry, result_id):
            yield Finding(reason=Reason("check-file-unknown", {"id": str(result_id)}))
    for book, count in registry.recovery.missing_numbers().items():
        yield Finding(reason=Reason("check-numbers-missing", {"book": book, "count": count}), grave=False)


def _entries(registry: Registry) -> Iterator[Intent]:
    after: ResultId | None = None
    while True:
        page = registry.listing(after=after, limit=_PAGE)
        yield from page.entries
        if page.next is None:
            return
        after = page.next


def _entry(intent: Intent, archive: Files, spool: Spool) -> Iterator[Finding]:
    facts = {"id": str(intent.id), "state": intent.state.word}
    if intent.state is IntentState.ISSUED:
        yield from _file(intent, archive)
    elif intent.state is IntentState.VOID:
        if Archive(archive).find(intent) is not None:
            yield Finding(reason=Reason("check-file-of-void", facts))
    else:
        yield Finding(reason=Reason("check-unfinished", facts), grave=False)
        wanted = _SPOOLED.get(intent.state, "").format(id=intent.id, digest=intent.request_digest)
        if wanted and spool.get(wanted) is None:
            yield Finding(reason=Reason("check-spool-missing", facts))


def _file(intent: Intent, archive: Files) -> Iterator[Finding]:
    """Each version that was registered is there: a file of its own, or the first bytes of a longer one."""
    files = [pdf for name in names_of(intent) if (pdf := archive.get(name)) is not None]
    if not files:
        yield Finding(reason=Reason("check-file-missing", {"id": str(intent.id)}))
        return
    for version in intent.versions:
        if version.sha256 not in {sha256(pdf[: version.size]) for pdf in files}:
            yield Finding(reason=Reason("check-file-differs", {"id": str(intent.id), "version": version.position}))
    if max(map(len, files)) > max(version.size for version in intent.versions):
        yield Finding(reason=Reason("check-file-longer", {"id": str(intent.id)}), grave=False)


def _since(registry: Registry, result_id: ResultId) -> bool:
    """Whether it was recorded after the entries were read."""
    try:
        registry.get(result_id)
    except RegistryError:
        return False
    return True
