"""`esign submit`: prepare results for the competent person's signature, which may be made anywhere, and later."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import Error, InputError, KeyStoreError
from esign_cli.commands.issue import request_profile, row_asked
from esign_cli.exits import ExitCode, exit_code, worst
from esign_cli.options import (
    AsJSON,
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
    Sheet,
    Subject,
    Symbol,
    Template,
    Title,
)
from esign_cli.output import iso, shown
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.document import Person
    from esign.request import Request
    from esign_cli.keys import Keys
    from esign_cli.requests import Asked
    from esign_cli.wiring import Workplace

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("submit", help="cmd-submit", no_args_is_help=True)(submit)


def submit(  # noqa: PLR0913  # options of the command
    ctx: typer.Context,
    *,
    signer: Annotated[Path, typer.Option("--signer", metavar="CERT.pem", help="opt-signer", readable=False)],
    signature_image: Annotated[
        Path | None, typer.Option("--signature-image", metavar="FILE.png", help="opt-signature-image", readable=False)
    ] = None,
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
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="opt-pending-out", readable=False)
    ] = None,
    as_json: AsJSON = False,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """Prepare each, and write what its signer needs."""
    from esign_cli.pins import at_work
    from esign_cli.requests import Asked

    run = session(ctx)
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
        person = _person(signer, signature_image)
        folder = out or workplace.config.paths.out
        requests = list(_requests(workplace, asked, sheet, person))
        return _submit(run, workplace, requests, folder=folder, as_json=as_json)


def _person(signer: Path, image: Path | None) -> "Person":
    from esign.document import Person
    from esign.trust import certificates
    from esign_cli.places import read_file

    return Person(certificates=certificates(read_file(signer)), image=read_file(image) if image is not None else None)


def _requests(
    workplace: "Workplace", asked: "Asked", sheet: Path | None, person: "Person"
) -> "Iterator[tuple[str, Request | Error]]":
    """What is asked for, by a name that people know; a row that cannot be read does not stop the others."""
    from esign_cli.sheets import ISSUE, read_sheet

    profile = request_profile(workplace)
    if sheet is None:
        yield "", asked.request(profile=profile, person=person)
        return
    if asked.key is not None:
        raise InputError("sheet-and-key")
    rows = read_sheet(sheet, ISSUE)
    if not rows:
        raise InputError("sheet-empty", file=sheet.name)
    for row in rows:
        try:
            yield row.name, row_asked(row, asked).request(profile=profile, person=person)
        except Error as e:
            yield row.name, e


def _submit(
    run: Session, workplace: "Workplace", requests: "list[tuple[str, Request | Error]]", *, folder: Path, as_json: bool
) -> ExitCode:
    from esign_cli.pins import typing_again

    keys = _keys(workplace, [r for _, r in requests if not isinstance(r, Error)])
    issuer = typing_again(run.output, workplace.pin, lambda: workplace.issuer(keys=keys))
    codes = []
    for name, request in requests:
        try:
            if isinstance(request, Error):
                raise request
            pending = issuer.submit(request)
            path = folder / f"{pending.id}.pending.json"
            from esign.files import write_durably

            write_durably(path, pending.to_file())
        except Error as e:
            if len(requests) == 1:
                raise
            run.output.tell(f"{name}:")
            run.output.error(e)
            codes.append(exit_code(e))
            if isinstance(e, KeyStoreError):
                break
            continue
        intent = workplace.registry.get(pending.id)
        number = str(intent.number) if intent.number else ""
        if as_json:
            run.output.json(
                {"id": str(pending.id), "number": number or None, "file": str(path), "expires": iso(pending.expires)}
            )
        else:
            run.output.row(number or "—", str(pending.id), str(path), shown(pending.expires))
        codes.append(ExitCode.OK)
    if any(c is ExitCode.OK for c in codes):
        run.output.note("submit-next")
    return worst(*codes) if len(requests) == 1 else (ExitCode.NO if any(codes) else ExitCode.OK)


def _keys(workplace: "Workplace", requests: "list[Request]") -> "Keys":
    """Only what is numbered now is sealed now, and only a seal needs a key."""
    from esign.profile import Numbering
    from esign.request import Filled
    from esign_cli.keys import Keys

    late = workplace.config.issuance.numbering is Numbering.AT_RELEASE
    return Keys.NONE if all(late and isinstance(r.content, Filled) for r in requests) else Keys.SEAL
