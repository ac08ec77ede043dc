"""`esign webhook`: who is told of results, and what is on its way to them."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import InputError
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON
from esign_cli.output import iso, shown
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.registry import Endpoint, Webhook
    from esign.webhooks import Added

__all__ = ["register"]

_Id = Annotated[str, typer.Argument(metavar="ID", help="arg-webhook-id")]
_BY = "cli"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-webhook", no_args_is_help=True)
    group.command("add", help="cmd-webhook-add")(add)
    group.command("list", help="cmd-webhook-list")(list_)
    group.command("rotate", help="cmd-webhook-rotate")(rotate)
    group.command("enable", help="cmd-webhook-enable")(enable)
    group.command("remove", help="cmd-webhook-remove")(remove)
    group.command("deliveries", help="cmd-webhook-deliveries")(deliveries)
    group.command("replay", help="cmd-webhook-replay")(replay)
    app.add_typer(group, name="webhook")


def add(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="arg-webhook-url")],
    *,
    event: Annotated[list[str] | None, typer.Option("--event", metavar="EVENT", help="opt-webhook-event")] = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Tell an address from now on; its secret is shown once."""
    from esign.registry import Event
    from esign_cli.wiring import Workplace
    from esign_cli.working import webhook_desk

    known = {e.value: e for e in Event}
    for each in event or []:
        if each not in known:
            raise InputError("webhook-event-unknown", found=each[:40], expected=", ".join(known))
    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        made = webhook_desk(workplace).add(
            url, [known[e] for e in event or []], agency=workplace.config.agency.code, by=_BY
        )
    _hand_over(run, made, as_json=as_json)
    return ExitCode.OK


def list_(ctx: typer.Context, *, as_json: AsJSON = False) -> ExitCode:
    """Who is told, and how they do."""
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        found = workplace.registry.endpoints.of(workplace.config.agency.code)
    for endpoint in found:
        if as_json:
            run.output.json(_endpoint(endpoint))
        else:
            problem = run.output.explained(endpoint.problem) if endpoint.problem else ""
            told = shown(endpoint.told_at)
            run.output.row(str(endpoint.id), endpoint.url, told, problem)
    return ExitCode.OK


def rotate(
    ctx: typer.Context,
    id_: _Id,
    *,
    overlap_hours: Annotated[
        int, typer.Option("--overlap", metavar="HOURS", min=0, max=720, help="opt-webhook-overlap")
    ] = 24,
    as_json: AsJSON = False,
) -> ExitCode:
    """A new secret, shown once; the old one signs beside it for a while."""
    from esign.registry import EndpointId
    from esign_cli.wiring import Workplace
    from esign_cli.working import webhook_desk

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        made = webhook_desk(workplace).rotate(
            EndpointId.parse(id_), agency=workplace.config.agency.code, overlap=timedelta(hours=overlap_hours)
        )
    _hand_over(run, made, as_json=as_json)
    return ExitCode.OK


def enable(ctx: typer.Context, id_: _Id) -> ExitCode:
    """Send to it again, beginning with what waits."""
    from esign.registry import EndpointId
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        workplace.registry.endpoints.enable(EndpointId.parse(id_), agency=workplace.config.agency.code)
    run.output.note("webhook-enabled", id=id_)
    return ExitCode.OK


def remove(ctx: typer.Context, id_: _Id) -> ExitCode:
    """Tell it nothing more."""
    from esign.registry import EndpointId
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        workplace.registry.endpoints.remove(EndpointId.parse(id_), agency=workplace.config.agency.code)
    run.output.note("webhook-is-removed", id=id_)
    return ExitCode.OK


def deliveries(
    ctx: typer.Context,
    *,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="opt-webhook-state")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="opt-webhook-limit")] = 100,
    as_json: AsJSON = False,
) -> ExitCode:
    """What was told and what is on its way, newest first; not OK while something was given up."""
    from esign.registry import WebhookState
    from esign_cli.wiring import Workplace

    known = {s.value: s for s in WebhookState}
    if state is not None and state not in known:
        raise InputError("webhook-state-unknown", found=state[:40], expected=", ".join(known))
    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        outbox, code = workplace.registry.outbox, workplace.config.agency.code
        found = outbox.listing(agency=code, state=known[state] if state else None, limit=limit)
        given_up = outbox.counts(agency=code)[WebhookState.GIVEN_UP]
    for webhook in found:
        if as_json:
            run.output.json(_webhook(webhook))
        else:
            said = run.output.say(f"webhook-{webhook.state.value}")
            problem = run.output.explained(webhook.problem) if webhook.problem else ""
            run.output.row(said, webhook.message.id, webhook.message.event.value, webhook.message.subject, problem)
    return ExitCode.NO if given_up else ExitCode.OK


def replay(
    ctx: typer.Context, message: Annotated[str, typer.Argument(metavar="MESSAGE", help="arg-webhook-message")]
) -> ExitCode:
    """Send a message again, with its own id."""
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        count = workplace.registry.outbox.replay(message, agency=workplace.config.agency.code)
    run.output.note("webhook-replayed", count=count)
    return ExitCode.OK


def _hand_over(run: Session, made: "Added", *, as_json: bool) -> None:
    if as_json:
        run.output.json({**_endpoint(made.endpoint), "secret": made.secret})
        return
    run.output.row(str(made.endpoint.id), made.endpoint.url)
    run.output.note("webhook-secret", secret=made.secret)


def _endpoint(endpoint: "Endpoint") -> dict[str, object]:
    return {
        "id": str(endpoint.id),
        "url": endpoint.url,
        "events": [e.value for e in endpoint.events],
        "told_at": iso(endpoint.told_at),
        "failures": endpoint.failures,
        "disabled_at": iso(endpoint.disabled_at),
        "reason": endpoint.problem.code if endpoint.problem else None,
    }


def _webhook(webhook: "Webhook") -> dict[str, object]:
    return {
        "message": webhook.message.id,
        "event": webhook.message.event.value,
        "subject": webhook.message.subject,
        "endpoint": str(webhook.endpoint),
        "state": webhook.state.value,
        "tries": webhook.tries,
        "reason": webhook.problem.code if webhook.problem else None,
    }
