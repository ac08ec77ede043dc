"""Add to a report which pages look different since each signature; drawn in a worker under limits.

Drawing a page is the costliest and the most dangerous thing that can be done with a file from anybody, so it is done
only where somebody asks, and the report says whether it was: `VerificationReport.pages` is None where it was not.

>>> report = with_pages(verifier.inspect(pdf), pdf)
>>> [(p.page, p.signature) for p in report.pages]
[(1, 0)]
"""

import dataclasses
from collections.abc import Sequence
from typing import Final

from esign.errors import InputError
from esign.pdf.page_changes import DEFAULT, compare_pages
from esign.reasons import Reason
from esign.report import PageDifference, VerificationReport
from esign.sandbox import Budget, Task, TaskStopped, shared

__all__ = ["with_pages"]

_BUDGET: Final = Budget(cpu=DEFAULT.seconds + 2.0, memory=1 << 30)


def with_pages(report: VerificationReport, pdf: bytes, *, budget: Budget = _BUDGET) -> VerificationReport:
    """`report` on `pdf`, with its pages compared.

    Raises:
        InputError: `pages-not-compared` or `pdf-not-rendered`; the rest of the report holds.
    """
    ends = tuple(s.signed_bytes for s in report.signatures)
    try:
        found = shared("esign.comparison").run(_TASK, pdf, ends, budget=budget)
    except TaskStopped as e:
        raise InputError("pages-not-compared", problem=e.reason) from e
    if isinstance(found, Reason):
        raise InputError(found.code, **found.facts)
    assert isinstance(found, tuple), "what _compared returns"
    return dataclasses.replace(report, pages=found)


def _compared(pdf: bytes, ends: Sequence[int]) -> tuple[PageDifference, ...] | Reason:
    """In the worker: errors come back as what they say."""
    try:
        return compare_pages(pdf, ends)
    except InputError as e:
        return e.reason


_TASK: Final = Task(_compared, answers={"esign.report", "esign.reasons"})
