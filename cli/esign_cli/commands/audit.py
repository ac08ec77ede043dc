"""`esign audit`: whether the audit chain is as it was written, what it says, and an anchor of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON, PinFd, PinFile, Yes
from esign_cli.output import Colour
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.auditing import AuditReport, SignerJudge
    from esign.registry import Entry
    from esign_cli.wiring import Workplace

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-audit", no_args_is_help=True)
    group.command("verify", help="cmd-audit-verify")(verify)
    group.command("show", help="cmd-audit-show")(show)
    group.command("anchor", help="cmd-audit-anchor")(anchor)
    group.command("keep", help="cmd-audit-keep")(keep)
    app.add_typer(group, name="audit")


def verify(
    ctx: typer.Context,
    *,
    anchors: Annotated[Path | None, typer.Option(metavar="DIR", help="opt-audit-anchors", readable=False)] = None,
    certificate: Annotated[
        list[Path] | None, typer.Option("--certificate", metavar="FILE", help="opt-audit-certificate", readable=False)
    ] = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Read the whole chain, and name the first entry that is not as it was written."""
    from esign.auditing import read_folder, verify_chain
    from esign.files import Folder
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        log, audit = workplace.registry.audit, workplace.config.audit
        place = anchors or audit.anchors
        report = verify_chain(
            log.all(),
            stored=log.anchors(),
            kept=read_folder(Folder(place)) if place is not None else None,
            judge=_judge(workplace, [*(certificate or audit.certificates)]),
            untold=log.unaudited(),
        )
    if as_json:
        run.output.json(_members(report))
    else:
        _tell(run, report, outside=place is not None)
    return ExitCode.NO if report.bad else ExitCode.OK


def show(
    ctx: typer.Context,
    *,
    after: Annotated[int, typer.Option(metavar="N", min=-1, help="opt-audit-after")] = -1,
    about: Annotated[str | None, typer.Option("--object", metavar="ID", help="opt-audit-object")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1_000_000, help="opt-audit-limit")] = 100,
    as_json: AsJSON = False,
) -> ExitCode:
    """Entries in order; that somebody read them is an entry as well."""
    from esign_cli.wiring import Workplace

    run = session(ctx)
    with Workplace(run.config(), now=run.now) as workplace:
        log = workplace.registry.audit
        entries = log.entries(after=after, limit=limit, object=about)
        log.record("audit.shown", object=about or "")
    if as_json:
        for entry in entries:
            run.output.json(_entry(entry))
        return ExitCode.OK
    rows = [(str(e.sequence), e.at[:19], e.actor, e.act, e.agency, e.object, e.outcome) for e in entries]
    columns = ("col-position", "col-time", "col-audit-actor", "col-audit-act", "col-agency", "col-id", "col-outcome")
    run.output.table(columns, rows)
    return ExitCode.OK


def anchor(ctx: typer.Context, *, pin_file: PinFile = None, pin_fd: PinFd = None, as_json: AsJSON = False) -> ExitCode:
    """Sign how far the chain is, now."""
    from esign_cli.pins import at_work, typing_again

    run = session(ctx)
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        made = typing_again(run.output, workplace.pin, workplace.anchoring).anchor()
    if as_json:
        run.output.json({"sequence": made.sequence if made else None})
    elif made is None:
        run.output.note("audit-anchored-already")
    else:
        run.output.line(run.output.say("audit-anchored", sequence=made.sequence))
    return ExitCode.OK


def keep(ctx: typer.Context, *, yes: Yes = False) -> ExitCode:
    """Say where anchors are kept from now on; without that a folder that is gone stops issuing."""
    from esign.auditing import settle
    from esign.errors import InputError
    from esign.files import Folder
    from esign_cli.recovery import refuse_old
    from esign_cli.wiring import Workplace

    run = session(ctx)
    if not yes and not run.output.confirm("audit-keep-confirm"):
        raise InputError("not-confirmed")
    with Workplace(run.config(), now=run.now) as workplace:
        refuse_old(workplace)
        place = workplace.config.audit.anchors
        copied = settle(workplace.registry.audit, Folder(place) if place is not None else None)
    if place is None:
        run.output.note("audit-kept-nowhere")
    else:
        run.output.note("audit-kept", folder=place, count=copied)
    return ExitCode.OK


def _judge(workplace: "Workplace", certificates: list[Path]) -> "SignerJudge":
    """Who may sign anchors: owners of these certificates, or whoever the trust anchors lead to."""
    import hashlib

    from esign.auditing import trusted_by
    from esign.trust import certificates as certificates_in
    from esign_cli.places import read_file

    pins = {hashlib.sha256(der).hexdigest() for path in certificates for der in certificates_in(read_file(path))}
    return trusted_by(workplace.trust, pins=frozenset(pins))


def _tell(run: Session, report: "AuditReport", *, outside: bool) -> None:
    out = run.output
    facts = {"entries": report.entries, "anchors": report.anchors}
    if not report.bad:
        out.line(f"✓ {out.say('audit-good', **facts)}", colour=Colour.GOOD)
    else:
        out.line(f"✗ {out.say('audit-bad', **facts)}", colour=Colour.BAD)
    if report.anchored is None:
        out.note("audit-no-anchor")
    elif not outside:
        out.note("audit-no-folder")
    for bad in report.bad:
        out.line(f"- {out.explained(bad.reason)} [{bad.reason.code}]")
        out.line(f"  → {out.next_step(bad.reason)}")


def _members(report: "AuditReport") -> dict[str, object]:
    return {
        "good": not report.bad,
        "register": report.register,
        "entries": report.entries,
        "head": report.head,
        "anchors": report.anchors,
        "anchored": report.anchored,
        "first_bad": report.first_bad,
        "bad": [
            {"sequence": b.sequence, "code": b.reason.code, "facts": {k: str(v) for k, v in b.reason.facts.items()}}
            for b in report.bad
        ],
    }


def _entry(entry: "Entry") -> dict[str, object]:
    return {name: getattr(entry, name) for name in entry.__dataclass_fields__}
