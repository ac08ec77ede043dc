"""What a portal asks for, as the workflow's request."""

from datetime import date

from esign.api.results import IssueRequest, Place
from esign.codes import DocumentNumber, DossierCode, ProcedureCode
from esign.document import Box, Person, ResultMetadata
from esign.errors import InputError
from esign.pdf.templates import load, templates
from esign.registry import NextNumber
from esign.request import Adopted, Content, Filled, Given, Request

__all__ = ["box", "number_of", "request_of"]


def request_of(
    asked: IssueRequest, *, key: str, today: date, person: Person | None = None, adopted: bool = False
) -> Request:
    """The workflow's request; `adopted` says that the PDF carries the person's signature already.

    Raises:
        InputError: What it asks for cannot be.
    """
    content, title = _content(asked, adopted=adopted)
    if not (asked.title or title):
        raise InputError("title-missing")
    return Request(
        idempotency_key=key,
        content=content,
        metadata=ResultMetadata(
            procedure=ProcedureCode.parse(asked.procedure),
            title=asked.title or title,
            subject=asked.subject,
            dossier=DossierCode.parse(asked.dossier, today=today) if asked.dossier else None,
            ordinal=asked.ordinal,
            holder=asked.holder,
            expires=asked.expires,
        ),
        number=number_of(asked.number, asked.symbol, with_year=asked.with_year),
        issue_date=asked.issue_date,
        person=person,
    )


def number_of(number: str | None, symbol: str | None, *, with_year: bool) -> DocumentNumber | NextNumber:
    """The number that was given, or the next one of a book.

    Raises:
        InputError: `number-or-symbol-needed`, or why it is no number.
    """
    if (number is None) == (symbol is None):
        raise InputError("number-or-symbol-needed")
    return NextNumber(symbol=symbol, with_year=with_year) if symbol is not None else DocumentNumber.parse(number or "")


def box(place: Place | None) -> Box | None:
    """A place on a page."""
    return None if place is None else Box(**place.model_dump())


def _content(asked: IssueRequest, *, adopted: bool) -> tuple[Content, str]:
    if (asked.template is None) == (asked.pdf is None):
        raise InputError("template-or-pdf-needed")
    if asked.pdf is not None:
        if adopted:
            return Adopted(pdf=asked.pdf), ""
        given = Given(pdf=asked.pdf, seal_place=box(asked.seal_place), signature_place=box(asked.signature_place))
        return given, ""
    # Only what comes with the product: a name must never become a path.
    if adopted or asked.template not in {t.name for t in templates()}:
        raise InputError("template-not-found", template=asked.template or "-")
    return Filled(template=asked.template, data=asked.data or {}), load(asked.template).title
