"""`esign issue`: one result, from a template and its data or from a PDF, to a signed, sealed and registered file."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esign.errors import InputError
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON, PinFd, PinFile
from esign_cli.output import VIETNAM
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.codes import DocumentNumber, ResultId
    from esign.delivery import FolderDelivery
    from esign.issuance import Issued
    from esign.registry import Intent, NextNumber
    from esign.request import Request
    from esign_cli.wiring import Workplace

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("issue", help="cmd-issue", no_args_is_help=True)(issue)


def issue(  # noqa: PLR0913  # options of the command
    ctx: typer.Context,
    *,
    template: Annotated[
        str | None, typer.Option(metavar="NAME", help="opt-template", autocompletion=lambda: _NAMES)
    ] = None,
    data: Annotated[Path | None, typer.Option(metavar="FILE.json", help="opt-data", readable=False)] = None,
    pdf: Annotated[Path | None, typer.Option(metavar="FILE.pdf", help="opt-pdf", readable=False)] = None,
    number: Annotated[str | None, typer.Option(metavar="N/SYMBOL", help="opt-number")] = None,
    symbol: Annotated[str | None, typer.Option(metavar="SYMBOL", help="opt-symbol")] = None,
    procedure: Annotated[str | None, typer.Option(metavar="CODE", help="opt-procedure")] = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="opt-title")] = None,
    subject: Annotated[str, typer.Option(metavar="TEXT", help="opt-issue-subject")] = "",
    dossier: Annotated[str | None, typer.Option(metavar="CODE", help="opt-dossier")] = None,
    ordinal: Annotated[int, typer.Option(metavar="N", min=1, help="opt-ordinal")] = 1,
    holder_from: Annotated[str | None, typer.Option(metavar="FIELD", help="opt-holder-from")] = None,
    expires: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="opt-expires")] = None,
    issue_date: Annotated[str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="opt-date")] = None,
    idempotency_key: Annotated[str | None, typer.Option(metavar="KEY", help="opt-idempotency-key")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE|DIR", help="opt-issue-out", readable=False)
    ] = None,
    templates: Annotated[bool, typer.Option("--templates", help="opt-templates")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="opt-dry-run")] = False,
    as_json: AsJSON = False,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """Issue it, or say why it cannot be issued."""
    from esign_cli.pins import at_work

    run = session(ctx)
    if templates:
        return _list_templates(run, as_json=as_json)
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        request = _request(
            template=template,
            data=data,
            pdf=pdf,
            number=_number(number, symbol),
            facts=_Facts(
                procedure=procedure,
                title=title,
                subject=subject,
                dossier=dossier,
                ordinal=ordinal,
                holder_from=holder_from,
                expires=expires,
            ),
            issue_date=_day(issue_date, "--date") if issue_date else None,
            key=idempotency_key,
            profile=f"{workplace.config.agency.code} {workplace.config.issuance.profile}",
        )
        if dry_run:
            return _dry_run(run, workplace, request)
        return _issue(run, workplace, request, out=out, as_json=as_json, own_key=idempotency_key is not None)


_NAMES = ["ho-kinh-doanh", "quyet-dinh", "xac-nhan-cu-tru"]  # for completion, which must not wait for typst


def _list_templates(run: Session, *, as_json: bool) -> ExitCode:
    from esign.pdf import templates

    if as_json:
        for t in templates():
            run.output.json({"name": t.name, "title": t.title, "schema": t.schema, "sample": t.sample})
        return ExitCode.OK
    run.output.table(("col-template", "col-title"), [(t.name, t.title) for t in templates()])
    return ExitCode.OK


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
    if path.exists() and _sha256(path) != own:
        raise InputError("output-exists", file=path)


def _put(issued: "Issued", delivery: "_OneFile | FolderDelivery") -> Path:
    """Where the document is; it was delivered there now or before, unless it was removed since."""
    from esign.delivery import FolderDelivery, file_name

    path = (
        delivery.folder / file_name(issued.id, issued.number) if isinstance(delivery, FolderDelivery) else delivery.path
    )
    if not path.is_file() or _sha256(path) != issued.sha256:
        delivery.deliver(result_id=issued.id, number=issued.number, pdf=issued.pdf)
    return path


def _sha256(path: Path) -> str:
    from esign_cli.wiring import read_file

    return hashlib.sha256(read_file(path)).hexdigest()


def _dry_run(run: Session, workplace: "Workplace", request: "Request") -> ExitCode:
    """Everything that can be looked at without a key; nothing is recorded."""
    layout = workplace.proof(request)
    for notice in layout.notices:
        run.output.warn(notice)
    run.output.note("dry-run-fine", pages=layout.pages)
    return ExitCode.OK


# --- the request ----------------------------------------------------------------------------------------------------


class _Facts:
    """The metadata as they were typed."""

    def __init__(self, **given: Any) -> None:
        self.given = given

    def metadata(self, *, default_title: str, data: dict[str, Any]) -> Any:
        """The result's metadata, parsed."""
        from esign.codes import DossierCode, ProcedureCode
        from esign.document import ResultMetadata

        g = self.given
        if not g["procedure"]:
            raise InputError("option-needed", option="--procedure")
        if not (g["title"] or default_title):
            raise InputError("option-needed", option="--title")
        return ResultMetadata(
            procedure=ProcedureCode.parse(g["procedure"]),
            title=g["title"] or default_title,
            subject=g["subject"],
            dossier=DossierCode.parse(g["dossier"]) if g["dossier"] else None,
            ordinal=g["ordinal"],
            holder=_field(data, g["holder_from"]) if g["holder_from"] else "",
            expires=_end_of(_day(g["expires"], "--expires")) if g["expires"] else None,
        )


def _request(
    *,
    template: str | None,
    data: Path | None,
    pdf: Path | None,
    number: "DocumentNumber | NextNumber",
    facts: _Facts,
    issue_date: date | None,
    key: str | None,
    profile: str,
) -> "Request":
    from dataclasses import replace

    from esign.pdf import load
    from esign.request import Filled, Given, Request
    from esign_cli.wiring import read_file

    if (template is None) == (pdf is None):
        raise InputError("template-or-pdf")
    values = _json(data) if data is not None else {}
    content: Filled | Given
    if pdf is not None:
        content, default_title = Given(pdf=read_file(pdf)), ""
    elif data is None or template is None:
        raise InputError("option-needed", option="--data")
    else:
        content, default_title = Filled(template=template, data=values), load(template).title
    request = Request(
        idempotency_key="cli",
        content=content,
        metadata=facts.metadata(default_title=default_title, data=values),
        number=number,
        issue_date=issue_date,
    )
    # The same request gives the same key, so that pressing the arrow-up key never issues twice.
    return replace(request, idempotency_key=key or f"cli-{request.digest(profile)[:40]}")


def _number(given: str | None, symbol: str | None) -> "DocumentNumber | NextNumber":
    from esign.codes import DocumentNumber
    from esign.registry import NextNumber

    if (given is None) == (symbol is None):
        raise InputError("number-or-symbol")
    return NextNumber(symbol=symbol) if symbol is not None else DocumentNumber.parse(given or "")


def _json(path: Path) -> dict[str, Any]:
    from esign_cli.wiring import read_file

    try:
        found = json.loads(read_file(path).decode("utf-8-sig"))
    except (ValueError, RecursionError) as e:
        # The place of the mistake, never what stands there.
        where = f"{e.lineno}:{e.colno}" if isinstance(e, json.JSONDecodeError) else type(e).__name__
        raise InputError("data-not-json", file=path, where=where) from e
    if not isinstance(found, dict):
        raise InputError("data-not-json", file=path, where="1:1")
    return found


def _field(data: dict[str, Any], path: str) -> str:
    """A text of the data, for instance `person/full_name`."""
    found: Any = data
    for part in path.strip("/").split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    if not isinstance(found, str) or not found:
        raise InputError("holder-field-missing", field=path)
    return found


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as e:
        raise InputError("date-invalid", option=option, found=text) from e


def _end_of(day: date) -> datetime:
    """Midnight after the last day, in Vietnam."""
    return datetime.combine(day + timedelta(days=1), time(), VIETNAM)
