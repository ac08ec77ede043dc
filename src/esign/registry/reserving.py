"""Recording what was asked for, before anything is made: id, number, place in the status lists, request.

Many are recorded with the statements of one, in their order. Whoever asks again with the same idempotency key finds
what was recorded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import Row, Table, bindparam, insert, select
from sqlalchemy.orm import Session

from esign.codes import AgencyCode, ResultId
from esign.errors import InputError, RegistryError, RequestConflict
from esign.profile import VIETNAM, Numbering
from esign.registry import books, status
from esign.registry.audit import Actor, note
from esign.registry.intents import one, row, without_registration
from esign.registry.locking import alone, lock_row
from esign.registry.models import IntentRow
from esign.registry.steps import check_digest
from esign.registry.values import Intent, IntentKind, IntentState, NewIntent
from esign.registry.write_rows import write_rows

__all__ = ["reserve"]

_MAX_KEY = 255

_INTENT = cast("Table", IntentRow.__table__)
_BY_KEYS = select(_INTENT.c.idempotency_key, _INTENT.c.id, _INTENT.c.request_digest).where(
    _INTENT.c.idempotency_key.in_(bindparam("keys", expanding=True))
)
_RECORD = insert(_INTENT)
_SEQUENCES = select(_INTENT.c.id, _INTENT.c.sequence).where(_INTENT.c.id.in_(bindparam("ids", expanding=True)))
_BLANK = dict.fromkeys(_INTENT.c.keys())


def reserve(
    session: Session, asked: Sequence[NewIntent], *, at: datetime, by: Sequence[Actor | None] = ()
) -> list[Intent]:
    """Record what is `asked` for, or find what was recorded for its idempotency key; all of them, or none.

    Raises:
        InputError: `idempotency-key-invalid`, `digest-invalid`, an `intent-…` code, or `number-year-differs`.
        RequestConflict: `request-conflict`.
        DuplicateNumber: `number-taken`.
        NotRegistered: `not-registered`: there is no such main result.
        RegistryError: `main-unfit`.
    """
    for new in asked:
        _check(new)
    alone(session, "reserving")  # keys, numbers and places in the lists are free until somebody takes them
    found = session.connection().execute(_BY_KEYS, {"keys": [new.idempotency_key for new in asked]})
    known = {r.idempotency_key: (ResultId.parse(r.id), r.request_digest) for r in found}
    fresh: dict[str, _Fresh] = {}
    for new, who in zip(asked, by or [None] * len(asked), strict=True):
        if new.idempotency_key not in known:
            id, digest = ResultId.random(), new.request_digest  # noqa: A001
            known[new.idempotency_key] = id, digest
            fresh[new.idempotency_key] = _Fresh(new=new, id=id, issue_date=_issue_date(session, new, at), by=who)
        elif known[new.idempotency_key][1] != new.request_digest:
            raise RequestConflict("request-conflict", id=str(known[new.idempotency_key][0]))
    recorded = _record(session, list(fresh.values()), at=at) if fresh else {}
    ids = [known[new.idempotency_key][0] for new in asked]
    return [recorded.get(id) or one(session, id) for id in ids]  # noqa: A001


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fresh:
    """What nobody asked for before."""

    new: NewIntent
    id: ResultId
    issue_date: date
    by: Actor | None


def _record(session: Session, fresh: Sequence[_Fresh], *, at: datetime) -> dict[ResultId, Intent]:
    numbers, places = _numbers(session, fresh), _places(session, fresh, at)
    rows = [_row(f, at) | numbers[f.id] | {"status_number": places[f.id]} for f in fresh]
    connection = session.connection()
    write_rows(connection, _RECORD, rows)
    sequences = {r.id: r.sequence for r in connection.execute(_SEQUENCES, {"ids": [str(f.id) for f in fresh]})}
    recorded: dict[ResultId, Intent] = {}
    for f, written in zip(fresh, rows, strict=True):
        id, digest = str(f.id), f.new.request_digest  # noqa: A001
        note(session, "intent.reserved", at=at, agency=str(f.new.agency), object=id, digest=digest, by=f.by)
        # What an attachment prints stands in another row.
        recorded[f.id] = one(session, f.id) if f.new.main else _as_written(written | {"sequence": sequences[id]})
    return recorded


def _as_written(row: Mapping[str, Any]) -> Intent:
    """The entry whose row was just written, which nobody has to read again."""
    kept = {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row.items()}
    return without_registration(cast("Row[Any]", SimpleNamespace(**_BLANK | kept)))


def _issue_date(session: Session, new: NewIntent, at: datetime) -> date:
    if new.main is not None:
        return _main(session, new.main, new.agency).issue_date
    return new.issue_date or at.astimezone(VIETNAM).date()


def _numbers(session: Session, fresh: Sequence[_Fresh]) -> dict[ResultId, dict[str, Any]]:
    """The columns that say number and date."""
    blank = {"symbol": None, "with_year": False, "number": None, "number_source": None, "duplicate_of": None}
    found = {f.id: blank | {"issue_date": f.issue_date, "year": f.issue_date.year} for f in fresh}
    wanted = [
        books.Wanted(
            id=f.id,
            agency=str(f.new.agency),
            number=f.new.number,
            issue_date=f.issue_date,
            duplicates=f.new.duplicates,
        )
        for f in fresh
        if f.new.number is not None
    ]
    if wanted:
        chosen = books.choose(session, wanted)
        found |= {w.id: given.columns for w, given in zip(wanted, chosen, strict=True)}
    return found


def _places(session: Session, fresh: Sequence[_Fresh], at: datetime) -> dict[ResultId, int]:
    """Places in the status lists."""
    found: dict[ResultId, int] = {}
    for allow_list in sorted({f.new.allow_list for f in fresh}):
        ids = [f.id for f in fresh if f.new.allow_list is allow_list]
        found |= zip(ids, status.status_numbers(session, len(ids), at, allow_list=allow_list), strict=True)
    return found


def _row(fresh: _Fresh, at: datetime) -> dict[str, Any]:
    new, metadata = fresh.new, fresh.new.metadata
    return {
        "id": str(fresh.id),
        "state": IntentState.RESERVED,
        "kind": new.kind,
        "agency": str(new.agency),
        "main": str(new.main) if new.main else None,
        "person": new.person,
        "idempotency_key": new.idempotency_key,
        "request_digest": new.request_digest,
        "profile": new.profile,
        "procedure": str(metadata.procedure) if metadata else None,
        "title": metadata.title if metadata else "",
        "subject": metadata.subject if metadata else "",
        "dossier": str(metadata.dossier) if metadata and metadata.dossier else None,
        "ordinal": metadata.ordinal if metadata else 1,
        "expires": metadata.expires if metadata else None,
        "masked_holder": new.masked_holder,
        "numbering": new.numbering,
        "reserved_at": at,
        "void_why": "",
    }


def _check(new: NewIntent) -> None:
    if not 1 <= len(new.idempotency_key) <= _MAX_KEY:
        raise InputError("idempotency-key-invalid", length=len(new.idempotency_key), limit=_MAX_KEY)
    check_digest(new.request_digest)
    late = new.numbering is Numbering.AT_RELEASE
    if late and new.kind is not IntentKind.RESULT:
        raise InputError("intent-numbering-unexpected", kind=new.kind.word)
    if late and new.number is not None:
        raise InputError("intent-number-early")
    if new.kind is IntentKind.RESULT and new.number is None and not late:
        raise InputError("intent-number-missing")
    if new.kind in {IntentKind.SIGNATURE, IntentKind.ATTACHMENT} and new.number is not None:
        raise InputError("intent-number-unexpected")
    if new.kind is IntentKind.ATTACHMENT and new.main is None:
        raise InputError("intent-main-missing")
    if new.kind is not IntentKind.ATTACHMENT and new.main is not None:
        raise InputError("intent-main-unexpected", kind=new.kind.word)


def _main(session: Session, id: ResultId, agency: AgencyCode) -> IntentRow:  # noqa: A002
    """The result that something is to be attached to; it is not given up in between."""
    lock_row(session, id, against_change=True)
    main = row(session, id)
    if main.kind is not IntentKind.RESULT or main.agency != str(agency) or main.state is IntentState.VOID:
        raise RegistryError("main-unfit", main=main.id, kind=main.kind.word, agency=main.agency, state=main.state.word)
    return main
