"""What goes where: data to stdout, everything else to stderr as `esign: error: …` and `esign: hint: …`.

The rules are those of age (`cmd/age/tui.go`): errors start in lower case and have no full stop, a hint says what a
person can do, and nothing but data is ever written to stdout.
"""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import TextIO

from esign.errors import Error, PreflightError
from esign.reasons import Reason
from esign.texts import Language
from esign_cli.language import explain, say
from esign_cli.sanitise import json_line, printable

__all__ = ["VIETNAM", "Colour", "Output", "Progress", "iso", "shown"]

VIETNAM = timezone(timedelta(hours=7))


def shown(moment: datetime | None) -> str:
    """A time as people here read it."""
    return "—" if moment is None else moment.astimezone(VIETNAM).strftime("%d.%m.%Y %H:%M:%S +07:00")


def iso(moment: datetime | None) -> str | None:
    """A time as machines read it: ISO 8601, UTC."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Colour:
    """SGR codes (ECMA-48 §8.3.117) of what a person should see first."""

    GOOD = "32"
    BAD = "1;31"
    DOUBT = "33"
    FAINT = "2"
    STRONG = "1"


class Output:
    """Speaks one language to stdout and stderr."""

    def __init__(self, language: Language, *, environ: Mapping[str, str] = os.environ) -> None:
        self.language: Language = language
        self._coloured = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"

    # --- stdout ----------------------------------------------------------------------------------------------------

    def line(self, text: str = "", *, colour: str = "") -> None:
        """One line of data; what is foreign in it is made harmless."""
        _write(sys.stdout, self._painted(printable(text), colour, sys.stdout))

    def json(self, value: object) -> None:
        """One line of JSON."""
        _write(sys.stdout, json_line(value))

    def raw(self, text: str) -> None:
        """A text as it is, for what goes into a file: PEM, JSON."""
        _write(sys.stdout, text.removesuffix("\n"))

    def row(self, *cells: str) -> None:
        """One row, its cells separated by tabs."""
        _write(sys.stdout, "\t".join(printable(c) for c in cells))

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Rows: a table on a terminal, tabs without headers elsewhere."""
        if not sys.stdout.isatty():
            for row in rows:
                self.row(*row)
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold" if self._coloured else "")
        for code in headers:
            table.add_column(self.say(code), overflow="fold")
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        Console(no_color=not self._coloured, highlight=False).print(table)

    # --- stderr ----------------------------------------------------------------------------------------------------

    def note(self, code: str, /, **facts: object) -> None:
        """Something worth knowing that is no data."""
        self.tell(self.say(code, **facts))

    def tell(self, text: str) -> None:
        """The same, with the words at hand."""
        self._aside("", text, Colour.FAINT)

    def warn(self, reason: Reason) -> None:
        """Something that was let pass and should be looked at."""
        told = explain(reason, self.language)
        self._aside("label-warning", told.what, Colour.DOUBT)
        if told.next_step:
            self._aside("label-hint", told.next_step, Colour.FAINT)

    def error(self, error: Error | Reason) -> None:
        """What happened, and what a person can do next."""
        reason = error.reason if isinstance(error, Error) else error
        told = explain(reason, self.language)
        self._aside("label-error", told.what, Colour.BAD)
        if isinstance(error, PreflightError):
            for finding in error.findings:
                self.finding(finding)
        if told.next_step:
            self._aside("label-hint", told.next_step, Colour.FAINT)

    def finding(self, reason: Reason) -> None:
        """One of several reasons for an error."""
        told = explain(reason, self.language)
        self._aside("", f"  - {told.what}" + (f" → {told.next_step}" if told.next_step else ""), "")

    def usage(self, what: str, hint: str) -> None:
        """The call itself was wrong."""
        self._aside("label-error", what, Colour.BAD)
        self._aside("label-hint", hint, Colour.FAINT)

    def _aside(self, label: str, text: str, colour: str) -> None:
        start = f"esign: {self.say(label)}: " if label else "esign: "
        _write(sys.stderr, self._painted(start, colour, sys.stderr) + printable(text))

    # --- words -----------------------------------------------------------------------------------------------------

    def say(self, code: str, /, **facts: object) -> str:
        """A text of this command."""
        return say(code, self.language, **facts)

    def explained(self, reason: Reason) -> str:
        """What a reason says, on one line."""
        return explain(reason, self.language).what

    def next_step(self, reason: Reason) -> str:
        """What a person can do about it."""
        return explain(reason, self.language).next_step

    def _painted(self, text: str, colour: str, stream: TextIO) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if colour and self._coloured and stream.isatty() else text

    # --- asking ----------------------------------------------------------------------------------------------------

    def confirm(self, code: str, /, **facts: object) -> bool:
        """Ask a person; no answer is no."""
        if not sys.stdin.isatty():
            return False
        sys.stderr.write(f"esign: {printable(self.say(code, **facts))} [{self.say('confirm-keys')}] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes", "c", "có", "co"}

    @contextlib.contextmanager
    def progress(self, total: int) -> Iterator["Progress"]:
        """A bar on stderr where that is a terminal; nothing elsewhere."""
        if not sys.stderr.isatty():
            yield Progress()
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        console = Console(stderr=True, no_color=not self._coloured, highlight=False)
        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
        )
        with RichProgress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
            task = bar.add_task("", total=total)
            yield Progress(lambda name: bar.update(task, advance=1, description=printable(name)))


class Progress:
    """How far a long work has come."""

    def __init__(self, advance: Callable[[str], None] = lambda _name: None) -> None:
        self.step = advance
        """One more is done; its argument says what."""


def _write(stream: TextIO, text: str) -> None:
    """Write a line; a reader that went away (`esign … | head`) is no reason to stop in the middle of work."""
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        with contextlib.suppress(OSError, io.UnsupportedOperation):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
