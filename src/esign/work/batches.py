"""Batches at work: taken in row by row, stored in parts, and carried out once they are authorised.

    take in     every request is read and stored; nothing is recorded until all of them are there
    record      one batch with the root of its digests waits for its authorisation
    carry out   a part at a time; what is begun is an ordinary intent, which any worker finishes

A part holds some requests, one canonical JSON text on a line, so that a worker reads one file for many rows. Nobody
believes it: each request must have the digest that was authorised.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from threading import Event
from typing import Self

from esign.codes import AgencyCode, ResultId
from esign.errors import Error, InputError, RegistryError
from esign.files import Files
from esign.issuance import Issuer
from esign.line import Line
from esign.reasons import Reason
from esign.registry import Batch, BatchId, NewItem, Registry, acting
from esign.request import Request, digest_of
from esign.work.tries import ASIDE_AFTER, Cause, cause_of

__all__ = ["BatchIntake", "BatchSpool", "BatchWork", "Part"]

_logger = logging.getLogger(__name__)
_PART_BYTES = 8 << 20
_PART = re.compile(r"(?P<batch>[0-9A-Z-]{19})\.[0-9]+\.batch")
_ORPHANED_AFTER = timedelta(days=1)  # far longer than a batch takes to arrive
_GROUP = 16  # what is in hand when a worker is told to stop is finished: seconds, even with a slow token


class BatchSpool:
    """The stored requests of batches that are not finished."""

    def __init__(self, folder: Files) -> None:
        self._folder = folder

    def put(self, batch: BatchId, part: int, requests: list[bytes]) -> None:
        """Keep some requests, durably."""
        self._folder.put(_name(batch, part), b"\n".join(requests))

    def get(self, batch: BatchId, part: int) -> list[bytes]:
        """The requests of a part; none where it is lost."""
        stored = self._folder.get(_name(batch, part))
        return stored.split(b"\n") if stored is not None else []

    def sweep(self, wanted: Callable[[BatchId], bool]) -> None:
        """Forget parts whose batch was never recorded, or is finished: a process died before it could."""
        for name in self._folder.names():
            found = _PART.fullmatch(name)
            if found and self._folder.age(name) > _ORPHANED_AFTER and not wanted(BatchId.parse(found["batch"])):
                self._folder.discard(name)

    def discard(self, batch: BatchId, parts: int) -> None:
        """Forget what was asked for: it is mostly personal data."""
        for part in range(1, parts + 1):
            self._folder.discard(_name(batch, part))


def _name(batch: BatchId, part: int) -> str:
    return f"{batch}.{part}.batch"


class BatchIntake:
    """Takes one batch in; use it with `with`, so that one that comes to nothing leaves nothing.

    >>> with BatchIntake(registry, spool, agency=agency, profile="default") as intake:
    ...     for request in requests:
    ...         intake.add(request)
    ...     batch = intake.submit(key="batch-7", by="key:portal")
    """

    def __init__(
        self,
        registry: Registry,
        spool: BatchSpool,
        *,
        agency: AgencyCode,
        profile: str,
        rows_at_once: int = 64,
    ) -> None:
        """`rows_at_once` stand in one part: as many as one worker begins before it looks around."""
        self._rows_at_once = rows_at_once
        self._registry = registry
        self._spool = spool
        self._agency = agency
        self._profile = profile
        self._id = BatchId.random()
        self._items: list[NewItem] = []
        self._waiting: list[bytes] = []
        self._part = 1
        self._recorded = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if not self._recorded:
            self._spool.discard(self._id, self._part)

    def add(self, request: Request) -> None:
        """Take one more row.

        Raises:
            InputError: `batch-person`: a person signs it first, each by themselves.
            RegistryError: `disk-not-writable`.
        """
        if request.two_signatures:
            raise InputError("batch-person")
        stored = request.to_bytes()
        if self._waiting and sum(map(len, self._waiting)) + len(stored) > _PART_BYTES:
            self._flush()
        digest = digest_of(stored, profile=self._profile)
        self._items.append(NewItem(idempotency_key=request.idempotency_key, digest=digest, part=self._part))
        self._waiting.append(stored)
        if len(self._waiting) >= self._rows_at_once:
            self._flush()

    def submit(self, *, key: str, by: str) -> Batch:
        """Record the batch; the same `key` again gives what was recorded for it.

        Raises:
            InputError: `batch-empty`, `batch-key-repeated`.
            RequestConflict: `batch-conflict`.
        """
        if self._waiting:
            self._flush()
        batch = self._registry.batches.submit(
            self._id, self._items, agency=self._agency, profile=self._profile, key=key, by=by
        )
        self._recorded = batch.id == self._id
        return batch

    def _flush(self) -> None:
        self._spool.put(self._id, self._part, self._waiting)
        self._waiting = []
        self._part += 1


class Part:
    """Some rows of a batch that are not begun."""

    def __init__(self, batch: Batch, number: int) -> None:
        self.batch = batch
        self.number = number

    @property
    def id(self) -> ResultId:
        """What is claimed, so that one worker at a time begins these rows."""
        return ResultId(hashlib.sha256(f"{self.batch.id}/{self.number}".encode()).digest()[:10])


class BatchWork:
    """Carries the authorised batches of one agency out."""

    def __init__(
        self, *, registry: Registry, spool: BatchSpool, issuer: Issuer, agency: AgencyCode, profile: str
    ) -> None:
        self._registry = registry
        self._spool = spool
        self._issuer = issuer
        self._agency = agency
        self._profile = profile
        self._checked: set[BatchId] = set()

    def sweep(self) -> None:
        """Forget what no batch needs."""
        self._spool.sweep(self._registry.batches.progress.unfinished)

    def parts(self) -> Iterator[Part]:
        """What can be begun now, oldest batch first; batches of which nothing is left are finished on the way."""
        for batch in self._registry.batches.progress.open(agency=self._agency, profile=self._profile):
            numbers = () if batch.cancelled_at else self._registry.batches.progress.parts_to_begin(batch.id)
            if numbers and not self._is_sound(batch):
                continue
            yield from (Part(batch, number) for number in numbers)
            if not numbers and self._registry.batches.progress.finish(batch.id):
                self._spool.discard(batch.id, self._registry.batches.progress.parts(batch.id))

    def _is_sound(self, batch: Batch) -> bool:
        """Whether its rows are those that were authorised; asked once of each batch and process."""
        if batch.id not in self._checked:
            try:
                self._registry.batches.progress.check_root(batch.id)
            except RegistryError as e:
                _logger.error("%s is not carried out: %s", batch.id, e.code)  # noqa: TRY400 - a finding, no fault
                return False
            self._checked.add(batch.id)
        return True

    def begin(self, part: Part, *, stop: Event, failed: Callable[[ResultId, Error], None]) -> None:
        """Issue the rows of `part` that are not begun; what an intent fails at is told to `failed`.

        Raises:
            RequestInFlight: Another worker begins them.
            Error: What every row needs failed; the rest waits.
        """
        batch = part.batch
        with self._registry.claim(part.id), acting(batch.submitted_by, request=str(batch.id)):
            rows = self._sound(part, self._registry.batches.progress.to_begin(batch.id, part.number))
            if not rows:
                return
            shared: Error | None = None
            wanted = self._until_stopped(batch, rows.values(), stop)
            with Line(self._issuer, group=_GROUP, lanes=2) as line:
                for (position, request), outcome in zip(rows.items(), line.issue(wanted), strict=False):
                    if isinstance(outcome, Error):
                        cause = cause_of(outcome)
                        shared = outcome if cause is Cause.SHARED else shared
                        self._learn(batch, position, request, outcome, cause, failed)
            if shared is not None:
                raise shared

    def _sound(self, part: Part, rows: Mapping[int, str]) -> dict[int, Request]:
        """The stored requests that are what was authorised; the others are refused."""
        if not rows:
            return {}
        stored = self._spool.get(part.batch.id, part.number)
        first = self._registry.batches.progress.first_of(part.batch.id, part.number)
        found = {}
        for position, digest in rows.items():
            request = stored[position - first] if position - first < len(stored) else b""
            # The digest first: what has another one need not even be JSON.
            if digest_of(request, profile=self._profile) == digest:
                found[position] = Request.from_bytes(request)
            else:
                problem = Reason("batch-row-altered") if request else Reason("batch-row-lost")
                self._registry.batches.progress.failed(part.batch.id, position, problem, refuse_after=1)
        return found

    def _until_stopped(self, batch: Batch, requests: Iterable[Request], stop: Event) -> Iterator[Request]:
        for request in requests:
            if stop.is_set() or self._registry.batches.get(batch.id).cancelled_at is not None:
                return
            yield request

    def _learn(
        self,
        batch: Batch,
        position: int,
        request: Request,
        error: Error,
        cause: Cause,
        failed: Callable[[ResultId, Error], None],
    ) -> None:
        """What a row that was not issued means for it: nothing, another try, or a refusal."""
        if cause in {Cause.BUSY, Cause.SHARED}:
            return
        begun = self._registry.by_key(request.idempotency_key)
        if begun is not None and begun.request_digest == request.digest(self._profile):
            if not begun.state.final:
                failed(begun.id, error)
            return
        after = 1 if cause is Cause.REQUEST else ASIDE_AFTER
        self._registry.batches.progress.failed(batch.id, position, error.reason, refuse_after=after)
