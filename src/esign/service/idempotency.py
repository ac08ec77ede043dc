"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same request again gives the same answer.

    same key, same body      the same answer, from memory
    same key, other body     422 request-conflict
    still being worked on    409 request-in-flight, with Retry-After

Keys belong to an agency. For what is issued the register's intent is the memory, and it never forgets.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Header, Request
from starlette.responses import Response

from esign.api.base import Model
from esign.codes import AgencyCode
from esign.errors import ServiceError
from esign.registry import Answer, Recalled, RequestKey
from esign.request import Request as IssuingRequest
from esign.service.permission import Asked

__all__ = ["KeyHeader", "answered_once", "intent_key", "made_once", "needed", "request_key"]

T = TypeVar("T")

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


def request_key(request: Request, asked: Asked, key: str | None, body: Model) -> RequestKey:
    """What a request to an address is known by: the caller's key, and a digest of the address and the body.

    Raises:
        ServiceError: `idempotency-key-missing`.
    """
    said = f"{request.method} {request.url.path}\n{body.model_dump_json()}"
    return RequestKey(
        scope=asked.office.code,
        key=hashlib.sha256(needed(key).encode()).hexdigest(),
        digest=hashlib.sha256(said.encode()).hexdigest(),
    )


async def made_once(asked: Asked, made: IssuingRequest, work: Callable[[], Awaitable[T]]) -> T:
    """What `work` makes of `made`, which nobody else of this process works on meanwhile.

    The register remembers it: `work` gives the same again where it was made before.

    Raises:
        RequestInFlight, RequestConflict: See the table of this module; whatever `work` raises.
    """
    with asked.parts.in_flight.alone(made.idempotency_key, made):
        return await work()


async def answered_once(asked: Asked, once: RequestKey, status: int, work: Callable[[bool], Model]) -> Response:
    """The answer of `work`, or the one that this request had before.

    `work` is told whether the same request was made before and had no answer: a crash may have come between the work
    and the memory of its answer. What fails is not remembered, and can be repeated.

    Raises:
        RequestInFlight, RequestConflict: See the table of this module; whatever `work` raises.
    """

    def answer() -> Answer:
        memory = asked.office.registry.requests
        known = memory.recall(once)
        if isinstance(known, Answer):
            return known
        made = Answer(status=status, body=work(known is Recalled.UNANSWERED).model_dump_json())
        memory.answered(once, made)
        return made

    with asked.parts.in_flight.alone(f"{once.scope}\0{once.key}", once.digest):
        given = await asked.parts.issuing.run(answer)
    headers = {"Cache-Control": "no-store"}
    return Response(given.body, status_code=given.status, media_type="application/json", headers=headers)
