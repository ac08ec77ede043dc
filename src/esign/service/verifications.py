"""Verification over HTTP: a document in, a report out; it is looked at in a worker process that has a budget."""

from datetime import datetime
from typing import IO, Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from esign.api.base import Moment
from esign.api.verifications import DigestRequest, DigestStanding
from esign.errors import ServiceError
from esign.reports.json import to_json
from esign.reports.page import to_html
from esign.service.access import Act
from esign.service.bodies import read_file, read_model
from esign.service.offices import Office
from esign.service.openapi import answering, taking, taking_file
from esign.service.permission import Asked, permitted
from esign.service.problems import language_of
from esign.texts import Language

__all__ = ["router"]

router = APIRouter(tags=["verification"])
_HTML, _JSON, _PDF = "text/html", "application/json", "application/pdf"


@router.post(
    "/agencies/{agency}/verifications",
    summary="Verify a PDF",
    response_model=None,
    responses={
        200: {
            "description": "The report (docs/spec/report.md), or a page for people where Accept asks for HTML.",
            "content": {_JSON: {"schema": {"type": "object"}}, _HTML: {"schema": {"type": "string"}}},
        }
    },
    openapi_extra=taking_file(_PDF, "application/octet-stream"),
)
async def verify(
    request: Request,
    asked: Annotated[Asked, Depends(permitted(Act.VERIFY))],
    *,
    original: Annotated[bool, Query(description="Fail what lacks the person's or the agency's signature.")] = False,
    at: Annotated[Moment | None, Query(description="The moment that is asked about; now, if not given.")] = None,
    accept: Annotated[str, Header(description="`application/json`, or `text/html` for a page.")] = "*/*",
) -> Response:
    """Integrity, trust, seal and standing, each with its reasons; nothing of the document is kept."""
    kind = _kind(accept)
    most = asked.parts.limits.upload
    async with read_file(request, most=most, kinds=(_PDF, "application/octet-stream")) as file:
        said = await asked.parts.verifying.run(
            _verified, asked.office, file, kind=kind, at=at, original=original, language=language_of(request)
        )
    headers = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Language"}
    if isinstance(said, str):
        return HTMLResponse(said, headers=headers)
    return JSONResponse(said, headers=headers)


@router.post(
    "/agencies/{agency}/verifications/by-hash",
    summary="Ask about a file by its SHA-256",
    response_model=DigestStanding,
    openapi_extra=taking(DigestRequest),
)
async def by_hash(request: Request, asked: Annotated[Asked, Depends(permitted(Act.VERIFY))]) -> Response:
    """Whether the register has it, and what holds: the file itself stays where it is."""
    body = await read_model(request, DigestRequest)
    return answering(await asked.parts.reading.run(_known, asked.office, body.sha256, asked.parts.now()))


def _verified(
    office: Office, file: IO[bytes], *, kind: str, at: datetime | None, original: bool, language: Language
) -> str | dict[str, Any]:
    report = office.verifier.inspect(file.read(), at=at, original=original)
    return to_html(report, name="PDF", language=language) if kind == _HTML else to_json(report)


def _known(office: Office, sha256: str, now: datetime) -> DigestStanding:
    intent = office.registry.by_sha256(sha256)
    if intent is None or intent.agency != office.code:
        return DigestStanding(registered=False, standing=None, newest=None)
    standing = office.registry.standing(intent.id, at=now).standing.value
    return DigestStanding(registered=True, standing=standing, newest=intent.versions[-1].sha256 == sha256)


def _kind(accept: str) -> str:
    """The first media type of `accept` that there is.

    Raises:
        ServiceError: `not-acceptable`.
    """
    for wanted in (each.split(";")[0].strip().lower() for each in accept[:500].split(",")):
        if wanted in {_JSON, "*/*", "application/*", ""}:
            return _JSON
        if wanted in {_HTML, "text/*"}:
            return _HTML
    raise ServiceError("not-acceptable", expected=f"{_JSON}, {_HTML}")
