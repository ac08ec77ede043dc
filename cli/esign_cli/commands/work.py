"""`esign work`: a worker, what is left to do, and letting it try again what was set aside."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import ConfigurationError
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON
from esign_cli.output import iso, shown
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.registry import PresentWorker, Task
    from esign_cli.config import Config

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-work", invoke_without_command=True)
    group.callback()(work)
    group.command("status", help="cmd-work-status")(status)
    group.command("retry", help="cmd-work-retry")(retry)
    app.add_typer(group, name="work")


def work(
    ctx: typer.Context,
    *,
    also: Annotated[
        list[Path] | None, typer.Option("--also", metavar="FILE|DIR", help="opt-work-also", readable=False)
    ] = None,
) -> ExitCode:
    """Go on with whatever is unfinished until SIGTERM comes."""
    if ctx.invoked_subcommand is not None:
        return ExitCode.OK
    try:
        from esign.service.logs import write_json
        from esign.service.metrics import Metrics
        from esign_cli.serving import ServedWorkplace
    except ImportError as e:
        raise ConfigurationError("extra-missing", extra="service") from e
    from contextlib import ExitStack

    from esign_cli.anchors import kept_anchored
    from esign_cli.working import kept_working, told_to_stop, workers
    from esign_hsm.pin import protect_process

    run = session(ctx)
    protect_process()
    metrics = Metrics()
    with ExitStack() as stack:
        workplaces = [
            stack.enter_context(ServedWorkplace(config, now=run.now, metrics=metrics)) for config in _configs(run, also)
        ]
        found = workers(workplaces, now=run.now)
        for workplace in {w.registry.place: w for w in workplaces}.values():
            stack.enter_context(kept_anchored(workplace))
        stop = stack.enter_context(told_to_stop())
        write_json()
        with kept_working(found):
            run.output.note("work-begun", count=len(workplaces))
            stop.wait()
        run.output.note("work-ended")
    return ExitCode.OK


def _configs(run: Session, also: list[Path] | None) -> "list[Config]":
    from esign_cli.config import FILE_NAME, Config

    return [run.config(), *(Config.load(p / FILE_NAME if p.is_dir() else p) for p in also or [])]


def status(ctx: typer.Context, *, as_json: AsJSON = False) -> ExitCode:
    """What is left, what failed, and who works; not OK while something waits for people or nobody works."""
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        code, tasks = workplace.config.agency.code, workplace.registry.tasks
        left, oldest = tasks.count(agency=code), tasks.oldest(agency=code)
        aside, troubled = tasks.set_aside(agency=code), tasks.troubled(agency=code)
        present = workplace.registry.workers.present()
    if as_json:
        run.output.json(
            {
                "unfinished": left,
                "oldest": iso(oldest),
                "set_aside": [_task(t) for t in aside],
                "troubled": [_task(t) for t in troubled],
                "workers": [_worker(w) for w in present],
            }
        )
    else:
        run.output.note("work-left", count=left, aside=len(aside), workers=len(present))
        for worker in present:
            problem = run.output.explained(worker.problem) if worker.problem else ""
            run.output.row(run.output.say("work-worker"), worker.name, shown(worker.seen_at), problem)
        for task in (*aside, *troubled):
            when = run.output.say("work-set-aside") if task.set_aside_at else shown(task.next_at or run.now())
            why = run.output.explained(task.problem) if task.problem else ""
            run.output.row(run.output.say(f"state-{task.state.value}"), str(task.id), str(task.tries), when, why)
    return ExitCode.NO if aside or (left and not present) else ExitCode.OK


def retry(
    ctx: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="arg-work-ids")] = None,
) -> ExitCode:
    """Put back what was set aside: the named results, or all of them."""
    from esign.codes import ResultId
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        code, tasks = workplace.config.agency.code, workplace.registry.tasks
        aside = {task.id for task in tasks.set_aside(agency=code)}
        wanted = [ResultId.parse(each) for each in ids or []] or sorted(aside, key=str)
        for id_ in wanted:
            tasks.put_back(id_)
            run.output.row(run.output.say("work-put-back"), str(id_))
    run.output.note("work-put-back-count", count=len(wanted))
    return ExitCode.OK


def _task(task: "Task") -> dict[str, object]:
    return {
        "id": str(task.id),
        "state": task.state.value,
        "tries": task.tries,
        "reason": task.problem.code if task.problem else None,
        "next_at": iso(task.next_at) if task.next_at and not task.set_aside_at else None,
        "set_aside_at": iso(task.set_aside_at),
    }


def _worker(worker: "PresentWorker") -> dict[str, object]:
    return {
        "name": worker.name,
        "began_at": iso(worker.began_at),
        "seen_at": iso(worker.seen_at),
        "reason": worker.problem.code if worker.problem else None,
    }
