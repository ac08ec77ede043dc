"""A register on each database, a receiver, and a sender between them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event as Stop
from typing import Any

import pytest

from esign.net import Client, NetworkRules
from esign.registry import Endpoint, Event, Registry
from esign.webhooks import Added, WebhookDesk, WebhookKey, WebhookSender
from tests.support.receiver import Receiver, receiving
from tests.support.registers import fresh_register
from tests.support.waiting import LONG
from tests.unit.registry.making import WARD, Clock

BY = "key:operator"


@dataclass
class Post:
    """Where webhooks are sent from."""

    registry: Registry
    clock: Clock
    key: WebhookKey
    inside: tuple[str, ...]

    def client(self, *, monotonic: Callable[[], float] = time.monotonic) -> Client:
        return Client(NetworkRules(inside=self.inside), now=self.clock, monotonic=monotonic)

    def desk(self) -> WebhookDesk:
        return WebhookDesk(registry=self.registry, client=self.client(), key=lambda: self.key)

    def sender(self, **changes: Any) -> WebhookSender:
        parts: dict[str, Any] = {
            "registry": self.registry,
            "client": self.client(),
            "key": self.key,
            "now": self.clock,
            "deadline": timedelta(seconds=LONG),
        }
        return WebhookSender(**parts | changes)

    def send(self, **changes: Any) -> int:
        return self.sender(**changes).send(Stop())

    def add(self, url: str, *events: Event) -> Added:
        return self.desk().add(url, events, agency=WARD, by=BY)

    def endpoint(self, added: Added) -> Endpoint:
        return self.registry.endpoints.endpoint(added.endpoint.id)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def any_post(register_place: Path | str, receiver: Receiver) -> Iterator[Post]:
    """On SQLite and on PostgreSQL."""
    clock = Clock()
    with Registry.open(register_place, now=clock) as registry:
        yield Post(registry, clock, WebhookKey(b"k" * 32), (receiver.authority,))


@pytest.fixture
def post(tmp_path: Path, receiver: Receiver) -> Iterator[Post]:
    """On SQLite."""
    clock = Clock()
    with Registry.open(fresh_register(tmp_path), now=clock) as registry:
        yield Post(registry, clock, WebhookKey(b"k" * 32), (receiver.authority,))
