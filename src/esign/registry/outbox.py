"""What is to be told to others: written with the change itself, so that it is told if and only if that happened.

An event that somebody listens to is one message; a message on its way to one endpoint is one webhook. A webhook is
taken by moving its next try into the future, so a worker that dies leaves one try in vain and nothing else; the
messages about one subject reach an endpoint in the order in which they happened (docs/spec/webhooks.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, cast

from sqlalchemy import CursorResult, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from esign.codes import AgencyCode
from esign.errors import NotRegistered
from esign.reasons import Reason
from esign.registry.endpoints import GIVEN_UP, EndpointId
from esign.registry.events import PENDING, Event
from esign.registry.outbox_models import MessageRow, WebhookRow
from esign.registry.plain import plain
from esign.registry.store import Store
from esign.registry.waking import leave_work
from esign.registry.webhook_models import EndpointRow

__all__ = ["Message", "Outbox", "Webhook", "WebhookState"]


class WebhookState(Enum):
    """How far a message has come on its way to one endpoint."""

    PENDING = PENDING
    """It is tried, again if need be."""
    DELIVERED = "delivered"
    """The receiver has said so."""
    GIVEN_UP = GIVEN_UP
    """It was tried for days in vain; it can be replayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something that happened."""

    sequence: int
    """In the order in which it happened."""
    id: str
    """The same for every try and every endpoint (`webhook-id`)."""
    agency: AgencyCode
    """Whose."""
    event: Event
    """What."""
    subject: str
    """The id of the result or batch."""
    data: Mapping[str, object]
    """What is told of it: codes and digests, never a name."""
    at: datetime
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One message on its way to one endpoint."""

    message: Message
    """What."""
    endpoint: EndpointId
    """To whom."""
    state: WebhookState
    """How far it has come."""
    tries: int
    """How often it was sent."""
    next_at: datetime
    """When it is tried again."""
    tried_at: datetime | None
    """When it was tried last."""
    problem: Reason | None
    """Why that was in vain."""


class Outbox:
    """The webhooks of one register."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def listing(
        self,
        *,
        agency: AgencyCode,
        endpoint: EndpointId | None = None,
        state: WebhookState | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[Webhook, ...]:
        """Webhooks of an agency, newest first; `before` is the last one's `message.sequence`."""
        query = _webhooks().where(MessageRow.agency == str(agency))
        if endpoint is not None:
            query = query.where(WebhookRow.endpoint == str(endpoint))
        if state is not None:
            query = query.where(WebhookRow.state == state.value)
        if before is not None:
            query = query.where(WebhookRow.message < before)
        with self._store.read() as session:
            found = session.execute(query.order_by(WebhookRow.message.desc(), WebhookRow.endpoint).limit(limit))
            return tuple(_as_webhook(m, w) for m, w in found)

    def replay(self, message_id: str, *, agency: AgencyCode, endpoint: EndpointId | None = None) -> int:
        """Send a message again, with its own id, to everybody whom it was for or to one; gives how many those are.

        Raises:
            NotRegistered: `webhook-message-unknown`.
        """
        with self._store.write() as session:
            sequence = session.scalar(select(MessageRow.sequence).filter_by(id=message_id, agency=str(agency)))
            if sequence is None:
                raise NotRegistered("webhook-message-unknown", id=message_id)
            which = WebhookRow.message == sequence
            if endpoint is not None:
                which &= WebhookRow.endpoint == str(endpoint)
            leave_work(session)
            return _changed(
                session,
                update(WebhookRow)
                .where(which)
                .values(state=WebhookState.PENDING.value, tries=0, next_at=self._now(), tried_at=None),
            )

    def due(self, *, agency: AgencyCode | None = None, limit: int = 64, of_each: int = 4) -> tuple[Webhook, ...]:
        """What may be sent now, of one agency or of all, oldest first.

        Not more than `of_each` to one endpoint, and one to one that failed. A message waits for an earlier one about
        the same subject, and for an endpoint that rests or is disabled.
        """
        at = self._now()
        place = func.row_number().over(partition_by=WebhookRow.endpoint, order_by=WebhookRow.message).label("place")
        waiting = (
            select(WebhookRow.message, WebhookRow.endpoint, place, EndpointRow.failures)
            .join(EndpointRow, EndpointRow.id == WebhookRow.endpoint)
            .where(WebhookRow.state == WebhookState.PENDING.value, WebhookRow.next_at <= at)
            .where(EndpointRow.disabled_at.is_(None))
            .where(or_(EndpointRow.rests_until.is_(None), EndpointRow.rests_until <= at))
            .where(~_earlier_waits())
        )
        if agency is not None:
            waiting = waiting.where(EndpointRow.agency == str(agency))
        ready = waiting.subquery()
        query = (
            _webhooks()
            .join(ready, and_(ready.c.message == WebhookRow.message, ready.c.endpoint == WebhookRow.endpoint))
            .where(or_(ready.c.place == 1, and_(ready.c.place <= of_each, ready.c.failures == 0)))
            .order_by(WebhookRow.message)
            .limit(limit)
        )
        with self._store.read() as session:
            return tuple(_as_webhook(m, w) for m, w in session.execute(query))

    def take(self, webhook: Webhook, *, again: timedelta) -> bool:
        """Take it to send it now; False where somebody was faster. Until told otherwise, this try was in vain."""
        at = self._now()
        with self._store.write() as session:
            taken = _changed(
                session,
                update(WebhookRow)
                .where(_is(webhook), WebhookRow.state == WebhookState.PENDING.value, WebhookRow.tries == webhook.tries)
                .where(WebhookRow.next_at <= at)
                .values(tries=webhook.tries + 1, tried_at=at, next_at=at + again),
            )
            return taken == 1

    def delivered(self, webhook: Webhook) -> None:
        """The receiver has it."""
        at = self._now()
        with self._store.write() as session:
            session.execute(
                update(WebhookRow)
                .where(_is(webhook))
                .values(state=WebhookState.DELIVERED.value, problem_code=None, problem_facts=None)
            )
            session.execute(
                update(EndpointRow)
                .where(EndpointRow.id == str(webhook.endpoint))
                .values(failures=0, rests_until=None, told_at=at, problem_code=None, problem_facts=None)
            )

    def failed(
        self,
        webhook: Webhook,
        problem: Reason,
        *,
        again: timedelta,
        rest: Callable[[int], timedelta | None],
        give_up: bool,
    ) -> None:
        """This try was in vain; the endpoint rests `rest(failures)`, and the next try is `again` from now."""
        at = self._now()
        said = {"problem_code": problem.code, "problem_facts": plain(problem.facts)}
        with self._store.write() as session:
            session.execute(
                update(WebhookRow)
                .where(_is(webhook))
                .values(
                    state=(WebhookState.GIVEN_UP if give_up else WebhookState.PENDING).value, next_at=at + again, **said
                )
            )
            failures = (session.scalar(select(EndpointRow.failures).filter_by(id=str(webhook.endpoint))) or 0) + 1
            resting = rest(failures)
            session.execute(
                update(EndpointRow)
                .where(EndpointRow.id == str(webhook.endpoint))
                .values(failures=failures, rests_until=None if resting is None else at + resting, **said)
            )

    def put_off(self, webhook: Webhook, *, until: datetime) -> None:
        """It was not sent at all: this was no try."""
        with self._store.write() as session:
            session.execute(
                update(WebhookRow).where(_is(webhook)).values(tries=webhook.tries, tried_at=None, next_at=until)
            )

    def counts(self, *, agency: AgencyCode | None = None) -> Mapping[WebhookState, int]:
        """How many webhooks are where."""
        query = select(WebhookRow.state, func.count()).group_by(WebhookRow.state)
        if agency is not None:
            query = query.join(EndpointRow, EndpointRow.id == WebhookRow.endpoint).where(
                EndpointRow.agency == str(agency)
            )
        with self._store.read() as session:
            found = {WebhookState(state): count for state, count in session.execute(query)}
        return dict.fromkeys(WebhookState, 0) | found

    def sweep(self, *, before: datetime) -> int:
        """Forget messages from before a moment that nobody waits for any more; gives how many those were."""
        with self._store.write() as session:
            waits = exists().where(
                WebhookRow.message == MessageRow.sequence, WebhookRow.state == WebhookState.PENDING.value
            )
            old = list(session.scalars(select(MessageRow.sequence).where(MessageRow.at < before, ~waits).limit(1000)))
            session.execute(delete(WebhookRow).where(WebhookRow.message.in_(old)))
            session.execute(delete(MessageRow).where(MessageRow.sequence.in_(old)))
            return len(old)


def _webhooks() -> Any:
    return select(MessageRow, WebhookRow).join(WebhookRow, WebhookRow.message == MessageRow.sequence)


def _earlier_waits() -> Any:
    """Whether an earlier message about the same subject is still on its way to the same endpoint."""
    earlier = aliased(WebhookRow)
    return exists().where(
        earlier.endpoint == WebhookRow.endpoint,
        earlier.subject == WebhookRow.subject,
        earlier.state == WebhookState.PENDING.value,
        earlier.message < WebhookRow.message,
    )


def _is(webhook: Webhook) -> Any:
    return and_(WebhookRow.message == webhook.message.sequence, WebhookRow.endpoint == str(webhook.endpoint))


def _changed(session: Session, statement: Any) -> int:
    done = cast("CursorResult[object]", session.execute(statement.execution_options(synchronize_session=False)))
    return done.rowcount


def _as_webhook(m: MessageRow, w: WebhookRow) -> Webhook:
    message = Message(
        sequence=m.sequence,
        id=m.id,
        agency=AgencyCode(m.agency),
        event=Event(m.event),
        subject=m.subject,
        data=m.data,
        at=m.at,
    )
    return Webhook(
        message=message,
        endpoint=EndpointId.parse(w.endpoint),
        state=WebhookState(w.state),
        tries=w.tries,
        next_at=w.next_at,
        tried_at=w.tried_at,
        problem=Reason(w.problem_code, w.problem_facts or {}) if w.problem_code else None,
    )
