"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same request again gives the same answer.

    same key, same body      the same answer, from memory
    same key, other body     422 request-conflict
    still being worked on    409 request-in-flight, with Retry-After

Keys belong to an agency. For what is issued the register's intent is the memory, and it never forgets.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Header

from esign.codes import AgencyCode
from esign.errors import RequestConflict, RequestInFlight, ServiceError

__all__ = ["InFlight", "KeyHeader", "intent_key", "needed"]

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Chosen by the caller, 1 to 200 visible ASCII characters, with or without the quotes of the draft: "
        "one key is one request, however often it is sent. Keys belong to the agency.",
        examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ),
]
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?")


def needed(key: str | None) -> str:
    """The caller's key.

    Raises:
        ServiceError: `idempotency-key-missing`.
    """
    found = (key or "").strip()
    if len(found) >= 2 and found[0] == found[-1] == '"':
        found = found[1:-1]
    if not _KEY.fullmatch(found):
        raise ServiceError("idempotency-key-missing")
    return found


def intent_key(agency: AgencyCode, key: str) -> str:
    """The register's key for it: that is one for all agencies, and callers' keys are not."""
    return "http-" + hashlib.sha256(f"{agency}\0{key}".encode()).hexdigest()


class InFlight:
    """What this process works on right now; other processes are kept away by the register's claims."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}

    @contextmanager
    def alone(self, key: str, digest: str) -> Iterator[None]:
        """Work on `key` alone; used from the event loop, which does one thing at a time.

        Raises:
            RequestInFlight: `request-is-in-flight`.
            RequestConflict: `request-key-in-use`: it stands for another request.
        """
        known = self._digests.get(key)
        if known is not None and known != digest:
            raise RequestConflict("request-key-in-use")
        if known is not None:
            raise RequestInFlight("request-is-in-flight")
        self._digests[key] = digest
        try:
            yield
        finally:
            del self._digests[key]
