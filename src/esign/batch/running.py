"""Carry a plan out: results walk beside each other on a line, and each has its row in the order of the plan.

    joins      a request that a line takes (`esign.line`) is under way while rows before it are given
    apart      anything else is done when all before it are through, and nothing behind it has begun

So numbers follow the order of the rows. As many are under way as are done in a second: whoever presses Ctrl-C waits for
those, and with a token that takes its time they are few.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from esign.batch.planning import Entry, Plan, findings, stops_all
from esign.batch.tasks import Outlook
from esign.codes import DocumentNumber, ResultId
from esign.errors import Error
from esign.issuance import Issuer
from esign.issued import Issued
from esign.reasons import Reason
from esign.request import Request

if TYPE_CHECKING:
    from esign.line import Line

__all__ = ["Outcome", "Row", "run"]

_GROUP, _LANES = 8, 3
_MOST = _GROUP * _LANES
"""So many are under way at the most."""
_FEWEST = 2


class Outcome(Enum):
    """What became of one task."""

    ISSUED = "issued"
    """Done now."""
    KNOWN = "known"
    """Done before."""
    OURS = "ours"
    """A signed file of ours: left alone."""
    REFUSED = "refused"
    """The plan said so."""
    FAILED = "failed"
    """It did not work."""
    LEFT = "left"
    """Not done: somebody stopped the run, or the token or the disk did; another run goes on from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one task."""

    entry: Entry
    """Which."""
    outcome: Outcome
    """What."""
    issued: Issued | None = None
    """Its document, for ISSUED and KNOWN."""
    error: Error | None = None
    """Why not, for REFUSED and FAILED."""

    @property
    def id(self) -> ResultId | None:
        """The result's id, as far as it has one."""
        if self.issued is not None:
            return self.issued.id
        return self.entry.seen.intent.id if self.entry.seen.intent else None

    @property
    def number(self) -> DocumentNumber | None:
        """Số, ký hiệu, as far as it has one."""
        if self.issued is not None:
            return self.issued.number
        return self.entry.seen.intent.number if self.entry.seen.intent else None

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why not; else what was let pass."""
        if self.error is not None:
            return findings(self.error)
        return self.issued.notices if self.issued else ()


def run(
    plan: Plan,
    issuer: Issuer,
    *,
    stop: Callable[[], bool] = lambda: False,
    keep: Callable[[Entry, Issued], None] = lambda _entry, _issued: None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Row]:
    """Do what `plan` says, a row for each entry in its turn; what is not done is LEFT.

    `keep` puts the document where it belongs, before its row is given. `stop` is asked before each task begins and each
    row is given: then what is under way is finished, and nothing else begins. A token, a disk or every time-stamping
    authority that fails stops the run as well, because the next task would fail alike. `clock` counts seconds.
    """
    with ExitStack() as opened:
        line = None
        if plan.count(Outlook.TO_DO) > 1:
            from esign.line import Line  # noqa: PLC0415 - who signs one file does not wait for it

            line = opened.enter_context(Line(issuer, group=_GROUP, lanes=_LANES))
        yield from _Run(issuer, line, stop=stop, keep=keep, clock=clock).rows(plan.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """An entry whose row is due in its turn."""

    entry: Entry
    result: Callable[[], Issued] | Row
    """Gives what was made once it is made, or makes it; or its row is known already."""
    apart: bool = False
    """Nothing behind it may begin before it is through."""


class _Run:
    """One run."""

    def __init__(
        self,
        issuer: Issuer,
        line: "Line | None",
        *,
        stop: Callable[[], bool],
        keep: Callable[[Entry, Issued], None],
        clock: Callable[[], float],
    ) -> None:
        self._issuer = issuer
        self._line = line
        self._stop = stop
        self._keep = keep
        self._clock = clock
        self._through: deque[float] = deque(maxlen=_MOST)
        """When the last ones were through."""
        self._begun: set[str] = set()
        """Contents of tasks that joined."""
        self._given: set[ResultId] = set()
        """Whose rows were given."""
        self._stopped = False
        self._broken = False
        """What all have in common failed, and one row said so."""

    def rows(self, entries: Iterable[Entry]) -> Iterator[Row]:
        """One for each."""
        ahead: deque[_Turn] = deque()
        for entry in entries:
            turn = self._begin(entry)
            ahead.append(turn)
            while len(ahead) >= (1 if turn.apart else self._at_once()):
                yield self._row(ahead.popleft())
        while ahead:
            yield self._row(ahead.popleft())

    def _at_once(self) -> int:
        """How many may be under way."""
        second_ago = self._clock() - 1
        return max(_FEWEST, sum(at > second_ago for at in self._through))

    def _begin(self, entry: Entry) -> _Turn:
        if entry.seen.outlook is Outlook.REFUSED:
            return _Turn(entry=entry, result=Row(entry=entry, outcome=Outcome.REFUSED, error=entry.error))
        if entry.seen.outlook is Outlook.OURS:
            return _Turn(entry=entry, result=Row(entry=entry, outcome=Outcome.OURS))
        if self._is_stopped():
            return _Turn(entry=entry, result=Row(entry=entry, outcome=Outcome.LEFT))
        try:
            work = entry.task.work(content=entry.seen.content)
        except Error as e:
            return _Turn(entry=entry, result=Row(entry=entry, outcome=Outcome.FAILED, error=e))
        if not isinstance(work, Request):
            return _Turn(entry=entry, result=partial(work, self._issuer), apart=True)
        if self._line is not None and self._line.takes(work) and self._is_first(entry):
            return _Turn(entry=entry, result=self._line.join(work).result)
        return _Turn(entry=entry, result=partial(self._issuer.issue, work), apart=True)

    def _is_first(self, entry: Entry) -> bool:
        """Whether no other task with the same content is under way: that one is known once it is through."""
        first = entry.seen.content not in self._begun
        self._begun.add(entry.seen.content)
        return first

    def _row(self, turn: _Turn) -> Row:
        self._is_stopped()
        if isinstance(turn.result, Row):
            return turn.result
        entry = turn.entry
        try:
            issued = turn.result()
            self._through.append(self._clock())
        except CancelledError:
            return Row(entry=entry, outcome=Outcome.LEFT)
        except Error as e:
            if self._broken and stops_all(e):
                return Row(entry=entry, outcome=Outcome.LEFT)  # it was under way when that broke
            return self._failed(entry, e)
        try:
            self._keep(entry, issued)
        except Error as e:
            return self._failed(entry, e)
        known = entry.seen.outlook is Outlook.DONE or issued.id in self._given
        self._given.add(issued.id)
        return Row(entry=entry, outcome=Outcome.KNOWN if known else Outcome.ISSUED, issued=issued)

    def _failed(self, entry: Entry, error: Error) -> Row:
        if stops_all(error):
            self._broken = True
            self._halt()
        return Row(entry=entry, outcome=Outcome.FAILED, error=error)

    def _is_stopped(self) -> bool:
        if not self._stopped and self._stop():
            self._halt()
        return self._stopped

    def _halt(self) -> None:
        """Nothing begins any more."""
        self._stopped = True
        if self._line is not None:
            self._line.forget_waiting()
