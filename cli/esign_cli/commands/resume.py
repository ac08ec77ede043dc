"""`esign resume`: finish, or give up with a reason, what a crash or an unplugged token left."""

import typer

from esign_cli.exits import ExitCode, exit_code, worst
from esign_cli.options import AsJSON, PinFd, PinFile
from esign_cli.session import session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("resume", help="cmd-resume")(resume)


def resume(ctx: typer.Context, *, as_json: AsJSON = False, pin_file: PinFile = None, pin_fd: PinFd = None) -> ExitCode:
    """One row for each that was left."""
    from esign.delivery import FolderDelivery
    from esign_cli.pins import at_work, typing_again

    run = session(ctx)
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        if not workplace.registry.unfinished():
            run.output.note("resume-nothing")  # without asking for a PIN
            return ExitCode.OK
        delivery = FolderDelivery(workplace.config.paths.out)
        issuer = typing_again(run.output, workplace.pin, lambda: workplace.issuer(delivery=delivery))
        codes = []
        for resumed in issuer.resume():
            intent, error = resumed.intent, resumed.error
            reason = error.reason if error else intent.void_reason
            if as_json:
                run.output.json(
                    {
                        "id": str(intent.id),
                        "number": str(intent.number) if intent.number else None,
                        "state": intent.state.value,
                        "reason": reason.code if reason else None,
                    }
                )
            else:
                state = run.output.say(f"state-{intent.state.value}")
                why = run.output.explained(reason) if reason else ""
                run.output.row(state, str(intent.id), str(intent.number or ""), why)
            codes.append(exit_code(error) if error else ExitCode.OK)
        left = len(workplace.registry.unfinished())
        if left:
            run.output.note("resume-left", count=left)
    return worst(*codes)
