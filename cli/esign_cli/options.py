"""Options that several commands share; their help is a code of the texts, translated when the app is built."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AsJSON", "PinFd", "PinFile", "Token", "Yes"]

AsJSON = Annotated[bool, typer.Option("--json", help="opt-json")]
PinFile = Annotated[Path | None, typer.Option("--pin-file", metavar="FILE", help="opt-pin-file", readable=False)]
PinFd = Annotated[int | None, typer.Option("--pin-fd", metavar="N", help="opt-pin-fd")]
Token = Annotated[str | None, typer.Option("--token", metavar="LABEL", help="opt-token")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="opt-yes")]
