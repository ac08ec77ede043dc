"""`esign attach`: sign appendices that are files of their own, linked to their main result by number and register."""

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import InputError, RegistryError
from esign_cli.commands.result import Year, find_result
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON, By, OutFolder, PinFd, PinFile, Report, Yes
from esign_cli.session import session

if TYPE_CHECKING:
    from esign.batch import Entry
    from esign.issued import Issued
    from esign.registry import Intent
    from esign.request import Request
    from esign_cli.wiring import Workplace

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("attach", help="cmd-attach", no_args_is_help=True)(attach)


def attach(  # noqa: PLR0913  # options of the command
    ctx: typer.Context,
    main: Annotated[str, typer.Argument(metavar="MAIN", help="arg-main")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR", help="arg-attachments", readable=False)],
    *,
    year: Year = None,
    out: OutFolder = None,
    report: Report = None,
    by: By = "",
    yes: Yes = False,
    as_json: AsJSON = False,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """Sign each with the number of its main result."""
    from esign.batch import Requested
    from esign.registry import IntentState
    from esign_cli.batches import Wishes, Words, carry_out
    from esign_cli.outputs import collected, write_free
    from esign_cli.pins import at_work

    run = session(ctx)
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        result = find_result(run, workplace.registry, workplace.config, main, year)
        if result.state is not IntentState.ISSUED or result.number is None:
            raise RegistryError("main-not-issued", id="—", main=str(result.id), state=result.state.word)
        folder = out or workplace.config.paths.out
        found = collected(files)
        if not found:
            raise InputError("nothing-to-sign")
        run.output.note("attach-plan", count=len(found), number=result.number, folder=folder)
        tasks = [Requested(name=str(file), request=partial(_request, workplace, result, file)) for file, _ in found]

        def keep(entry: "Entry", issued: "Issued") -> Path:
            return write_free(folder / found[entry.position - 1][1], issued.pdf)

        wishes = Wishes(yes=yes, as_json=as_json, report=report, by=by)
        return carry_out(run, workplace, tasks, words=Words(), wishes=wishes, keep=keep)


def _request(workplace: "Workplace", main: "Intent", file: Path) -> "Request":
    from dataclasses import replace

    from esign.request import Attached, Request
    from esign_cli.file_keys import signing_key_of
    from esign_cli.places import read_file

    pdf, config = read_file(file), workplace.config
    content = f"{main.id} {hashlib.sha256(pdf).hexdigest()}"
    return Request(
        idempotency_key=signing_key_of(config.agency.code, config.issuance.profile, content, kind="attach"),
        content=Attached(pdf=pdf, main=main.id),
        metadata=main.metadata and replace(main.metadata, expires=None),
        number=main.number,
    )
