"""`esign waiting`: what waits for whom, since when, and until when; `esign take-back` gives up what is not issued."""

from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import InputError
from esign_cli.commands.result import Which, Why, Year, find_result, open_registry
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON
from esign_cli.output import iso, shown
from esign_cli.session import session

if TYPE_CHECKING:
    from datetime import datetime

    from esign.registry import Intent

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("waiting", help="cmd-waiting")(waiting)
    app.command("take-back", help="cmd-take-back", no_args_is_help=True)(take_back)


def waiting(ctx: typer.Context, *, as_json: AsJSON = False) -> ExitCode:
    """One row a result, oldest first."""
    run = session(ctx)
    config = run.config()
    with open_registry(run, config) as registry:
        found = registry.waiting(agency=config.agency.code)
    if as_json:
        for intent in found:
            run.output.json(
                {
                    "id": str(intent.id),
                    "number": str(intent.number) if intent.number else None,
                    "state": intent.state.value,
                    "kind": intent.kind.value,
                    "title": intent.metadata.title if intent.metadata else None,
                    "since": iso(_since(intent)),
                    "expires": iso(_until(intent)),
                    "expired": _expired(intent, run.now()),
                }
            )
        return ExitCode.OK
    rows = [
        (
            str(i.id),
            str(i.number or "—"),
            run.output.say("waits-for-nobody" if _expired(i, run.now()) else f"waits-{i.state.value}"),
            shown(_since(i)),
            shown(_until(i)),
            i.metadata.title if i.metadata else run.output.say("signature-only"),
        )
        for i in found
    ]
    run.output.table(("col-id", "col-number", "col-waits-for", "col-since", "col-until", "col-title"), rows)
    if not found:
        run.output.note("nothing-waits")
    return ExitCode.OK


def _since(intent: "Intent") -> "datetime":
    return intent.approved_at or intent.awaiting_at or intent.reserved_at


def _until(intent: "Intent") -> "datetime | None":
    """A signature that is in waits for the clerk without an end."""
    return None if intent.approved_at else intent.expires_at


def _expired(intent: "Intent", now: "datetime") -> bool:
    until = _until(intent)
    return until is not None and until < now


def take_back(
    ctx: typer.Context,
    which: Which,
    *,
    why: Annotated[str, Why],
    year: Year = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Void it; its number stays explained."""
    from esign_cli.keys import Keys
    from esign_cli.wiring import Workplace

    run = session(ctx)
    if not why.strip():
        raise InputError("option-needed", option="--why")
    config = run.config()
    with Workplace(config, now=run.now) as workplace:
        found = find_result(run, workplace.registry, config, which, year)
        intent = workplace.issuer(keys=Keys.NONE).withdraw(found.id, why=why)
    if as_json:
        run.output.json({"id": str(intent.id), "number": str(intent.number or ""), "state": intent.state.value})
    else:
        run.output.row(run.output.say(f"state-{intent.state.value}"), str(intent.id), str(intent.number or "—"))
    return ExitCode.OK
