"""What the signer process and its callers say to each other: one JSON object a message, over a local socket.

    {"do": "keys"}                                             → {"keys": {name: {…}}}
    {"do": "check"}                                            → {"there": true} or {"error": {…}}
    {"do": "sign", "key": name, "mechanism": …, "data": […]}   → {"signature": …} for each, as it is made;
                                                                 {"error": {…}} ends them

Nothing else can be asked: no PIN, no key and no object leaves the process, and what is not the shape of something that
esign signs is not signed. A web process that somebody took over can ask for no certificate and for no login.
"""

import base64
import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Protocol

from esign.errors import Error, KeyNotFound, KeyStoreError, PINError, TokenUnavailable

__all__ = ["LARGEST", "Line", "Purpose", "decoded", "encoded", "error_from", "error_to", "fits", "receive", "send"]

LARGEST: Final = 64 * 1024
"""Bytes of one message: signed attributes take some hundred, a certificate chain in an answer some thousand."""

_ERRORS = {kind.__name__: kind for kind in (KeyStoreError, TokenUnavailable, KeyNotFound, PINError)}

# The object identifiers of the attributes that every signature of ours signs (RFC 5652 §11.1, §11.2), in DER.
_CONTENT_TYPE = bytes.fromhex("06092a864886f70d010903")
_MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
_SIGNATURE1 = b"\x84\x6aSignature1"  # RFC 9052 §4.4: an array of four that begins with this text


class Line(Protocol):
    """A connection of `multiprocessing`: over a socket, and on Windows over a named pipe."""

    def send_bytes(self, buf: bytes, /) -> None:
        """Send one message."""

    def recv_bytes(self, maxlength: int, /) -> bytes:
        """The next message."""

    def poll(self, timeout: float, /) -> bool:
        """Whether a message comes within `timeout` seconds."""

    def close(self) -> None:
        """No more of either."""


class Purpose(Enum):
    """What a key of the process signs."""

    DOCUMENT = "document"
    """The signed attributes of a CMS signature (RFC 5652 §5.4)."""
    SEAL = "seal"
    """The Sig_structure of a COSE_Sign1: seals, status lists, trust lists (RFC 9052 §4.4)."""


def fits(data: bytes, purpose: Purpose) -> bool:
    """Whether `data` is what keys of this purpose sign."""
    if purpose is Purpose.SEAL:
        return data.startswith(_SIGNATURE1)
    return _is_set(data) and _CONTENT_TYPE in data and _MESSAGE_DIGEST in data


def _is_set(data: bytes) -> bool:
    """Whether `data` is one SET in DER, to its last byte (ITU-T X.690 §8.1.3)."""
    if len(data) < 2 or data[0] != 0x31:
        return False
    if data[1] < 0x80:
        return len(data) == 2 + data[1]
    more = data[1] & 0x7F
    return 1 <= more <= 3 and len(data) == 2 + more + int.from_bytes(data[2 : 2 + more], "big")


def send(connection: Line, message: Mapping[str, Any]) -> None:
    """Send one message."""
    connection.send_bytes(json.dumps(message, ensure_ascii=False).encode())


def receive(connection: Line) -> dict[str, Any]:
    """The next message.

    Raises:
        EOFError, OSError: The other side is gone, or sent more than `LARGEST`.
        ValueError: It is not a message.
    """
    found = json.loads(connection.recv_bytes(LARGEST))
    if not isinstance(found, dict):
        message = "not an object"
        raise ValueError(message)  # noqa: TRY004 - whatever is wrong with a message is one error
    return found


def encoded(data: bytes) -> str:
    """Bytes as JSON takes them."""
    return base64.b64encode(data).decode()


def decoded(text: str) -> bytes:
    """The bytes again."""
    return base64.b64decode(text, validate=True)


def error_to(error: Error) -> dict[str, Any]:
    """A failure as data: its kind, its code and its facts; facts are texts where JSON has no kind of their own."""
    facts = {k: v if isinstance(v, (int, float, bool)) else str(v) for k, v in error.reason.facts.items()}
    kind = next((name for name, k in reversed(_ERRORS.items()) if isinstance(error, k)), "KeyStoreError")
    return {"kind": kind, "code": error.code, "facts": facts}


def error_from(said: Mapping[str, Any]) -> Error:
    """The failure again."""
    return _ERRORS.get(str(said["kind"]), KeyStoreError)(str(said["code"]), **said["facts"])
