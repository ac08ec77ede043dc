"""`esign copy`: certify copies, SAO Y, SAO LỤC or TRÍCH SAO, of paper that was scanned or of electronic documents."""

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
    from esign.pdf.text_marks import CopyForm
    from esign.request import Request
    from esign_cli.wiring import Workplace

__all__ = ["register"]

_FORMS = ["sao-y", "sao-luc", "trich-sao"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("copy", help="cmd-copy", no_args_is_help=True)(copy)


def copy(  # noqa: PLR0913  # options of the command
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR", help="arg-copies", readable=False)],
    *,
    form: Annotated[
        str, typer.Option("--form", metavar="sao-y|sao-luc|trich-sao", help="opt-form", autocompletion=lambda: _FORMS)
    ],
    electronic: Annotated[bool, typer.Option("--electronic", help="opt-electronic")] = False,
    out: OutFolder = None,
    report: Report = None,
    by: By = "",
    yes: Yes = False,
    as_json: AsJSON = False,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """Sign each, top right of page 1."""
    from esign.batch import Requested
    from esign_cli.batches import Wishes, Words, carry_out
    from esign_cli.outputs import collected, write_free
    from esign_cli.pins import at_work

    run = session(ctx)
    chosen = _form(form)
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        folder = out or workplace.config.paths.out
        ending = f".{form}.pdf"
        found = collected(files, new=ending)
        if not found:
            raise InputError("nothing-to-sign")
        run.output.note("copy-plan", count=len(found), form=chosen.value, folder=folder)
        tasks = [
            Requested(name=str(file), request=partial(_request, workplace, file, chosen, scanned=not electronic))
            for file, _ in found
        ]

        def keep(entry: "Entry", issued: "Issued") -> Path:
            return write_free(folder / found[entry.position - 1][1], issued.pdf, ending=ending)

        wishes = Wishes(yes=yes, as_json=as_json, report=report, by=by)
        return carry_out(run, workplace, tasks, words=Words(), wishes=wishes, keep=keep)


def _form(text: str) -> "CopyForm":
    from esign.pdf.text_marks import CopyForm

    forms = dict(zip(_FORMS, (CopyForm.SAO_Y, CopyForm.SAO_LUC, CopyForm.TRICH_SAO), strict=True))
    if text not in forms:
        raise InputError("form-unknown", found=text[:40], expected=", ".join(forms))
    return forms[text]


def _request(workplace: "Workplace", file: Path, form: "CopyForm", *, scanned: bool) -> "Request":
    from esign.request import Copied, Request
    from esign_cli.file_keys import signing_key_of
    from esign_cli.places import read_file

    pdf, config = read_file(file), workplace.config
    content = f"{form.name} {scanned} {hashlib.sha256(pdf).hexdigest()}"
    key = signing_key_of(config.agency.code, config.issuance.profile, content, kind="copy")
    return Request(idempotency_key=key, content=Copied(pdf=pdf, form=form, scanned=scanned))
