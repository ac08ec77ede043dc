"""Batches: thousands of results under one authorisation, bound to the root of their digests."""

import hashlib
from collections.abc import Iterator
from typing import IO, Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from esign.api.batches import (
    AuthorisationRequest,
    Batch,
    BatchList,
    BatchProof,
    BatchRow,
    BatchRowPage,
    BatchRowRequest,
)
from esign.codes import AgencyCode
from esign.errors import InputError, PreflightError, ServiceError
from esign.profile import VIETNAM
from esign.reasons import Reason
from esign.registry import Batch as Registered
from esign.registry import BatchId, BatchItem
from esign.request import Request as IssuingRequest
from esign.service.access import Act
from esign.service.bodies import read_file, read_model
from esign.service.idempotency import KeyHeader, intent_key, needed
from esign.service.offices import Office
from esign.service.openapi import answering, taking, taking_file
from esign.service.permission import Asked, permitted
from esign.service.problems import finding
from esign.service.requests import request_of
from esign.service.strict_json import parse
from esign.work import BatchIntake

__all__ = ["router"]

router = APIRouter(tags=["batches"])

BatchPath = Annotated[
    str, Path(min_length=16, max_length=40, description="The batch's id.", examples=["7K3M-9XQ2-4RTB-0ZWA"])
]
RowPath = Annotated[int, Path(ge=1, le=1_000_000, description="The row, counted from 1.")]
_KINDS = ("application/x-ndjson", "application/jsonl", "application/json-lines")
_MOST_ROWS = 50_000
_UPLOADS = 16
"""A batch may be as large as so many documents."""
_SHOWN = 50


@router.post(
    "/agencies/{agency}/batches",
    status_code=201,
    summary="Hand a batch in",
    response_model=Batch,
    openapi_extra=taking_file(*_KINDS),
)
async def submit(
    request: Request, asked: Annotated[Asked, Depends(permitted(Act.ISSUE))], idempotency_key: KeyHeader = None
) -> Response:
    """A result to issue on each line, in JSON; nothing is in the register before its root is authorised.

    All rows are read first: where one cannot be a request at all, nothing is kept and every such row is named.
    """
    office, parts = asked.office, asked.parts
    key = needed(idempotency_key)
    async with read_file(request, most=_UPLOADS * parts.limits.upload, kinds=_KINDS) as file:
        batch = await parts.issuing.run(_taken_in, asked, file, key)
    shown = await parts.reading.run(_shown, office, batch)
    return answering(shown, status=201, headers={"Location": f"/v1/agencies/{office.code}/batches/{batch.id}"})


@router.get("/agencies/{agency}/batches", summary="The batches of this agency")
async def listing(
    asked: Annotated[Asked, Depends(permitted(Act.READ))],
    after: Annotated[str | None, Query(description="The `next` of the page before.", max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> BatchList:
    """Newest first."""
    before = BatchId.parse(after) if after is not None else None
    found = await asked.parts.reading.run(
        asked.office.registry.batches.listing, agency=asked.office.code, before=before, limit=limit
    )
    following = str(found[-1].id) if len(found) == limit else None
    return BatchList(batches=[_batch(each) for each in found], next=following)


@router.get("/agencies/{agency}/batches/{batch}", summary="One batch, and how far it has come")
async def get(asked: Annotated[Asked, Depends(permitted(Act.READ))], batch: BatchPath) -> Batch:
    """Its root, its authorisation, and how many rows are where."""
    found = await asked.parts.reading.run(_entry, asked.office, batch)
    return await asked.parts.reading.run(_shown, asked.office, found)


@router.post(
    "/agencies/{agency}/batches/{batch}/authorisation",
    summary="Authorise a batch",
    response_model=Batch,
    openapi_extra=taking(AuthorisationRequest),
)
async def authorise(
    request: Request, asked: Annotated[Asked, Depends(permitted(Act.BATCH))], batch: BatchPath
) -> Response:
    """Let it be carried out, by naming its root; again is the same.

    Where two people have to agree, whoever handed it in cannot authorise it.
    """
    body = await read_model(request, AuthorisationRequest)
    office = asked.office
    done = await asked.parts.reading.run(
        office.registry.batches.authorise,
        BatchId.parse(batch),
        agency=office.code,
        root=body.root,
        by=asked.principal.name,
        four_eyes=office.issuer.equipment.consent is not None,
        persons=office.persons,
    )
    return answering(await asked.parts.reading.run(_shown, office, done))


@router.post("/agencies/{agency}/batches/{batch}/cancellation", summary="Begin nothing more of a batch")
async def cancel(asked: Annotated[Asked, Depends(permitted(Act.BATCH))], batch: BatchPath) -> Batch:
    """What is begun is finished; again is the same."""
    done = await asked.parts.reading.run(
        asked.office.registry.batches.cancel,
        BatchId.parse(batch),
        agency=asked.office.code,
        by=asked.principal.name,
    )
    return await asked.parts.reading.run(_shown, asked.office, done)


@router.get("/agencies/{agency}/batches/{batch}/rows", summary="The rows of a batch")
async def rows(
    asked: Annotated[Asked, Depends(permitted(Act.READ))],
    batch: BatchPath,
    after: Annotated[int, Query(ge=0, le=1_000_000, description="The `next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> BatchRowPage:
    """Each with its id, number, state and reason, in order."""
    found = await asked.parts.reading.run(_entry, asked.office, batch)
    page = await asked.parts.reading.run(asked.office.registry.batches.rows, found.id, after=after, limit=limit)
    return BatchRowPage(rows=[_row(each) for each in page.entries], next=str(page.next) if page.next else None)


@router.get("/agencies/{agency}/batches/{batch}/rows/{row}/proof", summary="Proof that a row was authorised")
async def proof(asked: Annotated[Asked, Depends(permitted(Act.READ))], batch: BatchPath, row: RowPath) -> BatchProof:
    """The way from the row's digest to the root."""
    found = await asked.parts.reading.run(_entry, asked.office, batch)
    made = await asked.parts.reading.run(asked.office.registry.batches.inclusion, found.id, row)
    return BatchProof(position=made.position, size=made.size, digest=made.digest, root=made.root, path=list(made.path))


@router.post("/agencies/{agency}/batches/{batch}/rows/{row}/retry", summary="Let a refused row be tried again")
async def retry(asked: Annotated[Asked, Depends(permitted(Act.BATCH))], batch: BatchPath, row: RowPath) -> Batch:
    """While its batch is carried out."""
    office = asked.office
    await asked.parts.reading.run(office.registry.batches.put_back, BatchId.parse(batch), row, agency=office.code)
    return await asked.parts.reading.run(_shown, office, await asked.parts.reading.run(_entry, office, batch))


# --- taking in -----------------------------------------------------------------------------------------------------


def _taken_in(asked: Asked, file: IO[bytes], key: str) -> Registered:
    office = asked.office
    if office.batches is None:
        raise ServiceError("batches-not-taken")
    problems: list[Reason] = []
    with BatchIntake(office.registry, office.batches, agency=office.code, profile=office.profile) as intake:
        for position, line in _lines(file, longest=asked.parts.limits.upload * 4 // 3 + (1 << 20)):
            try:
                intake.add(_request(line, asked, key, position))
            except InputError as e:
                problems.append(Reason("batch-row-invalid", {"position": position, "why": e.reason}))
        if problems:
            raise PreflightError("batch-rows-invalid", findings=problems[:_SHOWN], count=len(problems))
        return intake.submit(key=intent_key(office.code, key), by=asked.principal.name)


def _lines(file: IO[bytes], *, longest: int) -> Iterator[tuple[int, bytes]]:
    """Rows, one at a time: a file without an end of line must not come into memory as a whole."""
    position = 0
    while line := file.readline(longest + 1):
        if len(line) > longest:
            raise ServiceError("body-too-large", limit=longest)
        if line.strip():
            position += 1
            if position > _MOST_ROWS:
                raise InputError("batch-too-long", limit=_MOST_ROWS)
            yield position, line


def _request(line: bytes, asked: Asked, key: str, position: int) -> IssuingRequest:
    """One line as a request; its key is the same however often the batch is handed in.

    Raises:
        InputError: `batch-row-not-json`, or what is wrong with it; what it says is not repeated.
    """
    code: AgencyCode = asked.office.code
    try:
        row = BatchRowRequest.model_validate(parse(line))
    except ValidationError as e:
        first = e.errors(include_input=False, include_url=False, include_context=False)[0]
        where = "/".join(str(step) for step in first["loc"] if str(step) in BatchRowRequest.model_fields)
        raise InputError("batch-row-malformed", where=where or "-", rule=first["type"]) from None
    except ValueError:
        raise InputError("batch-row-not-json") from None
    own = row.key or f"batch {hashlib.sha256(key.encode()).hexdigest()} {position}"
    return request_of(row, key=intent_key(code, own), today=asked.parts.now().astimezone(VIETNAM).date())


# --- what is shown -------------------------------------------------------------------------------------------------


def _entry(office: Office, id_: str) -> Registered:
    return office.registry.batches.get(BatchId.parse(id_), agency=office.code)


def _shown(office: Office, batch: Registered) -> Batch:
    counts = office.registry.batches.counts(batch.id)
    return _batch(batch).model_copy(update={"rows": {state.value: n for state, n in counts.items()}})


def _batch(batch: Registered) -> Batch:
    return Batch(
        id=str(batch.id),
        state=batch.state.value,
        size=batch.size,
        root=batch.root,
        submitted_at=batch.submitted_at,
        submitted_by=batch.submitted_by,
        authorised_at=batch.authorised_at,
        authorised_by=batch.authorised_by,
        cancelled_at=batch.cancelled_at,
        finished_at=batch.finished_at,
    )


def _row(item: BatchItem) -> BatchRow:
    return BatchRow(
        position=item.position,
        state=item.state.value,
        digest=item.digest,
        result=str(item.result) if item.result else None,
        number=str(item.number) if item.number else None,
        sha256=item.sha256,
        problem=finding(item.problem) if item.problem else None,
    )
