"""`esign issue`: results, from templates and data or from PDFs, to signed, sealed and registered files.

One at a time, or a worksheet with a row for each.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import InputError
from esign_cli.exits import ExitCode
from esign_cli.options import (
    AsJSON,
    By,
    DataFile,
    Dossier,
    Expires,
    Given,
    HolderFrom,
    IssueDate,
    Number,
    Ordinal,
    OwnKey,
    PinFd,
    PinFile,
    Procedure,
    Report,
    Sheet,
    Subject,
    Symbol,
    Template,
    Title,
    Yes,
)
from esign_cli.outputs import put, sha256_of
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.batch import Entry
    from esign.codes import DocumentNumber, ResultId
    from esign.delivery import FolderDelivery
    from esign.issued import Issued
    from esign.registry import Intent
    from esign.request import Request
    from esign_cli.batches import Wishes
    from esign_cli.requests import Asked
    from esign_cli.sheets import Row
    from esign_cli.wiring import Workplace

__all__ = ["register", "request_profile", "row_asked"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("issue", help="cmd-issue", no_args_is_help=True)(issue)


def issue(  # noqa: PLR0913  # options of the command
    ctx: typer.Context,
    *,
    template: Template = None,
    data: DataFile = None,
    pdf: Given = None,
    number: Number = None,
    symbol: Symbol = None,
    procedure: Procedure = None,
    title: Title = None,
    subject: Subject = "",
    dossier: Dossier = None,
    ordinal: Ordinal = 1,
    holder_from: HolderFrom = None,
    expires: Expires = None,
    issue_date: IssueDate = None,
    idempotency_key: OwnKey = None,
    sheet: Sheet = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE|DIR", help="opt-issue-out", readable=False)
    ] = None,
    templates: Annotated[bool, typer.Option("--templates", help="opt-templates")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="opt-dry-run")] = False,
    report: Report = None,
    by: By = "",
    yes: Yes = False,
    as_json: AsJSON = False,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """Issue it, or say why it cannot be issued."""
    from esign_cli.batches import Wishes
    from esign_cli.pins import at_work
    from esign_cli.requests import Asked

    run = session(ctx)
    if templates:
        return _list_templates(run, as_json=as_json)
    asked = Asked(
        template=template,
        data=data,
        pdf=pdf,
        number=number,
        symbol=symbol,
        procedure=procedure,
        title=title,
        subject=subject,
        dossier=dossier,
        ordinal=ordinal,
        holder_from=holder_from,
        expires=expires,
        issue_date=issue_date,
        key=idempotency_key,
    )
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        if sheet is not None:
            wishes = Wishes(yes=yes, as_json=as_json, report=report, by=by)
            return _issue_sheet(run, workplace, sheet, asked, out=out, wishes=wishes)
        request = asked.request(profile=request_profile(workplace))
        if dry_run:
            return _dry_run(run, workplace, request)
        return _issue(run, workplace, request, out=out, as_json=as_json, own_key=idempotency_key is not None)


def request_profile(workplace: "Workplace") -> str:
    """What a request's digest is taken with, besides the request."""
    return f"{workplace.config.agency.code} {workplace.config.issuance.profile}"


def _list_templates(run: Session, *, as_json: bool) -> ExitCode:
    from esign.pdf.templates import templates

    if as_json:
        for t in templates():
            run.output.json({"name": t.name, "title": t.title, "schema": t.schema, "sample": t.sample})
        return ExitCode.OK
    run.output.table(("col-template", "col-title"), [(t.name, t.title) for t in templates()])
    return ExitCode.OK


# --- a worksheet ----------------------------------------------------------------------------------------------------


def _issue_sheet(
    run: Session, workplace: "Workplace", sheet: Path, asked: "Asked", *, out: Path | None, wishes: "Wishes"
) -> ExitCode:
    """A row for each result; what the options say holds for every row that does not say otherwise."""
    from esign.batch import Requested
    from esign.delivery import FolderDelivery
    from esign_cli.batches import Words, carry_out
    from esign_cli.sheets import ISSUE, read_sheet

    if workplace.config.issuance.person:
        raise InputError("person-signs-first")
    if asked.key is not None:
        raise InputError("sheet-and-key")
    profile = request_profile(workplace)
    rows = read_sheet(sheet, ISSUE)
    tasks = [Requested(name=row.name, request=partial(_row_request, row, asked, profile)) for row in rows]
    if not tasks:
        raise InputError("sheet-empty", file=sheet.name)
    delivery = FolderDelivery(out or workplace.config.paths.out)
    run.output.note("issue-plan", count=len(tasks), folder=delivery.folder)
    words = Words(question="confirm-issue", done="status-issued")

    def keep(_entry: "Entry", issued: "Issued") -> Path:
        return put(issued, delivery)

    return carry_out(run, workplace, tasks, words=words, wishes=wishes, delivery=delivery, keep=keep)


def _row_request(row: "Row", asked: "Asked", profile: str) -> "Request":
    return row_asked(row, asked).request(profile=profile)


def row_asked(row: "Row", asked: "Asked") -> "Asked":
    """What a row asks for; `asked` fills what it leaves open.

    Raises:
        InputError: A `sheet-…` code.
    """
    from dataclasses import replace

    from esign.pdf import load

    template, pdf = row.text("template") or asked.template, row.path("pdf")
    if pdf is not None and row.text("template") is None:
        template = None
    number, symbol = row.text("number"), row.text("symbol")
    found = replace(
        asked,
        template=template,
        data=row.path("data") or asked.data,
        pdf=pdf or (asked.pdf if template is None else None),
        number=number or (asked.number if symbol is None else None),
        symbol=symbol or (asked.symbol if number is None else None),
        procedure=row.text("procedure") or asked.procedure,
        title=row.text("title") or asked.title,
        subject=row.text("subject") or asked.subject,
        dossier=row.text("dossier") or asked.dossier,
        ordinal=row.number("ordinal") or asked.ordinal,
        holder_from=row.text("holder-from") or asked.holder_from,
        expires=row.day("expires") or asked.expires,
        issue_date=row.day("date") or asked.issue_date,
        key=row.text("key"),
    )
    if not row.data:
        return found
    return replace(found, values=row.values(load(template).schema if template else {}))


# --- one result -----------------------------------------------------------------------------------------------------


def _issue(
    run: Session, workplace: "Workplace", request: "Request", *, out: Path | None, as_json: bool, own_key: bool
) -> ExitCode:
    from esign.delivery import FolderDelivery
    from esign_cli.pins import typing_again

    known = workplace.registry.by_key(request.idempotency_key)
    delivery: _OneFile | FolderDelivery
    if out is not None and not out.is_dir() and out.suffix.lower() == ".pdf":
        delivery = _OneFile(out)
        _refuse_to_overwrite(out, known)
    else:
        delivery = FolderDelivery(out or workplace.config.paths.out)
    issuer = typing_again(run.output, workplace.pin, lambda: workplace.issuer(delivery=delivery))
    issued = issuer.issue(request)
    path = _put(issued, delivery)
    if known is not None and known.delivered_at is not None:
        run.output.note("issue-known" if own_key else "issue-known-digest", key=request.idempotency_key)
    elif not own_key:
        run.output.note("issue-key", key=request.idempotency_key)
    for notice in issued.notices:
        run.output.warn(notice)
    number = str(issued.number) if issued.number else ""
    if as_json:
        run.output.json(
            {
                "id": str(issued.id),
                "number": number or None,
                "result_code": str(issued.result_code) if issued.result_code else None,
                "file": str(path),
                "sha256": issued.sha256,
                "idempotency_key": request.idempotency_key,
                "repeated": known is not None,
                "notices": [n.code for n in issued.notices],
            }
        )
    else:
        run.output.table(("col-number", "col-id", "col-file"), [(number, str(issued.id), str(path))])
    return ExitCode.OK


@dataclass(frozen=True, slots=True)
class _OneFile:
    """Implements `esign.delivery.Delivery`: the file that `--out` names."""

    path: Path

    def deliver(self, *, result_id: "ResultId", number: "DocumentNumber | None", pdf: bytes) -> str:  # noqa: ARG002
        """Write it durably."""
        from esign.files import write_durably

        write_durably(self.path, pdf, private=False)
        return self.path.name


def _refuse_to_overwrite(path: Path, known: "Intent | None") -> None:
    """Before a key is touched: what stands there is this very document, or stays."""
    own = known.registration.sha256 if known is not None and known.registration is not None else ""
    if path.exists() and sha256_of(path) != own:
        raise InputError("output-exists", file=path)


def _put(issued: "Issued", delivery: "_OneFile | FolderDelivery") -> Path:
    """Where the document is; it was delivered there now or before, unless it was removed since."""
    if not isinstance(delivery, _OneFile):
        return put(issued, delivery)
    if not delivery.path.is_file() or sha256_of(delivery.path) != issued.sha256:
        delivery.deliver(result_id=issued.id, number=issued.number, pdf=issued.pdf)
    return delivery.path


def _dry_run(run: Session, workplace: "Workplace", request: "Request") -> ExitCode:
    """Everything that can be looked at without a key; nothing is recorded."""
    layout = workplace.proof(request)
    for notice in layout.notices:
        run.output.warn(notice)
    run.output.note("dry-run-fine", pages=layout.pages)
    return ExitCode.OK
