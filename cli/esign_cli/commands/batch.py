"""`esign batch`: batches of this agency, what they wait for, and how far they have come."""

from typing import TYPE_CHECKING, Annotated

import typer

from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON
from esign_cli.output import iso, shown
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from esign.registry import Batch, RowState

__all__ = ["register"]

_Id = Annotated[str, typer.Argument(metavar="ID", help="arg-batch-id")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-batch", no_args_is_help=True)
    group.command("list", help="cmd-batch-list")(list_)
    group.command("show", help="cmd-batch-show")(show)
    group.command("rows", help="cmd-batch-rows")(rows)
    group.command("authorise", help="cmd-batch-authorise")(authorise)
    group.command("cancel", help="cmd-batch-cancel")(cancel)
    app.add_typer(group, name="batch")


def list_(
    ctx: typer.Context,
    *,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="opt-batch-limit")] = 100,
    as_json: AsJSON = False,
) -> ExitCode:
    """Newest first; plans that were confirmed at the command line are among them."""
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        found = workplace.registry.batches.listing(agency=workplace.config.agency.code, limit=limit)
    for batch in found:
        if as_json:
            run.output.json(_members(batch))
        else:
            state = run.output.say(f"batch-is-{batch.state.value}")
            run.output.row(state, str(batch.id), str(batch.size), shown(batch.submitted_at), batch.authorised_by or "")
    return ExitCode.OK


def show(ctx: typer.Context, id_: _Id, *, as_json: AsJSON = False) -> ExitCode:
    """Its root, its authorisation, and how many rows are where."""
    from esign.registry import BatchId
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        batch = workplace.registry.batches.get(BatchId.parse(id_), agency=workplace.config.agency.code)
        counts = workplace.registry.batches.counts(batch.id)
    _tell(run, batch, counts, as_json=as_json)
    return ExitCode.OK


def rows(ctx: typer.Context, id_: _Id, *, as_json: AsJSON = False) -> ExitCode:
    """Each row with its result, number, state and reason."""
    from esign.registry import BatchId
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        batches = workplace.registry.batches
        batch = batches.get(BatchId.parse(id_), agency=workplace.config.agency.code)
        after: int | None = 0
        while after is not None:
            page = batches.rows(batch.id, after=after, limit=1000)
            for row in page.entries:
                if as_json:
                    run.output.json(
                        {
                            "position": row.position,
                            "state": row.state.value,
                            "id": str(row.result) if row.result else None,
                            "number": str(row.number) if row.number else None,
                            "sha256": row.sha256,
                            "reason": row.problem.code if row.problem else None,
                        }
                    )
                else:
                    state = run.output.say(f"row-is-{row.state.value}")
                    why = run.output.explained(row.problem) if row.problem else ""
                    run.output.row(str(row.position), state, str(row.number or ""), str(row.result or ""), why)
            after = page.next
    return ExitCode.OK


def authorise(
    ctx: typer.Context,
    id_: _Id,
    *,
    root: Annotated[str, typer.Option(metavar="SHA256", help="opt-batch-root")],
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="opt-batch-authorised-by")] = "",
    as_json: AsJSON = False,
) -> ExitCode:
    """Let it be carried out by workers."""
    from esign.registry import BatchId, actor
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        batches, code = workplace.registry.batches, workplace.config.agency.code
        batch = batches.authorise(
            BatchId.parse(id_),
            agency=code,
            root=root,
            by=by or actor().name,
            four_eyes=workplace.config.access.four_eyes,
            persons=workplace.persons,
        )
        counts = batches.counts(batch.id)
    _tell(run, batch, counts, as_json=as_json)
    return ExitCode.OK


def cancel(ctx: typer.Context, id_: _Id, *, as_json: AsJSON = False) -> ExitCode:
    """Begin nothing more of it."""
    from esign.registry import BatchId, actor
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        batches, code = workplace.registry.batches, workplace.config.agency.code
        batch = batches.cancel(BatchId.parse(id_), agency=code, by=actor().name)
        counts = batches.counts(batch.id)
    _tell(run, batch, counts, as_json=as_json)
    return ExitCode.OK


def _tell(run: Session, batch: "Batch", counts: "Mapping[RowState, int]", *, as_json: bool) -> None:
    if as_json:
        run.output.json({**_members(batch), "rows": {state.value: n for state, n in counts.items()}})
        return
    run.output.row(run.output.say(f"batch-is-{batch.state.value}"), str(batch.id), str(batch.size), batch.root)
    for state, count in counts.items():
        if count:
            run.output.row("", run.output.say(f"row-is-{state.value}"), str(count))


def _members(batch: "Batch") -> dict[str, object]:
    return {
        "id": str(batch.id),
        "state": batch.state.value,
        "origin": batch.origin.value,
        "size": batch.size,
        "root": batch.root,
        "submitted_at": iso(batch.submitted_at),
        "submitted_by": batch.submitted_by,
        "authorised_at": iso(batch.authorised_at),
        "authorised_by": batch.authorised_by,
        "finished_at": iso(batch.finished_at),
    }
