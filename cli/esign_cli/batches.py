"""How a person runs a batch: the plan, a question, one PIN, a row for each document, and a summary to file."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from esign.errors import Error, InputError
from esign_cli.exits import ExitCode, exit_code
from esign_cli.session import Session

if TYPE_CHECKING:
    from esign.batch import Entry, Plan, Row, Task
    from esign.delivery import Delivery
    from esign.issued import Issued
    from esign_cli.wiring import Workplace

__all__ = ["Wishes", "Words", "carry_out", "interruptible"]

_ASK_FROM = 2
_SHOWN_BEFORE_ASKING = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Codes of what is said of one kind of batch."""

    question: str = "confirm-sign"
    """Asked before it starts."""
    done: str = "status-signed"
    """Of a document that was made now."""
    show_plan: bool = False
    """Whether each document is shown before the question, with its title and number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a person wants it."""

    yes: bool = False
    """Without the question."""
    always_ask: bool = False
    """Also for one document."""
    as_json: bool = False
    """Rows as JSON."""
    report: Path | None = None
    """The folder for the summary; None takes the configured one, and writes none for a single document."""
    by: str = ""
    """Who did it, for the summary; empty takes the user's name on this machine."""


def carry_out(  # each is a thing of its own
    run: Session,
    workplace: "Workplace",
    tasks: "Sequence[Task]",
    *,
    words: Words,
    wishes: Wishes,
    delivery: "Delivery | None" = None,
    keep: "Callable[[Entry, Issued], Path] | None" = None,
) -> ExitCode:
    """Plan `tasks`, ask, and do them; `keep` puts a document where it belongs and gives the place."""
    from esign.batch import plan
    from esign_cli.keys import Keys

    keyless = workplace.issuer(keys=Keys.NONE, delivery=delivery)
    with run.output.progress(len(tasks)) as progress:
        planned = plan(
            tasks,
            issuer=keyless,
            registry=workplace.registry,
            on_look=lambda entry: progress.step(entry.task.name),
        )
    _ask(run, planned, words=words, wishes=wishes)
    return _Doing(run, workplace, planned, words, wishes).all(delivery, keep)


def _ask(run: Session, planned: "Plan", *, words: Words, wishes: Wishes) -> None:
    """Show the plan; what is refused is known before anybody types a PIN."""
    from esign.batch import Outlook

    to_do, refused = planned.count(Outlook.TO_DO), planned.refused
    if len(planned.entries) >= _ASK_FROM:
        known = planned.count(Outlook.DONE) + planned.count(Outlook.OURS)
        run.output.note("batch-plan", todo=to_do, known=known, refused=len(refused))
    asks = to_do >= (1 if wishes.always_ask else _ASK_FROM) and not wishes.yes and sys.stdin.isatty()
    if not asks:
        return
    shown = [e for e in planned.entries if e.seen.outlook is Outlook.TO_DO] if words.show_plan else []
    for entry in shown[:_SHOWN_BEFORE_ASKING]:
        run.output.tell(f"  + {entry.task.name}: {_told(run, entry)}")
    if len(shown) > _SHOWN_BEFORE_ASKING:
        run.output.note("batch-plan-more", count=len(shown) - _SHOWN_BEFORE_ASKING)
    for entry in refused[:_SHOWN_BEFORE_ASKING]:
        run.output.tell(f"  - {entry.task.name}: {_why(run, entry.error)}")
    if len(refused) > _SHOWN_BEFORE_ASKING:
        run.output.note("batch-plan-more", count=len(refused) - _SHOWN_BEFORE_ASKING)
    if not run.output.confirm(words.question, count=to_do):
        raise InputError("not-confirmed")


def _told(run: Session, entry: "Entry") -> str:
    """What a document is, and what is let pass about it."""
    intent = entry.seen.intent
    metadata = intent.metadata if intent else None
    title = f"{metadata.title} {metadata.subject}".strip() if metadata else ""
    number = str(intent.number) if intent and intent.number else run.output.say("number-at-release")
    return "; ".join([f"{title}, {number}", *(run.output.explained(r) for r in entry.seen.reasons)])


class _Doing:
    """One run of a plan."""

    def __init__(self, run: Session, workplace: "Workplace", planned: "Plan", words: Words, wishes: Wishes) -> None:
        self._run = run
        self._workplace = workplace
        self._plan = planned
        self._words = words
        self._wishes = wishes
        self._places: dict[int, Path] = {}
        self._warned: set[str] = set()

    def all(self, delivery: "Delivery | None", keep: "Callable[[Entry, Issued], Path] | None") -> ExitCode:
        """Everything, and the summary of it."""
        from esign.batch import run
        from esign_cli.keys import Keys
        from esign_cli.pins import typing_again

        def put(entry: "Entry", issued: "Issued") -> None:
            if keep is not None:
                self._places[entry.position] = keep(entry, issued)

        keys = Keys.ALL if self._plan.needs_key else Keys.NONE
        # A key that asks for the PIN each time, or on a pad of its own, is found here, before anything is done.
        issuer = typing_again(
            self._run.output, self._workplace.pin, lambda: self._workplace.issuer(keys=keys, delivery=delivery)
        )
        report = self._reporting()
        self._record()
        rows: list[Row] = []
        with interruptible() as stopped, self._run.output.progress(len(self._plan.entries)) as progress:
            for row in run(self._plan, issuer, stop=stopped.is_set, keep=put):
                rows.append(row)
                self._print(row)
                progress.step(row.entry.task.name)
        if report is not None:
            report(rows)
        return _summary(self._run, rows, interrupted=stopped.is_set())

    def _reporting(self) -> "Callable[[Sequence[Row]], None] | None":
        """Who files the summary; the key is named before the work begins, for a token may be gone after it."""
        if self._wishes.report is None and len(self._plan.entries) < _ASK_FROM:
            return None
        from esign_cli.batch_report import key_facts, write_report

        key = key_facts(self._workplace.key()) if self._plan.needs_key else ""
        started, by, to = self._run.now(), self._wishes.by, self._wishes.report

        def report(rows: "Sequence[Row]") -> None:
            path = write_report(self._run, self._workplace, rows, started=started, key=key, by=by, to=to)
            self._run.output.note("batch-report", file=path)

        return report

    def _record(self) -> None:
        """Keep what was authorised: the root over the contents that were looked at (docs/spec/batches.md §4)."""
        from esign.batch import Outlook
        from esign.registry import actor

        contents = [e.seen.content for e in self._plan.entries if e.seen.outlook is Outlook.TO_DO]
        if len(contents) >= _ASK_FROM:
            config = self._workplace.config
            self._workplace.registry.batches.confirmed(
                contents, agency=config.agency.code, profile=config.profile.name, by=actor().name
            )

    def _print(self, row: "Row") -> None:
        from esign.batch import Outcome

        if row.outcome is Outcome.LEFT:
            return
        out, place = self._run.output, self._places.get(row.entry.position)
        error = row.error
        if self._wishes.as_json:
            out.json(
                {
                    "file": row.entry.task.name,
                    "status": _STATUS[row.outcome.name],
                    "out": str(place) if place else None,
                    "id": str(row.id) if row.id else None,
                    "number": str(row.number) if row.number else None,
                    "reason": error.code if error else None,
                    "findings": [f.code for f in getattr(error, "findings", ())],
                    "notices": [n.code for n in row.issued.notices] if row.issued else [],
                }
            )
            return
        said = out.say(self._words.done if row.outcome is Outcome.ISSUED else f"status-{_STATUS[row.outcome.name]}")
        number = [str(row.number)] if row.number else []
        out.row(said, row.entry.task.name, *number, _why(self._run, error) if error else str(place or row.id or ""))
        for notice in row.issued.notices if row.issued and row.outcome is Outcome.ISSUED else ():
            if notice.code not in self._warned:  # the summary has them all
                self._warned.add(notice.code)
                out.warn(notice)


_STATUS = {
    "ISSUED": "signed",
    "KNOWN": "already",
    "OURS": "is-output",
    "REFUSED": "failed",
    "FAILED": "failed",
    "LEFT": "left",
}


def _why(run: Session, error: Error | None) -> str:
    from esign.batch import findings

    return "; ".join(run.output.explained(r) for r in findings(error)) if error else ""


def _summary(run: Session, rows: "list[Row]", *, interrupted: bool) -> ExitCode:
    from esign.batch import Outcome, findings

    count = {outcome: sum(r.outcome is outcome for r in rows) for outcome in Outcome}
    left = count[Outcome.LEFT]
    run.output.note(
        "sign-summary",
        signed=count[Outcome.ISSUED],
        known=count[Outcome.KNOWN] + count[Outcome.OURS],
        failed=count[Outcome.FAILED] + count[Outcome.REFUSED],
        left=left,
    )
    if interrupted:
        run.output.note("sign-interrupted")
        return ExitCode.INTERRUPTED
    failed = [r.error for r in rows if r.outcome is Outcome.FAILED and r.error]
    errors = [r.error for r in rows if r.error]
    if not errors:
        return ExitCode.OK
    if len(rows) == 1:
        run.output.error(errors[0])
        return exit_code(errors[0])
    if left and failed:  # the token or the disk: what to do about that comes first
        run.output.error(failed[-1])
        return exit_code(failed[-1])
    kinds = {f.code: f for e in errors for f in findings(e)}
    for reason in kinds.values():  # what to do about each kind of failure, once
        run.output.finding(reason)
    return ExitCode.NO


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Ctrl-C finishes the documents in hand; a second one ends at once, and running it again repairs that."""
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
