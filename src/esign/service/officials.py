"""Two officials: prepare for the person's signature, take it in, adopt a signed file, release."""

import base64
import hashlib
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from esign.api.officials import ReleaseRequest, SignatureRequest, Submission, SubmissionRequest
from esign.api.results import IssueRequest, Result
from esign.codes import ResultId
from esign.document import Person
from esign.errors import InputError
from esign.pending import Pending
from esign.profile import VIETNAM
from esign.registry import Intent, IntentState
from esign.service import answers
from esign.service.access import Act
from esign.service.bodies import read_model, read_upload
from esign.service.idempotency import KeyHeader, answered_once, intent_key, made_once, needed, request_key
from esign.service.offices import Office
from esign.service.openapi import answering, pdf_answer, taking
from esign.service.permission import Asked, permitted
from esign.service.requests import number_of, request_of
from esign.service.results import ResultPath

__all__ = ["router"]

router = APIRouter(tags=["two officials"])


@router.post(
    "/agencies/{agency}/submissions",
    status_code=201,
    summary="Prepare a result for the competent person's signature",
    response_model=Submission,
    openapi_extra=taking(SubmissionRequest, file="pdf"),
)
async def submit(
    request: Request, asked: Annotated[Asked, Depends(permitted(Act.SUBMIT))], idempotency_key: KeyHeader = None
) -> Response:
    """The document as it will be, and the bytes for the person's key, which may be anywhere."""
    office, parts = asked.office, asked.parts
    key = intent_key(office.code, needed(idempotency_key))
    body = await read_upload(request, SubmissionRequest, most=parts.limits.upload)
    person = Person(certificates=tuple(body.person.certificates), image=body.person.image)
    today = parts.now().astimezone(VIETNAM).date()
    made = request_of(body, key=key, today=today, person=person)
    pending = await made_once(asked, made, lambda: parts.issuing.run(office.issuer.submit, made))
    said = _submission(office, pending)
    return answering(said, status=201, headers={"Location": said.links.self})


@router.get("/agencies/{agency}/results/{result}/pending", summary="What the person is to sign")
async def pending(asked: Annotated[Asked, Depends(permitted(Act.READ))], result: ResultPath) -> Submission:
    """As it was prepared; it stays the same until it is signed or expires."""
    found = await asked.parts.reading.run(_pending, asked.office, ResultId.parse(result))
    return _submission(asked.office, found)


@router.get(
    "/agencies/{agency}/results/{result}/pending/document",
    summary="The document that the person is to sign",
    response_class=Response,
    responses=pdf_answer("The prepared document, its signature still empty."),
)
async def pending_document(asked: Annotated[Asked, Depends(permitted(Act.DOCUMENT))], result: ResultPath) -> Response:
    """For people: nobody should sign what they have not seen."""
    found = await asked.parts.reading.run(_pending, asked.office, ResultId.parse(result))
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'inline; filename="{found.id}.pending.pdf"'}
    return Response(found.document, media_type="application/pdf", headers=headers)


@router.post(
    "/agencies/{agency}/results/{result}/signature",
    summary="Hand in the person's signature",
    response_model=Result,
    openapi_extra=taking(SignatureRequest),
)
async def complete(
    request: Request,
    asked: Annotated[Asked, Depends(permitted(Act.COMPLETE))],
    result: ResultPath,
    idempotency_key: KeyHeader = None,
) -> Response:
    """The raw signature over `to_be_signed`; another's is refused, and nothing is lost by that."""
    body = await read_model(request, SignatureRequest)
    once = request_key(request, asked, idempotency_key, body)
    work = partial(_complete, asked.office, ResultId.parse(result), body.signature)
    return await answered_once(asked, once, 200, work)


@router.post(
    "/agencies/{agency}/adoptions",
    status_code=201,
    summary="Take in a file that the person signed elsewhere",
    response_model=Result,
    openapi_extra=taking(IssueRequest, file="pdf"),
)
async def adopt(
    request: Request, asked: Annotated[Asked, Depends(permitted(Act.SUBMIT))], idempotency_key: KeyHeader = None
) -> Response:
    """Its signatures are checked now, and again when it is released."""
    office, parts = asked.office, asked.parts
    key = intent_key(office.code, needed(idempotency_key))
    body = await read_upload(request, IssueRequest, most=parts.limits.upload)
    today = parts.now().astimezone(VIETNAM).date()
    made = request_of(body, key=key, today=today, adopted=True)
    said = answers.result(await made_once(asked, made, lambda: parts.issuing.run(office.issuer.adopt, made)))
    return answering(said, status=201, headers={"Location": said.links.self})


@router.post(
    "/agencies/{agency}/results/{result}/release",
    summary="Number, date, seal and sign what the person signed",
    response_model=Result,
    openapi_extra=taking(ReleaseRequest),
)
async def release(
    request: Request,
    asked: Annotated[Asked, Depends(permitted(Act.RELEASE))],
    result: ResultPath,
    idempotency_key: KeyHeader = None,
) -> Response:
    """The records clerk's act: the person's signature is checked before the agency's key is anywhere near."""
    body = await read_model(request, ReleaseRequest)
    once = request_key(request, asked, idempotency_key, body)
    work = partial(_release, asked.office, ResultId.parse(result), body)
    return await answered_once(asked, once, 200, work)


def _submission(office: Office, found: Pending) -> Submission:
    return Submission(
        id=str(found.id),
        state=IntentState.AWAITING.value,
        expires=found.expires,
        mechanism=found.mechanism.value,
        to_be_signed=base64.b64encode(found.to_be_signed).decode(),
        to_be_signed_sha256=hashlib.sha256(found.to_be_signed).hexdigest(),
        document_sha256=hashlib.sha256(found.document).hexdigest(),
        certificate=base64.b64encode(found.certificate).decode(),
        links=answers.links(office.code, found.id, issued=False),
    )


def _pending(office: Office, result_id: ResultId) -> Pending:
    return office.issuer.pending(office.entry(result_id).id)


def _complete(office: Office, result_id: ResultId, signature: bytes, again: bool) -> Result:  # noqa: FBT001
    intent = office.entry(result_id)
    if not again or intent.approved_at is None:
        intent = office.issuer.complete(result_id, signature)
    return answers.result(intent)


def _release(office: Office, result_id: ResultId, body: ReleaseRequest, _again: bool) -> Result:  # noqa: FBT001
    if body.number is not None and body.symbol is not None:
        raise InputError("number-or-symbol-needed")
    number = None
    if body.number is not None or body.symbol is not None:
        number = number_of(body.number, body.symbol, with_year=body.with_year)
    intent: Intent = office.entry(result_id)
    office.issuer.release(intent.id, number=number, issue_date=body.issue_date)
    return answers.result(office.registry.get(intent.id))
