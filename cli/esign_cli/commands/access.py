"""`esign access`: keys of access for those who come in over HTTP."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.codes import AgencyCode
from esign.errors import InputError
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON
from esign_cli.output import iso, shown
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.registry import AccessKey, Grant
    from esign_cli.wiring import Workplace

__all__ = ["register"]

_Days = Annotated[int, typer.Option(metavar="N", min=1, max=3650, help="opt-access-days")]
_KeyFile = Annotated[Path | None, typer.Option("--key-file", metavar="FILE", help="opt-access-file", readable=False)]
_Id = Annotated[str, typer.Argument(metavar="ID", help="arg-access-id")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-access", no_args_is_help=True)
    group.command("issue", help="cmd-access-issue")(issue)
    group.command("list", help="cmd-access-list")(list_)
    group.command("rotate", help="cmd-access-rotate")(rotate)
    group.command("revoke", help="cmd-access-revoke")(revoke)
    app.add_typer(group, name="access")


def issue(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="arg-access-name")],
    *,
    role: Annotated[list[str], typer.Option("--role", metavar="[AGENCY:]ROLE", help="opt-access-role")],
    person: Annotated[str, typer.Option("--person", metavar="CODE", help="opt-access-person")] = "",
    days: _Days = 365,
    key_file: _KeyFile = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """A new key, shown once or written to a file."""
    from esign.service.identity.api_keys import digest_of, new_key

    run = session(ctx)
    with _workplace(run) as workplace:
        key = new_key()
        made = workplace.registry.access.issue(
            name=name,
            digest=digest_of(key),
            grants=[_grant(each, workplace.config.agency.code) for each in role],
            lifetime=timedelta(days=days),
            person=person,
        )
    _hand_over(run, made, key, key_file, as_json=as_json)
    return ExitCode.OK


def list_(ctx: typer.Context, *, as_json: AsJSON = False) -> ExitCode:
    """All keys; never a key itself."""
    run = session(ctx)
    with _workplace(run) as workplace:
        keys = workplace.registry.access.listing()
    if as_json:
        for key in keys:
            run.output.json(_members(key))
        return ExitCode.OK
    rows = [
        (
            key.id,
            key.name,
            ", ".join(f"{g.agency}:{g.role}" for g in key.grants),
            key.person or "—",
            shown(key.expires_at),
            shown(key.revoked_at) if key.revoked_at else "—",
            key.last_used.isoformat() if key.last_used else "—",
        )
        for key in keys
    ]
    columns = (
        "col-id",
        "col-label",
        "col-access-roles",
        "col-access-person",
        "col-until",
        "col-revoked",
        "col-access-used",
    )
    run.output.table(columns, rows)
    return ExitCode.OK


def rotate(
    ctx: typer.Context,
    key_id: _Id,
    *,
    overlap_hours: Annotated[int, typer.Option(metavar="N", min=0, max=24 * 90, help="opt-access-overlap")] = 24,
    days: _Days = 365,
    key_file: _KeyFile = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """A new key in the place of another, which lives on for a while."""
    from esign.service.identity.api_keys import digest_of, new_key

    run = session(ctx)
    with _workplace(run) as workplace:
        key = new_key()
        made = workplace.registry.access.rotate(
            key_id, digest=digest_of(key), lifetime=timedelta(days=days), overlap=timedelta(hours=overlap_hours)
        )
    _hand_over(run, made, key, key_file, as_json=as_json)
    return ExitCode.OK


def revoke(ctx: typer.Context, key_id: _Id) -> ExitCode:
    """End a key at once."""
    run = session(ctx)
    with _workplace(run) as workplace:
        ended = workplace.registry.access.revoke(key_id)
    run.output.line(run.output.say("access-revoked", id=ended.id, name=ended.name))
    return ExitCode.OK


def _workplace(run: Session) -> "Workplace":
    from esign_cli.wiring import Workplace

    return Workplace(run.config(), now=run.now)


def _grant(text: str, here: AgencyCode) -> "Grant":
    """`signer`, or `H26.1.3:signer` for an agency that shares the register."""
    from esign.registry import Grant
    from esign.service.access import Role

    agency, _, role = text.rpartition(":")
    try:
        return Grant(AgencyCode.parse(agency) if agency else here, Role(role.strip().lower()).value)
    except ValueError as e:
        raise InputError("access-role-unknown") from e


def _hand_over(run: Session, made: "AccessKey", key: str, file: Path | None, *, as_json: bool) -> None:
    from esign.files import write_durably

    if file is not None:
        write_durably(file, key.encode())
    if as_json:
        run.output.json(_members(made) | ({"key": key} if file is None else {"key_file": str(file)}))
        return
    run.output.line(key if file is None else str(file))
    run.output.note("access-issued", id=made.id, name=made.name, until=shown(made.expires_at))


def _members(key: "AccessKey") -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "grants": [{"agency": str(g.agency), "role": g.role} for g in key.grants],
        "person": key.person,
        "made_at": iso(key.made_at),
        "expires_at": iso(key.expires_at),
        "revoked_at": iso(key.revoked_at),
        "last_used": key.last_used.isoformat() if key.last_used else None,
    }
