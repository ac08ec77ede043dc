"""Documents that are no results of their own: appendices, certified copies, files that are only signed."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from esign.api.officials import CopyRequest, FileRequest
from esign.api.results import Result
from esign.codes import DocumentNumber, ResultId
from esign.document import CopyForm, ResultMetadata
from esign.errors import RegistryError, ServiceError
from esign.registry import Intent
from esign.request import Attached, Content, Copied, Given
from esign.request import Request as IssuingRequest
from esign.service import answers
from esign.service.access import Act
from esign.service.bodies import read_upload
from esign.service.idempotency import KeyHeader, intent_key, needed
from esign.service.issuing import issue_now
from esign.service.offices import Office
from esign.service.openapi import answering, taking
from esign.service.permission import Asked, permitted
from esign.service.results import ResultPath

__all__ = ["router"]

router = APIRouter(tags=["other documents"])


@router.post(
    "/agencies/{agency}/results/{result}/attachments",
    status_code=201,
    summary="Sign an appendix that is a file of its own",
    response_model=Result,
    openapi_extra=taking(FileRequest, file="pdf"),
)
async def attach(
    request: Request,
    asked: Annotated[Asked, Depends(permitted(Act.ISSUE))],
    result: ResultPath,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Linked to its main result by register, number and seal; it stands and falls with it."""
    body = await read_upload(request, FileRequest, most=asked.parts.limits.upload)
    main = await asked.parts.reading.run(_numbered, asked.office, ResultId.parse(result))
    metadata = main.metadata and replace(main.metadata, expires=None)  # it ends with its main result
    content = Attached(pdf=_pdf(body), main=main.id)
    return await _issued(asked, idempotency_key, content, metadata=metadata, number=main.number)


@router.post(
    "/agencies/{agency}/copies",
    status_code=201,
    summary="Certify a copy",
    response_model=Result,
    openapi_extra=taking(CopyRequest, file="pdf"),
)
async def copy(
    request: Request, asked: Annotated[Asked, Depends(permitted(Act.ISSUE))], idempotency_key: KeyHeader = None
) -> Response:
    """SAO Y, SAO LỤC or TRÍCH SAO, with the agency's signature top right on page 1."""
    body = await read_upload(request, CopyRequest, most=asked.parts.limits.upload)
    content = Copied(pdf=_pdf(body), form=CopyForm[body.form], scanned=body.scanned)
    return await _issued(asked, idempotency_key, content)


@router.post(
    "/agencies/{agency}/signatures",
    status_code=201,
    summary="Sign a file that is no result",
    response_model=Result,
    openapi_extra=taking(FileRequest, file="pdf"),
)
async def sign(
    request: Request, asked: Annotated[Asked, Depends(permitted(Act.ISSUE))], idempotency_key: KeyHeader = None
) -> Response:
    """Recorded like a result, without number, seal and standing."""
    body = await read_upload(request, FileRequest, most=asked.parts.limits.upload)
    return await _issued(asked, idempotency_key, Given(pdf=_pdf(body)))


def _pdf(body: FileRequest) -> bytes:
    if body.pdf is None:
        raise ServiceError("pdf-missing")
    return body.pdf


def _numbered(office: Office, result_id: ResultId) -> Intent:
    """A main result, which its attachments print the number of."""
    intent = office.entry(result_id)
    if intent.number is None:
        raise RegistryError("main-not-numbered", id="-", main=str(result_id))
    return intent


async def _issued(
    asked: Asked,
    idempotency_key: str | None,
    content: Content,
    *,
    metadata: ResultMetadata | None = None,
    number: DocumentNumber | None = None,
) -> Response:
    key = intent_key(asked.office.code, needed(idempotency_key))
    made = IssuingRequest(idempotency_key=key, content=content, metadata=metadata, number=number)
    said = answers.result(await issue_now(asked, made))
    return answering(said, status=201, headers={"Location": said.links.self})
