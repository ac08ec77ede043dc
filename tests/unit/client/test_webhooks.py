"""Webhooks are believed when one of the secrets signed them, now, byte for byte."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esign.client import verify_webhook
from esign.errors import InputError

SECRET, OTHER = "whsec_" + base64.b64encode(b"k" * 24).decode(), "whsec_" + base64.b64encode(b"n" * 24).decode()
NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
BODY = json.dumps({"type": "result.issued", "data": {"id": "7K3M-9XQ2-4RTB-0ZWA"}}).encode()


def signed(body: bytes = BODY, *, secret: str = SECRET, at: datetime = NOW, name: str = "msg_1") -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    value = base64.b64encode(hmac.digest(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256)).decode()
    return {"Webhook-Id": name, "Webhook-Timestamp": stamp, "Webhook-Signature": f"v1,{value}"}


def code(
    headers: dict[str, str], body: bytes = BODY, *, secrets: tuple[str, ...] = (SECRET,), now: datetime = NOW
) -> str:
    with pytest.raises(InputError) as caught:
        verify_webhook(headers, body, secrets=secrets, now=now)
    return caught.value.code


def test_the_specifications_own_example() -> None:
    """https://www.standardwebhooks.com/ (its simulator)."""
    headers = {
        "webhook-id": "msg_loFOjxBNrRLzqYUf",
        "webhook-timestamp": "1731705121",
        "webhook-signature": "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    }
    body = b'{"event_type":"ping","data":{"success":true}}'
    at = datetime.fromtimestamp(1731705121, UTC)
    assert code(headers, body, secrets=("whsec_plJ3nmyCDGBKInavdOK15jsl",), now=at) == "webhook-body-invalid"
    assert code(headers, body, now=at) == "webhook-not-signed"


def test_an_event() -> None:
    event = verify_webhook(signed(), BODY, secrets=[SECRET], now=NOW)
    assert (event.id, event.type, event.sent_at) == ("msg_1", "result.issued", NOW)
    assert event.data["id"] == "7K3M-9XQ2-4RTB-0ZWA"


def test_while_a_secret_is_replaced_both_count() -> None:
    old, new = signed(), signed(secret=OTHER)
    both = old | {"Webhook-Signature": f"{old['Webhook-Signature']} {new['Webhook-Signature']} v2,xyz v1,%%%"}
    for headers in (old, new, both):
        verify_webhook(headers, BODY, secrets=[SECRET, OTHER], now=NOW)
    verify_webhook(both, BODY, secrets=[OTHER], now=NOW)
    assert code(old, secrets=(OTHER,)) == "webhook-not-signed"
    assert code(old, secrets=()) == "webhook-not-signed"


@given(st.data())
def test_any_change_is_noticed(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(BODY) - 1))
    changed = bytearray(BODY)
    changed[place] ^= data.draw(st.integers(1, 255))
    assert code(signed(), bytes(changed)) == "webhook-not-signed"


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp"])
def test_id_and_time_are_signed_too(name: str) -> None:
    assert code(signed() | {name: "1732244400"}) == "webhook-not-signed"


@pytest.mark.parametrize("away", [timedelta(minutes=-6), timedelta(minutes=6)])
def test_old_ones_and_ones_of_tomorrow_are_replays(away: timedelta) -> None:
    assert code(signed(at=NOW + away)) == "webhook-too-old"


def test_what_is_no_webhook() -> None:
    for name in signed():
        assert code({n: v for n, v in signed().items() if n != name}) == "webhook-headers-missing"
    assert code(signed() | {"Webhook-Timestamp": "now"}) == "webhook-headers-missing"
    assert code(signed() | {"Webhook-Timestamp": "9" * 30}) == "webhook-headers-missing"
    assert code(signed(b"no"), b"no") == "webhook-body-invalid"
    assert code(signed(b"[]"), b"[]") == "webhook-body-invalid"
    assert code(signed(), secrets=("whsec_???",)) == "webhook-secret-invalid"
