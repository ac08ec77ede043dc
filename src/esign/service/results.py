"""Results: issue them, find them, fetch the document."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from starlette.responses import Response

from esign.api.results import (
    Accepted,
    IssueRequest,
    Result,
    ResultDetails,
    ResultPage,
    TemplateDescription,
    TemplateList,
)
from esign.codes import DocumentNumber, DossierCode, ResultId
from esign.errors import ApprovalMissing, ServiceError, SigningError
from esign.pdf.templates import templates
from esign.profile import VIETNAM
from esign.registry import IntentState
from esign.service import answers
from esign.service.access import Act
from esign.service.bodies import read_upload
from esign.service.idempotency import KeyHeader, intent_key, needed
from esign.service.issuing import accept, issue_now
from esign.service.offices import Office
from esign.service.openapi import answering, pdf_answer, taking
from esign.service.permission import Asked, permitted
from esign.service.requests import request_of

__all__ = ["ResultPath", "router"]

router = APIRouter(tags=["results"])

ResultPath = Annotated[
    str, Path(min_length=16, max_length=40, description="The result's id.", examples=["7K3M-9XQ2-4RTB-0ZWA"])
]
Prefer = Annotated[str, Header(description="`respond-async`: record it, and issue it later (RFC 7240 §4.1).")]


@router.get("/agencies/{agency}/templates", summary="The templates that results can be issued from")
async def list_templates(asked: Annotated[Asked, Depends(permitted(Act.READ))]) -> TemplateList:
    """Each with the JSON schema of its data, and with data that are valid."""
    return await asked.parts.reading.run(_templates)


@router.post(
    "/agencies/{agency}/results",
    status_code=201,
    summary="Issue a result",
    response_model=Result,
    responses={202: {"model": Accepted, "description": "Recorded; issued later, or once it is approved."}},
    openapi_extra=taking(IssueRequest, file="pdf"),
)
async def issue(
    request: Request,
    asked: Annotated[Asked, Depends(permitted(Act.ISSUE))],
    idempotency_key: KeyHeader = None,
    prefer: Prefer = "",
) -> Response:
    """From a template and its data, or from a PDF; signed, sealed and registered when this answers 201.

    Repeat it unchanged with the same Idempotency-Key until it answers: it is issued once.
    """
    office, parts = asked.office, asked.parts
    key = intent_key(office.code, needed(idempotency_key))
    body = await read_upload(request, IssueRequest, most=parts.limits.upload)
    made = request_of(body, key=key, today=parts.now().astimezone(VIETNAM).date())
    later = "respond-async" in {preference.split(";")[0].strip().lower() for preference in prefer.split(",")}
    try:
        intent = await (accept if later else issue_now)(asked, made)
    except ApprovalMissing:  # of a second person: it is accepted, and no failure
        intent = await parts.reading.run(office.entry_of, key)
    waits = later or intent.state is IntentState.PREPARED  # for a second person
    if waits:
        place = answers.links(office.code, intent.id, issued=False)
        headers = {"Location": place.self, **({"Preference-Applied": "respond-async"} if later else {})}
        return answering(Accepted(id=str(intent.id), links=place), status=202, headers=headers)
    said = answers.result(intent)
    return answering(said, status=201, headers={"Location": said.links.self})


@router.get("/agencies/{agency}/results", summary="Find results")
async def find(
    asked: Annotated[Asked, Depends(permitted(Act.READ))],
    *,
    number: Annotated[str | None, Query(description="Số, ký hiệu.", examples=["15/QĐ-UBND"], max_length=100)] = None,
    year: Annotated[int | None, Query(ge=1900, le=9999, description="Of `number`; this year, if not given.")] = None,
    dossier: Annotated[str | None, Query(description="Everything that answers a dossier.", max_length=60)] = None,
    state: Annotated[list[IntentState] | None, Query(description="Only those in one of these states.")] = None,
    after: Annotated[str | None, Query(description="The `next` of the page before.", max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ResultPage:
    """Newest first; by number or by dossier where one is given."""
    office, parts = asked.office, asked.parts
    if number is not None:
        wanted = DocumentNumber.parse(number)
        of_year = year or wanted.year or parts.now().astimezone(VIETNAM).year
        found = await parts.reading.run(office.registry.find, wanted, agency=office.code, year=of_year)
        return ResultPage(results=[answers.result(intent) for intent in found], next=None)
    page = await parts.reading.run(
        office.registry.listing,
        agency=office.code,
        states=tuple(state or ()),
        dossier=DossierCode.parse(dossier) if dossier is not None else None,
        after=(await parts.reading.run(office.entry, ResultId.parse(after))).id if after is not None else None,
        limit=limit,
    )
    return ResultPage(
        results=[answers.result(intent) for intent in page.entries], next=str(page.next) if page.next else None
    )


@router.get("/agencies/{agency}/results/{result}", summary="One result")
async def get(asked: Annotated[Asked, Depends(permitted(Act.READ))], result: ResultPath) -> ResultDetails:
    """As it was issued, and what became of it since."""
    return await asked.parts.reading.run(_details, asked, ResultId.parse(result))


@router.get(
    "/agencies/{agency}/results/{result}/document",
    summary="The signed document",
    response_class=Response,
    responses=pdf_answer("The file, in its newest version or the one that was asked for; its ETag is its SHA-256."),
)
async def document(
    asked: Annotated[Asked, Depends(permitted(Act.DOCUMENT))],
    result: ResultPath,
    version: Annotated[int | None, Query(ge=0, le=1000, description="0 is the file as it was issued.")] = None,
    if_none_match: Annotated[str, Header(description="Digests that the caller has, as ETags.")] = "",
) -> Response:
    """The PDF itself, checked against the register before it is handed out."""
    office = asked.office
    pdf, digest = await asked.parts.reading.run(_document, office, ResultId.parse(result), version)
    tag = f'"{digest}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if tag in {each.strip().removeprefix("W/") for each in if_none_match.split(",")}:
        return Response(status_code=304, headers=headers)
    name = str(ResultId.parse(result))
    headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return Response(pdf, media_type="application/pdf", headers=headers)


def _templates() -> TemplateList:
    found = [
        TemplateDescription(
            name=t.name, title=t.title, digest=t.digest, data_schema=dict(t.schema), sample=dict(t.sample)
        )
        for t in templates()
    ]
    return TemplateList(templates=found)


def _details(asked: Asked, result_id: ResultId) -> ResultDetails:
    office = asked.office
    intent = office.entry(result_id)
    issued = intent.state is IntentState.ISSUED
    standing = office.registry.standing(intent.id, at=asked.parts.now()).standing.value if issued else None
    return ResultDetails(
        **dict(answers.result(intent)),
        versions=[answers.version(each) for each in intent.versions],
        promised=answers.promise(intent),
        standing=standing,
    )


def _document(office: Office, result_id: ResultId, version: int | None) -> tuple[bytes, str]:
    intent = office.entry(result_id)
    issued = office.issuer.document(result_id)
    if version is None:
        return issued.pdf, issued.sha256
    if version >= len(intent.versions):
        raise ServiceError("version-unknown", count=len(intent.versions))
    wanted = intent.versions[version]
    pdf = issued.pdf[: wanted.size]  # each version begins with all bytes of the one before
    if hashlib.sha256(pdf).hexdigest() != wanted.sha256:
        raise SigningError("archive-damaged", id=str(result_id))
    return pdf, wanted.sha256
