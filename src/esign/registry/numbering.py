"""A number at release: the person has signed, now the records clerk numbers and dates (DESIGN §5).

It is taken in the same transaction that writes it into the intent, and it is taken once: a clerk whose machine stopped
asks again with the same words and gets the same number.
"""

from datetime import date, datetime

from sqlalchemy.orm import Session

from esign.codes import DocumentNumber, ResultId
from esign.errors import DuplicateNumber, RegistryError
from esign.profile import DuplicatePolicy, Numbering
from esign.registry import books
from esign.registry.intents import as_intent, row, step
from esign.registry.locking import lock_row
from esign.registry.values import Intent, IntentState, NextNumber, NumberSource

__all__ = ["assign_number"]


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
    found = row(session, id)
    if found.numbering is not Numbering.AT_RELEASE:
        raise RegistryError("numbering-reserved", id=str(id))
    books.hold(session, wanted, agency=found.agency, year=issue_date.year)
    lock_row(session, id)
    intent = as_intent(row(session, id))
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
    if intent.state is not IntentState.APPROVED:
        raise RegistryError("intent-state", id=str(id), expected=IntentState.APPROVED.word, found=intent.state.word)
    columns = books.choose(session, wanted, agency=found.agency, issue_date=issue_date, duplicates=duplicates)
    return step(
        session,
        id,
        expected=(IntentState.APPROVED,),
        to=IntentState.APPROVED,
        values=columns | {"numbered_at": at},
    )


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
