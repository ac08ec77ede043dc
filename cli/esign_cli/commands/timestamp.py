"""`esign timestamp`: the time-stamping authorities that are named, and how they do."""

import typer

from esign.errors import ConfigurationError
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON
from esign_cli.output import Colour, iso, shown
from esign_cli.session import session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-timestamp", no_args_is_help=True)
    group.callback()(lambda: None)  # one command below a name would else take the name's place
    group.command("check", help="cmd-timestamp-check")(check)
    app.add_typer(group, name="timestamp")


def check(ctx: typer.Context, *, as_json: AsJSON = False) -> ExitCode:
    """Ask each for a time-stamp now; 0 if all gave a good one."""
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        if workplace.timestamper is None:
            raise ConfigurationError("timestamp-no-authorities")
        found = workplace.timestamper.check()
    for one in found:
        stamp, problem = one.timestamp, one.problem
        if as_json:
            run.output.json(
                {
                    "authority": one.authority.name,
                    "url": one.authority.url,
                    "good": stamp is not None,
                    "time": iso(stamp.time) if stamp else None,
                    "seconds": round(stamp.elapsed.total_seconds(), 3) if stamp else None,
                    "notices": [n.code for n in stamp.notices] if stamp else [],
                    "reason": problem.code if problem else None,
                }
            )
            continue
        if stamp is not None:
            seconds = f"{stamp.elapsed.total_seconds():.1f}"
            said = run.output.say("timestamp-good", time=shown(stamp.time), seconds=seconds)
            run.output.line(f"✓ {one.authority.name}: {said}", colour=Colour.GOOD)
            for notice in stamp.notices:
                run.output.line(f"    · {run.output.explained(notice)}")
        elif problem is not None:
            run.output.line(f"✗ {one.authority.name}: {run.output.explained(problem)}", colour=Colour.BAD)
            run.output.line(f"    → {run.output.next_step(problem)}")
    return ExitCode.OK if all(one.timestamp is not None for one in found) else ExitCode.NETWORK
