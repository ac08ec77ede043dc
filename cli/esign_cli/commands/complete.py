"""`esign complete`: hand in the signatures that competent persons made elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from esign.errors import Error, InputError
from esign_cli.exits import ExitCode, exit_code, worst
from esign_cli.options import AsJSON
from esign_cli.session import session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("complete", help="cmd-complete", no_args_is_help=True)(complete)


def complete(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR", help="arg-signatures", readable=False)],
    *,
    as_json: AsJSON = False,
) -> ExitCode:
    """One row a signature; no key is needed."""
    from esign_cli.handover import SIGNATURE, hand_in
    from esign_cli.keys import Keys
    from esign_cli.outputs import collected
    from esign_cli.wiring import Workplace

    run = session(ctx)
    found = [file for file, _ in collected(files, ending=SIGNATURE)]
    if not found:
        raise InputError("nothing-to-complete")
    codes = []
    with Workplace(run.config(), now=run.now) as workplace:
        issuer = workplace.issuer(keys=Keys.NONE)
        for file in found:
            try:
                intent, known = hand_in(workplace, issuer, file)
            except Error as e:
                run.output.error(e)
                codes.append(exit_code(e))
                if as_json:
                    run.output.json({"file": str(file), "id": None, "state": None, "reason": e.code})
                continue
            codes.append(ExitCode.OK)
            if as_json:
                state = intent.state.value
                run.output.json({"file": str(file), "id": str(intent.id), "state": state, "reason": None})
            else:
                said = run.output.say("status-already" if known else "state-approved")
                run.output.row(said, str(intent.id), str(intent.number or "—"))
    return worst(*codes)
