"""`esign registry`: the database: its schema, a copy, whether it agrees with the files, catching up after a restore."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON, Yes
from esign_cli.output import Colour
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.reasons import Reason

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-registry", no_args_is_help=True)
    group.command("migrate", help="cmd-registry-migrate")(migrate)
    group.command("check", help="cmd-registry-check")(check)
    group.command("backup", help="cmd-registry-backup")(backup)
    group.command("recover", help="cmd-registry-recover")(recover)
    app.add_typer(group, name="registry")


def migrate(ctx: typer.Context) -> ExitCode:
    """Bring the database to this release's schema; for a job before new processes start."""
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        run.output.line(workplace.registry.name)
        run.output.note("registry-migrated")
    return ExitCode.OK


def check(ctx: typer.Context, *, as_json: AsJSON = False) -> ExitCode:
    """Compare rows, files, numbers; nothing is changed."""
    from esign.recovery import check as compare
    from esign_cli.places import files_at
    from esign_cli.wiring import Workplace

    run = session(ctx)
    grave = 0
    with Workplace(run.config(), now=run.now) as workplace:
        workplace.registry.check()
        paths = workplace.config.paths
        for finding in compare(workplace.registry, archive=files_at(paths.archive), spool=files_at(paths.spool)):
            grave += finding.grave
            _tell(run, finding.reason, good=not finding.grave, as_json=as_json)
    if not as_json:
        run.output.note("registry-disagrees" if grave else "registry-agrees", count=grave)
    return ExitCode.NO if grave else ExitCode.OK


def backup(
    ctx: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="arg-registry-backup", readable=False)],
) -> ExitCode:
    """Copy a SQLite register while it is being worked with."""
    from esign.errors import ConfigurationError
    from esign.recovery import copy_database

    run = session(ctx)
    place = run.config().paths.registry
    if not isinstance(place, Path):
        raise ConfigurationError("backup-by-server")
    copy_database(place, target)
    run.output.line(str(target))
    return ExitCode.OK


def recover(
    ctx: typer.Context,
    *,
    skip: Annotated[int, typer.Option("--skip", metavar="N", min=0, max=1_000_000, help="opt-registry-skip")] = 0,
    without_status: Annotated[bool, typer.Option("--without-status", help="opt-registry-without-status")] = False,
    yes: Yes = False,
    as_json: AsJSON = False,
) -> ExitCode:
    """Catch a restored register up; services are stopped meanwhile."""
    from esign.errors import InputError
    from esign.recovery import Recovering
    from esign_cli.places import files_at
    from esign_cli.recovery import published, reader, witness
    from esign_cli.wiring import Workplace

    run = session(ctx)
    if not yes and not run.output.confirm("registry-recover-confirm"):
        raise InputError("not-confirmed")
    left = 0
    with Workplace(run.config(), now=run.now) as workplace:
        paths = workplace.config.paths
        recovering = Recovering(
            workplace.registry,
            archive=files_at(paths.archive),
            spool=files_at(paths.spool),
            reader=reader(workplace, now=run.now),
            now=run.now,
            published={} if without_status else published(workplace.config, now=run.now()),
            witness=witness(workplace),
            skip=skip,
        )
        for step in recovering.run():
            left += not step.done
            _tell(run, step.reason, good=step.done, as_json=as_json)
    if left and not as_json:
        run.output.note("registry-recovery-left", count=left)
    return ExitCode.NO if left else ExitCode.OK


def _tell(run: Session, reason: "Reason", *, good: bool, as_json: bool) -> None:
    out = run.output
    what, next_step = out.explained(reason), out.next_step(reason)
    if as_json:
        out.json({"code": reason.code, "good": good, "what": what, "next": next_step})
        return
    out.line(f"{'·' if good else '✗'} {what}", colour="" if good else Colour.BAD)
    if next_step:
        out.line(f"    → {next_step}")
