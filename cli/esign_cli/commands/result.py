"""`esign result`: what the register knows of a result, and changes of its standing by a person with a reason."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esign.errors import InputError, NotRegistered
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON
from esign_cli.output import VIETNAM, iso, shown
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.codes import ResultId
    from esign.document import Standing
    from esign.registry import Intent, Registry
    from esign_cli.config import Config

__all__ = ["Which", "Why", "Year", "find_result", "open_registry", "register"]

Which = Annotated[str, typer.Argument(metavar="ID|NUMBER|FILE", help="arg-result")]
Year = Annotated[int | None, typer.Option(metavar="YEAR", min=1900, max=9999, help="opt-year")]
_By = Annotated[str, typer.Option("--by", metavar="WHO", help="opt-by")]
Why = typer.Option("--why", metavar="TEXT", help="opt-why")
_Why = Annotated[str, Why]
_At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="opt-change-at")]
_With = Annotated[str, typer.Option("--with", metavar="ID|NUMBER|FILE", help="opt-with")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-result", no_args_is_help=True)
    group.command("show", help="cmd-result-show")(show)
    group.command("list", help="cmd-result-list")(list_)
    group.command("withdraw", help="cmd-result-withdraw")(withdraw)
    group.command("suspend", help="cmd-result-suspend")(suspend)
    group.command("reinstate", help="cmd-result-reinstate")(reinstate)
    group.command("replace", help="cmd-result-replace")(replace)
    group.command("correct", help="cmd-result-correct")(correct)
    group.command("book", help="cmd-result-book")(book)
    app.add_typer(group, name="result")


def show(ctx: typer.Context, which: Which, *, year: Year = None, as_json: AsJSON = False) -> ExitCode:
    """Everything that the register knows of one result."""
    run = session(ctx)
    config = run.config()
    with open_registry(run, config) as registry:
        intent = find_result(run, registry, config, which, year)
        members = _details(registry, intent, run.now())
    if as_json:
        run.output.json(members)
        return ExitCode.OK
    _tell(run, intent, members)
    return ExitCode.OK


def list_(
    ctx: typer.Context,
    *,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="opt-limit")] = 50,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="opt-state")] = None,
    late: Annotated[bool, typer.Option("--late", help="opt-late")] = False,
    as_json: AsJSON = False,
) -> ExitCode:
    """The newest entries, one row each; or those whose promised level is late."""
    from esign.registry import IntentState

    run = session(ctx)
    if late:
        return _late(run, limit=limit, as_json=as_json)
    if state is not None and state not in {s.value for s in IntentState}:
        raise InputError("state-unknown", found=state, expected=", ".join(s.value for s in IntentState))
    config = run.config()
    with open_registry(run, config) as registry:
        page = registry.listing(states=(IntentState(state),) if state else (), limit=limit)
    if as_json:
        for intent in page.entries:
            run.output.json(_members(intent))
        return ExitCode.OK
    rows = [
        (
            str(i.id),
            str(i.number or "—"),
            run.output.say(f"state-{i.state.value}"),
            shown(i.issued_at or i.reserved_at),
            i.metadata.title if i.metadata else run.output.say("signature-only"),
        )
        for i in page.entries
    ]
    run.output.table(("col-id", "col-number", "col-state", "col-time", "col-title"), rows)
    if page.next is not None:
        run.output.note("list-more", count=limit)
    return ExitCode.OK


def _late(run: Session, *, limit: int, as_json: bool) -> ExitCode:
    """The longest late first."""
    from esign.registry import UpgradeState

    with open_registry(run, run.config()) as registry:
        entries = registry.upgrades(due_by=run.now(), limit=limit)
    if as_json:
        for intent in entries:
            run.output.json({**_members(intent), **_levels(intent, run.now())})
    elif not entries:
        run.output.note("late-nothing")
    else:
        rows = [
            (str(i.id), str(i.number or "—"), i.versions[-1].level.value, _promise(run, i), _problem(run, i))
            for i in entries
        ]
        run.output.table(("col-id", "col-number", "col-level", "col-due", "col-reason"), rows)
    states = {i.upgrade.state(run.now()) for i in entries if i.upgrade is not None}
    return ExitCode.NO if UpgradeState.OVERDUE in states else ExitCode.OK


def _promise(run: Session, intent: "Intent") -> str:
    """What became of the level that was promised."""
    upgrade = intent.upgrade
    if upgrade is None:
        return ""
    state = upgrade.state(run.now())
    time = shown(upgrade.done_at or upgrade.due)
    return run.output.say(f"upgrade-{state.value}", level=upgrade.level.value, time=time)


def _problem(run: Session, intent: "Intent") -> str:
    problem = intent.upgrade.problem if intent.upgrade is not None else None
    return run.output.explained(problem) if problem is not None else ""


def withdraw(
    ctx: typer.Context,
    which: Which,
    *,
    by: _By,
    why: _Why,
    at: _At = None,
    year: Year = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Thu hồi."""
    return _change(ctx, which, "withdrawn", by=by, why=why, at=at, year=year, as_json=as_json)


def suspend(
    ctx: typer.Context,
    which: Which,
    *,
    by: _By,
    why: _Why,
    at: _At = None,
    year: Year = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Tạm dừng hiệu lực."""
    return _change(ctx, which, "suspended", by=by, why=why, at=at, year=year, as_json=as_json)


def reinstate(
    ctx: typer.Context,
    which: Which,
    *,
    by: _By,
    why: _Why,
    at: _At = None,
    year: Year = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Cho hiệu lực lại."""
    return _change(ctx, which, "in-force", by=by, why=why, at=at, year=year, as_json=as_json)


def replace(  # options of the command
    ctx: typer.Context,
    which: Which,
    *,
    other: _With,
    by: _By,
    why: _Why,
    at: _At = None,
    year: Year = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Thay thế."""
    return _change(ctx, which, "replaced", by=by, why=why, at=at, year=year, as_json=as_json, other=other)


def correct(  # options of the command
    ctx: typer.Context,
    which: Which,
    *,
    other: _With,
    by: _By,
    why: _Why,
    at: _At = None,
    year: Year = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Đính chính."""
    return _change(ctx, which, "corrected", by=by, why=why, at=at, year=year, as_json=as_json, other=other)


def book(
    ctx: typer.Context,
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="arg-symbol")],
    *,
    year: Year = None,
    with_year: Annotated[bool, typer.Option("--with-year", help="opt-with-year")] = False,
    first: Annotated[int | None, typer.Option(metavar="N", min=1, help="opt-first")] = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """A number book in order, each gap with its reason."""
    run = session(ctx)
    config = run.config()
    of_year = year or _this_year(run)
    with open_registry(run, config) as registry:
        if first is not None:
            registry.open_book(config.agency.code, year=of_year, symbol=symbol, first=first, with_year=with_year)
        found = registry.book(config.agency.code, year=of_year, symbol=symbol, with_year=with_year)
    if as_json:
        for e in found.entries:
            run.output.json(
                {
                    "number": str(e.number),
                    "id": e.id and str(e.id),
                    "state": e.state and e.state.value,
                    "source": e.source and e.source.value,
                    "duplicate_of": e.duplicate_of and str(e.duplicate_of),
                    "reason": e.reason.code if e.reason else None,
                }
            )
        return ExitCode.OK
    rows = [
        (
            str(e.number),
            run.output.say(f"state-{e.state.value}") if e.state else "—",
            str(e.id or "—"),
            run.output.explained(e.reason) if e.reason else "",
        )
        for e in found.entries
    ]
    run.output.table(("col-number", "col-state", "col-id", "col-reason"), rows)
    run.output.note("book-summary", symbol=symbol, year=of_year, last=found.last, gaps=len(found.gaps))
    return ExitCode.OK


# --- changing -------------------------------------------------------------------------------------------------------


def _change(  # noqa: PLR0913  # what was typed
    ctx: typer.Context,
    which: str,
    standing: str,
    *,
    by: str,
    why: str,
    at: str | None,
    year: int | None,
    as_json: bool,
    other: str | None = None,
) -> ExitCode:
    from esign.document import Standing, StandingChange
    from esign_cli.commands.verify import moment

    run = session(ctx)
    for option, value in (("--by", by), ("--why", why)):
        if not value.strip():
            raise InputError("option-needed", option=option)
    config = run.config()
    with open_registry(run, config) as registry:
        intent = find_result(run, registry, config, which, year)
        change = StandingChange(
            standing=Standing(standing),
            at=moment(at) if at else run.now(),
            by=by,
            why=why,
            other=find_result(run, registry, config, other, year).id if other is not None else None,
        )
        now = registry.change(intent.id, change).standing
    if as_json:
        run.output.json({"id": str(intent.id), "number": str(intent.number or ""), "standing": now.value})
    else:
        run.output.row(str(intent.id), str(intent.number or "—"), _word(run, now))
    return ExitCode.OK


def _word(run: Session, standing: "Standing") -> str:
    return run.output.say(f"standing-word-{standing.value}")


# --- finding --------------------------------------------------------------------------------------------------------


def open_registry(run: Session, config: "Config") -> "Registry":
    """The register of a working folder."""
    from esign.registry import Registry
    from esign_cli.places import has_register

    has_register(config.paths)
    return Registry.open(config.paths.registry, now=run.now)


def find_result(run: Session, registry: "Registry", config: "Config", which: str, year: int | None) -> "Intent":
    """The one entry that an id, a number or a file names."""
    from esign.codes import DocumentNumber

    path = Path(which)
    if path.is_file():
        from esign_cli.places import read_file

        found = registry.by_sha256(hashlib.sha256(read_file(path)).hexdigest())
        if found is None:
            raise NotRegistered("file-not-in-register", file=which)
        return found
    result_id = _result_id(which)
    if result_id is not None:
        return registry.get(result_id)
    number = DocumentNumber.parse(which)
    years = [year] if year is not None else [number.year or _this_year(run)]
    entries = [i for y in years for i in registry.find(number, agency=config.agency.code, year=y)]
    if not entries:
        raise NotRegistered("number-not-in-register", number=number, year=years[0])
    if len(entries) > 1:
        raise InputError("number-ambiguous", number=number, ids=", ".join(str(i.id) for i in entries))
    return entries[0]


def _this_year(run: Session) -> int:
    return run.now().astimezone(VIETNAM).year


def _result_id(text: str) -> "ResultId | None":
    from esign.codes import ResultId

    try:
        return ResultId.parse(text)
    except InputError:
        return None  # then it is a number, which says itself what is wrong with it


# --- showing --------------------------------------------------------------------------------------------------------


def _members(intent: "Intent") -> dict[str, Any]:
    m = intent.metadata
    return {
        "id": str(intent.id),
        "number": str(intent.number) if intent.number else None,
        "state": intent.state.value,
        "kind": intent.kind.value,
        "agency": str(intent.agency),
        "title": m.title if m else None,
        "procedure": str(m.procedure) if m else None,
        "result_code": str(m.result_code) if m and m.result_code else None,
        "date": intent.issue_date.isoformat(),
        "reserved_at": iso(intent.reserved_at),
        "issued_at": iso(intent.issued_at),
        "delivered_at": iso(intent.delivered_at),
        "idempotency_key": intent.idempotency_key,
        "void_reason": intent.void_reason.code if intent.void_reason else None,
    }


def _details(registry: "Registry", intent: "Intent", now: datetime) -> dict[str, Any]:
    from esign.registry import IntentState

    members = _members(intent)
    r = intent.registration
    if r is not None:
        members |= _levels(intent, now)
        members["file"] = {
            "sha256": r.sha256,
            "size": r.size,
            "level": r.level.value,
            "pages": r.pages,
            "signing_time": iso(r.signing_time),
            "mechanism": r.mechanism.value,
            "signers": [{"sha256": s.sha256, "issuer": s.issuer, "serial": s.serial} for s in r.signers],
            "fonts": list(r.fonts),
            "notices": [n.code for n in r.notices],
        }
    members["deliveries"] = [{"at": iso(d.at), "where": d.where} for d in registry.deliveries(intent.id)]
    if intent.state is IntentState.ISSUED:
        current = registry.standing(intent.id, at=now)
        members["standing"] = current.standing.value
        members["replaced_by"] = current.replaced_by and str(current.replaced_by)
        members["corrections"] = [str(c) for c in current.corrections]
        members["expires"] = iso(current.expires)
        members["history"] = [
            {
                "standing": e.change.standing.value,
                "at": iso(e.change.at),
                "by": e.change.by,
                "why": e.change.why,
                "other": e.change.other and str(e.change.other),
                "recorded_at": iso(e.recorded_at),
            }
            for e in registry.history(intent.id)
        ]
    return members


def _levels(intent: "Intent", now: datetime) -> dict[str, Any]:
    """The level that is reached, and what is promised: two facts, never one in the place of the other."""
    upgrade = intent.upgrade
    return {
        "level": intent.versions[-1].level.value,
        "versions": [
            {"sha256": v.sha256, "size": v.size, "level": v.level.value, "at": iso(v.at)} for v in intent.versions
        ],
        "promised": upgrade
        and {
            "level": upgrade.level.value,
            "state": upgrade.state(now).value,
            "due": iso(upgrade.due),
            "alarm": iso(upgrade.alarm),
            "tries": upgrade.tries,
            "reason": upgrade.problem.code if upgrade.problem else None,
            "done_at": iso(upgrade.done_at),
        },
    }


def _tell(run: Session, intent: "Intent", members: dict[str, Any]) -> None:
    out = run.output
    m, r = intent.metadata, intent.registration
    lines = [
        ("col-id", str(intent.id)),
        ("col-number", str(intent.number or "—")),
        ("col-state", out.say(f"state-{intent.state.value}")),
        ("col-title", f"{m.title}" + (f" — {m.subject}" if m.subject else "") if m else out.say("signature-only")),
        ("col-procedure", str(m.procedure) if m else ""),
        ("col-result-code", str(m.result_code or "") if m else ""),
        ("col-issued", shown(intent.issued_at)),
        ("col-sha256", r.sha256 if r else ""),
        ("col-pages", str(r.pages) if r else ""),
        ("col-signed", f"{shown(r.signing_time)}, {r.level.value}, {r.mechanism.value}" if r else ""),
        ("col-level", intent.versions[-1].level.value if r else ""),
        ("col-promised", _promise(run, intent)),
        ("col-versions", _versions(intent)),
        ("col-delivered", "; ".join(d["where"] for d in members["deliveries"])),
        ("col-reason", out.explained(intent.void_reason) if intent.void_reason else ""),
    ]
    for code, value in lines:
        if value:
            out.line(f"{out.say(code)}: {value}")
    if "standing" in members:
        out.line(f"{out.say('col-standing')}: {out.say('standing-word-' + members['standing'])}")
        for change in members["history"]:
            said = out.say(f"standing-word-{change['standing']}")
            other = f" → {change['other']}" if change["other"] else ""
            when = shown(datetime.fromisoformat(change["at"]))
            out.line(f"  {when}: {said}{other} — {change['by']}: {change['why']}")


def _versions(intent: "Intent") -> str:
    """Each state of a file that grew, with its digest."""
    if len(intent.versions) == 1:
        return ""
    return "; ".join(f"{v.level.value} {shown(v.at)} {v.sha256}" for v in intent.versions)
