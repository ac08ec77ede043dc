"""`esign extract`: the document as it was when a signature was made, byte for byte."""

from pathlib import Path
from typing import Annotated

import typer

from esign.errors import InputError
from esign_cli.exits import ExitCode
from esign_cli.session import session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("extract", help="cmd-extract", no_args_is_help=True)(extract)


def extract(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="arg-extract-file", readable=False)],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="arg-extract-out", readable=False)],
    *,
    signature: Annotated[int, typer.Option("--signature", metavar="N", min=1, help="opt-signature")] = 1,
) -> ExitCode:
    """Write the bytes that signature `signature` speaks for; what stands at OUT already is left alone."""
    from esign.files import write_durably
    from esign_cli.inputs import Input
    from esign_cli.verifiers import Sources, Typed

    run = session(ctx)
    pdf = Input(file, Path(file.name)).read()
    # Whether the signature is good is another question; what it speaks for is a matter of structure.
    report = Sources(run, Typed(register=False)).verifier().inspect(pdf)
    if signature > len(report.signatures):
        raise InputError("signature-not-there", file=file, number=signature, count=len(report.signatures))
    end = report.signatures[signature - 1].signed_bytes
    if not end:
        raise InputError("signature-covers-nothing", file=file, number=signature)
    if out.exists():
        raise InputError("output-exists", file=out)
    write_durably(out, pdf[:end], private=False)
    run.output.line(str(out))
    if end < len(pdf):
        run.output.note("extract-later", bytes=len(pdf) - end)
    return ExitCode.OK
