"""Sending what the outbox holds: signed, in order for each result, again and again until it is taken.

    take       the next try moves into the future, so one sender has it, and a sender that dies did one try in vain
    send       one POST under one deadline, through the guarded network; nothing is followed, no answer is read
    record     taken; or in vain, with the time of the next try; or given up, and there to be replayed

A receiver knows a message by its id, which is the same for every try: taking it twice is one comparison there.
"""

import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Event as Stop

from esign.codes import AgencyCode
from esign.errors import ConfigurationError, Error, NetworkError
from esign.net import Client, Notice, Told
from esign.reasons import Reason
from esign.registry import Endpoint, Event, Registry, Webhook
from esign.webhooks.secrets import WebhookKey
from esign.webhooks.signing import signature

__all__ = ["WebhookSender"]

_logger = logging.getLogger(__name__)
_AGAIN = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
    timedelta(hours=24),
)
"""How long after each try in vain the next one comes; after the last it is given up: four days."""
_LONGEST_WISH = timedelta(days=1)
_RESTS_AFTER, _REST, _LONGEST_REST = 3, timedelta(seconds=30), timedelta(hours=1)
_KEPT = timedelta(days=30)
# Whatever the network was not asked for is no try.
_NOT_SENT = frozenset({"host-resting", "host-busy"})


class WebhookSender:
    """Sends webhooks; any number of processes may."""

    def __init__(
        self,
        *,
        registry: Registry,
        client: Client,
        key: WebhookKey,
        now: Callable[[], datetime],
        agency: AgencyCode | None = None,
        public_url: str = "",
        at_once: int = 8,
        deadline: timedelta = timedelta(seconds=15),
    ) -> None:
        """`public_url` goes before the links in a message; without it they begin at the service's own root.

        With `agency` only its webhooks are sent: others of the same register have keys and a network of their own.
        """
        self._registry = registry
        self._client = client
        self._key = key
        self._now = now
        self._agency = agency
        self._public_url = public_url.rstrip("/")
        self._at_once = at_once
        self._deadline = deadline

    def send(self, stop: Stop) -> int:
        """Send what is due, until nothing is or `stop` is set; gives how many were taken.

        Raises:
            ConfigurationError: `webhook-key-differs`: some were made with another key, and were left alone.
        """
        taken, foreign = 0, False
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="esign-webhook") as pool:
            while not stop.is_set():
                due = self._registry.outbox.due(agency=self._agency)
                endpoints = {e.id: e for e in self._registry.endpoints.of(self._agency)}
                ours = [w for w in due if endpoints[w.endpoint].key_check == self._key.check]
                foreign = foreign or len(ours) < len(due)
                if not ours:
                    break
                taken += sum(pool.map(lambda w: self._one(w, endpoints[w.endpoint]), ours))  # noqa: B023 - used here
        self._registry.outbox.sweep(before=self._now() - _KEPT)
        if foreign:
            raise ConfigurationError("webhook-key-differs")
        return taken

    def body(self, webhook: Webhook) -> bytes:
        """What is sent: the same bytes at every try."""
        message = webhook.message
        told = {
            "type": message.event.value,
            "timestamp": message.at.isoformat(),
            "data": {**message.data, "links": self._links(webhook)},
        }
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()

    def _links(self, webhook: Webhook) -> Mapping[str, str]:
        agency = f"{self._public_url}/v1/agencies/{webhook.message.agency}"
        if webhook.message.event is Event.BATCH:
            return {"batch": f"{agency}/batches/{webhook.message.subject}"}
        result = f"{agency}/results/{webhook.message.subject}"
        return {"result": result, "document": f"{result}/document"}

    def _one(self, webhook: Webhook, endpoint: Endpoint) -> bool:
        """Send one; what goes wrong is recorded, and nobody else's business."""
        try:
            again = _jittered(_AGAIN[min(webhook.tries, len(_AGAIN) - 1)], webhook)
            if not self._registry.outbox.take(webhook, again=max(again, 2 * self._deadline)):
                return False
            try:
                told = self._client.tell(self._notice(webhook, endpoint))
            except NetworkError as e:
                self._not_sent(webhook, e, again)
                return False
            if told.taken:
                self._registry.outbox.delivered(webhook)
                return True
            self._refused(webhook, told, again)
        except Error as e:
            # The register does not answer; the try counts as one in vain already.
            _logger.warning("webhook %s: %s", webhook.message.id, e)
        return False

    def _notice(self, webhook: Webhook, endpoint: Endpoint) -> Notice:
        now, body = self._now(), self.body(webhook)
        generations = [endpoint.generation]
        if endpoint.previous_until is not None and now < endpoint.previous_until:
            generations.append(endpoint.generation - 1)
        timestamp = int(now.timestamp())
        signatures = [
            signature(self._key.secret(endpoint.id, g), id=webhook.message.id, timestamp=timestamp, body=body)
            for g in generations
        ]
        headers = (
            (b"webhook-id", webhook.message.id.encode()),
            (b"webhook-timestamp", b"%d" % timestamp),
            (b"webhook-signature", " ".join(signatures).encode()),
        )
        return Notice(url=endpoint.url, body=body, headers=headers, deadline=self._deadline)

    def _not_sent(self, webhook: Webhook, error: NetworkError, again: timedelta) -> None:
        if error.code in _NOT_SENT:
            self._registry.outbox.put_off(webhook, until=self._now() + _AGAIN[0])
        else:
            self._failed(webhook, error.reason, again)

    def _refused(self, webhook: Webhook, told: Told, again: timedelta) -> None:
        """The receiver answered, and did not take it."""
        refused = Reason("webhook-refused", {"status": told.status})
        wish = told.retry_after if told.status in {429, 503} else None
        self._failed(webhook, refused, again, wish=wish)
        if told.status == 410:  # "the receiver does not want it any more" (Standard Webhooks, "Deliverability")
            self._registry.endpoints.disable(webhook.endpoint, problem=Reason("webhook-gone"))

    def _failed(self, webhook: Webhook, problem: Reason, again: timedelta, wish: timedelta | None = None) -> None:
        wished = min(wish or timedelta(0), _LONGEST_WISH)

        def rest(failures: int) -> timedelta | None:
            return max(wished, _rest(failures)) or None

        self._registry.outbox.failed(
            webhook, problem, again=max(again, wished), rest=rest, give_up=webhook.tries >= len(_AGAIN)
        )


def _rest(failures: int) -> timedelta:
    """How long an endpoint is left alone after so many failures in a row."""
    if failures < _RESTS_AFTER:
        return timedelta(0)
    return min(_REST * (1 << min(failures - _RESTS_AFTER, 10)), _LONGEST_REST)


def _jittered(wait: timedelta, webhook: Webhook) -> timedelta:
    """Up to a tenth more, so that what failed together does not come again together."""
    chance = sha256(f"{webhook.message.id} {webhook.endpoint} {webhook.tries}".encode()).digest()[0] / 255
    return wait * (1 + chance / 10)
