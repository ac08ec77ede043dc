"""Webhooks over HTTP: added with a secret that is shown once, looked after by the operator alone."""

from collections.abc import Iterator
from threading import Event as Stop

import pytest

from esign.net import Client, NetworkRules
from esign.service.access import Role
from esign.webhooks import WebhookDesk, WebhookKey, WebhookSender, is_signed
from tests.support.office import Office
from tests.support.receiver import Receiver, receiving
from tests.support.service import ServiceForTest, office_of, problem, service

KEY = WebhookKey(b"k" * 32)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def here(office: Office, receiver: Receiver) -> Iterator[ServiceForTest]:
    desk = WebhookDesk(registry=office.registry, client=client(office, receiver), key=lambda: KEY)
    own = office_of(office, webhooks=desk)
    with service(office, offices={own.code: own}) as made:
        made.name = Role.OPERATOR.value
        yield made


def client(office: Office, receiver: Receiver) -> Client:
    return Client(NetworkRules(inside=(receiver.authority,)), now=office.clock)


def send(here: ServiceForTest, receiver: Receiver) -> int:
    office = here.office
    sender = WebhookSender(registry=office.registry, client=client(office, receiver), key=KEY, now=office.clock)
    return sender.send(Stop())


def test_from_an_address_to_a_message_and_again(here: ServiceForTest, receiver: Receiver) -> None:
    made = here.post("webhooks", json={"url": receiver.url(), "events": ["result.issued"]})
    assert made.status_code == 201, made.text
    secret = made.json()["secret"]
    assert secret.startswith("whsec_")
    assert "secret" not in here.get(f"webhooks/{made.json()['id']}").json()
    assert "whsec_" not in here.get("webhooks").text
    here.name = Role.SIGNER.value
    issued = here.issue()
    here.name = Role.OPERATOR.value
    (waiting,) = here.get("webhook-deliveries?state=pending").json()["deliveries"]
    assert (waiting["subject"], waiting["event"], waiting["tries"]) == (issued["id"], "result.issued", 0)
    assert send(here, receiver) == 1
    (delivery,) = receiver.deliveries
    import base64

    said = {"id": delivery.id, "timestamp": delivery.timestamp, "body": delivery.body}
    assert is_signed(base64.b64decode(secret.removeprefix("whsec_")), header=delivery.signature, **said)  # type: ignore[arg-type]  # by a test
    assert delivery.told["data"]["links"]["result"] == here.url(f"results/{issued['id']}")
    (done,) = here.get("webhook-deliveries").json()["deliveries"]
    assert (done["state"], done["message"], done["next_at"]) == ("delivered", delivery.id, None)
    assert here.post(f"webhook-deliveries/{delivery.id}/replay").json() == {"endpoints": 1}
    assert send(here, receiver) == 1
    assert receiver.ids() == [delivery.id] * 2


def test_an_endpoint_is_given_a_new_secret_enabled_and_removed(here: ServiceForTest, receiver: Receiver) -> None:
    made = here.post("webhooks", json={"url": receiver.url()}).json()
    assert len(made["events"]) == 4
    problem(here.post("webhooks", json={"url": receiver.url()}), 422, "webhook-known")
    rotated = here.post(f"webhooks/{made['id']}/secret", json={"overlap_hours": 1}).json()
    assert rotated["secret"] != made["secret"]
    assert here.post(f"webhooks/{made['id']}/activation").json()["disabled_at"] is None
    removed = here._ask("DELETE", f"webhooks/{made['id']}").json()
    assert removed["events"] == []
    assert removed["disabled_at"] is not None
    assert here.post("webhooks", json={"url": receiver.url()}).status_code == 201


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://portal.example/hook", "notice-unprotected"),
        ("https://10.0.0.1/hook", "address-forbidden"),
        ("https://169.254.169.254/", "address-forbidden"),
        ("https://portal.example:9000/", "port-not-allowed"),
        ("gopher://portal.example/", "url-refused"),
    ],
)
def test_where_nothing_is_sent(here: ServiceForTest, url: str, code: str) -> None:
    problem(here.post("webhooks", json={"url": url}), 422, code)


def test_only_operators_look_after_webhooks(here: ServiceForTest, receiver: Receiver) -> None:
    made = here.post("webhooks", json={"url": receiver.url()}).json()
    for role in (Role.SIGNER, Role.REGISTRAR, Role.AUDITOR):
        here.name = role.value
        problem(here.get("webhooks"), 403, "not-permitted")
        problem(here.post(f"webhooks/{made['id']}/secret", json={}), 403, "not-permitted")


def test_what_is_not_there(here: ServiceForTest) -> None:
    problem(here.get("webhooks/ABCD-EFGH-JKMN-PQRS"), 404, "webhook-unknown")
    problem(here.post(f"webhook-deliveries/msg_{'0' * 32}/replay"), 404, "webhook-message-unknown")
