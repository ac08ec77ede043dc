"""Lines for a terminal: the answer first, the words that the law asks for, a next step for each problem."""

import pytest
from hypothesis import given, settings

from esign.report import VerificationReport
from esign.reports.answer import Answer
from esign.reports.text import to_lines
from esign.texts import Language
from tests.support import reports


def lines(report: VerificationReport, language: Language = "vi") -> list[str]:
    return [line.text for line in to_lines(report, name="a.pdf", language=language)]


@pytest.mark.parametrize(
    ("report", "first", "answer"),
    [
        (reports.good(), "✓ a.pdf: HỢP LỆ — tin cậy được", Answer.GOOD),
        (reports.shadow(), "✗ a.pdf: KHÔNG HỢP LỆ — đừng dùng bản này", Answer.BAD),
        (reports.unsigned(), "✗ a.pdf: KHÔNG HỢP LỆ — đừng dùng bản này", Answer.BAD),
        (reports.unknown(), "? a.pdf: CHƯA ĐỦ CĂN CỨ KẾT LUẬN — còn điều chưa biết", Answer.UNKNOWN),
    ],
)
def test_the_answer_comes_first(report: VerificationReport, first: str, answer: Answer) -> None:
    found = list(to_lines(report, name="a.pdf", language="vi"))
    assert found[0].text == first
    assert [line.answer for line in found if line.answer] == [answer]


def test_a_withdrawn_result_has_a_good_signature() -> None:
    found = lines(reports.withdrawn())
    assert found[0].startswith("✗ a.pdf: KHÔNG CÒN HIỆU LỰC")
    assert "     TOTAL-PASSED: chữ ký số hợp lệ" in found
    assert any(line.endswith("đã bị thu hồi — QĐ 21/QĐ-UBND → 0123-4567-89AB-CDEF") for line in found)


def test_the_words_of_the_law() -> None:
    assert any(": chữ ký số không hợp lệ: văn bản bị thay đổi" in line for line in lines(reports.shadow()))
    assert any(": chưa đủ căn cứ kết luận: " in line for line in lines(reports.unknown()))
    assert any(": the signature is valid" in line for line in lines(reports.good(), "en"))


def test_every_problem_has_its_code_and_what_to_do() -> None:
    found = lines(reports.shadow())
    at = next(i for i, line in enumerate(found) if line.endswith("[changed-after-signing]"))
    assert found[at + 1].startswith("       → ")
    assert any(line.endswith("[document-altered]") for line in found)
    # The same advice is not given twice.
    assert sum(line == found[at + 1] for line in found) == 1


def test_changes_stand_behind_the_signature_after_which_they_were_made() -> None:
    found = lines(reports.good(), "en")
    second = next(i for i, line in enumerate(found) if line.startswith("  2. "))
    after = next(i for i, line in enumerate(found) if "after this signature:" in line)
    assert after < second
    assert found[after + 1].endswith("[permitted-change]")


@settings(deadline=None)
@given(report=reports.REPORTS)
def test_any_report_has_lines(report: VerificationReport) -> None:
    assert len(lines(report)) >= 3
