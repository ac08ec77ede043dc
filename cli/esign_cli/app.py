"""The command tree, in one language: commands carry codes of texts, which are put into words here."""

import logging
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from esign.texts import Language
from esign_cli.exits import ExitCode
from esign_cli.language import say
from esign_cli.output import Output
from esign_cli.session import Session
from esign_cli.values import convert_plainly

__all__ = ["build", "build_whole"]

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


class _Commands(TyperGroup):
    """Every command by its name and help; the module of one is loaded when it is the one that runs, or is completed."""

    language: Language

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # as the parser's own
        """All of them."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  # as the parser's own
        """As it is listed, where it is not loaded."""
        if cmd_name in _COMMANDS and cmd_name not in self.commands:
            return TyperCommand(cmd_name, help=say(f"cmd-{cmd_name}", self.language))
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load what `args` begin with."""
        if args and args[0] in _COMMANDS:
            self.load(args[0])
        if ctx.resilient_parsing:  # some shells show the help of what they complete
            _translate(self, self.language)
        return super().resolve_command(ctx, args)

    def load(self, name: str) -> None:
        """Put the command itself in its place, and those that its module has beside it."""
        app = typer.Typer()
        import_module(f"esign_cli.commands.{_COMMANDS[name]}").register(app)
        for command in get_group(app).commands.values():
            _adapt(command, self.language)
            self.add_command(command)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """With the exit codes below."""
        told = (f"{int(code)} {say(f'exit-{code.name.lower()}', self.language)}" for code in ExitCode)
        self.epilog = say("exit-codes", self.language, codes=" · ".join(told))
        super().format_help(ctx, formatter)


def build(language: Language) -> Any:
    """The command that `main` runs; a `click` command of typer's, which has no public type."""
    app = typer.Typer(
        name="esign",
        cls=_Commands,
        help="cmd-esign",
        no_args_is_help=True,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(_global(language))
    tree: Any = get_command(app)
    tree.language = language
    _adapt(tree, language)
    return tree


def build_whole(language: Language) -> Any:
    """The same with every command loaded, for who looks at all of them."""
    tree = build(language)
    for name in _COMMANDS:
        tree.load(name)
    _translate(tree, language)
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


def _adapt(command: Any, language: Language) -> None:
    """Let `command` and those below it speak `language` when they are asked, and take what is typed as it is."""
    command.format_help = partial(_help, command, command.format_help, language)
    command.get_params = partial(_params, command.get_params)
    for below in getattr(command, "commands", {}).values():
        _adapt(below, language)


def _params(get_params: Callable[..., list[Any]], ctx: Any) -> list[Any]:
    """The options and arguments of a command, with `--help`, which the parser makes at the last moment."""
    params = get_params(ctx)
    for param in params:
        convert_plainly(param)
    return params


def _help(command: Any, format_help: Callable[..., None], language: Language, *args: Any) -> None:
    """Help, with typer's own headings in `language`; loaded only where somebody asks for it."""
    from typer import rich_utils

    for name in (*_PANELS, *_STRINGS):
        setattr(rich_utils, name, say(f"help-{name.lower().replace('_', '-')}", language))
    _translate(command, language)
    format_help(*args)


def _translate(command: Any, language: Language) -> None:
    """Put the words in the place of codes, in `command` and below it; words that are there already stay."""
    command.help = say(command.help or "", language)
    ctx = typer.Context(command, info_name=command.name)
    for param in command.get_params(ctx):
        code = _OWN.get(param.name) or ("opt-help" if param.name == "help" else param.help)
        param.help = say(code or "", language)
        if getattr(param, "is_bool_flag", False):
            param.metavar = ""  # else every flag is shown as <bool>
    for below in getattr(command, "commands", {}).values():
        _translate(below, language)
