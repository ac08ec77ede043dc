"""The one answer that every form of a report gives, from a command's exit code to the headline of a page.

>>> answer_of(report)
<Answer.GOOD: 'good'>
"""

from enum import Enum

from esign.report import Indication, Integrity, Outcome, VerificationReport

__all__ = ["Answer", "answer_of", "only_standing_failed"]


class Answer(Enum):
    """Whether a document can be relied on (TT 15/2025 Đ.6: hợp lệ, không hợp lệ; and what is honest beside them)."""

    GOOD = "good"
    """It can: intact, every signature passed, the seal and the register agree."""
    BAD = "bad"
    """It cannot: something is wrong."""
    UNKNOWN = "unknown"
    """It was not decided: something is not known here."""


def answer_of(report: VerificationReport) -> Answer:
    """The answer that `report` amounts to; unknown is never good (DESIGN law 7)."""
    indications = {s.indication for s in report.signatures}
    elsewhere = [c for part in (report, report.seal, report.standing) if part is not None for c in part.checks]
    failed = any(c.outcome is Outcome.FAILED for c in elsewhere)
    if report.integrity is not Integrity.INTACT or Indication.TOTAL_FAILED in indications or failed:
        return Answer.BAD
    if indications != {Indication.TOTAL_PASSED} or report.reasons:
        return Answer.UNKNOWN
    return Answer.GOOD


def only_standing_failed(report: VerificationReport) -> bool:
    """The document is sound, and the result is no longer in force: two facts (DESIGN law 4)."""
    failed = [c for c in report.all_checks() if c.outcome is Outcome.FAILED]
    return bool(failed) and {c.name for c in failed} == {"in-force"}
