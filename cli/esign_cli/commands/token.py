"""`esign token`: which tokens are there, what is in them, and the end of a blocked PIN."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import Error, InputError, KeyNotFound
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON, PinFile, Yes
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign_hsm import TokenInfo

__all__ = ["register", "seen"]

_Module = Annotated[str | None, typer.Option("--module", metavar="NAME|FILE", help="opt-module")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-token", no_args_is_help=True)
    group.command("list", help="cmd-token-list")(list_)
    group.command("info", help="cmd-token-info")(info)
    group.command("init", help="cmd-token-init")(init)
    group.command("unblock", help="cmd-token-unblock")(unblock)
    app.add_typer(group, name="token")


def seen(run: Session, module: str | None) -> "list[TokenInfo]":
    """The tokens of `module`, else of the configured one, else of every module of this machine."""
    from esign_hsm import find_modules, tokens
    from esign_hsm.softhsm import use

    config = run.config_if_any()
    if config is not None and config.softhsm is not None:
        use(config.softhsm.conf)
    named = module or (config.key.module if config else "")
    if named:
        return list(tokens(named))
    found: list[TokenInfo] = []
    modules = find_modules()
    if not modules:
        raise KeyNotFound("no-module-found")
    for known in modules:
        try:
            found += tokens(known.path)
        except Error as e:
            run.output.warn(e.reason)  # one broken driver does not hide the others' tokens
    return found


def list_(ctx: typer.Context, *, module: _Module = None, as_json: AsJSON = False) -> ExitCode:
    """One row a token."""
    run = session(ctx)
    found = sorted(seen(run, module), key=lambda t: (not t.initialised, t.label, t.serial))
    if as_json:
        for token in found:
            run.output.json(_members(token))
        return ExitCode.OK
    rows = [
        (
            t.label or run.output.say("token-empty"),
            t.serial,
            f"{t.manufacturer} {t.model}".strip(),
            str(t.slot_id),
            t.module.name,
        )
        for t in found
    ]
    run.output.table(("col-label", "col-serial", "col-model", "col-slot", "col-module"), rows)
    if not found:
        run.output.note("no-token")
    return ExitCode.OK


def info(
    ctx: typer.Context,
    label: Annotated[str | None, typer.Argument(metavar="LABEL", help="arg-token")] = None,
    *,
    module: _Module = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Everything that can be seen without a PIN."""
    from esign_cli.keys import pin_guard

    run = session(ctx)
    token = _one(run, label, module)
    blocked = pin_guard(run.config_if_any()).blocked(token.serial)
    if as_json:
        run.output.json({**_members(token), "pin_blocked": blocked})
        return ExitCode.OK
    for code, value in (
        ("col-label", token.label),
        ("col-serial", token.serial),
        ("col-model", f"{token.manufacturer} {token.model} {token.firmware}"),
        ("col-slot", str(token.slot_id)),
        ("col-module", str(token.module)),
        ("col-flags", ", ".join(sorted(token.flags))),
        ("col-pin-guard", run.output.say("pin-guard-blocked" if blocked else "pin-guard-free")),
        ("col-mechanisms", ", ".join(token.mechanisms)),
    ):
        run.output.line(f"{run.output.say(code)}: {value}")
    return ExitCode.OK


def init(
    ctx: typer.Context,
    *,
    label: Annotated[str, typer.Option(metavar="LABEL", help="opt-token-label")],
    module: _Module = None,
    slot: Annotated[int | None, typer.Option(metavar="N", help="opt-slot")] = None,
    pin_file: PinFile = None,
    so_pin_file: Annotated[Path | None, typer.Option(metavar="FILE", help="opt-so-pin-file", readable=False)] = None,
    erase: Annotated[bool, typer.Option("--erase", help="opt-erase")] = False,
    yes: Yes = False,
) -> ExitCode:
    """Make an empty token; an existing one is erased only on request, and only with its SO PIN."""
    from esign_cli.keys import pin_guard
    from esign_cli.pins import prompt
    from esign_hsm import FilePin, init_token, protect_process

    run = session(ctx)
    protect_process()
    config = run.config_if_any()
    if config is not None and config.softhsm is not None:
        from esign_hsm.softhsm import use

        use(config.softhsm.conf)
    named = module or (config.key.module if config else "")
    if not named:
        raise InputError("module-needed")
    if erase and not yes and not run.output.confirm("confirm-erase", token=label):
        raise InputError("not-confirmed")
    user = FilePin(pin_file) if pin_file else prompt(run.output, question="pin-prompt-new", confirm=True)
    so = FilePin(so_pin_file) if so_pin_file else prompt(run.output, question="pin-prompt-so", confirm=not erase)
    made = init_token(named, label=label, so_pin=so, user_pin=user, guard=pin_guard(config), slot_id=slot, erase=erase)
    run.output.row(made.label, made.serial, str(made.slot_id))
    return ExitCode.OK


def unblock(
    ctx: typer.Context,
    label: Annotated[str | None, typer.Argument(metavar="LABEL", help="arg-token")] = None,
    *,
    module: _Module = None,
    yes: Yes = False,
) -> ExitCode:
    """A person says: the PIN is right now."""
    from esign_cli.keys import pin_guard

    run = session(ctx)
    token = _one(run, label, module)
    guard = pin_guard(run.config_if_any())
    if not guard.blocked(token.serial):
        run.output.note("unblock-not-needed", token=token.label)
        return ExitCode.OK
    if not yes and not run.output.confirm("confirm-unblock", token=token.label):
        raise InputError("not-confirmed")
    guard.clear(token.serial)
    run.output.note("unblocked", token=token.label)
    return ExitCode.OK


def _one(run: Session, label: str | None, module: str | None) -> "TokenInfo":
    """The one token that a label or serial number names; the configured one where none is given."""
    if label is None and (config := run.config_if_any()) is not None:
        label = config.key.uri.token or config.key.uri.serial
    found = [t for t in seen(run, module) if t.initialised]
    matching = [t for t in found if label in (None, t.label, t.serial)]
    if len(matching) != 1:
        code = "token-ambiguous" if matching else "token-not-found"
        raise KeyNotFound(code, uri=label or "—", found=_listed(matching or found))
    return matching[0]


def _listed(found: "Sequence[TokenInfo]") -> str:
    return "; ".join(f"slot {t.slot_id}: {t.label} (serial {t.serial})" for t in found) or "—"


def _members(token: "TokenInfo") -> dict[str, object]:
    return {
        "label": token.label,
        "serial": token.serial,
        "manufacturer": token.manufacturer,
        "model": token.model,
        "firmware": token.firmware,
        "slot": token.slot_id,
        "module": str(token.module),
        "initialised": token.initialised,
        "flags": sorted(token.flags),
        "mechanisms": list(token.mechanisms),
    }
