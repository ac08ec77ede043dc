"""What happens and is told to others: written in the transaction of the change itself, or not at all.

Each function here is called inside that transaction. An event that nobody listens to leaves nothing behind.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Final, Protocol

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from esign.codes import DossierCode, ResultCode
from esign.document import Standing, StandingChange
from esign.registry.models import IntentRow, StandingRow
from esign.registry.plain import plain
from esign.registry.values import FileVersion, Registration
from esign.registry.waking import leave_work
from esign.registry.work_models import BatchRow, EndpointRow, MessageRow, WebhookRow

__all__ = ["PENDING", "Event", "batch_finished", "result_issued", "standing_changed", "version_added"]

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


class _Known(Protocol):
    """A row of an intent, as much of it as everybody who calls has read."""

    @property
    def id(self) -> str: ...
    @property
    def agency(self) -> str: ...


def result_issued(session: Session, found: _Known, facts: Registration, *, at: datetime) -> None:
    """A result is registered."""
    told = {"sha256": facts.sha256, "size": facts.size, "level": facts.level.value}
    _tell(
        session,
        Event.ISSUED,
        found.agency,
        found.id,
        at,
        lambda: _issued(session, found.id) | told,
    )


def standing_changed(session: Session, found: _Known, new: StandingChange, *, at: datetime) -> None:
    """A result, or the main result of an attachment, stands otherwise."""
    told = {
        "standing": new.standing.value,
        "since": new.at.isoformat(),
        "other": str(new.other) if new.other else None,
    }
    _tell(session, Event.STANDING, found.agency, found.id, at, lambda: _of_result(_row(session, found.id)) | told)


def version_added(session: Session, found: _Known, version: FileVersion, *, number: int, at: datetime) -> None:
    """A file grew."""
    told = {"version": number, "sha256": version.sha256, "size": version.size, "level": version.level.value}
    _tell(session, Event.VERSION, found.agency, found.id, at, lambda: _of_result(_row(session, found.id)) | told)


def batch_finished(session: Session, batch: BatchRow, rows: Mapping[str, int], *, at: datetime) -> None:
    """Nothing of a batch is left to do."""
    told = {"id": batch.id, "agency": batch.agency, "root": batch.root, "size": batch.size, "rows": rows}
    _tell(session, Event.BATCH, batch.agency, batch.id, at, lambda: told)


def _tell(
    session: Session, event: Event, agency: str, subject: str, at: datetime, data: Callable[[], Mapping[str, object]]
) -> None:
    """One message for all who listen; nothing where nobody does."""
    listening = session.execute(
        select(EndpointRow.id, EndpointRow.events).filter_by(agency=agency).order_by(EndpointRow.id)
    )
    to = [id_ for id_, events in listening if event.value in events]
    if not to:
        return
    values = {
        "id": f"msg_{secrets.token_hex(16)}",
        "agency": agency,
        "event": event.value,
        "subject": subject,
        "data": plain(data()),
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


def _row(session: Session, id: str) -> IntentRow:  # noqa: A002  # the register's word
    return session.scalars(select(IntentRow).filter_by(id=id)).one()


def _issued(session: Session, id: str) -> dict[str, object]:  # noqa: A002
    found = _row(session, id)
    return _of_result(found) | {"standing": _standing(session, found).value}


def _of_result(found: IntentRow) -> dict[str, object]:
    """What everybody may know who knows the code: no title and no subject, which may name a person."""
    printed = found.main_row or found
    number = None
    if printed.number is not None:
        year = f"/{printed.year}" if printed.with_year else ""
        number = f"{printed.number:02}{year}/{printed.symbol}"
    return {
        "id": found.id,
        "result_code": str(ResultCode(DossierCode(found.dossier), found.ordinal)) if found.dossier else None,
        "dossier": found.dossier,
        "agency": found.agency,
        "kind": found.kind.value,
        "main": found.main,
        "number": number,
        "date": printed.issue_date.isoformat(),
        "procedure": found.procedure,
    }


def _standing(session: Session, found: IntentRow) -> Standing:
    """An attachment stands as its main result stands, which may have changed before it was issued."""
    if found.main is None:
        return Standing.IN_FORCE
    last = select(StandingRow.standing).filter_by(result_id=found.main).order_by(StandingRow.position.desc()).limit(1)
    return session.scalar(last) or Standing.IN_FORCE
