"""`esign archive`: which documents lose their proof when, and renewing them in time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign_cli.exits import ExitCode, exit_code, worst
from esign_cli.options import AsJSON
from esign_cli.output import Colour, iso
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.keeping import Entry, Keeper, Plan

__all__ = ["register"]

_INDEX = "keeper.sqlite"

_Places = Annotated[list[Path] | None, typer.Argument(metavar="FILE|DIR", help="arg-archive", readable=False)]
_Within = Annotated[int, typer.Option("--within", metavar="DAYS", min=0, max=36_500, help="opt-within")]
_Index = Annotated[Path | None, typer.Option("--index", metavar="FILE", help="opt-archive-index", readable=False)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-archive", no_args_is_help=True)
    group.command("plan", help="cmd-archive-plan")(plan)
    group.command("renew", help="cmd-archive-renew")(renew)
    app.add_typer(group, name="archive")


def plan(
    ctx: typer.Context, places: _Places = None, *, within: _Within = 365, index: _Index = None, as_json: AsJSON = False
) -> ExitCode:
    """What is due, and how many proofs end in each year; nothing is changed."""
    run = session(ctx)
    with _keeper(run, places or [], index) as keeper:
        found = keeper.plan(within=timedelta(days=within))
    for entry in found.due:
        _tell_due(run, entry, as_json=as_json)
    _sum_up(run, found, as_json=as_json)
    return ExitCode.NO if found.due else ExitCode.OK


def renew(
    ctx: typer.Context,
    places: _Places = None,
    *,
    within: _Within = 365,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="opt-limit")] = None,
    index: _Index = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Renew what is due, the most urgent first; what could not be renewed is named and stays due."""
    run = session(ctx)
    codes = []
    with _keeper(run, places or [], index) as keeper:
        found = keeper.plan(within=timedelta(days=within))
        due = found.due[:limit]
        with run.output.progress(len(due)) as progress:
            for done in keeper.renew(due):
                progress.step(done.name)
                if as_json:
                    until = iso(done.until) if done.until else None
                    reason = done.error.code if done.error else None
                    run.output.json({"document": done.name, "until": until, "reason": reason})
                elif done.error is None:
                    run.output.row(done.name, f"{done.until:%Y-%m-%d}" if done.until else "—")
                if done.error is not None:
                    codes.append(exit_code(done.error))
                    run.output.error(done.error)
    _sum_up(run, found, as_json=as_json)
    return worst(*codes)


@contextmanager
def _keeper(run: Session, places: list[Path], index: Path | None) -> Iterator["Keeper"]:
    """Over the named files and folders, or over the working folder's register."""
    from esign.keeping import FolderStore, Index, Keeper, RegisterStore
    from esign.pades.renewal import Renewer
    from esign_cli.places import files_at
    from esign_cli.wiring import Workplace

    with Workplace(run.config(), now=run.now) as workplace:
        paths = workplace.config.paths
        kept = Index.open(index or paths.host / (_INDEX if not places else f"{_places_key(places)}.{_INDEX}"))
        try:
            store = (
                FolderStore(tuple(places))
                if places
                else RegisterStore(registry=workplace.registry, archive=files_at(paths.archive), now=run.now)
            )
            renewer = Renewer(
                timestamper=workplace.timestamper, network=workplace.network, trust=workplace.trust, now=run.now
            )
            yield Keeper(store, index=kept, renewer=renewer, now=run.now)
        finally:
            kept.close()


def _places_key(places: list[Path]) -> str:
    """One index for each set of folders that is kept."""
    import hashlib

    return hashlib.sha256("\n".join(sorted(str(p.resolve()) for p in places)).encode()).hexdigest()[:12]


def _tell_due(run: Session, entry: "Entry", *, as_json: bool) -> None:
    from esign.reasons import Reason

    if as_json:
        until = iso(entry.until) if entry.until else None
        run.output.json({"document": entry.name, "level": entry.level, "until": until, "reason": entry.code})
        return
    until = f"{entry.until:%Y-%m-%d}" if entry.until else "—"
    facts = {"what": entry.what, "file": entry.name, "problem": entry.problem or "-"}
    said = run.output.explained(Reason(entry.code, facts))
    run.output.line(f"{until}  {entry.name}  {said}", colour=Colour.BAD if entry.problem else Colour.DOUBT)


def _sum_up(run: Session, found: "Plan", *, as_json: bool) -> None:
    if as_json:
        summary = {"documents": found.documents, "read": found.read, "due": len(found.due)}
        run.output.json({**summary, "by_year": dict(found.by_year)})
        return
    run.output.note("archive-summary", documents=found.documents, read=found.read, due=len(found.due))
    for year, count in found.by_year.items():
        run.output.row(year if year != "-" else "—", str(count))
