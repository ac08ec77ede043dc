"""`esign sign`: one file, many, or a folder, with one PIN entry; resumable, each file exactly once.

Which files are signed already is the register's knowledge: a file is known by its SHA-256, so running the command
again goes on where it stopped, whatever the files are called by then.
"""

import hashlib
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import Error, InputError, KeyStoreError, RegistryError, RequestConflict, RequestInFlight
from esign.reasons import Reason
from esign_cli.exits import ExitCode, exit_code, worst
from esign_cli.options import AsJSON, PinFd, PinFile, Yes
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.issuance import Issuer
    from esign_cli.wiring import Workplace

__all__ = ["register"]

_SUFFIX = ".signed.pdf"
_ASK_FROM = 2
# What the register says of one request says nothing about the next file.
_ONE_FILE = (RequestInFlight, RequestConflict)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sign", help="cmd-sign", no_args_is_help=True)(sign)


class Status(Enum):
    """What became of one file."""

    SIGNED = "signed"
    KNOWN = "already"
    """It was signed before; its output is there."""
    OUTPUT = "is-output"
    """It is a signed file of ours itself."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class _Row:
    file: Path
    status: Status
    out: Path | None = None
    id: str = ""
    error: Error | None = None


def sign(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE|DIR", help="arg-sign-files", readable=False)],
    *,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help="opt-sign-out", readable=False)] = None,
    yes: Yes = False,
    as_json: AsJSON = False,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """Sign them all, and say what became of each."""
    from esign_cli.pins import at_work, typing_again

    run = session(ctx)
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        folder = out or workplace.config.paths.out
        found = _collected(files)
        if not found:
            raise InputError("nothing-to-sign")
        run.output.note("sign-plan", count=len(found), folder=folder)
        if len(found) >= _ASK_FROM and not yes and _asks() and not run.output.confirm("confirm-sign", count=len(found)):
            raise InputError("not-confirmed")
        issuer = typing_again(run.output, workplace.pin, workplace.issuer)
        rows: list[_Row] = []
        with _interruptible() as stopped, run.output.progress(len(found)) as progress:
            for file, name in found:
                if stopped.is_set():
                    break
                row = _sign_one(workplace, issuer, file, folder / name)
                rows.append(row)
                _print(run, row, as_json=as_json)
                progress.step(file.name)
                if isinstance(row.error, KeyStoreError | RegistryError) and not isinstance(row.error, _ONE_FILE):
                    break  # the token or the disk: the next file would fail alike
    return _summary(run, rows, len(found), interrupted=stopped.is_set())


def _asks() -> bool:
    import sys

    return sys.stdin.isatty()


def _collected(places: Sequence[Path]) -> list[tuple[Path, Path]]:
    """The files, and the names of their outputs; a folder brings its PDFs with their subfolders."""
    found: dict[Path, Path] = {}
    for place in places:
        if place.is_dir():
            below = sorted(p for p in place.rglob("*") if p.is_file() and p.suffix.lower() == ".pdf")
            for path in below:
                found.setdefault(path, path.relative_to(place).with_suffix(_SUFFIX))
        elif place.is_file():
            found.setdefault(place, Path(place.name).with_suffix(_SUFFIX))
        else:
            raise InputError("file-unreadable", file=place, problem=Reason("system-not-found"))
    return list(found.items())


def _sign_one(workplace: "Workplace", issuer: "Issuer", file: Path, out: Path) -> _Row:
    from esign.files import write_durably
    from esign_cli.wiring import read_file

    try:
        pdf = read_file(file)
        digest = hashlib.sha256(pdf).hexdigest()
        own = workplace.registry.by_sha256(digest)
        if own is not None:
            return _Row(file, Status.OUTPUT, id=str(own.id))
        key = _idempotency_key(workplace, digest)
        before = workplace.registry.by_key(key)
        issued = issuer.sign(pdf, idempotency_key=key)
        path = _free(out, issued.sha256, digest)
        if not path.is_file():
            write_durably(path, issued.pdf, private=False)  # also where an earlier output was removed since
        known = before is not None and before.issued_at is not None
        return _Row(file, Status.KNOWN if known else Status.SIGNED, path, str(issued.id))
    except Error as e:
        return _Row(file, Status.FAILED, error=e)


def _idempotency_key(workplace: "Workplace", digest: str) -> str:
    """One file, one agency, one profile: one signature."""
    named = f"{workplace.config.agency.code}\0{workplace.config.issuance.profile}\0{digest}"
    return f"sign-{hashlib.sha256(named.encode()).hexdigest()}"


def _free(out: Path, sha256: str, digest: str) -> Path:
    """Where the output goes: another file that has this name already is left alone."""
    if not out.exists() or hashlib.sha256(out.read_bytes()).hexdigest() == sha256:
        return out
    return out.with_name(f"{out.name.removesuffix(_SUFFIX)}-{digest[:8]}{_SUFFIX}")


def _print(run: Session, row: _Row, *, as_json: bool) -> None:
    reason = row.error.reason if row.error else None
    if as_json:
        run.output.json(
            {
                "file": str(row.file),
                "status": row.status.value,
                "out": str(row.out) if row.out else None,
                "id": row.id or None,
                "reason": reason.code if reason else None,
                "findings": [f.code for f in getattr(row.error, "findings", ())],
            }
        )
        return
    said = run.output.say(f"status-{row.status.value}")
    detail = _why(run, row.error) if row.error else str(row.out or row.id)
    run.output.row(said, str(row.file), detail)


def _why(run: Session, error: Error) -> str:
    findings: Sequence[Reason] = getattr(error, "findings", ())
    return "; ".join(run.output.explained(r) for r in (findings or (error.reason,)))


def _summary(run: Session, rows: list[_Row], total: int, *, interrupted: bool) -> ExitCode:
    count = {status: sum(r.status is status for r in rows) for status in Status}
    run.output.note(
        "sign-summary",
        signed=count[Status.SIGNED],
        known=count[Status.KNOWN] + count[Status.OUTPUT],
        failed=count[Status.FAILED],
        left=total - len(rows),
    )
    if interrupted:
        run.output.note("sign-interrupted")
        return ExitCode.INTERRUPTED
    errors = [r.error for r in rows if r.error]
    if not errors:
        return ExitCode.OK
    if total == 1 or len(rows) < total:
        run.output.error(errors[-1])
    else:  # what to do about each kind of failure, once
        kinds = {f.code: f for e in errors for f in getattr(e, "findings", ()) or (e.reason,)}
        for reason in kinds.values():
            run.output.finding(reason)
    codes = {exit_code(e) for e in errors}
    # A single file speaks for itself; of many, "some failed" is the answer unless work had to stop.
    return worst(*codes) if total == 1 or len(rows) < total else ExitCode.NO


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Ctrl-C finishes the file in hand; a second one ends at once, and `esign resume` repairs that."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)
