"""The documents of a register: a renewed one becomes a new version of its result, whose earlier digests stay known."""

from collections.abc import Callable, Iterator
from datetime import datetime

from esign.archive import Archive, sha256
from esign.codes import ResultId
from esign.files import Files
from esign.profile import Level
from esign.registry import FileVersion, IntentState, Registry

__all__ = ["RegisterStore"]

_PAGE = 1000


class RegisterStore:
    """Implements `DocumentStore` over a register and its archive; delivery is the upgrade queue's business."""

    def __init__(self, *, registry: Registry, archive: Files, now: Callable[[], datetime]) -> None:
        self._registry = registry
        self._archive = Archive(archive)
        self._now = now

    def documents(self) -> Iterator[tuple[str, str]]:
        """See `DocumentStore.documents`: the stamp is the digest of the newest version."""
        after: ResultId | None = None
        while True:
            page = self._registry.listing(states=(IntentState.ISSUED,), after=after, limit=_PAGE)
            yield from ((str(intent.id), intent.versions[-1].sha256) for intent in page.entries if intent.versions)
            if page.next is None:
                return
            after = page.next

    def read(self, name: str) -> bytes:
        """See `DocumentStore.read`."""
        return self._archive.version(self._registry.get(ResultId.parse(name)))

    def replace(self, name: str, longer: bytes) -> str:
        """See `DocumentStore.replace`: stored, then registered, as `esign.upgrading` does."""
        result_id = ResultId.parse(name)
        with self._registry.claim(result_id):
            intent = self._registry.get(result_id)
            self._archive.put_version(intent, longer)
            version = FileVersion(sha256=sha256(longer), size=len(longer), level=Level.B_LTA, at=self._now())
            self._archive.tidy(self._registry.upgraded(result_id, version, after=intent.versions[-1].sha256))
        return version.sha256
