"""`esign verify`: what a document's signatures, its seal and a register say; with or without a working folder."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import Error, InputError
from esign_cli.exits import ExitCode, worst
from esign_cli.options import Anchors, AsJSON, Intermediates, Lists, PinFd, PinFile
from esign_cli.output import Colour, Progress
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.report import VerificationReport
    from esign.verification import Verifier
    from esign_cli.inputs import Input
    from esign_cli.report_files import ReportFiles

__all__ = ["moment", "register"]

_MANY = 10
"""From so many files on, how far the work has come is worth a line."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify", help="cmd-verify", no_args_is_help=True)(verify)


def verify(  # noqa: PLR0913  # options of the command
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR", help="arg-verify-files", readable=False)],
    *,
    anchor: Anchors = None,
    intermediate: Intermediates = None,
    crl: Lists = None,
    keys: Annotated[Path | None, typer.Option(metavar="FILE", help="opt-seal-keys", readable=False)] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="opt-at")] = None,
    register: Annotated[bool, typer.Option("--register/--no-register", help="opt-register")] = True,
    original: Annotated[bool, typer.Option("--original", help="opt-original")] = False,
    compare_pages: Annotated[bool, typer.Option("--compare-pages", help="opt-compare-pages")] = False,
    as_json: AsJSON = False,
    xml: Annotated[Path | None, typer.Option(metavar="DIR", help="opt-xml", readable=False)] = None,
    html: Annotated[Path | None, typer.Option(metavar="DIR", help="opt-html", readable=False)] = None,
    receipt: Annotated[Path | None, typer.Option(metavar="DIR", help="opt-receipt", readable=False)] = None,
    key: Annotated[str | None, typer.Option("--key", metavar="KEY", help="opt-receipt-key")] = None,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """Verify each file and say why."""
    from esign_cli.inputs import inputs
    from esign_cli.pins import at_work, key_ref, typing_again
    from esign_cli.report_files import ReceiptSigner, ReportFiles
    from esign_cli.verifiers import Sources, Typed

    run = session(ctx)
    when = moment(at) if at else None
    typed = Typed(
        anchors=anchor or (), intermediates=intermediate or (), crls=crl or (), seal_keys=keys, register=register
    )
    sources = Sources(run, typed)
    verifier = sources.verifier()
    with ExitStack() as stack:
        signer = None
        if receipt is not None:
            # Before anything else: a PIN is asked for while a person is still there.
            workplace = stack.enter_context(at_work(run, pin_file=pin_file, pin_fd=pin_fd))
            ref = key_ref(workplace.config, key)
            signer = typing_again(
                run.output,
                workplace.pin,
                lambda: ReceiptSigner.of(workplace, ref, basis=sources.basis(), now=run.now),
            )
        made = ReportFiles(xml=xml, html=html, receipts=receipt, signer=signer, language=run.output.language)
        found = inputs(files)
        job = _Job(
            session=run,
            verifier=verifier,
            files=made,
            at=when,
            original=original,
            compare=compare_pages,
            as_json=as_json,
            several=len(found) > 1,
        )
        if not found:
            raise InputError("nothing-to-verify")
        verifier.prepare()
        with ExitStack() as shown:
            many = len(found) >= _MANY
            progress = shown.enter_context(run.output.progress(len(found))) if many else Progress()
            return worst(*(job.run(each, progress) for each in found))


def moment(text: str) -> datetime:
    """A time with its zone; a day alone is its beginning in UTC.

    Raises:
        InputError: `time-invalid`.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as e:
        raise InputError("time-invalid", found=text[:40]) from e
    if found.tzinfo is None:
        raise InputError("time-without-zone", found=text[:40])
    return found.astimezone(UTC)


@dataclass(kw_only=True)
class _Job:
    """What is done with each file."""

    session: Session
    verifier: "Verifier"
    files: "ReportFiles"
    at: datetime | None
    original: bool
    compare: bool
    as_json: bool
    several: bool

    def run(self, source: "Input", progress: Progress) -> ExitCode:
        """Verify one, and tell."""
        from esign.reports.answer import answer_of

        started = time.perf_counter()
        try:
            pdf = source.read()
            report = self._compared(pdf, self.verifier.inspect(pdf, at=self.at, original=self.original))
        except Error as e:
            self._unopened(source, e, started)
            return ExitCode.INPUT
        finally:
            progress.step(source.path.name)
        self._tell(source, report, started)
        for path in self.files.write(source, report):
            self.session.output.note("report-written", file=path)
        return _EXITS[answer_of(report).value]

    def _compared(self, pdf: bytes, report: "VerificationReport") -> "VerificationReport":
        """With the pages that look different, where that was asked for; a page for people shows them."""
        from esign.comparison import with_pages

        if not (self.compare or self.files.html) or not report.signatures:
            return report
        try:
            return with_pages(report, pdf)
        except InputError as e:
            self.session.output.warn(e.reason)
            return report

    def _tell(self, source: "Input", report: "VerificationReport", started: float) -> None:
        from esign.reports.json import to_json
        from esign.reports.text import to_lines

        out = self.session.output
        if self.as_json:
            seconds = round(time.perf_counter() - started, 4)
            out.json({"file": str(source.path), **to_json(report), "seconds": seconds})
            return
        for line in to_lines(report, name=str(source.path), language=out.language):
            out.line(line.text, colour=_COLOURS[line.answer.value] if line.answer else "")
        if self.several:
            out.line()

    def _unopened(self, source: "Input", error: Error, started: float) -> None:
        """The caller learns of every file, of one that cannot even be opened as well."""
        from esign.reports.json import unopened

        out = self.session.output
        if self.as_json:
            row = unopened(error.code, at=self.at or self.session.now())
            out.json({"file": str(source.path), **row, "seconds": round(time.perf_counter() - started, 4)})
        out.error(error)


# By the values of `esign.reports.answer.Answer`, which is imported late.
_EXITS = {"good": ExitCode.OK, "bad": ExitCode.NO, "unknown": ExitCode.UNDECIDED}
_COLOURS = {"good": Colour.GOOD, "bad": Colour.BAD, "unknown": Colour.DOUBT}
