"""Whether a webhook is the service's own: Standard Webhooks signatures, with a clock and room for two secrets.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

>>> event = verify_webhook(request.headers, request.body, secrets=[secret], now=datetime.now(UTC))
>>> if store.add_if_new(event.id): ...          # the same event may come again
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from esign.errors import InputError

__all__ = ["WebhookEvent", "verify_webhook"]

_PREFIX = "whsec_"
_VERSION = "v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """What a webhook tells."""

    id: str
    """Stays the same however often it is sent: drop what you have seen."""
    sent_at: datetime
    """When this attempt was signed."""
    type: str
    """What happened, for instance `result.issued`."""
    data: Mapping[str, Any]
    """Ids, codes and digests; never personal data beyond what the profile says."""


def verify_webhook(
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Sequence[str],
    now: datetime,
    tolerance: timedelta = timedelta(minutes=5),
) -> WebhookEvent:
    """The event in `body`, which one of `secrets` signed and which is not older (or newer) than `tolerance`.

    `body` is what came, byte for byte: JSON that was parsed and written again has another signature. While a secret is
    being replaced, `secrets` holds both.

    Raises:
        InputError: `webhook-headers-missing`, `webhook-not-signed`, `webhook-too-old`, `webhook-body-invalid`.
    """
    found = {name.lower(): value for name, value in headers.items()}
    try:
        id_, stamp, signatures = found["webhook-id"], found["webhook-timestamp"], found["webhook-signature"]
        sent_at = datetime.fromtimestamp(int(stamp), now.tzinfo)
    except (KeyError, ValueError, OverflowError, OSError) as e:
        raise InputError("webhook-headers-missing") from e
    signed = f"{id_}.{stamp}.".encode() + body
    expected = [hmac.digest(_key(secret), signed, hashlib.sha256) for secret in secrets]
    # Every pair is compared, in constant time each: how long this takes says nothing.
    matches = [hmac.compare_digest(given, one) for given in _given(signatures) for one in expected]
    if not any(matches):
        raise InputError("webhook-not-signed", id=id_[:80])
    if abs(now - sent_at) > tolerance:
        raise InputError("webhook-too-old", id=id_[:80], sent_at=sent_at.isoformat())
    try:
        match json.loads(body):
            case {"type": str(kind), "data": dict(data)}:
                return WebhookEvent(id=id_, sent_at=sent_at, type=kind, data=data)
    except ValueError as e:
        raise InputError("webhook-body-invalid", id=id_[:80]) from e
    raise InputError("webhook-body-invalid", id=id_[:80])


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.strip().removeprefix(_PREFIX), validate=True)
    except binascii.Error as e:
        raise InputError("webhook-secret-invalid") from e


def _given(signatures: str) -> list[bytes]:
    """The signatures of the version that is known here; several are separated by spaces."""
    found = []
    for each in signatures.split():
        version, _, value = each.partition(",")
        if version == _VERSION:
            try:
                found.append(base64.b64decode(value, validate=True))
            except binascii.Error:
                continue
    return found
