"""`esign status`: publish what holds of results today, pack it into a kit, and ask it about a seal."""

import signal
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import ConfigurationError, Error
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON, PinFd, PinFile
from esign_cli.output import Colour, iso, shown
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.publishing import Published, Store
    from esign.seal import Verdict
    from esign_cli.config import Config

__all__ = ["register"]

_Target = Annotated[str | None, typer.Argument(metavar="DIR|URL", help="arg-status-target")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-status", no_args_is_help=True)
    group.command("publish", help="cmd-status-publish")(publish)
    group.command("kit", help="cmd-status-kit")(kit)
    group.command("check", help="cmd-status-check")(check)
    app.add_typer(group, name="status")


def publish(
    ctx: typer.Context,
    target: _Target = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="opt-status-watch")] = False,
    every: Annotated[float, typer.Option(metavar="SECONDS", min=1, max=3600, help="opt-status-every")] = 5,
    page: Annotated[bool, typer.Option("--page/--no-page", help="opt-status-page")] = True,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Bring the published files up to date: once, or every few seconds until it is stopped."""
    from esign_cli.pins import at_work, typing_again
    from esign_cli.publication import publisher, publishing_alone, store_at

    run = session(ctx)
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        place = target or (workplace.config.status.target if workplace.config.status else "")
        store = store_at(place)
        made = typing_again(run.output, workplace.pin, lambda: publisher(workplace, store=store, now=run.now))
        if page:
            with publishing_alone(workplace.registry):
                _publish_page(workplace.config, store, run)
        if not watch:
            _tell(run, made.publish(), as_json=as_json)
            return ExitCode.OK
        stop = threading.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: stop.set())
        run.output.note("status-watching", target=place, every=every)

        def told(published: "Published") -> None:
            if published.written:
                _tell(run, published, as_json=as_json)

        def failed(error: Error) -> None:
            run.output.error(error)

        made.watch(every=timedelta(seconds=every), stop=stop, on_pass=told, on_error=failed)
    return ExitCode.OK


def kit(
    ctx: typer.Context,
    out: Annotated[Path, typer.Argument(metavar="OUT.html", help="arg-kit-out", readable=False)],
    *,
    source: Annotated[str | None, typer.Option("--from", metavar="DIR|URL", help="opt-kit-from")] = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """One file with page, trust list and all that is published."""
    from esign.files import write_durably
    from esign.publishing import make_kit
    from esign_cli.publication import host_of, store_at, trusted

    run = session(ctx)
    config = run.config()
    trust = trusted(config, run.now())
    store = store_at(source or (config.status.target if config.status else ""))
    made = make_kit(
        host=host_of(config, trust.list),
        trust=trust.list,
        trust_files=trust.folder.files,
        roots=trust.roots,
        get=lambda uri: store.get(uri.split("/", 3)[3]),
        at=run.now(),
    )
    data = made.html.encode()
    write_durably(out, data, private=False)
    if as_json:
        run.output.json({"file": str(out), "bytes": len(data), "shards": made.shards, "oldest": iso(made.oldest)})
    else:
        run.output.line(str(out))
        run.output.note("kit-made", size=len(data) // 1000, shards=made.shards, oldest=shown(made.oldest))
    return ExitCode.OK


def check(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="PDF|IMAGE|URL|DIGITS", help="arg-seal-source")],
    *,
    site: Annotated[Path | None, typer.Option(metavar="DIR", help="opt-check-site", readable=False)] = None,
    roots: Annotated[Path | None, typer.Option(metavar="FILE", help="opt-check-roots", readable=False)] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="opt-at")] = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """The verdict on a seal, offline, from a copy of what is published: the same word as the page says."""
    from esign.publishing import FolderStore
    from esign.seal import State, StatusFiles, judge, verify
    from esign_cli.commands.seal import read_seal
    from esign_cli.commands.verify import moment
    from esign_cli.publication import roots_from, trusted, trusted_folder

    run = session(ctx)
    when = moment(at) if at else run.now()
    config = run.config_if_any()
    if site is None and (config is None or config.status is None):
        raise ConfigurationError("status-site-missing")
    place = site if site is not None else Path(config.status.target if config and config.status else "")
    if roots is not None:
        trust = trusted_folder(place / "t", roots_from(roots), when).list
    else:
        trust = trusted(run.config(), when).list
    store = FolderStore(place)
    files = StatusFiles(lambda uri: store.get(uri.split("/", 3)[3]), trust)
    verdict = judge(verify(read_seal(source)[0], keys=trust, at=when, status=files), trust)
    if as_json:
        run.output.json(verdict.to_json())
    else:
        _tell_verdict(run, verdict)
    if verdict.state in {State.IN_FORCE, State.CORRECTED}:
        return ExitCode.OK
    undecided = {State.NEWER_VERSION, State.UNKNOWN_KEY, State.CHECK_CLOCK, State.KEY_DOUBTFUL, State.STATUS_UNKNOWN}
    return ExitCode.UNDECIDED if verdict.state in undecided else ExitCode.NO


def _publish_page(config: "Config", store: "Store", run: Session) -> None:
    """The page and the trust list, where they differ from what is published."""
    from esign.citizen import Page
    from esign.publishing import publish_site
    from esign_cli.publication import host_of, trusted

    trust = trusted(config, run.now())
    page = Page(host=host_of(config, trust.list).name, roots=trust.roots)
    for name in publish_site(store, page, trust.folder.files):
        run.output.note("status-file-written", name=name)


def _tell(run: Session, published: "Published", *, as_json: bool) -> None:
    if as_json:
        run.output.json(
            {
                "changed": list(published.changed),
                "renewed": list(published.renewed),
                "written": published.written,
                "shards": published.shards,
                "next_due": iso(published.next_due),
            }
        )
        return
    facts = {
        "changed": len(published.changed),
        "renewed": len(published.renewed),
        "shards": published.shards,
        "written": published.written,
        "next_due": shown(published.next_due),
    }
    run.output.line(run.output.say("status-published", **facts))


def _tell_verdict(run: Session, verdict: "Verdict") -> None:
    from esign.seal import Freshness, State

    out = run.output
    good = verdict.state in {State.IN_FORCE, State.CORRECTED}
    symbol, colour = ("✓", Colour.GOOD) if good else ("✗", Colour.BAD)
    if good and verdict.freshness is not Freshness.FRESH:
        colour = Colour.DOUBT
    out.line(f"{symbol} {out.say(f'state-{verdict.state.value}')}", colour=colour)
    seal = verdict.to_json()["seal"]
    if isinstance(seal, dict):
        for code, value in (
            ("col-agency", seal["agency"]["name_vi"]),
            ("col-number", seal["number"]),
            ("col-id", seal["id"]),
            ("col-holder", seal["holder"] or ""),
            (
                "col-replaced-by",
                str(verdict.replaced_by.number or verdict.replaced_by.id) if verdict.replaced_by else "",
            ),
            ("col-corrected-by", ", ".join(str(o.number or o.id) for o in verdict.corrected_by)),
        ):
            if value:
                out.line(f"{out.say(code)}: {value}")
    for reason in verdict.report.findings:
        out.line(f"- {out.explained(reason)} [{reason.code}]")
        if out.next_step(reason):
            out.line(f"  → {out.next_step(reason)}")
