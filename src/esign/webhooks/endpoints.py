"""Looking after endpoints: adding them, showing their secret once, and giving them a new one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from esign.codes import AgencyCode
from esign.errors import InputError
from esign.net import Client
from esign.registry import Endpoint, EndpointId, Event, Registry
from esign.webhooks.secrets import WebhookKey, shown

__all__ = ["Added", "WebhookDesk"]

_MOST = 32
_OVERLAP = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """An endpoint with its secret, which nobody is shown again."""

    endpoint: Endpoint
    """The endpoint."""
    secret: str = field(repr=False)
    """For the receiver: `whsec_…`."""


class WebhookDesk:
    """Where endpoints are looked after."""

    def __init__(self, *, registry: Registry, client: Client, key: Callable[[], WebhookKey]) -> None:
        """`key` is asked for when it is needed: who tells nobody needs none."""
        self._registry = registry
        self._client = client
        self._key = key

    def add(self, url: str, events: Sequence[Event], *, agency: AgencyCode, by: str) -> Added:
        """Tell `url` of `events` from now on; of all of them where none is named.

        Raises:
            NetworkError: The rules of the network do not let us tell it.
            InputError: `webhook-too-many`, `webhook-known`.
        """
        self._client.check(url)
        known = [e for e in self._registry.endpoints.of(agency) if e.events]
        if len(known) >= _MOST:
            raise InputError("webhook-too-many", limit=_MOST)
        same = next((e for e in known if e.url == url), None)
        if same is not None:
            raise InputError("webhook-known", id=str(same.id))
        endpoint = self._registry.endpoints.add(
            EndpointId.random(),
            agency=agency,
            url=url,
            events=tuple(dict.fromkeys(events)) or tuple(Event),
            key_check=self._key().check,
            by=by,
        )
        return self._with_secret(endpoint)

    def rotate(self, id: EndpointId, *, agency: AgencyCode, overlap: timedelta = _OVERLAP) -> Added:  # noqa: A002
        """Give an endpoint a new secret; the old one signs beside it for a while.

        Raises:
            NotRegistered: `webhook-unknown`.
        """
        return self._with_secret(
            self._registry.endpoints.rotate(id, agency=agency, key_check=self._key().check, overlap=overlap)
        )

    def _with_secret(self, endpoint: Endpoint) -> Added:
        return Added(endpoint=endpoint, secret=shown(self._key().secret(endpoint.id, endpoint.generation)))
