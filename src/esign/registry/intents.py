"""The entries of the register as they stand: rows become values here, and are found here.

What becomes of an entry stands elsewhere: `reserving` records it, `steps` and `issuing` take it on.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Table, bindparam, exists, or_, select
from sqlalchemy.orm import Session, aliased

from esign.codes import AgencyCode, DocumentNumber, DossierCode, ProcedureCode, ResultId
from esign.document import ResultMetadata
from esign.errors import NotRegistered
from esign.reasons import Reason
from esign.registry.models import DeliveryRow, IntentRow, IssuedRow, UpgradeRow, VersionRow
from esign.registry.registration import FileVersion, Registration, SignerCertificate, Upgrade
from esign.registry.values import FOR_CODE, FOR_PEOPLE, Delivery, Intent, IntentState, Page, aware

__all__ = [
    "accepted",
    "as_intent",
    "attachments",
    "deliveries",
    "is_unfinished",
    "listing",
    "one",
    "row",
    "unfinished",
    "waiting",
    "without_registration",
]

_INTENT = cast("Table", IntentRow.__table__)
_BY_ID = select(_INTENT).where(_INTENT.c.id == bindparam("this"))


def deliveries(session: Session, id: ResultId) -> tuple[Delivery, ...]:  # noqa: A002
    """Where the file went, in order."""
    rows = session.scalars(select(DeliveryRow).filter_by(result_id=str(id)).order_by(DeliveryRow.position))
    return tuple(Delivery(at=r.at, where=r.where) for r in rows)


def accepted(session: Session, ids: Sequence[str]) -> tuple[Intent, ...]:
    """Those of `ids` that are RESERVED, with neither a person nor a main result before them, as they were recorded."""
    i = _INTENT.c
    query = select(_INTENT).where(i.id.in_(ids), i.state == IntentState.RESERVED, i.person.is_(False), i.main.is_(None))
    return tuple(map(without_registration, session.connection().execute(query.order_by(i.sequence))))


def unfinished(session: Session) -> tuple[Intent, ...]:
    """What code can go on with, in the order in which it was recorded."""
    return _in_order(session, is_unfinished())


def is_unfinished() -> ColumnElement[bool]:
    """Whether code can go on with it, without people."""
    return or_(
        IntentRow.state.in_(FOR_CODE) & ~_main_waits(),
        (IntentRow.state == IntentState.ISSUED) & IntentRow.delivered_at.is_(None),
    )


def waiting(session: Session, *, agency: AgencyCode | None, expired_at: datetime | None) -> tuple[Intent, ...]:
    """What waits for people, in the order in which it was recorded."""
    wanted: ColumnElement[bool]
    if expired_at is not None:
        wanted = (IntentRow.state == IntentState.AWAITING) & (IntentRow.expires_at <= aware(expired_at))
    else:
        wanted = or_(IntentRow.state.in_(FOR_PEOPLE), IntentRow.state.in_(FOR_CODE) & _main_waits())
    if agency is not None:
        wanted &= IntentRow.agency == str(agency)
    return _in_order(session, wanted)


def attachments(session: Session, id: ResultId) -> tuple[Intent, ...]:  # noqa: A002
    """What is attached to the result `id`, VOID ones too, in the order in which it was recorded.

    Raises:
        NotRegistered: `not-registered`.
    """
    row(session, id)
    return _in_order(session, IntentRow.main == str(id))


def _main_waits() -> ColumnElement[bool]:
    """Whether it is attached to a result that waits for people."""
    main = aliased(IntentRow)
    return exists().where(main.id == IntentRow.main, main.state.in_(FOR_PEOPLE))


def _in_order(session: Session, which: ColumnElement[bool]) -> tuple[Intent, ...]:
    return tuple(map(as_intent, session.scalars(select(IntentRow).where(which).order_by(IntentRow.sequence))))


def listing(
    session: Session,
    *,
    agency: AgencyCode | None,
    states: tuple[IntentState, ...],
    dossier: DossierCode | None,
    after: ResultId | None,
    limit: int,
) -> Page:
    """A page of the register, newest first; entries that arrive in between do not shift it."""
    query = select(IntentRow).order_by(IntentRow.sequence.desc()).limit(limit + 1)
    if agency is not None:
        query = query.where(IntentRow.agency == str(agency))
    if states:
        query = query.where(IntentRow.state.in_(states))
    if dossier is not None:
        query = query.where(IntentRow.dossier == str(dossier))
    if after is not None:
        query = query.where(IntentRow.sequence < row(session, after).sequence)
    found = [as_intent(r) for r in session.scalars(query)]
    page = tuple(found[:limit])
    return Page(entries=page, next=page[-1].id if len(found) > limit else None)


def row(session: Session, id: ResultId) -> IntentRow:  # noqa: A002
    """The row of `id`.

    Raises:
        NotRegistered: `not-registered`.
    """
    found = session.scalar(select(IntentRow).filter_by(id=str(id)))
    if found is None:
        raise NotRegistered("not-registered", id=str(id))
    return found


def one(session: Session, id: ResultId) -> Intent:  # noqa: A002
    """The entry `id`. Of most that are on their way the columns are all there is to read.

    Raises:
        NotRegistered: `not-registered`.
    """
    found = session.connection().execute(_BY_ID, {"this": str(id)}).one_or_none()
    if found is None:
        raise NotRegistered("not-registered", id=str(id))
    whole = found.main is None and found.state is not IntentState.ISSUED
    return without_registration(found) if whole else as_intent(row(session, id))


def as_intent(r: IntentRow) -> Intent:
    """The value of a row."""
    # An attachment prints the number and the date of its main result, which may get them later than it was recorded.
    return _as_intent(r, printed=r.main_row or r, issued=r.issued)


def without_registration(found: Row[Any]) -> Intent:
    """The value of the columns of a row that nothing else belongs to: it is no attachment, and not issued."""
    r = cast("IntentRow", found)
    return _as_intent(r, printed=r, issued=None)


def _as_intent(r: IntentRow, *, printed: IntentRow, issued: IssuedRow | None) -> Intent:
    """From the columns of a row, those that it prints, and what was issued."""
    number = None
    if printed.number is not None and printed.symbol is not None:
        number = DocumentNumber(printed.number, printed.year if printed.with_year else None, printed.symbol)
    metadata = None
    if r.procedure is not None:
        metadata = ResultMetadata(
            procedure=ProcedureCode(r.procedure),
            title=r.title,
            subject=r.subject,
            dossier=DossierCode(r.dossier) if r.dossier else None,
            ordinal=r.ordinal,
            expires=r.expires,
        )
    return Intent(
        id=ResultId.parse(r.id),
        sequence=r.sequence,
        state=r.state,
        kind=r.kind,
        agency=AgencyCode(r.agency),
        main=ResultId.parse(r.main) if r.main else None,
        person=r.person,
        idempotency_key=r.idempotency_key,
        request_digest=r.request_digest,
        profile=r.profile,
        metadata=metadata,
        masked_holder=r.masked_holder,
        number=number,
        numbering=r.numbering,
        number_source=r.number_source,
        duplicate_of=ResultId.parse(r.duplicate_of) if r.duplicate_of else None,
        issue_date=printed.issue_date,
        status_number=r.status_number,
        reserved_at=r.reserved_at,
        awaiting_at=r.awaiting_at,
        person_prepared_sha256=r.person_prepared_sha256,
        person_to_be_signed_sha256=r.person_to_be_signed_sha256,
        person_signing_time=r.person_signing_time,
        expires_at=r.expires_at,
        approved_at=r.approved_at,
        approved_sha256=r.approved_sha256,
        numbered_at=r.numbered_at,
        prepared_at=r.prepared_at,
        prepared_sha256=r.prepared_sha256,
        to_be_signed_sha256=r.to_be_signed_sha256,
        signing_time=r.signing_time,
        signed_at=r.signed_at,
        signed_sha256=r.signed_sha256,
        issued_at=r.issued_at,
        delivered_at=r.delivered_at,
        voided_at=r.voided_at,
        void_reason=Reason(r.void_code, r.void_facts or {}) if r.void_code else None,
        void_why=r.void_why,
        registration=_registration(issued) if issued else None,
        later=tuple(map(_as_version, issued.versions)) if issued else (),
    )


def _registration(r: IssuedRow) -> Registration:
    return Registration(
        sha256=r.sha256,
        size=r.size,
        signers=tuple(
            SignerCertificate(sha256=s.certificate_sha256, issuer=s.issuer, serial=s.serial, role=s.role)
            for s in r.signers
        ),
        signing_time=r.signing_time,
        level=r.level,
        mechanism=r.mechanism,
        pages=r.pages,
        seal_token_sha256=r.seal_token_sha256,
        fonts=tuple(r.fonts),
        profile=r.profile,
        notices=tuple(Reason(str(n["code"]), cast("dict[str, object]", n["facts"])) for n in r.notices),
        upgrade=_as_upgrade(r.upgrade) if r.upgrade else None,
    )


def _as_version(r: VersionRow) -> FileVersion:
    """The value of a row."""
    return FileVersion(
        position=r.position,
        sha256=r.sha256,
        size=r.size,
        level=r.level,
        at=r.at,
        notices=tuple(Reason(str(n["code"]), cast("Mapping[str, object]", n["facts"])) for n in r.notices),
        delivered_at=r.delivered_at,
    )


def _as_upgrade(r: UpgradeRow) -> Upgrade:
    """The value of a row."""
    return Upgrade(
        level=r.level,
        due=r.due,
        alarm=r.alarm,
        tries=r.tries,
        tried_at=r.tried_at,
        problem=Reason(r.problem_code, r.problem_facts or {}) if r.problem_code else None,
        done_at=r.done_at,
    )
