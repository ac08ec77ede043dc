"""Standing: what holds of a result, and its changes by a person with a reason."""

from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime
from starlette.responses import Response

from esign.api.results import Result, WithdrawalRequest
from esign.api.standing import Change, ChangeRequest, PresentationCode, StandingOf
from esign.codes import ResultId
from esign.document import Standing, StandingChange
from esign.registry import IntentState, RequestKey
from esign.service import answers
from esign.service.access import Act
from esign.service.bodies import read_model
from esign.service.idempotency import KeyHeader, answered_once, request_key
from esign.service.offices import Office
from esign.service.openapi import answering, taking
from esign.service.permission import Asked, permitted
from esign.service.results import ResultPath

__all__ = ["router"]

router = APIRouter(tags=["standing"])


@router.get("/agencies/{agency}/results/{result}/standing", summary="Whether it is in force")
async def standing(
    asked: Annotated[Asked, Depends(permitted(Act.READ))],
    result: ResultPath,
    at: Annotated[AwareDatetime | None, Query(description="The moment that is asked about; now, if not given.")] = None,
) -> StandingOf:
    """The standing at a moment, and every change there ever was."""
    return await asked.parts.reading.run(_standing, asked.office, ResultId.parse(result), at or asked.parts.now())


@router.post(
    "/agencies/{agency}/results/{result}/standing",
    status_code=201,
    summary="Change the standing",
    response_model=StandingOf,
    openapi_extra=taking(ChangeRequest),
)
async def change(
    request: Request,
    asked: Annotated[Asked, Depends(permitted(Act.STANDING))],
    result: ResultPath,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Suspend, restore, correct, replace or withdraw; published with the next status list."""
    body = await read_model(request, ChangeRequest)
    once = request_key(request, asked, idempotency_key, body)
    return await answered_once(asked, once, 201, partial(_change, asked, ResultId.parse(result), body, once))


@router.post(
    "/agencies/{agency}/results/{result}/withdrawal",
    summary="Take back what was not issued yet",
    response_model=Result,
    openapi_extra=taking(WithdrawalRequest),
)
async def withdraw(
    request: Request,
    asked: Annotated[Asked, Depends(permitted(Act.STANDING))],
    result: ResultPath,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Its number stays explained; what is issued has a standing instead."""
    body = await read_model(request, WithdrawalRequest)
    once = request_key(request, asked, idempotency_key, body)
    return await answered_once(asked, once, 200, partial(_withdraw, asked.office, ResultId.parse(result), body.why))


@router.post(
    "/agencies/{agency}/results/{result}/presentations",
    status_code=201,
    summary="A code with which the holder shows it now",
    response_model=PresentationCode,
)
async def present(asked: Annotated[Asked, Depends(permitted(Act.PRESENT))], result: ResultPath) -> Response:
    """Works once, for half a minute; the portal has made sure who the holder is, and asks anew every 25 seconds."""
    return answering(await asked.parts.reading.run(_present, asked.office, ResultId.parse(result)), status=201)


def _standing(office: Office, result_id: ResultId, at: datetime) -> StandingOf:
    intent = office.entry(result_id)
    now = office.registry.standing(intent.id, at=at)
    return StandingOf(
        id=str(intent.id),
        standing=now.standing.value,
        replaced_by=str(now.replaced_by) if now.replaced_by else None,
        corrections=[str(other) for other in now.corrections],
        expires=now.expires,
        at=at,
        history=[
            Change(
                standing=entry.change.standing.value,
                at=entry.change.at,
                by=entry.change.by,
                why=entry.change.why,
                other=str(entry.change.other) if entry.change.other else None,
                recorded_at=entry.recorded_at,
            )
            for entry in office.registry.history(intent.id)
        ],
    )


def _change(
    asked: Asked,
    result_id: ResultId,
    body: ChangeRequest,
    once: RequestKey,
    _again: bool,  # noqa: FBT001 - the register itself knows
) -> StandingOf:
    office, now = asked.office, asked.parts.now()
    intent = office.entry(result_id)
    other = office.entry(ResultId.parse(body.other)).id if body.other is not None else None
    change = StandingChange(
        standing=Standing(body.standing),
        at=body.at or now,
        by=body.by or asked.principal.name,
        why=body.why,
        other=other,
    )
    office.registry.change(intent.id, change, once=once)
    return _standing(office, intent.id, asked.parts.now())


def _withdraw(office: Office, result_id: ResultId, why: str, again: bool) -> Result:  # noqa: FBT001
    intent = office.entry(result_id)
    if not (again and intent.state is IntentState.VOID):
        intent = office.issuer.withdraw(result_id, why=why)
    return answers.result(intent)


def _present(office: Office, result_id: ResultId) -> PresentationCode:
    code = office.issuer.present(office.entry(result_id).id)
    return PresentationCode(
        digits=code.digits, url=code.url(office.seal_host) if office.seal_host else None, expires=code.expires
    )
