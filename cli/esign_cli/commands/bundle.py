"""`esign bundle`: a folder with which a court or an archive checks a document by itself; `esign bundle verify`."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from esign_cli.exits import ExitCode
from esign_cli.options import Anchors, AsJSON, Intermediates, Lists, PinFd, PinFile
from esign_cli.output import Colour
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.bundle import BundleFinding

__all__ = ["register"]


class _MakeByDefault(TyperGroup):
    """`esign bundle FILE` makes one: what is no command is a file."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            args = ["make", *args]
        return super().resolve_command(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-bundle", no_args_is_help=True, cls=_MakeByDefault)
    group.command("make", help="cmd-bundle-make", no_args_is_help=True)(make)
    group.command("verify", help="cmd-bundle-verify", no_args_is_help=True)(verify)
    app.add_typer(group, name="bundle")


def make(  # noqa: PLR0913  # options of the command
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="arg-bundle-file", readable=False)],
    out: Annotated[Path | None, typer.Argument(metavar="DIR", help="arg-bundle-out", readable=False)] = None,
    *,
    anchor: Anchors = None,
    intermediate: Intermediates = None,
    crl: Lists = None,
    register: Annotated[bool, typer.Option("--register/--no-register", help="opt-register")] = True,
    sign: Annotated[bool, typer.Option("--sign/--no-sign", help="opt-bundle-sign")] = False,
    key: Annotated[str | None, typer.Option("--key", metavar="KEY", help="opt-bundle-key")] = None,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """Make the folder DIR; without it, one beside the file."""
    from esign.bundle import make_bundle, write_bundle
    from esign_cli.inputs import Input
    from esign_cli.pins import at_work, key_ref, typing_again
    from esign_cli.report_files import ReceiptSigner
    from esign_cli.verifiers import Sources, Typed

    run = session(ctx)
    pdf = Input(file, Path(file.name)).read()
    folder = out or file.with_name(f"{file.stem}.bundle")
    sources = Sources(
        run, Typed(anchors=anchor or (), intermediates=intermediate or (), crls=crl or (), register=register)
    )
    with ExitStack() as stack:
        signer = None
        if sign or key is not None:
            workplace = stack.enter_context(at_work(run, pin_file=pin_file, pin_fd=pin_fd))
            ref = key_ref(workplace.config, key)
            signer = typing_again(
                run.output,
                workplace.pin,
                lambda: ReceiptSigner.of(workplace, ref, basis=sources.basis(), now=run.now),
            )
        contents = make_bundle(
            pdf,
            verifier=sources.verifier(),
            trust=sources.trust,
            made_at=run.now(),
            registry=sources.registry,
            key=signer.key if signer else None,
            mechanism=signer.mechanism if signer else None,
        )
    write_bundle(folder, contents)
    run.output.line(str(folder))
    return ExitCode.OK


def verify(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="arg-bundle", readable=False)],
    *,
    anchor: Anchors = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Check the files, the document and the report of a bundle; nothing is fetched."""
    from esign.bundle import check_bundle
    from esign_cli.verifiers import Sources, Typed

    run = session(ctx)
    trust = Sources(run, Typed(anchors=anchor or (), register=False)).trust
    found = check_bundle(folder, trust=trust, at=run.now())
    answer = _answer(found)
    if as_json:
        run.output.json(_members(found, answer))
    else:
        _tell(run, found, answer)
    return answer


def _answer(found: "BundleFinding") -> ExitCode:
    """Whether the bundle is whole; what its document is worth stands in the report, whatever that is."""
    from esign.report import Outcome

    outcomes = {check.outcome for check in found.checks}
    if Outcome.FAILED in outcomes:
        return ExitCode.NO
    return ExitCode.UNDECIDED if Outcome.UNKNOWN in outcomes else ExitCode.OK


_WORDS = {
    ExitCode.OK: ("✓", "bundle-good", Colour.GOOD),
    ExitCode.NO: ("✗", "bundle-bad", Colour.BAD),
    ExitCode.UNDECIDED: ("?", "bundle-unknown", Colour.DOUBT),
}


def _tell(run: Session, found: "BundleFinding", answer: ExitCode) -> None:
    from esign.names import common_name

    out = run.output
    symbol, code, colour = _WORDS[answer]
    out.line(f"{symbol} {out.say(code)}", colour=colour)
    if found.signer:
        out.line(f"  {out.say('bundle-signer', name=common_name(found.signer) or '—')}")
    for signature in found.report.signatures if found.report is not None else ():
        out.line(f"  {signature.field_name}: {signature.indication.value}")
    for check in found.checks:
        if check.reason is not None:
            out.line(f"- {out.explained(check.reason)} [{check.reason.code}]")


def _members(found: "BundleFinding", answer: ExitCode) -> dict[str, object]:
    from esign.reports.json import to_json

    said = {ExitCode.OK: "good", ExitCode.NO: "bad"}.get(answer, "unknown")
    checks = [
        {"name": c.name, "outcome": c.outcome.value, "reason": c.reason.code if c.reason else None}
        for c in found.checks
    ]
    return {"answer": said, "checks": checks, "report": None if found.report is None else to_json(found.report)}
