"""Pages are compared in a worker, and a file that breaks it costs nothing but the comparison."""

import pytest

from esign.comparison import with_pages
from esign.errors import InputError
from esign.sandbox import Budget
from tests.support import reports
from tests.unit.pdf.test_page_changes import vector


def test_the_report_gets_its_pages() -> None:
    pdf, ends = vector("number-changed")
    report = reports.good(signatures=tuple(reports.signature(signed_bytes=end) for end in ends))
    found = with_pages(report, pdf)
    assert report.pages is None
    assert found.pages is not None
    last = found.pages[-1]
    assert (last.page, last.signature) == (1, len(ends) - 1)
    assert last.before.startswith(b"\x89PNG")


def test_nothing_signed_is_nothing_to_compare() -> None:
    pdf, _ = vector("number-changed")
    assert with_pages(reports.unsigned(), pdf).pages == ()


def test_what_cannot_be_compared_is_said() -> None:
    report = reports.good(signatures=(reports.signature(signed_bytes=8),))
    with pytest.raises(InputError) as caught:
        with_pages(report, b"no PDF at all")
    assert caught.value.code == "pdf-not-rendered"


def test_a_budget_is_kept() -> None:
    pdf, ends = vector("number-changed")
    report = reports.good(signatures=tuple(reports.signature(signed_bytes=end) for end in ends))
    with pytest.raises(InputError) as caught:
        with_pages(report, pdf, budget=Budget(cpu=0.01))
    assert caught.value.code == "pages-not-compared"
    assert with_pages(report, pdf).pages
