"""The life of an intent: recorded, signed by the person, signed by the agency, issued, or void.

The states and why they are these: docs/adr/0003-intents.md.

Each step is a compare-and-set: it happens once, and only from the state before it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Table, bindparam, exists, func, insert, or_, select, update
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.dml import ReturningUpdate

from esign.codes import AgencyCode, DocumentNumber, DossierCode, ProcedureCode, ResultId
from esign.document import ResultMetadata, SignerRole
from esign.errors import InputError, NotRegistered, RegistryError, RequestConflict
from esign.profile import VIETNAM, Numbering
from esign.reasons import Reason
from esign.registry import books, events, status, versions
from esign.registry.audit import note
from esign.registry.locking import alone, lock_row
from esign.registry.models import DeliveryRow, IntentRow, IssuedRow, SignerRow
from esign.registry.plain import plain
from esign.registry.values import (
    Delivery,
    Intent,
    IntentKind,
    IntentState,
    NewIntent,
    Page,
    Registration,
    SignerCertificate,
    aware,
)

__all__ = [
    "as_intent",
    "attachments",
    "deliver",
    "deliveries",
    "is_unfinished",
    "issue",
    "listing",
    "prepare",
    "reserve",
    "row",
    "step",
    "unfinished",
    "void",
    "waiting",
]

_FOR_CODE = (IntentState.RESERVED, IntentState.PREPARED, IntentState.SIGNED)
_FOR_PEOPLE = (IntentState.AWAITING, IntentState.APPROVED)
_MAX_KEY = 255

# Statements on columns: a row that is loaded whole, with all that belongs to it, costs ten times as much.
_INTENT = cast("Table", IntentRow.__table__)
_BY_ID = select(_INTENT).where(_INTENT.c.id == bindparam("this"))
_BY_KEY = select(_INTENT.c.id, _INTENT.c.request_digest).where(_INTENT.c.idempotency_key == bindparam("key"))
_RECORD = insert(_INTENT).returning(_INTENT)
_ISSUE = insert(cast("Table", IssuedRow.__table__))
_SIGNERS = insert(cast("Table", SignerRow.__table__))
_DELIVERED = update(_INTENT).where(_INTENT.c.id == bindparam("this"))
_DELIVERIES = select(func.count()).select_from(DeliveryRow).where(DeliveryRow.result_id == bindparam("id"))
_DELIVER = insert(cast("Table", DeliveryRow.__table__))


def reserve(session: Session, new: NewIntent, *, at: datetime) -> Intent:
    """Record `new`, or find what was recorded for its idempotency key.

    Raises:
        InputError: `idempotency-key-invalid`, `digest-invalid`, an `intent-…` code, or `number-year-differs`.
        RequestConflict: `request-conflict`.
        DuplicateNumber: `number-taken`.
        NotRegistered: `not-registered`: there is no such main result.
        RegistryError: `main-unfit`.
    """
    _check(new)
    alone(session, "reserving")  # keys, numbers and places in the lists are free until somebody takes them
    known = session.connection().execute(_BY_KEY, {"key": new.idempotency_key}).one_or_none()
    if known is not None:
        if known.request_digest != new.request_digest:
            raise RequestConflict("request-conflict", id=known.id)
        return as_intent(row(session, ResultId.parse(known.id)))
    issue_date = new.issue_date or at.astimezone(VIETNAM).date()
    if new.main is not None:
        issue_date = _main(session, new.main, new.agency).issue_date
    numbered: dict[str, object] = {"issue_date": issue_date, "year": issue_date.year, "with_year": False}
    if new.number is not None:
        numbered = books.choose(
            session, new.number, agency=str(new.agency), issue_date=issue_date, duplicates=new.duplicates
        )
    metadata = new.metadata
    values: dict[str, object] = {
        "id": str(ResultId.random()),
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
        **numbered,
        "status_number": status.status_number(session, at, allow_list=new.allow_list),
        "reserved_at": at,
        "void_why": "",
    }
    recorded = session.connection().execute(_RECORD, values).one()
    note(
        session,
        "intent.reserved",
        at=at,
        agency=str(new.agency),
        object=values["id"],
        digest=new.request_digest,
    )
    return as_intent(row(session, ResultId.parse(recorded.id))) if new.main else _as_intent(recorded)


def _check(new: NewIntent) -> None:
    if not 1 <= len(new.idempotency_key) <= _MAX_KEY:
        raise InputError("idempotency-key-invalid", length=len(new.idempotency_key), limit=_MAX_KEY)
    _check_digest(new.request_digest)
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


def _check_digest(*digests: str | None) -> None:
    for digest in digests:
        if digest is not None and (len(digest) != 64 or not set(digest) <= set("0123456789abcdef")):
            raise InputError("digest-invalid", length=len(digest))


def step(
    session: Session,
    id: ResultId,  # noqa: A002  # the register's word
    *,
    expected: tuple[IntentState, ...],
    to: IntentState,
    values: Mapping[str, object],
) -> Intent:
    """Go from one of the `expected` states to `to`, if nobody was faster.

    Raises:
        NotRegistered: `not-registered`.
        RegistryError: `intent-state`: it is in another state.
    """
    _check_digest(*(str(v) for k, v in values.items() if k.endswith("sha256") and v is not None))
    session.flush()
    new = {f"new_{name}": value for name, value in values.items()}
    changed = session.connection().execute(_change(expected, to, tuple(values)), {"this": str(id), **new})
    found = changed.one_or_none()
    session.expire_all()
    if found is None:
        stands = row(session, id)
        raise RegistryError("intent-state", id=str(id), expected=_either(expected), found=stands.state.word)
    now_is = as_intent(row(session, id)) if found.main else _as_intent(found)
    _note_step(session, now_is, values)
    return now_is


@lru_cache(maxsize=64)
def _change(expected: tuple[IntentState, ...], to: IntentState, names: tuple[str, ...]) -> ReturningUpdate[Any]:
    """The statement of one kind of step; SQLAlchemy takes longer to put it together than SQLite to run it."""
    columns = _INTENT.c
    return (
        update(_INTENT)
        .where(columns.id == bindparam("this"), or_(*(columns.state == state for state in expected)))
        .values(state=to, **{name: bindparam(f"new_{name}", type_=columns[name].type) for name in names})
        .returning(_INTENT)
    )


# What each state says when it was reached, and about which bytes.
_RECORDS = {
    IntentState.AWAITING: ("awaiting_at", "person_prepared_sha256"),
    IntentState.APPROVED: ("approved_at", "approved_sha256"),
    IntentState.PREPARED: ("prepared_at", "prepared_sha256"),
    IntentState.SIGNED: ("signed_at", "signed_sha256"),
    IntentState.ISSUED: ("issued_at", "signed_sha256"),
    IntentState.VOID: ("voided_at", "request_digest"),
}


def _note_step(session: Session, now_is: Intent, values: Mapping[str, object]) -> None:
    when, which = _RECORDS[now_is.state]
    numbered = now_is.numbered_at if "numbered_at" in values else None
    note(
        session,
        "intent.numbered" if numbered else f"intent.{now_is.state.value}",
        at=numbered or getattr(now_is, when),
        agency=str(now_is.agency),
        object=now_is.id,
        digest=getattr(now_is, which),
    )


def _either(states: tuple[IntentState, ...]) -> Reason:
    first, *others = states
    return Reason("either", {"one": first.word, "other": _either(tuple(others))}) if others else first.word


def prepare(session: Session, id: ResultId, values: Mapping[str, object]) -> Intent:  # noqa: A002
    """Go to PREPARED: from APPROVED, or from RESERVED where no person signs first.

    Raises:
        NotRegistered: `not-registered`.
        RegistryError: `intent-state`, `intent-not-numbered` or `main-not-numbered`.
    """
    found = _columns(session, id)
    before = (IntentState.APPROVED,) if found.person else (IntentState.RESERVED, IntentState.APPROVED)
    if found.state in before:
        if found.numbering is Numbering.AT_RELEASE and found.number is None:
            raise RegistryError("intent-not-numbered", id=str(id))
        if found.main is not None and _columns(session, ResultId.parse(found.main)).number is None:
            raise RegistryError("main-not-numbered", id=str(id), main=found.main)
    return step(session, id, expected=before, to=IntentState.PREPARED, values=values)


def issue(session: Session, id: ResultId, facts: Registration, *, at: datetime) -> Intent:  # noqa: A002
    """Register the signed file; after this commits it may be handed out.

    Raises:
        NotRegistered: `not-registered`.
        RegistryError: `intent-state`, `file-already-registered`, `registration-signers` or `main-not-issued`.
    """
    _check_digest(facts.sha256, facts.seal_token_sha256, *(s.sha256 for s in facts.signers))
    found = _columns(session, id)
    alone(session, f"file {facts.sha256}")
    if found.main is not None:
        lock_row(session, found.main, against_change=True)  # its standing is not changed in between
    lock_row(session, id)
    if found.state is not IntentState.SIGNED:
        raise RegistryError("intent-state", id=str(id), expected=IntentState.SIGNED.word, found=found.state.word)
    same = versions.known_as(session, facts.sha256)
    if same is not None:
        raise RegistryError("file-already-registered", id=str(id), other=same)
    main = _columns(session, ResultId.parse(found.main)) if found.main is not None else None
    if main is not None and main.state is not IntentState.ISSUED:
        raise RegistryError("main-not-issued", id=str(id), main=main.id, state=main.state.word)
    _check_signers(found, facts.signers)
    session.connection().execute(
        _ISSUE,
        {
            "id": str(id),
            "sha256": facts.sha256,
            "size": facts.size,
            "signing_time": facts.signing_time,
            "level": facts.level,
            "mechanism": facts.mechanism,
            "pages": facts.pages,
            "seal_token_sha256": facts.seal_token_sha256,
            "profile": facts.profile,
            "fonts": list(facts.fonts),
            "notices": [{"code": n.code, "facts": plain(n.facts)} for n in facts.notices],
        },
    )
    signers = [
        {
            "result_id": str(id),
            "position": position,
            "certificate_sha256": signer.sha256,
            "issuer": signer.issuer,
            "serial": signer.serial,
            "role": signer.role,
        }
        for position, signer in enumerate(facts.signers)
    ]
    session.connection().execute(_SIGNERS, signers)
    if facts.upgrade is not None:
        versions.promise(session, id, facts.upgrade)
    status.mark_issued(session, found, main=main)
    events.result_issued(session, found, facts, at=at)
    issued = step(session, id, expected=(IntentState.SIGNED,), to=IntentState.ISSUED, values={"issued_at": at})
    stored = replace(facts, notices=tuple(Reason(n.code, plain(n.facts)) for n in facts.notices))
    return replace(issued, registration=stored)


def _check_signers(found: IntentRow, signers: tuple[SignerCertificate, ...]) -> None:
    """The person before the agency (ND30 Đ.32.2.d); both, where the register saw the person's signature."""
    roles = [s.role for s in signers]
    complete = found.approved_at is None or set(roles) == set(SignerRole)
    if not complete or roles != sorted(roles, key=list(SignerRole).index):
        raise RegistryError("registration-signers", id=found.id, found=", ".join(r.value for r in roles))


def void(session: Session, id: ResultId, *, reason: Reason, why: str, at: datetime) -> Intent:  # noqa: A002
    """Give up; the number, the status number and the idempotency key stay taken for ever.

    What is attached goes with it: none of that can be issued, because its main result is not.
    """
    given_up = _give_up(session, id, reason=reason, why=why, at=at)
    attached = [a for a in attachments(session, id) if not a.state.final]
    for each in attached:
        _give_up(session, each.id, reason=Reason("main-void", {"main": str(id)}), why=why, at=at)
    status.mark(session, *(row(session, each.id) for each in (given_up, *attached)))
    return given_up


def _give_up(session: Session, id: ResultId, *, reason: Reason, why: str, at: datetime) -> Intent:  # noqa: A002
    values = {"voided_at": at, "void_code": reason.code, "void_facts": plain(reason.facts), "void_why": why}
    return step(session, id, expected=(*_FOR_CODE, *_FOR_PEOPLE), to=IntentState.VOID, values=values)


def deliver(session: Session, id: ResultId, *, at: datetime, where: str) -> None:  # noqa: A002
    """Record that the file reached `where`; several places are several entries.

    Raises:
        NotRegistered: `not-registered`.
        RegistryError: `intent-state`: it is not ISSUED.
    """
    lock_row(session, id)
    found = _columns(session, id)
    if found.state is not IntentState.ISSUED:
        raise RegistryError("intent-state", id=str(id), expected=IntentState.ISSUED.word, found=found.state.word)
    connection = session.connection()
    if found.delivered_at is None:
        connection.execute(_DELIVERED, {"this": str(id), "delivered_at": at})
    position = connection.execute(_DELIVERIES, {"id": str(id)}).scalar_one()
    connection.execute(_DELIVER, {"result_id": str(id), "position": position, "at": at, "where": where})
    versions.delivered(session, id, at=at)
    note(session, "intent.delivered", at=at, agency=found.agency, object=id)
    session.expire_all()


def deliveries(session: Session, id: ResultId) -> tuple[Delivery, ...]:  # noqa: A002
    """Where the file went, in order."""
    rows = session.scalars(select(DeliveryRow).filter_by(result_id=str(id)).order_by(DeliveryRow.position))
    return tuple(Delivery(at=r.at, where=r.where) for r in rows)


def unfinished(session: Session) -> tuple[Intent, ...]:
    """What code can go on with, in the order in which it was recorded."""
    return _in_order(session, is_unfinished())


def is_unfinished() -> ColumnElement[bool]:
    """Whether code can go on with it, without people."""
    return or_(
        IntentRow.state.in_(_FOR_CODE) & ~_main_waits(),
        (IntentRow.state == IntentState.ISSUED) & IntentRow.delivered_at.is_(None),
    )


def waiting(session: Session, *, agency: AgencyCode | None, expired_at: datetime | None) -> tuple[Intent, ...]:
    """What waits for people, in the order in which it was recorded."""
    wanted: ColumnElement[bool]
    if expired_at is not None:
        wanted = (IntentRow.state == IntentState.AWAITING) & (IntentRow.expires_at <= aware(expired_at))
    else:
        wanted = or_(IntentRow.state.in_(_FOR_PEOPLE), IntentRow.state.in_(_FOR_CODE) & _main_waits())
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
    return exists().where(main.id == IntentRow.main, main.state.in_(_FOR_PEOPLE))


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


def _columns(session: Session, id: ResultId) -> IntentRow:  # noqa: A002
    """The columns of a row as they stand, without what belongs to it: much cheaper than the row itself.

    Raises:
        NotRegistered: `not-registered`.
    """
    found = session.connection().execute(_BY_ID, {"this": str(id)}).one_or_none()
    if found is None:
        raise NotRegistered("not-registered", id=str(id))
    return cast("IntentRow", found)


def as_intent(r: IntentRow) -> Intent:
    """The value of a row."""
    # An attachment prints the number and the date of its main result, which may get them later than it was recorded.
    return _as_intent(r, printed=r.main_row, issued=r.issued)


def _as_intent(r: IntentRow | Row[Any], *, printed: IntentRow | None = None, issued: IssuedRow | None = None) -> Intent:
    """From the columns of a row, those that it prints, and what was issued."""
    printed, number = printed or cast("IntentRow", r), None
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
        later=tuple(map(versions.as_version, issued.versions)) if issued else (),
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
        upgrade=versions.as_upgrade(r.upgrade) if r.upgrade else None,
    )
