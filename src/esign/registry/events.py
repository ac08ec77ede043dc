"""What happens and is told to others: written in the transaction of the change itself, or not at all.

Each function here is called inside that transaction. An event that nobody listens to leaves nothing behind.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from esign.document import Standing, StandingChange
from esign.registry.intents import as_intent
from esign.registry.models import IntentRow, StandingRow
from esign.registry.plain import plain
from esign.registry.registration import FileVersion, Registration
from esign.registry.values import Intent
from esign.registry.waking import leave_work
from esign.registry.webhook_models import EndpointRow

if TYPE_CHECKING:  # most who issue have no batch in the register
    from esign.registry.work_models import BatchRow

__all__ = ["PENDING", "Event", "batch_finished", "results_issued", "standing_changed", "version_added"]

PENDING: Final = "pending"
"""How a message on its way is stored."""


class Event(Enum):
    """What is told."""

    ISSUED = "result.issued"
    """A result is registered; its document may be fetched."""
    STANDING = "result.standing"
    """It was suspended, restored, corrected, replaced or withdrawn."""
    VERSION = "result.version"
    """Its file grew: a time-stamp, proofs for later."""
    BATCH = "batch.finished"
    """Nothing of a batch is left to do."""


def results_issued(session: Session, issued: Sequence[tuple[Intent, Registration]], *, at: datetime) -> None:
    """Results are registered."""
    for agency in {str(intent.agency) for intent, _ in issued}:
        listening = _listening(session, Event.ISSUED, agency)
        for intent, facts in issued if listening else ():
            if str(intent.agency) == agency:
                _leave(session, Event.ISSUED, agency, str(intent.id), at, _issued(session, intent, facts), listening)


def standing_changed(session: Session, found: IntentRow, new: StandingChange, *, at: datetime) -> None:
    """A result, or the main result of an attachment, stands otherwise."""
    told = {
        "standing": new.standing.value,
        "since": new.at.isoformat(),
        "other": str(new.other) if new.other else None,
    }
    _tell(session, Event.STANDING, found.agency, found.id, at, lambda: _of_result(as_intent(found)) | told)


def version_added(session: Session, found: IntentRow, version: FileVersion, *, number: int, at: datetime) -> None:
    """A file grew."""
    told = {"version": number, "sha256": version.sha256, "size": version.size, "level": version.level.value}
    _tell(session, Event.VERSION, found.agency, found.id, at, lambda: _of_result(as_intent(found)) | told)


def batch_finished(session: Session, batch: "BatchRow", rows: Mapping[str, int], *, at: datetime) -> None:
    """Nothing of a batch is left to do."""
    told = {"id": batch.id, "agency": batch.agency, "root": batch.root, "size": batch.size, "rows": rows}
    _tell(session, Event.BATCH, batch.agency, batch.id, at, lambda: told)


def _tell(
    session: Session, event: Event, agency: str, subject: str, at: datetime, data: Callable[[], Mapping[str, object]]
) -> None:
    """One message for all who listen; nothing where nobody does."""
    listening = _listening(session, event, agency)
    if listening:
        _leave(session, event, agency, subject, at, data(), listening)


def _listening(session: Session, event: Event, agency: str) -> list[str]:
    """Who of an agency listens to such events."""
    rows = session.execute(select(EndpointRow.id, EndpointRow.events).filter_by(agency=agency).order_by(EndpointRow.id))
    return [id_ for id_, events in rows if event.value in events]


def _leave(  # the columns of a message
    session: Session,
    event: Event,
    agency: str,
    subject: str,
    at: datetime,
    data: Mapping[str, object],
    to: Sequence[str],
) -> None:
    from esign.registry.outbox_models import MessageRow, WebhookRow  # noqa: PLC0415  # late: mostly nobody listens

    values = {
        "id": f"msg_{secrets.token_hex(16)}",
        "agency": agency,
        "event": event.value,
        "subject": subject,
        "data": plain(data),
        "at": at,
    }
    message = session.execute(insert(MessageRow).values(values).returning(MessageRow.sequence)).scalar_one()
    session.execute(
        insert(WebhookRow),
        [
            {
                "message": message,
                "endpoint": id_,
                "subject": subject,
                "state": PENDING,
                "tries": 0,
                "next_at": at,
            }
            for id_ in to
        ],
    )
    leave_work(session)


def _issued(session: Session, intent: Intent, facts: Registration) -> dict[str, object]:
    told = {"sha256": facts.sha256, "size": facts.size, "level": facts.level.value}
    return _of_result(intent) | {"standing": _standing(session, intent).value} | told


def _of_result(intent: Intent) -> dict[str, object]:
    """What everybody may know who knows the code: no title and no subject, which may name a person."""
    metadata = intent.metadata
    code = metadata.result_code if metadata else None
    return {
        "id": str(intent.id),
        "result_code": str(code) if code else None,
        "dossier": str(metadata.dossier) if metadata and metadata.dossier else None,
        "agency": str(intent.agency),
        "kind": intent.kind.value,
        "main": str(intent.main) if intent.main else None,
        "number": str(intent.number) if intent.number else None,
        "date": intent.issue_date.isoformat(),
        "procedure": str(metadata.procedure) if metadata else None,
    }


def _standing(session: Session, intent: Intent) -> Standing:
    """An attachment stands as its main result stands, which may have changed before it was issued."""
    if intent.main is None:
        return Standing.IN_FORCE
    changes = select(StandingRow.standing).filter_by(result_id=str(intent.main))
    return session.scalar(changes.order_by(StandingRow.position.desc()).limit(1)) or Standing.IN_FORCE
