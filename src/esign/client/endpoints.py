"""Webhooks from the operator's side: who is told, and what is on its way; `verify_webhook` is the receiver's."""

from collections.abc import Iterator

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
from esign.client.part import Part
from esign.client.transport import Sent

__all__ = ["Webhooks"]

_WEBHOOKS, _DELIVERIES = "/webhooks", "/webhook-deliveries"


class Webhooks(Part):
    """Whom an agency tells."""

    def listing(self) -> tuple[WebhookEndpoint, ...]:
        """Everybody who is told, or was."""
        return tuple(self._get(_WEBHOOKS).to(WebhookEndpointList).endpoints)

    def get(self, endpoint: str) -> WebhookEndpoint:
        """One of them."""
        return self._get(f"{_WEBHOOKS}/{endpoint}").to(WebhookEndpoint)

    def add(self, request: EndpointRequest) -> NewWebhookEndpoint:
        """Tell somebody; the secret is shown this once. Never sent twice: two answers would be two endpoints."""
        return self._post(_WEBHOOKS, request, repeatable=False).to(NewWebhookEndpoint)

    def rotate(self, endpoint: str, request: SecretRequest | None = None) -> NewWebhookEndpoint:
        """A new secret, beside which the old one signs for a while."""
        asked = request or SecretRequest()
        return self._post(f"{_WEBHOOKS}/{endpoint}/secret", asked, repeatable=False).to(NewWebhookEndpoint)

    def enable(self, endpoint: str) -> WebhookEndpoint:
        """Tell it again."""
        return self._post(f"{_WEBHOOKS}/{endpoint}/activation").to(WebhookEndpoint)

    def remove(self, endpoint: str) -> WebhookEndpoint:
        """Tell it nothing more."""
        sent = Sent(method="DELETE", path=f"{self._place}{_WEBHOOKS}/{endpoint}")
        return self._transport.ask(sent).to(WebhookEndpoint)

    def deliveries(self, *, endpoint: str | None = None, state: str | None = None) -> Iterator[WebhookDelivery]:
        """What was told and what is on its way, newest first, fetched page by page."""
        after: str | None = None
        while True:
            page = self._get(_DELIVERIES, endpoint=endpoint, state=state, after=after).to(WebhookDeliveryPage)
            yield from page.deliveries
            if page.next is None:
                return
            after = page.next

    def replay(self, message: str, *, endpoint: str | None = None) -> int:
        """Send a message again; gives to how many."""
        path = f"{_DELIVERIES}/{message}/replay" + ("" if endpoint is None else f"?endpoint={endpoint}")
        return self._post(path).to(WebhookReplayed).endpoints
