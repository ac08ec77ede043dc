"""`esign doctor`: looks at everything that issuing needs; each finding says how bad it is and what to do next."""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import Error
from esign.reasons import Reason
from esign_cli.checks import CHECKS, Check, Finding, Severity
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON, PinFd, PinFile
from esign_cli.output import Colour
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign_cli.wiring import Workplace

__all__ = ["register"]

_SYMBOLS = {
    Severity.FINE: ("✓", Colour.GOOD),
    Severity.WARNING: ("!", Colour.DOUBT),
    Severity.FAULT: ("✗", Colour.BAD),
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", help="cmd-doctor")(doctor)


def doctor(
    ctx: typer.Context,
    *,
    online: Annotated[bool, typer.Option("--online", help="opt-online")] = False,
    as_json: AsJSON = False,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """Look at everything; 0 if nothing is at fault."""
    from esign_cli.online_checks import ONLINE_CHECKS
    from esign_cli.pins import at_work

    run = session(ctx)
    worst = Severity.FINE
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        for finding in _all(run, workplace, (*CHECKS, *ONLINE_CHECKS) if online else CHECKS):
            worst = max(worst, finding.severity)
            _tell(run, finding, as_json=as_json)
    if not as_json:
        run.output.note(f"doctor-{worst.name.lower()}")
    return ExitCode.NO if worst is Severity.FAULT else ExitCode.OK


def _all(run: Session, workplace: "Workplace", checks: Sequence[Check]) -> Iterator[Finding]:
    unlocked = not workplace.pin.attended or sys.stdin.isatty()
    for check in checks:
        if check.needs_pin and not unlocked:
            yield Finding(Severity.WARNING, check.area, Reason("doctor-without-pin"))
            continue
        yield from _guarded(check.look, check.area, run, workplace)


def _guarded(
    look: "Callable[[Session, Workplace], Iterator[Finding]]", area: str, run: Session, workplace: "Workplace"
) -> Iterator[Finding]:
    """One check that fails does not hide the others."""
    try:
        yield from look(run, workplace)
    except Error as e:
        yield Finding(Severity.FAULT, area, e.reason)


def _tell(run: Session, finding: Finding, *, as_json: bool) -> None:
    out = run.output
    what, next_step = out.explained(finding.reason), out.next_step(finding.reason)
    if as_json:
        severity = finding.severity.name.lower()
        out.json(
            {"severity": severity, "area": finding.area, "code": finding.reason.code, "what": what, "next": next_step}
        )
        return
    symbol, colour = _SYMBOLS[finding.severity]
    out.line(f"{symbol} {out.say('area-' + finding.area)}: {what}", colour=colour)
    if next_step and finding.severity is not Severity.FINE:
        out.line(f"    → {next_step}")
