"""A number at release: the person has signed, now the records clerk numbers and dates (DESIGN §5).

It is taken in the same transaction that writes it into the intent, and it is taken once: a clerk whose machine stopped
asks again with the same words and gets the same number.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from esign.codes import DocumentNumber, ResultId
from esign.errors import DuplicateNumber, RegistryError
from esign.profile import DuplicatePolicy, Numbering
from esign.registry.audit import Actor
from esign.registry.books import Chosen, Wanted, choose, hold
from esign.registry.intents import one
from esign.registry.locking import lock_row
from esign.registry.steps import Change, refuse, take
from esign.registry.values import Intent, IntentState, NextNumber, NumberSource

__all__ = ["assign_number", "assign_numbers"]


def assign_number(
    session: Session,
    id: ResultId,  # noqa: A002  # the register's word
    wanted: DocumentNumber | NextNumber,
    *,
    issue_date: date,
    duplicates: DuplicatePolicy,
    at: datetime,
) -> Intent:
    """Give the APPROVED intent `id` its number and its date; what the same call gave before, it gives again.

    Raises:
        NotRegistered: `not-registered`.
        RegistryError: `intent-state`, `numbering-reserved` or `number-assigned`.
        InputError: `document-symbol-invalid` or `number-year-differs`.
        DuplicateNumber: `number-taken`.
    """
    found = one(session, id)
    _check_late(found)
    asked = Wanted(id=id, agency=str(found.agency), number=wanted, issue_date=issue_date, duplicates=duplicates)
    hold(session, [asked.key])
    lock_row(session, id)
    intent = one(session, id)
    if intent.number is not None and intent.state is not IntentState.VOID:
        if not _is_what_was_assigned(intent, wanted, issue_date):
            raise RegistryError(
                "number-assigned", id=str(id), number=str(intent.number), date=intent.issue_date.strftime("%d/%m/%Y")
            )
        if intent.duplicate_of is not None and duplicates is DuplicatePolicy.REFUSE:
            raise DuplicateNumber(
                "number-taken",
                number=str(intent.number),
                agency=str(intent.agency),
                year=issue_date.year,
                other=str(intent.duplicate_of),
            )
        return intent
    return assign_numbers(session, [(intent, asked)], at=at)[0]


def assign_numbers(
    session: Session, wanted: Sequence[tuple[Intent, Wanted]], *, at: datetime, by: Sequence[Actor | None] = ()
) -> list[Intent]:
    """Give intents that are APPROVED, and have none, their numbers and their dates.

    Raises:
        RegistryError: `intent-state` or `numbering-reserved`.
        InputError, DuplicateNumber: As `assign_number`.
    """
    for intent, _ in wanted:
        _check_late(intent)
        if intent.state is not IntentState.APPROVED:
            refuse(intent, (IntentState.APPROVED,))
    chosen = choose(session, [asked for _, asked in wanted])
    changes = [
        Change(intent=intent, columns=given.columns | {"numbered_at": at}, becomes=_fields(given, at), by=who)
        for (intent, _), given, who in zip(wanted, chosen, by or [None] * len(chosen), strict=True)
    ]
    return take(session, changes, expected=(IntentState.APPROVED,), to=IntentState.APPROVED)


def _check_late(found: Intent) -> None:
    if found.numbering is not Numbering.AT_RELEASE:
        raise RegistryError("numbering-reserved", id=str(found.id))


def _fields(given: Chosen, at: datetime) -> dict[str, object]:
    return {
        "number": given.number,
        "number_source": given.source,
        "duplicate_of": given.duplicate_of,
        "issue_date": given.issue_date,
        "numbered_at": at,
    }


def _is_what_was_assigned(intent: Intent, wanted: DocumentNumber | NextNumber, issue_date: date) -> bool:
    assert intent.number is not None
    if intent.issue_date != issue_date:
        return False
    if isinstance(wanted, DocumentNumber):
        return intent.number_source is NumberSource.GIVEN and intent.number == wanted
    printed_year = intent.number.year is not None
    return intent.number_source is NumberSource.BOOK and (intent.number.symbol, printed_year) == (
        wanted.symbol,
        wanted.with_year,
    )
