"""The life of an intent: recorded first, then prepared, signed and issued, or void (docs/adr/0003-intents.md).

Each step is a compare-and-set: it happens once, and only from the state before it.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import cast

from sqlalchemy import CursorResult, func, insert, or_, select, update
from sqlalchemy.orm import Session

from esign.codes import AgencyCode, DocumentNumber, DossierCode, ProcedureCode, ResultId
from esign.document import ResultMetadata
from esign.errors import InputError, NotRegistered, RegistryError, RequestConflict
from esign.profile import VIETNAM
from esign.reasons import Reason
from esign.registry import books
from esign.registry.models import DeliveryRow, IntentRow, IssuedRow, SignerRow
from esign.registry.values import (
    Delivery,
    Intent,
    IntentKind,
    IntentState,
    NewIntent,
    NextNumber,
    NumberSource,
    Page,
    Registration,
    SignerCertificate,
)

__all__ = ["as_intent", "deliver", "deliveries", "issue", "listing", "reserve", "row", "step", "unfinished"]

# Việt Nam has had one offset since 1975 and no summer time; the zone database is not on every Windows machine.
_UNFINISHED = (IntentState.RESERVED, IntentState.PREPARED, IntentState.SIGNED)
_MAX_KEY = 255


def reserve(session: Session, new: NewIntent, *, at: datetime) -> Intent:
    """Record `new`, or find what was recorded for its idempotency key.

    Raises:
        InputError: `idempotency-key-invalid`, `digest-invalid`, `intent-number-missing`,
            `intent-number-unexpected` or `number-year-differs`.
        RequestConflict: `request-conflict`.
        DuplicateNumber: `number-taken`.
    """
    _check(new)
    known = session.scalar(select(IntentRow).filter_by(idempotency_key=new.idempotency_key))
    if known is not None:
        if known.request_digest != new.request_digest:
            raise RequestConflict("request-conflict", id=known.id)
        return as_intent(known)
    issue_date = new.issue_date or at.astimezone(VIETNAM).date()
    number, source, duplicate_of = _number(session, new, issue_date)
    metadata = new.metadata
    values: dict[str, object] = {
        "id": str(ResultId.random()),
        "state": IntentState.RESERVED,
        "kind": new.kind,
        "agency": str(new.agency),
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
        "issue_date": issue_date,
        "year": issue_date.year,
        "symbol": number.symbol if number else None,
        "with_year": number is not None and number.year is not None,
        "number": number.number if number else None,
        "number_source": source,
        "duplicate_of": str(duplicate_of) if duplicate_of else None,
        "status_number": books.status_number(session, at),
        "reserved_at": at,
        "void_why": "",
    }
    session.execute(insert(IntentRow).values(values))
    return as_intent(session.scalars(select(IntentRow).filter_by(id=values["id"])).one())


def _check(new: NewIntent) -> None:
    if not 1 <= len(new.idempotency_key) <= _MAX_KEY:
        raise InputError("idempotency-key-invalid", length=len(new.idempotency_key), limit=_MAX_KEY)
    _check_digest(new.request_digest)
    if new.kind is IntentKind.RESULT and new.number is None:
        raise InputError("intent-number-missing")
    if new.kind is IntentKind.SIGNATURE and new.number is not None:
        raise InputError("intent-number-unexpected")


def _check_digest(*digests: str | None) -> None:
    for digest in digests:
        if digest is not None and (len(digest) != 64 or not set(digest) <= set("0123456789abcdef")):
            raise InputError("digest-invalid", length=len(digest))


def _number(
    session: Session, new: NewIntent, issue_date: date
) -> tuple[DocumentNumber | None, NumberSource | None, ResultId | None]:
    agency, year = str(new.agency), issue_date.year
    match new.number:
        case None:
            return None, None, None
        case NextNumber(symbol=symbol, with_year=with_year):
            # Refuses a symbol that no number could have, before the book counts it.
            DocumentNumber(1, None, symbol)
            return books.take(session, (agency, year, symbol, with_year)), NumberSource.BOOK, None
        case DocumentNumber() as given:
            if given.year is not None and given.year != year:
                raise InputError("number-year-differs", number=str(given), year=year)
            key = (agency, year, given.symbol, given.year is not None)
            return given, NumberSource.GIVEN, books.give(session, key, given, new.duplicates)


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
    changed = cast(
        "CursorResult[object]",
        session.execute(
            update(IntentRow)
            .where(IntentRow.id == str(id), IntentRow.state.in_(expected))
            .values(state=to, **values)
            .execution_options(synchronize_session=False)
        ),
    )
    session.expire_all()
    found = row(session, id)
    if changed.rowcount != 1:
        raise RegistryError(
            "intent-state",
            id=str(id),
            expected=" | ".join(s.value for s in expected),
            found=found.state.value,
        )
    return as_intent(found)


def issue(session: Session, id: ResultId, facts: Registration, *, at: datetime) -> Intent:  # noqa: A002
    """Register the signed file; after this commits it may be handed out.

    Raises:
        NotRegistered: `not-registered`.
        RegistryError: `intent-state`, or `file-already-registered`.
    """
    _check_digest(facts.sha256, facts.seal_token_sha256, *(s.sha256 for s in facts.signers))
    found = row(session, id)
    if found.state is not IntentState.SIGNED:
        raise RegistryError("intent-state", id=str(id), expected="signed", found=found.state.value)
    same = session.scalar(select(IssuedRow.id).filter_by(sha256=facts.sha256))
    if same is not None:
        raise RegistryError("file-already-registered", id=str(id), other=same)
    session.execute(
        insert(IssuedRow).values(
            id=str(id),
            sha256=facts.sha256,
            size=facts.size,
            signing_time=facts.signing_time,
            level=facts.level,
            mechanism=facts.mechanism,
            pages=facts.pages,
            seal_token_sha256=facts.seal_token_sha256,
            profile=facts.profile,
            fonts=list(facts.fonts),
            notices=[{"code": n.code, "facts": _plain(n.facts)} for n in facts.notices],
        )
    )
    for position, signer in enumerate(facts.signers):
        session.execute(
            insert(SignerRow).values(
                result_id=str(id),
                position=position,
                certificate_sha256=signer.sha256,
                issuer=signer.issuer,
                serial=signer.serial,
            )
        )
    return step(session, id, expected=(IntentState.SIGNED,), to=IntentState.ISSUED, values={"issued_at": at})


def void(session: Session, id: ResultId, *, reason: Reason, why: str, at: datetime) -> Intent:  # noqa: A002
    """Give up; the number, the status number and the idempotency key stay taken for ever."""
    values = {"voided_at": at, "void_code": reason.code, "void_facts": _plain(reason.facts), "void_why": why}
    return step(session, id, expected=_UNFINISHED, to=IntentState.VOID, values=values)


def deliver(session: Session, id: ResultId, *, at: datetime, where: str) -> Intent:  # noqa: A002
    """Record that the file reached `where`; several places are several entries.

    Raises:
        NotRegistered: `not-registered`.
        RegistryError: `intent-state`: it is not ISSUED.
    """
    found = row(session, id)
    if found.state is not IntentState.ISSUED:
        raise RegistryError("intent-state", id=str(id), expected="issued", found=found.state.value)
    if found.delivered_at is None:
        found.delivered_at = at
        session.flush()
    position = session.scalar(select(func.count()).select_from(DeliveryRow).filter_by(result_id=str(id)))
    session.execute(insert(DeliveryRow).values(result_id=str(id), position=position, at=at, where=where))
    session.expire_all()
    return as_intent(row(session, id))


def deliveries(session: Session, id: ResultId) -> tuple[Delivery, ...]:  # noqa: A002
    """Where the file went, in order."""
    rows = session.scalars(select(DeliveryRow).filter_by(result_id=str(id)).order_by(DeliveryRow.position))
    return tuple(Delivery(at=r.at, where=r.where) for r in rows)


def unfinished(session: Session) -> tuple[Intent, ...]:
    """What still needs work, in the order in which it was recorded."""
    waiting = or_(
        IntentRow.state.in_(_UNFINISHED),
        (IntentRow.state == IntentState.ISSUED) & IntentRow.delivered_at.is_(None),
    )
    return tuple(map(as_intent, session.scalars(select(IntentRow).where(waiting).order_by(IntentRow.sequence))))


def listing(
    session: Session,
    *,
    agency: AgencyCode | None,
    states: tuple[IntentState, ...],
    after: ResultId | None,
    limit: int,
) -> Page:
    """A page of the register, newest first; entries that arrive in between do not shift it."""
    query = select(IntentRow).order_by(IntentRow.sequence.desc()).limit(limit + 1)
    if agency is not None:
        query = query.where(IntentRow.agency == str(agency))
    if states:
        query = query.where(IntentRow.state.in_(states))
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


def _plain(facts: Mapping[str, object]) -> dict[str, object]:
    """Facts as JSON keeps them; what JSON has no word for becomes its text."""
    return cast("dict[str, object]", json.loads(json.dumps(dict(facts), default=str)))


def as_intent(r: IntentRow) -> Intent:
    """The value of a row."""
    number = None
    if r.number is not None and r.symbol is not None:
        number = DocumentNumber(r.number, r.year if r.with_year else None, r.symbol)
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
        idempotency_key=r.idempotency_key,
        request_digest=r.request_digest,
        profile=r.profile,
        metadata=metadata,
        masked_holder=r.masked_holder,
        number=number,
        number_source=r.number_source,
        duplicate_of=ResultId.parse(r.duplicate_of) if r.duplicate_of else None,
        issue_date=r.issue_date,
        status_number=r.status_number,
        reserved_at=r.reserved_at,
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
        registration=_registration(r.issued) if r.issued else None,
    )


def _registration(r: IssuedRow) -> Registration:
    return Registration(
        sha256=r.sha256,
        size=r.size,
        signers=tuple(
            SignerCertificate(sha256=s.certificate_sha256, issuer=s.issuer, serial=s.serial) for s in r.signers
        ),
        signing_time=r.signing_time,
        level=r.level,
        mechanism=r.mechanism,
        pages=r.pages,
        seal_token_sha256=r.seal_token_sha256,
        fonts=tuple(r.fonts),
        profile=r.profile,
        notices=tuple(Reason(str(n["code"]), cast("dict[str, object]", n["facts"])) for n in r.notices),
    )
