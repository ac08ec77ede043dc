"""Batches: thousands of results under one authorisation, which is given for exactly these rows."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from esign.api.batches import (
    AuthorisationRequest,
    Batch,
    BatchList,
    BatchProof,
    BatchRow,
    BatchRowPage,
    BatchRowRequest,
)
from esign.client.part import Part, new_key
from esign.client.transport import Sent

__all__ = ["Batches"]

_BATCHES = "/batches"
_LINES = "application/x-ndjson"


class Batches(Part):
    """The batches of one agency."""

    def submit(self, rows: Iterable[BatchRowRequest] | Path, *, key: str | None = None) -> Batch:
        """Hand rows in, or a file with one in each line; nothing is issued before somebody authorises its root.

        Raises:
            PreflightError: Rows that could not be issued; none was recorded.
        """
        lines = rows if isinstance(rows, Path) else b"".join(_line(row) for row in rows)
        sent = Sent(
            method="POST",
            path=f"{self._place}{_BATCHES}",
            headers={"Idempotency-Key": key or new_key()},
            file=("file", lines, _LINES),
        )
        return self._transport.ask(sent).to(Batch)

    def authorise(self, batch: Batch) -> Batch:
        """Let it be issued: for the root that `batch` shows, and no other.

        Raises:
            RegistryError: `batch-root-differs`, `batch-needs-another`: four eyes.
        """
        asked = AuthorisationRequest(root=batch.root)
        return self._post(f"{_BATCHES}/{batch.id}/authorisation", asked).to(Batch)

    def cancel(self, batch: str) -> Batch:
        """Begin nothing more of it; what is begun is finished."""
        return self._post(f"{_BATCHES}/{batch}/cancellation").to(Batch)

    def get(self, batch: str) -> Batch:
        """One batch, and how many of its rows are where."""
        return self._get(f"{_BATCHES}/{batch}").to(Batch)

    def listing(self) -> Iterator[Batch]:
        """Batches, newest first, fetched page by page."""
        after: str | None = None
        while True:
            page = self._get(_BATCHES, after=after).to(BatchList)
            yield from page.batches
            if page.next is None:
                return
            after = page.next

    def rows(self, batch: str, *, state: str | None = None) -> Iterator[BatchRow]:
        """What became of each row, in order, fetched page by page; only those in `state`, where that is given."""
        after: str | None = None
        while True:
            page = self._get(f"{_BATCHES}/{batch}/rows", state=state, after=after).to(BatchRowPage)
            yield from page.rows
            if page.next is None:
                return
            after = page.next

    def proof(self, batch: str, row: int) -> BatchProof:
        """That one row was authorised with its batch (RFC 6962 §2.1.1)."""
        return self._get(f"{_BATCHES}/{batch}/rows/{row}/proof").to(BatchProof)

    def retry(self, batch: str, row: int) -> Batch:
        """Let a refused row be tried again."""
        return self._post(f"{_BATCHES}/{batch}/rows/{row}/retry").to(Batch)


def _line(row: BatchRowRequest) -> bytes:
    return row.model_dump_json(exclude_defaults=True).encode() + b"\n"
