"""Issue what a request asks for: once, and together with what others ask for at the same moment."""

from collections.abc import Awaitable, Callable
from functools import partial

from esign.errors import DeliveryFailed, Error, RequestConflict, RequestInFlight, SigningError
from esign.registry import Intent, IntentState
from esign.request import Request
from esign.service.idempotency import made_once
from esign.service.offices import Office
from esign.service.permission import Asked

__all__ = ["accept", "issue_now"]


async def issue_now(asked: Asked, made: Request) -> Intent:
    """Issue it, to the end; whoever repeats a request that was given up is told the same each time.

    Raises:
        As `Issuer.issue` and `made_once`; SigningError: `request-voided`.
    """

    async def issued() -> Intent:
        try:
            return (await asked.parts.issuing.seat(partial(asked.office.line.join, made))).intent
        except RequestConflict:
            raise
        except Error as e:
            return await asked.parts.reading.run(_in_spite_of, e, asked.office, made)

    return await _or_issued_before(asked, made, issued)


async def accept(asked: Asked, made: Request) -> Intent:
    """Record it, and let a worker begin at once.

    Raises:
        As `Issuer.accept` and `made_once`.
    """

    def accepted(office: Office) -> Intent:
        intent = office.issuer.accept(made)
        if intent.state is IntentState.RESERVED:
            office.registry.tasks.ask(intent.id)
        return intent

    return await _or_issued_before(asked, made, partial(asked.parts.issuing.run, accepted, asked.office))


async def _or_issued_before(asked: Asked, made: Request, work: Callable[[], Awaitable[Intent]]) -> Intent:
    """As `made_once`; where it is issued already, whoever works on it only answers a repetition, as we do."""
    try:
        return await made_once(asked, made, work)
    except RequestInFlight:
        known = await asked.parts.reading.run(asked.office.registry.by_key, made.idempotency_key)
        if known is None or known.state is not IntentState.ISSUED:
            raise
        if known.request_digest != await asked.parts.reading.run(made.digest, asked.office.profile):
            raise
        return known


def _in_spite_of(error: Error, office: Office, made: Request) -> Intent:
    """What was issued all the same, where only the delivery failed.

    Raises:
        SigningError: `request-voided`: it was given up, now or before; otherwise `error`.
    """
    intent = office.registry.by_key(made.idempotency_key)
    if intent is not None and intent.state is IntentState.VOID:
        raise SigningError("request-voided", why=intent.void_reason or intent.void_why) from error
    if intent is not None and isinstance(error, DeliveryFailed):
        return intent  # it is delivered later
    raise error
