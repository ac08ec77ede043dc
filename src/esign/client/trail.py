"""The audit chain, as an auditor reads it."""

from collections.abc import Iterator

from esign.api.audit import AuditEntry, AuditPage
from esign.client.part import Part

__all__ = ["Audit"]


class Audit(Part):
    """The entries that concern one agency."""

    def entries(self, *, after: int = -1, about: str | None = None) -> Iterator[AuditEntry]:
        """Entries, oldest first, from the one behind `after` on, fetched page by page; `about` an id alone."""
        place: str | int = after
        while True:
            page = self._get("/audit", after=place, object=about, limit=1000).to(AuditPage)
            yield from page.entries
            if page.next is None:
                return
            place = page.next
