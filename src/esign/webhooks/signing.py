"""The signature of a webhook (Standard Webhooks, "Signature scheme"): HMAC-SHA256 over id, time and body."""

import base64
import hmac
from hashlib import sha256

__all__ = ["is_signed", "signature"]


def signature(secret: bytes, *, id: str, timestamp: int, body: bytes) -> str:  # noqa: A002  # the standard's word
    """One signature, as `webhook-signature` carries it."""
    signed = b"%s.%d.%s" % (id.encode(), timestamp, body)
    return f"v1,{base64.b64encode(hmac.digest(secret, signed, sha256)).decode()}"


def is_signed(secret: bytes, *, id: str, timestamp: int, body: bytes, header: str) -> bool:  # noqa: A002
    """Whether one of the signatures in `header` was made with `secret`; a receiver also looks at the time."""
    expected = signature(secret, id=id, timestamp=timestamp, body=body).encode()
    return any(hmac.compare_digest(expected, given.encode()) for given in header.split(" "))
