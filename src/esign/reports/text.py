"""A report as lines of text, for a terminal or a log that people read; colour and escapes are the terminal's business.

>>> for line in to_lines(report, name="result.pdf", language="en"):
...     print(line.text)
✓ result.pdf: GOOD — can be relied on
  integrity: every signature is intact, no change that is not permitted
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from esign.names import masked
from esign.reasons import Explanation, Reason
from esign.report import (
    Change,
    Check,
    Outcome,
    SealFinding,
    SignatureKind,
    StandingReport,
    VerificationReport,
)
from esign.reports.answer import Answer, answer_of, only_standing_failed
from esign.reports.story import Chapter, chapters, proof_of_time, why
from esign.reports.words import say, shown
from esign.texts import Language

__all__ = ["Line", "to_lines"]

_SYMBOLS = {Answer.GOOD: "✓", Answer.BAD: "✗", Answer.UNKNOWN: "?"}
_OUTCOMES = {Outcome.FAILED: "✗", Outcome.UNKNOWN: "?", Outcome.NOTED: "·"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line."""

    text: str
    """What it says, indented."""
    answer: Answer | None = None
    """For the line that carries the answer: how it should strike the eye."""


def to_lines(report: VerificationReport, *, name: str, language: Language) -> Iterator[Line]:
    """`report` on the file `name`, with a reason and a next step for whatever did not pass."""
    return _Teller(report, language).lines(name)


class _Teller:
    def __init__(self, report: VerificationReport, language: Language) -> None:
        self._report = report
        self._language: Language = language
        self._advised: set[str] = set()

    def _say(self, code: str, **facts: object) -> str:
        return say(code, self._language, **facts)

    def _explain(self, reason: Reason) -> Explanation:
        return reason.explain(self._language)

    def lines(self, name: str) -> Iterator[Line]:
        report = self._report
        answer = answer_of(report)
        verdict = "verdict-not-in-force" if only_standing_failed(report) else f"verdict-{answer.value}"
        yield Line(f"{_SYMBOLS[answer]} {name}: {self._say(verdict)}", answer)
        yield Line("  " + self._say(f"integrity-{report.integrity.value.lower()}"))
        for chapter in chapters(report):
            yield from self._chapter(chapter)
        if report.pages == ():
            yield Line("  " + self._say("pages-alike"))
        if report.seal is not None:
            yield from self._seal(report.seal)
        if report.standing is not None:
            yield from self._standing(report.standing)
        yield from self._checks(report.checks)
        yield Line("  " + self._say("verified-at", time=shown(report.at)))

    def _chapter(self, chapter: Chapter) -> Iterator[Line]:
        s = chapter.signature
        kind = self._say(f"kind-{s.kind.value}")
        yield Line(f"  {chapter.position}. {kind}: {masked(s.signer) or self._say('signer-unknown')}")
        yield from (Line(f"     {text}") for text in self._times(chapter))
        covers = self._say("covers-all" if s.covers_whole_file else "covers-part")
        yield Line(f"     {', '.join(filter(None, (s.level, s.mechanism)))}; {covers}")
        reason = why(s.checks)
        told = self._told(reason) if reason else self._say("indication-without-reason")
        words = self._say(f"indication-{s.indication.value.lower()}", reason=told)
        sub = f" ({s.sub_indication.value})" if s.sub_indication else ""
        yield Line(f"     {s.indication.value}{sub}: {words}")
        yield from self._next(reason)
        # Neither what decided nor what a change says is told twice.
        said = [reason, *(c.reason for c in chapter.changes)]
        yield from self._checks([c for c in s.checks if c.reason not in said])
        for stamp in s.timestamps:
            yield from self._checks(stamp.checks)
        if chapter.changes or chapter.pages:
            yield Line(f"     {self._say('changes-after')}:")
            yield from map(self._change, chapter.changes)
            for page in chapter.pages:
                percent = f"{100 * page.share:.1f}"
                yield Line("       ≠ " + self._say("page-differs", page=page.page, percent=percent))

    def _times(self, chapter: Chapter) -> Iterator[str]:
        s = chapter.signature
        if s.kind is SignatureKind.TIMESTAMP:
            yield self._say("stamped-at", time=shown(s.signing_time))
            return
        yield (
            self._say("signed-at-claim", time=shown(s.signing_time))
            if s.signing_time
            else self._say("signed-at-nothing")
        )
        authority = proof_of_time(self._report, s)
        if authority:
            yield self._say("proven-by", time=shown(s.best_time), authority=masked(authority))
        elif authority is not None:
            yield self._say("proven", time=shown(s.best_time))

    def _change(self, change: Change) -> Line:
        return Line(f"       {'·' if change.permitted else '✗'} {self._told(change.reason)}")

    def _seal(self, seal: SealFinding) -> Iterator[Line]:
        facts = {"number": seal.number or "—", "id": seal.result_id or "—", "time": shown(seal.issued_at)}
        yield Line("  " + self._say("seal-says", **facts))
        yield from self._checks(seal.checks)

    def _standing(self, standing: StandingReport) -> Iterator[Line]:
        name: Callable[[str], str] = lambda value: self._explain(Reason(f"standing-is-{value}")).what  # noqa: E731
        word = name(standing.standing.value) if standing.standing else self._say("not-in-register")
        yield Line("  " + self._say("standing-says", standing=word))
        for change in standing.history:
            # `why` is the office's own words; who decided is not the reader's business here.
            other = f" → {change.other}" if change.other else ""
            yield Line(f"    {shown(change.at)}: {name(change.standing.value)} — {change.why}{other}")
        yield from self._checks(standing.checks)

    def _checks(self, checks: Sequence[Check]) -> Iterator[Line]:
        """Only what did not pass; each with what can be done."""
        for check in checks:
            if check.reason is not None and check.outcome in _OUTCOMES:
                yield Line(f"     {_OUTCOMES[check.outcome]} {self._told(check.reason)}")
                yield from self._next(check.reason)

    def _next(self, reason: Reason | None) -> Iterator[Line]:
        """What can be done, the first time that it is to be said."""
        step = self._explain(reason).next_step if reason else ""
        if step and step not in self._advised:
            self._advised.add(step)
            yield Line(f"       → {step}")

    def _told(self, reason: Reason) -> str:
        return f"{self._explain(reason).what} [{reason.code}]"
