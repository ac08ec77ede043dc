"""Runs one command: chooses the language, and turns whatever happens into words and an exit code."""

import gc
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from esign.errors import Error
from esign.reasons import Reason, system_problem
from esign_cli.exits import ExitCode, exit_code
from esign_cli.language import choose
from esign_cli.output import Output

__all__ = ["main", "run"]

# Options that may stand anywhere; the parser wants them before the command.
_GLOBAL_FLAGS = ("--debug",)
_GLOBAL_VALUES = ("--lang", "--config")
# What a command loads is never garbage: looking through it every 700 objects took a sixth of signing one file, and
# three times on the way, every 50,000, a twentieth. One file makes less than 200,000.
_OBJECTS_UNTIL_COLLECTED = 250_000
# Errors that the parser tells in English only; a message of another version is shown as it is.
_USAGE = (
    (r"No such command '(.+?)'", "usage-no-such-command"),
    (r"unexpected extra argument.* \((.+)\)", "usage-extra"),
    (r"Option '(.+?)' requires an argument", "usage-needs-value"),
    (r"Option '(.+?)' does not take a value", "usage-takes-no-value"),
)


def main() -> NoReturn:
    """The console script."""
    gc.set_threshold(_OBJECTS_UNTIL_COLLECTED)
    for stream in (sys.stdout, sys.stderr):
        # Vietnamese on every terminal, a service's log and Windows' code pages included.
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]  # a TextIOWrapper here
    code = run(sys.argv[1:])
    if code is ExitCode.INTERRUPTED:
        # Python would wait for threads, and they for a token; what they leave is repaired as after a crash.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    gc.freeze()  # what is there now goes with the process: nobody needs to look for garbage in it
    sys.exit(code)


def run(argv: Sequence[str]) -> ExitCode:
    """Run the command `argv` and give its exit code."""
    arguments = _global_first(argv)
    output = Output(choose(arguments))
    debug = "--debug" in arguments
    try:
        import typer

        from esign_cli.app import build

        ended = build(output.language).main(args=arguments, prog_name="esign", standalone_mode=False)
    except Error as e:
        _trace(debug)
        output.error(e)
        return exit_code(e)
    except (KeyboardInterrupt, EOFError):
        output.note("interrupted")
        return ExitCode.INTERRUPTED
    except OSError as e:
        _trace(debug)
        output.error(Reason("system-refused", {"problem": system_problem(e), "file": e.filename or "—"}))
        return ExitCode.REGISTER
    except Exception as e:  # noqa: BLE001  # no stack trace ever reaches a clerk
        if isinstance(e, typer.Abort):
            output.note("interrupted")
            return ExitCode.INTERRUPTED
        if hasattr(e, "format_message"):
            return _usage(output, e)
        _trace(debug)
        output.error(Reason("unexpected", {"kind": type(e).__name__}))
        return ExitCode.UNEXPECTED
    if ended == ExitCode.INTERRUPTED and not isinstance(ended, ExitCode):
        output.note("interrupted")  # typer turns Ctrl-C into this number
    return ExitCode(ended) if isinstance(ended, int) else ExitCode.OK


def _global_first(argv: Sequence[str]) -> list[str]:
    """`argv` with the global options before the command, so that they may be typed anywhere."""
    if "_ESIGN_COMPLETE" in os.environ:
        return list(argv)
    front: list[str] = []
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word in _GLOBAL_FLAGS or (word.partition("=")[0] in _GLOBAL_VALUES and "=" in word):
            front.append(word)
        elif word in _GLOBAL_VALUES:
            front += [word, *([value] if (value := next(words, None)) is not None else [])]
        else:
            rest.append(word)
    return front + rest


def _usage(output: Output, error: Any) -> ExitCode:
    """The call was wrong. typer keeps the classes of these errors to itself, so their names have to do."""
    kind = type(error).__name__
    ctx = getattr(error, "ctx", None)
    command = ctx.command_path if ctx is not None else "esign"
    if kind == "NoArgsIsHelpError":
        return ExitCode.USAGE  # the help was shown
    param = getattr(error, "param", None)
    message = error.format_message().rstrip(".")
    name = _name(param) or getattr(error, "option_name", "") or getattr(error, "param_hint", "") or ""
    code = {
        "MissingParameter": "usage-missing",
        "NoSuchOption": "usage-no-such-option",
        "BadParameter": "usage-bad-value",
    }.get(kind, "usage-other")
    for pattern, named in _USAGE if code == "usage-other" else ():
        if found := re.search(pattern, message):
            code, name = named, found[1]
    near = _near(error, ctx, name) if code in {"usage-no-such-command", "usage-no-such-option"} else []
    hint = "usage-did-you-mean" if near else "usage-hint"
    output.usage(output.say(code, name=name, message=message), output.say(hint, command=command, near=", ".join(near)))
    return ExitCode.USAGE


def _near(error: Any, ctx: Any, typed: str) -> list[str]:
    """The commands, or options, that are spelled nearly as what was `typed`."""
    from difflib import get_close_matches

    if hasattr(error, "possibilities"):
        # Two dashes are alike in all options, and make strangers look near.
        near = get_close_matches(typed.lstrip("-"), [option.lstrip("-") for option in error.possibilities or ()])
        return [f"--{name}" for name in near]
    return get_close_matches(typed, getattr(ctx.command, "list_commands", lambda _ctx: ())(ctx))


def _name(param: Any) -> str:
    if param is None:
        return ""
    longest = max(param.opts, key=len) if param.opts else ""
    return longest if longest.startswith("-") else str(param.metavar or param.name or "").upper()


def _trace(debug: bool) -> None:  # noqa: FBT001
    if debug:
        import traceback

        traceback.print_exc()
