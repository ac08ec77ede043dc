"""`esign print`: an electronic document for the printer, with the note and the QR that a print must carry."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import ConfigurationError, InputError
from esign.reasons import Reason
from esign_cli.exits import ExitCode
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.document import Mark
    from esign_cli.wiring import Workplace

__all__ = ["register"]

_ENDING = ".print.pdf"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("print", help="cmd-print", no_args_is_help=True)(print_)


def print_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.pdf", help="arg-print", readable=False)],
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE.pdf", help="opt-print-out", readable=False)
    ] = None,
) -> ExitCode:
    """Make the print; the signed file is only read."""
    from esign.pdf.print_copy import print_copy, print_note
    from esign_cli.outputs import write_free
    from esign_cli.places import read_file
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        pdf = read_file(file)
        _check(run, workplace, file, pdf)
        qr, host = _seal(workplace, pdf)
        note = print_note(workplace.agency, host=host, printed_at=run.now())
        made = print_copy(pdf, note=note, qr=qr)
        target = out or workplace.config.paths.out / f"{file.stem}{_ENDING}"
        path = write_free(target, made.pdf, ending=_ENDING if out is None else target.suffix)
    run.output.line(str(path))
    run.output.note("print-made", pages=made.pages)
    return ExitCode.OK


def _check(run: Session, workplace: "Workplace", file: Path, pdf: bytes) -> None:
    """A print has no signature to check any more, so nothing broken is printed; what no longer holds is told."""
    from esign.document import Standing
    from esign.report import Integrity
    from esign.verification import Verifier
    from esign_cli.places import has_register

    registry = workplace.registry if has_register(workplace.config.paths) else None
    report = Verifier(trust=workplace.trust, seal_keys=workplace.seal_keys, registry=registry, now=run.now).inspect(pdf)
    if report.integrity is not Integrity.INTACT:
        raise InputError("print-not-intact", file=file)
    standing = report.standing.standing if report.standing else None
    if standing not in (None, Standing.IN_FORCE, Standing.CORRECTED):
        run.output.warn(Reason("print-not-in-force", {"standing": run.output.say(f"standing-word-{standing.value}")}))


def _seal(workplace: "Workplace", pdf: bytes) -> "tuple[Mark | None, str]":
    """The document's own seal, drawn again in the margin, and the host that answers for it."""
    from esign.pdf.links import seal_links
    from esign.pdf.seal_marks import qr_mark
    from esign.seal import SealToken, Symbol

    config = workplace.config.seal
    links = seal_links(pdf)
    if not links:
        if config is None:
            raise ConfigurationError("seal-not-configured", file=workplace.config.path)
        return None, config.host
    url = links[0].url
    symbol = Symbol.of(url)
    alt = f"QR {SealToken.from_url(url).claims.number}"
    mark = qr_mark(symbol.rows, size_mm=symbol.size_mm, quiet_mm=symbol.quiet_mm, alt=alt)
    return mark, url.removeprefix("https://").partition("/")[0]
