"""Webhooks, as the interface says them (docs/spec/webhooks.md)."""

from typing import Any, Literal

from pydantic import Field

from esign.api.base import Listing, Model, Moment
from esign.api.problems import Finding

__all__ = [
    "EndpointRequest",
    "NewWebhookEndpoint",
    "SecretRequest",
    "WebhookDelivery",
    "WebhookDeliveryPage",
    "WebhookEndpoint",
    "WebhookEndpointList",
    "WebhookReplayed",
]

EventName = Literal["result.issued", "result.standing", "result.version", "batch.finished"]


class EndpointRequest(Model):
    """Somebody who is to be told."""

    url: str = Field(min_length=8, max_length=2000, description="https; on the public Internet, or listed as inside.")
    events: list[EventName] = Field(default=[], max_length=4, description="None: all of them.")


class SecretRequest(Model):
    """A new secret for an endpoint."""

    overlap_hours: int = Field(default=24, ge=0, le=24 * 30, description="So long the old secret signs beside it.")


class WebhookEndpoint(Model):
    """Somebody who is told."""

    id: str = Field(examples=["7K3M-9XQ2-4RTB-0ZWA"])
    url: str
    events: list[EventName]
    made_at: Moment
    made_by: str
    told_at: Moment | None = Field(description="When it took something last.")
    failures: int = Field(description="In a row.")
    rests_until: Moment | None = Field(description="It failed and is left alone until then.")
    disabled_at: Moment | None
    problem: Finding | None = Field(description="Why the last try was in vain, or why it is disabled.")


class NewWebhookEndpoint(WebhookEndpoint):
    """An endpoint with its secret."""

    secret: str = Field(description="`whsec_…`; it is shown this once.")


class WebhookEndpointList(Model):
    """Everybody who is told, or was."""

    endpoints: list[WebhookEndpoint]


class WebhookDelivery(Model):
    """A message on its way to one endpoint."""

    message: str = Field(description="The same at every try: the header `webhook-id`.", examples=["msg_5f0c1a2b"])
    sequence: int
    event: EventName
    subject: str = Field(description="The result, or the batch.")
    at: Moment
    endpoint: str
    state: Literal["pending", "delivered", "given-up"]
    tries: int
    next_at: Moment | None
    problem: Finding | None
    data: dict[str, Any]


class WebhookDeliveryPage(Listing):
    """Messages, newest first."""

    deliveries: list[WebhookDelivery]


class WebhookReplayed(Model):
    """How many endpoints get a message again."""

    endpoints: int
