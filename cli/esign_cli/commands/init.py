"""`esign init`: a working folder with its configuration, register and folders; on request a development token."""

import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import ConfigurationError
from esign.reasons import system_problem
from esign_cli.exits import ExitCode
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

    from esign_cli.wiring import Workplace

__all__ = ["register"]

_TOKEN, _KEY, _SEAL_KEY, _STATUS_KEY = "van-thu", "con-dau", "dau-qr", "trang-thai"  # labels


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init", help="cmd-init")(init)


def init(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="arg-init-folder", readable=False)] = Path(),
    *,
    agency_code: Annotated[str | None, typer.Option(metavar="CODE", help="opt-agency-code")] = None,
    agency_name: Annotated[str | None, typer.Option(metavar="NAME", help="opt-agency-name")] = None,
    place: Annotated[str | None, typer.Option(metavar="PLACE", help="opt-place")] = None,
    softhsm: Annotated[bool, typer.Option("--softhsm", help="opt-softhsm")] = False,
    sample: Annotated[bool, typer.Option("--sample", help="opt-sample")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="opt-init-demo")] = False,
) -> ExitCode:
    """Make the folder; with `demo` it can issue at once."""
    softhsm, sample = softhsm or demo, sample or demo
    from esign_cli.config import FILE_NAME, Config
    from esign_cli.wiring import Workplace

    run = session(ctx)
    path = folder / FILE_NAME
    _refuse_existing(path, folder / "softhsm" if softhsm else path)
    document = _example()
    agency = document["agency"]
    for name, value in (("code", agency_code), ("name", agency_name), ("place", place)):
        if value is not None:
            agency[name] = value
    _make_folders(folder)
    if sample:
        _sample_seal(document, folder)
    try:
        if softhsm:
            _make_token(document, folder)
        _write_configuration(document, path)
        with Workplace(Config.load(path), now=run.now) as workplace:
            workplace.registry.check()
            if softhsm:
                _make_keys(run, workplace)
            if demo:
                from esign_cli.demo import certify_for_trial

                certify_for_trial(workplace, now=run.now())
    except BaseException:
        # Not half a folder: the command can be repeated.
        path.unlink(missing_ok=True)
        if softhsm:
            shutil.rmtree(folder / "softhsm", ignore_errors=True)
        raise
    run.output.line(str(path))
    run.output.note("init-done", folder=folder.resolve())
    if softhsm:
        run.output.note("init-softhsm", pin=folder / "softhsm" / "pin")
    return ExitCode.OK


def _refuse_existing(*places: Path) -> None:
    for place in places:
        if place.exists():
            raise ConfigurationError("init-exists", file=place)


def _example() -> "TOMLDocument":
    from importlib.resources import files

    import tomlkit

    return tomlkit.parse(files("esign_cli").joinpath("example.toml").read_text("utf-8"))


def _make_folders(folder: Path) -> None:
    try:
        for name in ("", "spool", "archive", "out"):
            (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as e:
        raise ConfigurationError("folder-not-made", folder=folder, problem=system_problem(e)) from e


def _sample_seal(document: "TOMLDocument", folder: Path) -> None:
    from esign.files import write_durably
    from esign.pdf import specimen_seal

    write_durably(folder / "seal-sample.png", specimen_seal(), private=False)
    document["agency"]["seal_image"] = "seal-sample.png"


def _make_token(document: "TOMLDocument", folder: Path) -> None:
    """A SoftHSM token whose PINs stand in files beside it, and a configuration that uses it."""
    import tomlkit

    from esign_hsm.softhsm import make_token

    pin, so_pin = (f"{secrets.randbelow(10**8):08d}" for _ in range(2))
    place = folder / "softhsm"
    made = make_token(place, label=_TOKEN, pin=pin, so_pin=so_pin)
    for name, value in (("pin", pin), ("so-pin", so_pin)):
        _write_private(place / name, value)
    source = tomlkit.inline_table()
    source["file"] = "softhsm/pin"
    document["key"]["pin"] = source
    document["key"]["module"] = str(made.module)
    table = tomlkit.table()
    table.comment("chỉ để phát triển và thử nghiệm / for development and tests only")
    table["conf"] = "softhsm/softhsm2.conf"
    document["softhsm"] = table


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")


def _write_configuration(document: "TOMLDocument", path: Path) -> None:
    import tomlkit

    from esign.files import write_durably

    write_durably(path, tomlkit.dumps(document).encode(), private=False)


def _make_keys(run: Session, workplace: "Workplace") -> None:
    from esign.keys import KeyRef
    from esign_cli.seal_table import add_own_key
    from esign_hsm.admin import KeyKind, generate_key

    token = KeyRef(token=_TOKEN)
    generate_key(workplace.store, kind=KeyKind.RSA_2048, label=_KEY, token=token)
    for label in (_SEAL_KEY, _STATUS_KEY):
        generate_key(workplace.store, kind=KeyKind.P256, label=label, token=token)
    add_own_key(workplace, now=run.now())
