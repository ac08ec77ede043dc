"""The command tree, in one language: commands carry codes of texts, which are put into words here."""

import logging
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from esign.texts import Language
from esign_cli.exits import ExitCode
from esign_cli.language import say
from esign_cli.output import Output
from esign_cli.session import Session

__all__ = ["build"]

# typer's own options, which bring English help along.
_OWN = {"install_completion": "opt-install-completion", "show_completion": "opt-show-completion"}
_PANELS = ("ARGUMENTS_PANEL_TITLE", "OPTIONS_PANEL_TITLE", "COMMANDS_PANEL_TITLE")
# Each command and the module that it lives in, in the order in which an office meets them.
_COMMANDS = {
    "init": "init",
    "token": "token",
    "key": "key",
    "issue": "issue",
    "submit": "submit",
    "approve": "approve",
    "complete": "complete",
    "adopt": "adopt",
    "waiting": "waiting",
    "take-back": "waiting",
    "release": "release",
    "attach": "attach",
    "copy": "copy",
    "sign": "sign",
    "print": "print_",
    "verify": "verify",
    "extract": "extract",
    "receipt": "receipt",
    "bundle": "bundle",
    "seal": "seal",
    "status": "status",
    "trust": "trust",
    "trust-list": "trust_list",
    "result": "result",
    "augment": "augment",
    "archive": "archive",
    "timestamp": "timestamp",
    "resume": "resume",
    "serve": "serve",
    "work": "work",
    "batch": "batch",
    "webhook": "webhook",
    "access": "access",
    "audit": "audit",
    "registry": "registry",
    "doctor": "doctor",
}
_STRINGS = ("DEFAULT_STRING", "ENVVAR_STRING", "REQUIRED_LONG_STRING")


def build(language: Language, wanted: str | None = None) -> Any:
    """The command that `main` runs; a `click` command of typer's, which has no public type.

    Where `wanted` is one of the commands only that one is loaded: forty that nobody asked for take longer than some
    that somebody did.
    """
    app = typer.Typer(
        name="esign",
        help="cmd-esign",
        no_args_is_help=True,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(_global(language))
    modules = [_COMMANDS[wanted]] if wanted in _COMMANDS else dict.fromkeys(_COMMANDS.values())
    for module in modules:
        import_module(f"esign_cli.commands.{module}").register(app)
    tree = get_command(app)
    _translate(tree, language)
    told = " · ".join(f"{int(code)} {say(f'exit-{code.name.lower()}', language)}" for code in ExitCode)
    tree.epilog = say("exit-codes", language, codes=told)
    return tree


def _global(language: Language) -> Any:
    def esign(
        ctx: typer.Context,
        *,
        lang: Annotated[str | None, typer.Option("--lang", metavar="vi|en", help="opt-lang")] = None,
        config: Annotated[
            Path | None, typer.Option("--config", metavar="FILE", help="opt-config", readable=False)
        ] = None,
        debug: Annotated[bool, typer.Option("--debug", help="opt-debug")] = False,
        version: Annotated[  # noqa: ARG001  # its callback answers
            bool, typer.Option("--version", is_eager=True, callback=_version, help="opt-version")
        ] = False,
    ) -> None:
        if lang not in (None, language):
            raise typer.BadParameter("vi | en", param_hint="--lang")
        ctx.obj = Session(output=Output(language), config_path=config, debug=debug)
        _log(debug=debug)

    return esign


def _log(*, debug: bool) -> None:
    """What the library logs is for those who run it; other libraries' logs may hold what a document says."""
    logging.basicConfig(level=logging.CRITICAL, format="esign: %(name)s: %(message)s")
    if debug:
        for name in ("esign", "esign_hsm", "esign_cli"):
            logging.getLogger(name).setLevel(logging.DEBUG)


def _version(value: bool) -> None:  # noqa: FBT001  # typer calls it so
    if value:
        from importlib.metadata import version

        Output("en").line(f"esign {version('esign')}")
        raise typer.Exit


def _help(format_help: Callable[..., None], language: Language, *args: Any) -> None:
    """Help, with typer's own headings in `language`; loaded only where somebody asks for it."""
    from typer import rich_utils

    for name in (*_PANELS, *_STRINGS):
        setattr(rich_utils, name, say(f"help-{name.lower().replace('_', '-')}", language))
    format_help(*args)


def _translate(command: Any, language: Language) -> None:
    """Put the words in the place of codes, in `command` and below it."""
    command.help = say(command.help or "", language)
    command.format_help = partial(_help, command.format_help, language)
    ctx = typer.Context(command, info_name=command.name)
    for param in command.get_params(ctx):
        code = _OWN.get(param.name) or ("opt-help" if param.name == "help" else param.help)
        param.help = say(code or "", language)
        if getattr(param, "is_bool_flag", False):
            param.metavar = ""  # else every flag is shown as <bool>
    for below in getattr(command, "commands", {}).values():
        _translate(below, language)
