"""Four eyes: what is prepared, to look at, and what a second person says about exactly these bytes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from esign.api.access import ApprovalRequest, Decision, Waiting, WaitingList
from esign.codes import ResultId
from esign.registry import Intent
from esign.service.access import Act
from esign.service.bodies import read_model
from esign.service.offices import Office
from esign.service.openapi import answering, pdf_answer, taking
from esign.service.permission import Asked, permitted
from esign.service.results import ResultPath

__all__ = ["router"]

router = APIRouter(tags=["approvals"])


@router.get("/agencies/{agency}/approvals", summary="What waits for a second person")
async def waiting(asked: Annotated[Asked, Depends(permitted(Act.READ))]) -> WaitingList:
    """Prepared documents that nobody has decided on, oldest first."""
    found = await asked.parts.reading.run(asked.office.registry.approvals.waiting, asked.office.code)
    return WaitingList(waiting=[_shown(intent) for intent in found])


@router.get(
    "/agencies/{agency}/approvals/{result}/document",
    summary="The prepared document",
    response_class=Response,
    responses=pdf_answer("Page, seal and a signature that is not there yet; its ETag is the SHA-256 to approve."),
)
async def document(asked: Annotated[Asked, Depends(permitted(Act.DOCUMENT))], result: ResultPath) -> Response:
    """What the agency's key is about to sign, byte for byte."""
    pdf, digest = await asked.parts.reading.run(_prepared, asked.office, ResultId.parse(result))
    headers = {"ETag": f'"{digest}"', "Cache-Control": "no-store"}
    return Response(pdf, media_type="application/pdf", headers=headers)


@router.post(
    "/agencies/{agency}/approvals/{result}",
    summary="Approve or refuse a prepared document",
    response_model=Decision,
    openapi_extra=taking(ApprovalRequest),
)
async def decide(
    request: Request, asked: Annotated[Asked, Depends(permitted(Act.APPROVE))], result: ResultPath
) -> Response:
    """By another person than who asked for it. A refusal gives it up; an approval lets it go on.

    The same decision again is the same decision: it needs no Idempotency-Key.
    """
    body = await read_model(request, ApprovalRequest)
    made = await asked.parts.reading.run(_decide, asked.office, ResultId.parse(result), body)
    return answering(made)


def _decide(office: Office, result_id: ResultId, body: ApprovalRequest) -> Decision:
    office.entry(result_id)
    made = office.registry.approvals.decide(
        result_id, prepared_sha256=body.sha256, approved=body.approved, why=body.why, persons=office.persons
    )
    return Decision(by=made.by, at=made.at, sha256=made.prepared_sha256, approved=made.approved, why=made.why)


def _prepared(office: Office, result_id: ResultId) -> tuple[bytes, str]:
    intent = office.entry(result_id)
    return office.issuer.prepared(result_id), intent.prepared_sha256 or ""


def _shown(intent: Intent) -> Waiting:
    assert intent.prepared_sha256 is not None
    assert intent.prepared_at is not None
    return Waiting(
        id=str(intent.id),
        sha256=intent.prepared_sha256,
        prepared_at=intent.prepared_at,
        number=str(intent.number) if intent.number else None,
        title=intent.metadata.title if intent.metadata else None,
    )
