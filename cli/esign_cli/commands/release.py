"""`esign release`: the records clerk (văn thư) checks, numbers, dates, seals and signs what the leader has signed."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import Error, InputError, NotRegistered
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON, By, PinFd, PinFile, Report, Yes
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.batch import Entry, Task
    from esign.codes import DocumentNumber, ResultId
    from esign.issuance import Issuer
    from esign.issued import Issued
    from esign.registry import Intent, Registry
    from esign_cli.sheets import Row
    from esign_cli.wiring import Workplace

__all__ = ["register"]

_LOOKED_BACK = 5000
"""How many issued results are compared with a file that the leader signed: more than a year of a commune."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """One thing to release, or why there is none."""

    name: str
    id: "ResultId | None" = None
    number: "DocumentNumber | None" = None
    day: date | None = None
    error: Error | None = None
    sequence: float = math.inf
    """Its place in the register: numbers follow the order in which results were submitted, not that of file names."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("release", help="cmd-release", no_args_is_help=True)(release)


def release(  # noqa: PLR0913  # options of the command
    ctx: typer.Context,
    which: Annotated[list[str] | None, typer.Argument(metavar="ID|FILE|DIR", help="arg-release")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="opt-release-all")] = False,
    numbers: Annotated[
        Path | None, typer.Option("--numbers", metavar="FILE.csv|.xlsx", help="opt-numbers", readable=False)
    ] = None,
    number: Annotated[str | None, typer.Option(metavar="N/SYMBOL", help="opt-release-number")] = None,
    issue_date: Annotated[str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="opt-release-date")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help="opt-sign-out", readable=False)] = None,
    report: Report = None,
    by: By = "",
    yes: Yes = False,
    as_json: AsJSON = False,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """Show the plan, ask, and release."""
    from esign.delivery import FolderDelivery
    from esign_cli.batches import Wishes, Words, carry_out
    from esign_cli.keys import Keys
    from esign_cli.outputs import put
    from esign_cli.pins import at_work

    run = session(ctx)
    if not which and not everything and numbers is None:
        raise InputError("release-what")
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        targets = list(_targets(run, workplace, workplace.issuer(keys=Keys.NONE), which or [], everything=everything))
        if numbers is not None:
            targets = _numbered(workplace.registry, targets, numbers, alone=not which and not everything)
        targets = _given(targets, number, issue_date)
        if not targets:
            run.output.note("nothing-to-release")
            return ExitCode.OK
        delivery = FolderDelivery(out or workplace.config.paths.out)
        run.output.note("release-plan", count=len(targets), folder=delivery.folder)

        def keep(_entry: "Entry", issued: "Issued") -> Path:
            return put(issued, delivery)

        wishes = Wishes(yes=yes, always_ask=True, as_json=as_json, report=report, by=by)
        words = Words(question="confirm-release", done="status-released", show_plan=True)
        tasks = [_task(workplace, target) for target in targets]
        return carry_out(run, workplace, tasks, words=words, wishes=wishes, delivery=delivery, keep=keep)


def _task(workplace: "Workplace", target: _Target) -> "Task":
    from esign.batch import Refused, Released

    if target.error is not None or target.id is None:
        return Refused(name=target.name, error=target.error or _unknown(Path(target.name)))
    duplicates = workplace.config.issuance.duplicates
    return Released(name=target.name, id=target.id, number=target.number, issue_date=target.day, duplicates=duplicates)


# --- what is released -----------------------------------------------------------------------------------------------


def _targets(
    run: Session, workplace: "Workplace", issuer: "Issuer", which: Sequence[str], *, everything: bool
) -> Iterator[_Target]:
    """In the order in which they were given; `--all` in the order in which they were recorded."""
    seen: set[ResultId] = set()
    for given in which:
        for target in _named(run, workplace, issuer, given):
            seen |= {target.id} if target.id else set()
            yield target
    if everything:
        yield from (_Target(name=str(i.id), id=i.id) for i in _ready(workplace) if i.id not in seen)


def _ready(workplace: "Workplace") -> "list[Intent]":
    """What a person has signed and the agency has not, and what a crash left between the agency's steps."""
    from esign.registry import IntentState

    registry, agency = workplace.registry, workplace.config.agency.code
    approved = [i for i in registry.waiting(agency=agency) if i.state is IntentState.APPROVED]
    begun = [i for i in registry.unfinished() if i.agency == agency and i.approved_at is not None]
    return sorted([*approved, *begun], key=lambda i: i.sequence)


def _named(run: Session, workplace: "Workplace", issuer: "Issuer", given: str) -> Iterator[_Target]:
    """An id, a number, a signature that came back, an adopted file, or a folder of such files."""
    from esign_cli.commands.result import find_result

    place = Path(given)
    if not place.exists():
        try:
            found = find_result(run, workplace.registry, workplace.config, given, None)
        except Error as e:
            yield _Target(name=given, error=e)
        else:
            yield _Target(name=given, id=found.id)
        return
    yield from sorted((_file(workplace, issuer, f) for f in _files(place)), key=lambda t: t.sequence)


def _files(place: Path) -> list[Path]:
    from esign_cli.handover import SIGNATURE, VIEW

    if place.is_file():
        return [place]
    files = sorted(p for p in place.iterdir() if p.is_file() and p.name.lower().endswith((SIGNATURE, ".pdf")))
    return [f for f in files if not f.name.endswith(VIEW)]


def _file(workplace: "Workplace", issuer: "Issuer", file: Path) -> _Target:
    """A signature is handed in, which needs no key; a PDF is known by its SHA-256."""
    from esign_cli.handover import SIGNATURE, hand_in
    from esign_cli.outputs import sha256_of

    try:
        if file.name.lower().endswith(SIGNATURE):
            intent, _ = hand_in(workplace, issuer, file)
            return _Target(name=file.name, id=intent.id, sequence=intent.sequence)
        adopted = _adopted(workplace.registry, sha256_of(file))
        if adopted is None:
            return _Target(name=file.name, error=_unknown(file))
        return _Target(name=file.name, id=adopted.id, sequence=adopted.sequence)
    except Error as e:
        return _Target(name=file.name, error=e)


def _adopted(registry: "Registry", sha256: str) -> "Intent | None":
    """The result whose person-signed file, or whose final file, this is."""
    from esign.registry import IntentState

    final = registry.by_sha256(sha256)
    if final is not None:
        return final
    issued = registry.listing(states=(IntentState.ISSUED,), limit=_LOOKED_BACK).entries
    everything = (*registry.waiting(), *registry.unfinished(), *issued)
    return next((i for i in everything if i.approved_sha256 == sha256), None)


# --- numbers --------------------------------------------------------------------------------------------------------


def _given(targets: list[_Target], number: str | None, day: str | None) -> list[_Target]:
    """The number and the date of the command line."""
    from esign.codes import DocumentNumber
    from esign_cli.requests import day as read_day

    if number is not None and len(targets) != 1:
        raise InputError("one-number-for-many", count=len(targets))
    parsed = DocumentNumber.parse(number) if number is not None else None
    on = read_day(day, "--date") if day is not None else None
    return [replace(t, number=t.number or parsed, day=t.day or on) for t in targets]


def _numbered(registry: "Registry", targets: list[_Target], sheet: Path, *, alone: bool) -> list[_Target]:
    """`targets` with the numbers of a sheet, by id or by file name; without targets the sheet names them."""
    from esign_cli.sheets import RELEASE, read_sheet

    rows = read_sheet(sheet, RELEASE)
    if alone:
        return _without_repeats([_from_row(registry, row) for row in rows])
    by_name = {t.name: position for position, t in enumerate(targets)}
    by_id = {t.id: position for position, t in enumerate(targets)}
    numbered = list(targets)
    for row in rows:
        wanted = _from_row(registry, row)
        position = by_name.get(str(row.cells.get("file", "")), by_id.get(wanted.id) if wanted.id else None)
        if position is None:
            error = wanted.error or InputError("numbers-unmatched", line=row.line)
            numbered.append(replace(wanted, id=None, error=error))
        elif numbered[position].error is None:
            numbered[position] = replace(
                numbered[position], number=wanted.number, day=wanted.day, error=_own(wanted.error, row)
            )
    return _without_repeats(numbered)


def _own(error: Error | None, row: "Row") -> Error | None:
    """That a row names a file and no id is no mistake where the file is there."""
    return None if error is not None and "file" in row.cells and error.code in _NO_ID else error


_NO_ID = {"file-unreadable", "file-not-adopted"}


def _from_row(registry: "Registry", row: "Row") -> _Target:
    from esign.codes import DocumentNumber, ResultId
    from esign_cli.handover import SIGNATURE, Signature
    from esign_cli.outputs import sha256_of

    found = _Target(name=row.name)
    try:
        number, day = row.text("number"), row.day("date")
        found = replace(
            found,
            number=DocumentNumber.parse(number) if number else None,
            day=date.fromisoformat(day) if day else None,
        )
        given, file = row.text("id"), row.path("file")
        if given:
            return replace(found, id=ResultId.parse(given))
        if file is None:
            raise InputError("numbers-without-id", line=row.line)
        if file.name.lower().endswith(SIGNATURE):
            return replace(found, id=Signature.from_file(file).id)
        adopted = _adopted(registry, sha256_of(file))
        return replace(found, id=adopted.id) if adopted else replace(found, error=_unknown(file))
    except Error as e:
        return replace(found, error=e)


def _unknown(file: Path) -> Error:
    return NotRegistered("file-not-adopted", file=file.name)


def _without_repeats(targets: list[_Target]) -> list[_Target]:
    """One number for two results is a slip of the sheet."""
    first: dict[str, str] = {}
    checked = []
    for target in targets:
        if target.number is not None and target.error is None:
            earlier = first.setdefault(str(target.number), target.name)
            if earlier != target.name:
                error = InputError("number-twice-in-sheet", number=target.number, first=earlier)
                checked.append(replace(target, error=error))
                continue
        checked.append(target)
    return checked
