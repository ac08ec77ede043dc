"""The secrets that webhooks are signed with: derived from one key in a file, so that the register holds none.

Whoever reads the database, or a backup of it, can sign nothing. A secret is shown once, and can be derived again only
by a process that has the key; a new generation is a new secret.
"""

import base64
import hmac
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Self

from esign.errors import ConfigurationError
from esign.reasons import system_problem
from esign.registry import EndpointId

__all__ = ["WebhookKey", "shown"]

_BYTES = 32


class WebhookKey:
    """What the secrets of all endpoints come from."""

    def __init__(self, key: bytes) -> None:
        """Raises ConfigurationError `webhook-key-invalid`: it has not 32 bytes."""
        if len(key) != _BYTES:
            raise ConfigurationError("webhook-key-invalid", found=len(key), expected=_BYTES)
        self._key = key

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file, made where there is none; the same on every host of one register.

        Raises:
            ConfigurationError: `webhook-key-unreadable`, `webhook-key-invalid`.
        """
        try:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                _make(path)
            return cls(base64.b64decode(path.read_bytes().strip(), validate=True))
        except OSError as e:
            raise ConfigurationError("webhook-key-unreadable", file=path, problem=system_problem(e)) from e
        except ValueError as e:
            raise ConfigurationError("webhook-key-invalid", found="?", expected=_BYTES) from e

    @property
    def check(self) -> str:
        """Tells keys apart, and nothing about them."""
        return self._derive(b"check")[:8].hex()

    def secret(self, endpoint: EndpointId, generation: int) -> bytes:
        """What an endpoint's webhooks are signed with."""
        return self._derive(b"secret", endpoint.value, generation.to_bytes(4, "big"))

    def _derive(self, *purpose: bytes) -> bytes:
        # HMAC is a pseudorandom function of its message (RFC 5869 §2.3); the parts cannot run into each other,
        # because all but the first have a fixed length.
        return hmac.digest(self._key, b"esign-webhook/1\0" + b"\0".join(purpose), sha256)


def _make(path: Path) -> None:
    """Another process may make it at the same moment: the first one counts."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    aside.touch(mode=0o600)
    try:
        aside.write_bytes(base64.b64encode(secrets.token_bytes(_BYTES)) + b"\n")
        try:
            path.hardlink_to(aside)
        except FileExistsError:
            return
    finally:
        aside.unlink()


def shown(secret: bytes) -> str:
    """A secret as it is handed to the receiver (Standard Webhooks, "Secret serialization")."""
    return f"whsec_{base64.b64encode(secret).decode()}"
