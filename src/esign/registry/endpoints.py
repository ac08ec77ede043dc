"""Who is told of events: endpoints of an agency, their secrets' generations, and how they do."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from esign.codes import AgencyCode, ResultId
from esign.errors import NotRegistered
from esign.reasons import Reason
from esign.registry.audit import note
from esign.registry.events import PENDING, Event
from esign.registry.outbox_models import WebhookRow
from esign.registry.plain import plain
from esign.registry.store import Store
from esign.registry.webhook_models import EndpointRow

__all__ = ["Endpoint", "EndpointId", "Endpoints"]

GIVEN_UP: Final = "given-up"


@dataclass(frozen=True, slots=True)
class EndpointId(ResultId):
    """An endpoint's own identifier, made and written as a result's is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Somebody who is told."""

    id: EndpointId
    """Its own."""
    agency: AgencyCode
    """Of whose results."""
    url: str
    """Where."""
    events: tuple[Event, ...]
    """Of what."""
    generation: int
    """Which of its secrets signs; they are derived, never stored."""
    key_check: str
    """Which key they are derived from."""
    previous_until: datetime | None
    """Until when the secret before signs, too."""
    made_at: datetime
    """When."""
    made_by: str
    """By whom, as the audit calls them."""
    failures: int
    """In a row."""
    rests_until: datetime | None
    """It failed and is left alone until then."""
    told_at: datetime | None
    """When it took something last."""
    disabled_at: datetime | None
    """Since when nothing is sent to it."""
    problem: Reason | None
    """Why the last try was in vain, or why it is disabled."""


class Endpoints:
    """Who is told, of one register."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def add(
        self,
        id: EndpointId,  # noqa: A002  # the register's word
        *,
        agency: AgencyCode,
        url: str,
        events: tuple[Event, ...],
        key_check: str,
        by: str,
    ) -> Endpoint:
        """Tell `url` of `events` from now on."""
        values = {
            "id": str(id),
            "agency": str(agency),
            "url": url,
            "events": [e.value for e in events],
            "generation": 1,
            "key_check": key_check,
            "made_at": self._now(),
            "made_by": by,
            "failures": 0,
        }
        with self._store.write() as session:
            session.execute(insert(EndpointRow).values(values))
            note(session, "webhook.added", at=self._now(), agency=str(agency), object=id)
            return _as_endpoint(_endpoint(session, id, agency))

    def endpoint(self, id: EndpointId, *, agency: AgencyCode | None = None) -> Endpoint:  # noqa: A002
        """The endpoint `id`.

        Raises:
            NotRegistered: `webhook-unknown`.
        """
        with self._store.read() as session:
            return _as_endpoint(_endpoint(session, id, agency))

    def of(self, agency: AgencyCode | None = None) -> tuple[Endpoint, ...]:
        """All of an agency, disabled ones too, oldest first."""
        query = select(EndpointRow).order_by(EndpointRow.made_at, EndpointRow.id)
        if agency is not None:
            query = query.filter_by(agency=str(agency))
        with self._store.read() as session:
            return tuple(map(_as_endpoint, session.scalars(query)))

    def rotate(
        self,
        id: EndpointId,  # noqa: A002
        *,
        agency: AgencyCode,
        key_check: str,
        overlap: timedelta,
    ) -> Endpoint:
        """Sign with the next secret; the one before signs beside it for `overlap`, where its key is still the same.

        Raises:
            NotRegistered: `webhook-unknown`.
        """
        with self._store.write() as session:
            found = _endpoint(session, id, agency)
            found.generation += 1
            found.previous_until = self._now() + overlap if found.key_check == key_check else None
            found.key_check = key_check
            session.flush()
            note(session, "webhook.rotated", at=self._now(), agency=found.agency, object=id)
            return _as_endpoint(found)

    def disable(self, id: EndpointId, *, agency: AgencyCode | None = None, problem: Reason) -> Endpoint:  # noqa: A002
        """Send nothing more to it; what waits for it waits.

        Raises:
            NotRegistered: `webhook-unknown`.
        """
        with self._store.write() as session:
            found = _endpoint(session, id, agency)
            found.disabled_at = found.disabled_at or self._now()
            found.problem_code, found.problem_facts = problem.code, plain(problem.facts)
            session.flush()
            note(session, "webhook.disabled", at=self._now(), agency=found.agency, object=id, outcome=problem.code)
            return _as_endpoint(found)

    def enable(self, id: EndpointId, *, agency: AgencyCode) -> Endpoint:  # noqa: A002
        """Send to it again, beginning with what waits for it.

        Raises:
            NotRegistered: `webhook-unknown`.
        """
        with self._store.write() as session:
            found = _endpoint(session, id, agency)
            found.disabled_at = found.rests_until = found.problem_code = found.problem_facts = None
            found.failures = 0
            session.flush()
            note(session, "webhook.enabled", at=self._now(), agency=found.agency, object=id)
            return _as_endpoint(found)

    # --- webhooks --------------------------------------------------------------------------------------------------

    def remove(self, id: EndpointId, *, agency: AgencyCode) -> Endpoint:  # noqa: A002
        """Tell it nothing any more; what was on its way is given up.

        Raises:
            NotRegistered: `webhook-unknown`.
        """
        removed = Reason("webhook-removed")
        with self._store.write() as session:
            found = _endpoint(session, id, agency)
            found.events, found.disabled_at = [], found.disabled_at or self._now()
            found.problem_code, found.problem_facts = removed.code, {}
            session.execute(
                update(WebhookRow)
                .where(WebhookRow.endpoint == str(id), WebhookRow.state == PENDING)
                .values(state=GIVEN_UP, problem_code=removed.code, problem_facts={})
                .execution_options(synchronize_session=False)
            )
            session.flush()
            note(session, "webhook.removed", at=self._now(), agency=found.agency, object=id)
            return _as_endpoint(found)


def _endpoint(session: Session, id: EndpointId, agency: AgencyCode | None) -> EndpointRow:  # noqa: A002
    found = session.scalar(select(EndpointRow).filter_by(id=str(id)))
    if found is None or (agency is not None and found.agency != str(agency)):
        raise NotRegistered("webhook-unknown", id=str(id))
    return found


def _as_endpoint(r: EndpointRow) -> Endpoint:
    return Endpoint(
        id=EndpointId.parse(r.id),
        agency=AgencyCode(r.agency),
        url=r.url,
        events=tuple(Event(e) for e in r.events),
        generation=r.generation,
        key_check=r.key_check,
        previous_until=r.previous_until,
        made_at=r.made_at,
        made_by=r.made_by,
        failures=r.failures,
        rests_until=r.rests_until,
        told_at=r.told_at,
        disabled_at=r.disabled_at,
        problem=Reason(r.problem_code, r.problem_facts or {}) if r.problem_code else None,
    )
