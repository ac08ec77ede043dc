"""Webhooks: who is told of results, what is on its way to them, and sending it again."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from esign.api.webhooks import (
    EndpointRequest,
    NewWebhookEndpoint,
    SecretRequest,
    WebhookDelivery,
    WebhookDeliveryPage,
    WebhookEndpoint,
    WebhookEndpointList,
    WebhookReplayed,
)
from esign.errors import ServiceError
from esign.registry import Endpoint, EndpointId, Event, Webhook, WebhookState
from esign.service.access import Act
from esign.service.bodies import read_model
from esign.service.offices import Office
from esign.service.openapi import answering, taking
from esign.service.permission import Asked, permitted
from esign.service.problems import finding
from esign.webhooks import Added, WebhookDesk

__all__ = ["router"]

router = APIRouter(tags=["webhooks"])

EndpointPath = Annotated[
    str, Path(min_length=16, max_length=40, description="The endpoint's id.", examples=["7K3M-9XQ2-4RTB-0ZWA"])
]
MessagePath = Annotated[str, Path(pattern=r"^msg_[0-9a-f]{32}$", description="The message's id.")]


@router.get("/agencies/{agency}/webhooks", summary="Who is told")
async def listing(asked: Annotated[Asked, Depends(permitted(Act.WEBHOOKS))]) -> WebhookEndpointList:
    """Oldest first, those that were removed too."""
    found = await asked.parts.reading.run(asked.office.registry.endpoints.of, asked.office.code)
    return WebhookEndpointList(endpoints=[_shown(each) for each in found])


@router.post(
    "/agencies/{agency}/webhooks",
    status_code=201,
    summary="Tell somebody of results",
    response_model=NewWebhookEndpoint,
    openapi_extra=taking(EndpointRequest),
)
async def add(request: Request, asked: Annotated[Asked, Depends(permitted(Act.WEBHOOKS))]) -> Response:
    """From now on; an address is told once, so a repeated request is refused: rotate its secret where that was lost."""
    body = await read_model(request, EndpointRequest)
    desk = _desk(asked.office)
    made = await asked.parts.reading.run(
        desk.add, body.url, tuple(map(Event, body.events)), agency=asked.office.code, by=asked.principal.name
    )
    return answering(_new(made), status=201)


@router.get("/agencies/{agency}/webhooks/{endpoint}", summary="One of them")
async def get(asked: Annotated[Asked, Depends(permitted(Act.WEBHOOKS))], endpoint: EndpointPath) -> WebhookEndpoint:
    """And how it does."""
    found = await asked.parts.reading.run(
        asked.office.registry.endpoints.endpoint, EndpointId.parse(endpoint), agency=asked.office.code
    )
    return _shown(found)


@router.post(
    "/agencies/{agency}/webhooks/{endpoint}/secret",
    status_code=201,
    summary="Give an endpoint a new secret",
    response_model=NewWebhookEndpoint,
    openapi_extra=taking(SecretRequest),
)
async def rotate(
    request: Request, asked: Annotated[Asked, Depends(permitted(Act.WEBHOOKS))], endpoint: EndpointPath
) -> Response:
    """The old one signs beside it for a while; whoever gets no answer asks again."""
    body = await read_model(request, SecretRequest)
    made = await asked.parts.reading.run(
        _desk(asked.office).rotate,
        EndpointId.parse(endpoint),
        agency=asked.office.code,
        overlap=timedelta(hours=body.overlap_hours),
    )
    return answering(_new(made), status=201)


@router.post("/agencies/{agency}/webhooks/{endpoint}/activation", summary="Tell it again")
async def enable(asked: Annotated[Asked, Depends(permitted(Act.WEBHOOKS))], endpoint: EndpointPath) -> WebhookEndpoint:
    """Beginning with what waits for it."""
    found = await asked.parts.reading.run(
        asked.office.registry.endpoints.enable, EndpointId.parse(endpoint), agency=asked.office.code
    )
    return _shown(found)


@router.delete("/agencies/{agency}/webhooks/{endpoint}", summary="Tell it nothing more")
async def remove(asked: Annotated[Asked, Depends(permitted(Act.WEBHOOKS))], endpoint: EndpointPath) -> WebhookEndpoint:
    """What is on its way is given up."""
    found = await asked.parts.reading.run(
        asked.office.registry.endpoints.remove, EndpointId.parse(endpoint), agency=asked.office.code
    )
    return _shown(found)


@router.get("/agencies/{agency}/webhook-deliveries", summary="What was told, and what is on its way")
async def deliveries(
    asked: Annotated[Asked, Depends(permitted(Act.WEBHOOKS))],
    *,
    endpoint: Annotated[str | None, Query(max_length=40, description="Only to this one.")] = None,
    state: Annotated[WebhookState | None, Query(description="Only those in this state.")] = None,
    after: Annotated[int | None, Query(ge=0, lt=1 << 63, description="The `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> WebhookDeliveryPage:
    """Newest first."""
    found = await asked.parts.reading.run(
        asked.office.registry.outbox.listing,
        agency=asked.office.code,
        endpoint=EndpointId.parse(endpoint) if endpoint is not None else None,
        state=state,
        before=after,
        limit=limit,
    )
    following = str(found[-1].message.sequence) if len(found) == limit else None
    return WebhookDeliveryPage(deliveries=[_delivery(each) for each in found], next=following)


@router.post("/agencies/{agency}/webhook-deliveries/{message}/replay", summary="Send a message again")
async def replay(
    asked: Annotated[Asked, Depends(permitted(Act.WEBHOOKS))],
    message: MessagePath,
    endpoint: Annotated[str | None, Query(max_length=40, description="Only to this one.")] = None,
) -> WebhookReplayed:
    """With its own id, so that whoever has it already knows it."""
    count = await asked.parts.reading.run(
        asked.office.registry.outbox.replay,
        message,
        agency=asked.office.code,
        endpoint=EndpointId.parse(endpoint) if endpoint is not None else None,
    )
    return WebhookReplayed(endpoints=count)


def _desk(office: Office) -> WebhookDesk:
    if office.webhooks is None:
        raise ServiceError("webhooks-not-sent")
    return office.webhooks


def _shown(endpoint: Endpoint) -> WebhookEndpoint:
    return WebhookEndpoint(
        id=str(endpoint.id),
        url=endpoint.url,
        events=[e.value for e in endpoint.events],
        made_at=endpoint.made_at,
        made_by=endpoint.made_by,
        told_at=endpoint.told_at,
        failures=endpoint.failures,
        rests_until=endpoint.rests_until,
        disabled_at=endpoint.disabled_at,
        problem=finding(endpoint.problem) if endpoint.problem else None,
    )


def _new(made: Added) -> NewWebhookEndpoint:
    return NewWebhookEndpoint(**dict(_shown(made.endpoint)), secret=made.secret)


def _delivery(webhook: Webhook) -> WebhookDelivery:
    message = webhook.message
    return WebhookDelivery(
        message=message.id,
        sequence=message.sequence,
        event=message.event.value,
        subject=message.subject,
        at=message.at,
        endpoint=str(webhook.endpoint),
        state=webhook.state.value,
        tries=webhook.tries,
        next_at=webhook.next_at if webhook.state is WebhookState.PENDING else None,
        problem=finding(webhook.problem) if webhook.problem else None,
        data=dict(message.data),
    )
