"""`esign receipt verify`: whether a verification receipt is genuine, and what it was made for."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign_cli.exits import ExitCode
from esign_cli.options import Anchors, AsJSON, Intermediates, Lists
from esign_cli.output import Colour, Output
from esign_cli.session import session

if TYPE_CHECKING:
    from esign.report import Check
    from esign.reports.receipt import ReceiptFinding

__all__ = ["register"]

_CONTENT, _SIGNATURE = ".receipt.json", ".receipt.p7s"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-receipt", no_args_is_help=True)
    group.command("verify", help="cmd-receipt-verify", no_args_is_help=True)(verify)
    app.add_typer(group, name="receipt")


def verify(  # noqa: PLR0913  # options of the command
    ctx: typer.Context,
    receipt: Annotated[Path, typer.Argument(metavar="RECEIPT.json", help="arg-receipt", readable=False)],
    *,
    signature: Annotated[Path | None, typer.Option(metavar="FILE.p7s", help="opt-receipt-p7s", readable=False)] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="opt-receipt-file", readable=False)] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE.json", help="opt-receipt-report", readable=False)] = None,
    anchor: Anchors = None,
    intermediate: Intermediates = None,
    crl: Lists = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="opt-at")] = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Check signature and signer, and compare what is given."""
    from esign.reports.receipt import check_receipt
    from esign_cli.commands.verify import moment
    from esign_cli.places import read_file
    from esign_cli.verifiers import Sources, Typed

    run = session(ctx)
    typed = Typed(anchors=anchor or (), intermediates=intermediate or (), crls=crl or (), register=False)
    beside = signature or receipt.with_name(receipt.name.removesuffix(_CONTENT) + _SIGNATURE)
    found = check_receipt(
        read_file(receipt),
        read_file(beside),
        trust=Sources(run, typed).trust,
        at=moment(at) if at else run.now(),
        file=None if file is None else read_file(file),
        report=None if report is None else read_file(report),
    )
    answer = _answer(found.checks)
    if as_json:
        run.output.json(_members(found, answer))
    else:
        _tell(run.output, found, answer)
    return answer


def _answer(checks: "Sequence[Check]") -> ExitCode:
    from esign.report import Outcome

    outcomes = {c.outcome for c in checks}
    return (
        ExitCode.NO
        if Outcome.FAILED in outcomes
        else ExitCode.UNDECIDED
        if Outcome.UNKNOWN in outcomes
        else ExitCode.OK
    )


_WORDS = {
    ExitCode.OK: ("✓", "receipt-good", Colour.GOOD),
    ExitCode.NO: ("✗", "receipt-bad", Colour.BAD),
    ExitCode.UNDECIDED: ("?", "receipt-unknown", Colour.DOUBT),
}


def _tell(out: Output, found: "ReceiptFinding", answer: ExitCode) -> None:
    from esign.names import common_name
    from esign.reports.words import say, shown

    symbol, code, colour = _WORDS[answer]
    out.line(f"{symbol} {out.say(code)}", colour=colour)
    r = found.receipt
    out.line(out.say("receipt-signer", name=(common_name(found.signer) if found.signer else "") or "—"))
    out.line(out.say("receipt-issued", time=shown(r.issued_at)))
    out.line(out.say("receipt-says", verdict=say(f"verdict-{r.answer.value}", out.language), time=shown(r.verified_at)))
    out.line(out.say("receipt-of-file", sha256=r.file_sha256))
    out.line(out.say("receipt-basis", trust=r.basis.trust, policy=r.basis.policy, software=r.basis.software))
    for check in found.checks:
        if check.reason is not None:
            out.line(f"- {out.explained(check.reason)} [{check.reason.code}]")


def _members(found: "ReceiptFinding", answer: ExitCode) -> dict[str, object]:
    import json

    said = {ExitCode.OK: "good", ExitCode.NO: "bad"}.get(answer, "unknown")
    checks = [
        {"name": c.name, "outcome": c.outcome.value, "reason": c.reason.code if c.reason else None}
        for c in found.checks
    ]
    return {"answer": said, "receipt": json.loads(found.receipt.content), "checks": checks}
