"""Whether a command line that a file of `deploy/` names is one that `esign` has."""

from collections.abc import Sequence
from typing import Any

from esign_cli.app import build_whole
from esign_cli.main import _global_first

__all__ = ["understood"]


def understood(argv: Sequence[str]) -> list[str]:
    """The commands of `argv`, which the parser takes with all its options and values; nothing is run."""
    command: Any = build_whole("en")
    context = command.make_context("esign", _global_first(argv))
    path = ["esign"]
    while True:
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not rest and getattr(command, "invoke_without_command", False):
            return path
        if not getattr(command, "commands", None):
            assert not rest, f"{' '.join(argv)}: too much: {rest}"
            return path
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
        path.append(name)
