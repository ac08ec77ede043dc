"""`esign adopt`: take in a PDF that the competent person signed in other software; `esign release` goes on."""

from pathlib import Path
from typing import Annotated

import typer

from esign_cli.commands.issue import request_profile
from esign_cli.exits import ExitCode
from esign_cli.options import (
    AsJSON,
    Dossier,
    Expires,
    IssueDate,
    Number,
    Ordinal,
    OwnKey,
    Procedure,
    Subject,
    Symbol,
    Title,
)
from esign_cli.session import session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("adopt", help="cmd-adopt", no_args_is_help=True)(adopt)


def adopt(  # noqa: PLR0913  # options of the command
    ctx: typer.Context,
    pdf: Annotated[Path, typer.Argument(metavar="FILE.pdf", help="arg-adopt", readable=False)],
    *,
    number: Number = None,
    symbol: Symbol = None,
    procedure: Procedure = None,
    title: Title = None,
    subject: Subject = "",
    dossier: Dossier = None,
    ordinal: Ordinal = 1,
    expires: Expires = None,
    issue_date: IssueDate = None,
    idempotency_key: OwnKey = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Check its signature and record it; not a byte of it changes."""
    from esign_cli.keys import Keys
    from esign_cli.requests import Asked
    from esign_cli.wiring import Workplace

    run = session(ctx)
    asked = Asked(
        pdf=pdf,
        number=number,
        symbol=symbol,
        procedure=procedure,
        title=title,
        subject=subject,
        dossier=dossier,
        ordinal=ordinal,
        expires=expires,
        issue_date=issue_date,
        key=idempotency_key,
    )
    with Workplace(run.config(), now=run.now) as workplace:
        request = asked.request(profile=request_profile(workplace), adopted=True)
        intent = workplace.issuer(keys=Keys.NONE).adopt(request)
    if as_json:
        number_given = str(intent.number) if intent.number else None
        run.output.json({"id": str(intent.id), "number": number_given, "state": intent.state.value})
    else:
        run.output.row(run.output.say(f"state-{intent.state.value}"), str(intent.id), str(intent.number or "—"))
        run.output.note("adopt-next", id=intent.id)
    return ExitCode.OK
