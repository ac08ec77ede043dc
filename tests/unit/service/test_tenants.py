"""What belongs to one agency is not there for another: batches, webhooks and their messages, by their real ids."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from esign.codes import AgencyCode
from esign.net import Client, NetworkRules
from esign.service.offices import Office as ServedOffice
from esign.webhooks import WebhookDesk, WebhookKey
from tests.support.office import Office
from tests.support.receiver import receiving
from tests.support.service import ServiceForTest, office_of, service, wanted

NEIGHBOUR = AgencyCode.parse("H26.18.02")
NOBODY = "0000-0000-0000-0000"
_keys = itertools.count()

ROUTES = [
    ("GET", "batches/{batch}", None),
    ("GET", "batches/{batch}/rows", None),
    ("GET", "batches/{batch}/rows/1/proof", None),
    ("POST", "batches/{batch}/rows/1/retry", None),
    ("POST", "batches/{batch}/authorisation", "root"),
    ("POST", "batches/{batch}/cancellation", None),
    ("GET", "webhooks/{endpoint}", None),
    ("POST", "webhooks/{endpoint}/secret", None),
    ("POST", "webhooks/{endpoint}/activation", None),
    ("DELETE", "webhooks/{endpoint}", None),
    ("POST", "webhook-deliveries/{message}/replay", None),
]


@pytest.fixture(scope="module")
def here(rsa_office: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServiceForTest, dict[str, str]]]:
    """Two agencies of one register, and what is the first one's."""
    office = Office.copied(rsa_office, tmp_path_factory.mktemp("tenants") / "office")
    with receiving() as receiver:
        client = Client(NetworkRules(inside=(receiver.authority,)), now=office.clock)
        desk = WebhookDesk(registry=office.registry, client=client, key=lambda: WebhookKey(b"k" * 32))

        def served(of: Office) -> ServedOffice:
            return office_of(of, webhooks=desk)

        own, other = served(office), served(replace(office, agency=replace(office.agency, code=NEIGHBOUR)))
        with service(office, other, offices={own.code: own, NEIGHBOUR: other}) as running:
            yield running, _made(running, receiver.url())
    office.registry.close()


def _made(here: ServiceForTest, url: str) -> dict[str, str]:
    endpoint = here.post("webhooks", json={"url": url, "events": ["result.issued"]}).json()["id"]
    here.issue()
    (delivery,) = here.get("webhook-deliveries").json()["deliveries"]
    rows = json.dumps(wanted()).encode() + b"\n"
    batch = here.post("batches", content=rows, headers={"Content-Type": "application/x-ndjson"}).json()
    return {"endpoint": endpoint, "message": delivery["message"], "batch": batch["id"], "root": batch["root"]}


def ask(here: ServiceForTest, method: str, path: str, body: dict[str, str] | None) -> Any:
    headers = {"Authorization": f"Bearer {here.name}", "Idempotency-Key": f"tenant-{next(_keys)}"}
    sent = None if method == "GET" else body or {}
    return here.client.request(method, f"/v1/agencies/{NEIGHBOUR}/{path}", headers=headers, json=sent)


@pytest.mark.parametrize(("method", "path", "field"), ROUTES)
def test_what_is_another_agencys_was_never_there(
    here: tuple[ServiceForTest, dict[str, str]], method: str, path: str, field: str | None
) -> None:
    running, mine = here
    body = {field: mine[field]} if field else None
    foreign = ask(running, method, path.format(**mine), body)
    unknown = ask(
        running,
        method,
        path.format(
            batch=NOBODY, endpoint=NOBODY, message=mine["message"][:-1] + ("1" if mine["message"][-1] == "0" else "0")
        ),
        body,
    )
    assert foreign.status_code == unknown.status_code == 404, (foreign.text, unknown.text)
    assert foreign.json()["code"] == unknown.json()["code"]


@pytest.mark.parametrize("path", ["batches", "webhooks", "webhook-deliveries", "work", "results"])
def test_no_list_tells_of_another_agency(here: tuple[ServiceForTest, dict[str, str]], path: str) -> None:
    running, mine = here
    answer = ask(running, "GET", path, None)
    assert answer.status_code == 200, answer.text
    assert not [value for value in mine.values() if value in answer.text]


def test_afterwards_everything_is_as_it_was(here: tuple[ServiceForTest, dict[str, str]]) -> None:
    running, mine = here
    assert running.get(f"batches/{mine['batch']}").json()["state"] == "waiting"
    endpoint = running.get(f"webhooks/{mine['endpoint']}").json()
    assert endpoint["id"] == mine["endpoint"]
    (delivery,) = running.get("webhook-deliveries").json()["deliveries"]
    assert delivery["state"] == "pending"
