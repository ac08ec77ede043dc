"""`esign sign`: one file, many, or a folder, with one PIN entry; resumable, each file exactly once.

Which files are signed already is the register's knowledge: a file is known by its SHA-256, so running the command
again goes on where it stopped, whatever the files are called by then.
"""

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import InputError
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON, By, OutFolder, PinFd, PinFile, Report, Yes
from esign_cli.session import session

if TYPE_CHECKING:
    from esign.batch import Entry
    from esign.issued import Issued
    from esign.request import Request
    from esign_cli.wiring import Workplace

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sign", help="cmd-sign", no_args_is_help=True)(sign)


def sign(  # noqa: PLR0913  # options of the command
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR", help="arg-sign-files", readable=False)],
    *,
    out: OutFolder = None,
    report: Report = None,
    by: By = "",
    yes: Yes = False,
    as_json: AsJSON = False,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """Sign them all, and say what became of each."""
    from esign.batch import Requested
    from esign_cli.batches import Wishes, Words, carry_out
    from esign_cli.outputs import collected, write_free
    from esign_cli.pins import at_work

    run = session(ctx)
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        folder = out or workplace.config.paths.out
        found = collected(files)
        if not found:
            raise InputError("nothing-to-sign")
        run.output.note("sign-plan", count=len(found), folder=folder)
        tasks = [Requested(name=str(file), request=partial(_request, workplace, file)) for file, _ in found]

        def keep(entry: "Entry", issued: "Issued") -> Path:
            return write_free(folder / found[entry.position - 1][1], issued.pdf)

        wishes = Wishes(yes=yes, as_json=as_json, report=report, by=by)
        return carry_out(run, workplace, tasks, words=Words(), wishes=wishes, keep=keep)


def _request(workplace: "Workplace", file: Path) -> "Request":
    from esign.request import Given, Request
    from esign_cli.file_keys import signing_key_of
    from esign_cli.places import read_file

    pdf = read_file(file)
    config = workplace.config
    key = signing_key_of(config.agency.code, config.issuance.profile, hashlib.sha256(pdf).hexdigest())
    return Request(idempotency_key=key, content=Given(pdf=pdf))
