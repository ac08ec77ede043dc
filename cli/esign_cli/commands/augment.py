"""`esign augment`: raise the level of signed files, ours or others', or of what the register was promised."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import ConfigurationError, Error, InputError
from esign_cli.exits import ExitCode, exit_code, worst
from esign_cli.options import AsJSON
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.profile import Level
    from esign_cli.wiring import Workplace

__all__ = ["register"]

ENDING = ".augmented.pdf"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("augment", help="cmd-augment", no_args_is_help=True)(augment)


def augment(  # options of the command
    ctx: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE|DIR", help="arg-augment", readable=False)] = None,
    *,
    level: Annotated[str, typer.Option("--level", metavar="LEVEL", help="opt-level")] = "B-T",
    queue: Annotated[bool, typer.Option("--queue", help="opt-queue")] = False,
    within_hours: Annotated[int | None, typer.Option("--due", metavar="HOURS", min=0, help="opt-due")] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="opt-limit")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="opt-augment-out", readable=False)
    ] = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Each file with the level that it has now."""
    from esign_cli.config.issuing import LevelChoice
    from esign_cli.wiring import Workplace

    run = session(ctx)
    known = {choice.value: choice.level for choice in LevelChoice}
    if level not in known:
        raise InputError("level-unknown", found=level[:40], expected=", ".join(known))
    if queue == bool(files):
        raise InputError("augment-files-or-queue")
    with Workplace(run.config(), now=run.now) as workplace:
        if queue:
            return _queue(run, workplace, due=within_hours, limit=limit, as_json=as_json)
        return _files(run, workplace, files or [], level=known[level], out=out, as_json=as_json)


def _queue(run: Session, workplace: "Workplace", *, due: int | None, limit: int | None, as_json: bool) -> ExitCode:
    """What was promised, the most urgent first."""
    from esign.delivery import FolderDelivery

    upgrader = workplace.upgrader(delivery=FolderDelivery(workplace.config.paths.out))
    due_by = None if due is None else run.now() + timedelta(hours=due)
    codes = []
    for upgraded in upgrader.run(due_by=due_by, limit=limit):
        intent, error = upgraded.intent, upgraded.error
        codes.append(
            _tell(run, str(intent.number or intent.id), intent.versions[-1].level.value, error, as_json=as_json)
        )
    left = len(workplace.registry.upgrades())
    run.output.note("augment-left" if left else "augment-nothing-left", count=left)
    return worst(*codes)


def _files(
    run: Session, workplace: "Workplace", files: list[Path], *, level: "Level", out: Path | None, as_json: bool
) -> ExitCode:
    from esign_cli.outputs import collected

    codes = []
    for file, name in collected(files, new=ENDING):
        target = out / name if out is not None else file.with_suffix(ENDING)
        try:
            reached = _one(workplace, file, target, level=level)
        except Error as e:
            codes.append(_tell(run, str(file), None, e, as_json=as_json))
        else:
            codes.append(_tell(run, str(file), reached, None, as_json=as_json))
    return worst(*codes)


def _one(workplace: "Workplace", file: Path, target: Path, *, level: "Level") -> str:
    """One file; a registered one becomes a new version of its result, or it would pass for a changed copy."""
    import hashlib

    from esign.delivery import FolderDelivery
    from esign_cli.outputs import write_free
    from esign_cli.places import has_register, read_file

    pdf = read_file(file)
    known = None
    if has_register(workplace.config.paths):
        known = workplace.registry.by_sha256(hashlib.sha256(pdf).hexdigest())
    if known is not None:
        upgrader = workplace.upgrader(delivery=FolderDelivery(workplace.config.paths.out))
        return upgrader.upgrade(known.id, level=level).versions[-1].level.value
    if workplace.augmenter is None:
        raise ConfigurationError("timestamp-no-authorities")
    made = workplace.augmenter.augment(pdf, level=level)
    if made.added:
        write_free(target, made.pdf, ending=ENDING)
    return made.level


def _tell(run: Session, what: str, level: str | None, error: Error | None, *, as_json: bool) -> ExitCode:
    if as_json:
        run.output.json({"file": what, "level": level, "reason": error.code if error else None})
    elif error is None:
        run.output.row(what, level or "—")
    if error is not None:
        run.output.error(error)
        return exit_code(error)
    return ExitCode.OK
