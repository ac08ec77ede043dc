"""What every command has at hand: a voice, a clock, and the configuration where there is one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from esign.errors import ConfigurationError
from esign_cli.output import Output

if TYPE_CHECKING:
    from esign_cli.config import Config

__all__ = ["Session", "session"]


@dataclass(slots=True, kw_only=True)
class Session:
    """One run of the command."""

    output: Output
    """Where it speaks."""
    config_path: Path | None = None
    """`--config`."""
    debug: bool = False
    """`--debug`: traces of unexpected failures, and the library's log on stderr."""
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    """The clock."""

    def config(self) -> "Config":
        """The configuration of the working folder.

        Raises:
            ConfigurationError: `config-missing`, or what is wrong with it.
        """
        found = self.config_if_any()
        if found is None:
            raise ConfigurationError("config-missing", folder=Path.cwd())
        return found

    def config_if_any(self) -> "Config | None":
        """The same, where none is needed."""
        from esign_cli.config import Config, find

        path = find(self.config_path, start=Path.cwd())
        return None if path is None else Config.load(path)


def session(ctx: typer.Context) -> Session:
    """The session of this run."""
    found = ctx.find_object(Session)
    assert found is not None, "the app's callback makes it"
    return found
