"""The page is one file that fetches nothing, says everything in two languages, and shows no document's own markup."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from esign.reasons import Reason
from esign.report import Change, ChangeKind, NamePart, PageDifference, VerificationReport
from esign.reports.page import to_html
from tests.support import reports

MADE: Mapping[str, tuple[Callable[[], VerificationReport], str, str]] = {
    "good": (reports.good, "Văn bản hợp lệ", "This document is genuine and unchanged"),
    "shadow": (reports.shadow, "Văn bản đã bị sửa sau khi ký", "This document was changed after it was signed"),
    "unknown": (reports.unknown, "Chưa đủ căn cứ kết luận", "Not decided"),
    "withdrawn": (reports.withdrawn, "Văn bản không còn hiệu lực", "This document is no longer in force"),
    "unsigned": (reports.unsigned, "Văn bản không có chữ ký số", "This document has no digital signature"),
    "unreadable": (reports.unreadable, "Không đọc được tệp này", "This file cannot be read safely"),
}


class Reader(HTMLParser):
    """What a browser would make of it: elements with their attributes, and texts by language."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("name", MADE)
def test_the_headline_says_it_in_both_languages(name: str) -> None:
    make, vietnamese, english = MADE[name]
    page = to_html(make(), name="ket-qua.pdf")
    (headline,) = re.findall(r'<h1 id="verdict">(.*?)</h1>', page, re.DOTALL)
    assert f'<span class="vi" lang="vi">{vietnamese}' in headline
    assert f'<span class="en" lang="en">{english}' in headline


@pytest.mark.parametrize("name", MADE)
def test_nothing_is_fetched_and_nothing_runs(name: str) -> None:
    page = to_html(MADE[name][0](), name="ket-qua.pdf")
    read = Reader(page)
    assert not {tag for tag, _ in read.elements} & {"script", "link", "iframe", "object", "form", "a"}
    for _, attributes in read.elements:
        assert not any(key.startswith("on") or key in {"style", "href"} for key in attributes)
        assert (attributes.get("src") or "data:").startswith("data:")
    assert not re.search(r"url\(|@import|https?:", page)


def test_the_policy_allows_this_style_and_no_other() -> None:
    page = to_html(reports.good(), name="a.pdf")
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'" in page


def test_what_a_document_says_is_text_and_stays_on_its_side() -> None:
    evil = '<script>alert(1)</script>" onload="x\u202e\x00'
    report = reports.shadow(PageDifference(page=1, signature=0, share=1.0))
    change = Change(
        kind=ChangeKind.FORM, reason=Reason("document-altered"), permitted=False, revision=2, page=1, field=evil
    )
    signature = replace(
        report.signatures[0], changes=(change,), signer=evil, subject=(NamePart(label="CN", value=evil),)
    )
    page = to_html(replace(report, signatures=(signature,)), name=evil)
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\x00" not in page
    assert not any("onload" in attributes for _, attributes in Reader(page).elements)


def test_a_changed_page_is_shown_before_and_after() -> None:
    picture = PageDifference(
        page=3, signature=0, share=0.2, before=b"one", after=b"two", before_detail=b"x", after_detail=b"y"
    )
    page = to_html(reports.shadow(picture), name="a.pdf")
    for data in (b"one", b"two", b"x", b"y"):
        assert f"data:image/png;base64,{base64.b64encode(data).decode()}" in page
    assert 'alt="trang 3 lúc được ký / page 3 as it was signed"' in page
    gone = to_html(reports.shadow(replace(picture, before=b"")), name="a.pdf")
    assert "there was no such page" in gone.lower()


def test_a_person_is_named_and_no_personal_number_is() -> None:
    page = to_html(reports.good(signatures=(reports.signature(signer="MẪU,37101010021", subject=()),)), name="a.pdf")
    assert "37101010021" not in page
    assert "MẪU," in page


def test_time_is_a_claim_unless_somebody_proves_it() -> None:
    first, second = re.findall(r"<dt>.*?Thời điểm.*?</dd>", to_html(reports.good(), name="a.pdf"), re.DOTALL)[:2]
    assert "Chưa có bên thứ ba nào xác nhận" in first
    assert "TSA MẪU" in second


def test_it_opens_in_the_language_that_was_asked_for() -> None:
    vietnamese, english = (to_html(reports.good(), name="a.pdf", language=code) for code in ("vi", "en"))
    assert 'id="lang-vi" checked' in vietnamese
    assert 'id="lang-en" checked' in english


@settings(deadline=None)
@given(report=reports.REPORTS)
def test_any_report_makes_a_page(report: VerificationReport) -> None:
    page = to_html(report, name="a.pdf")
    assert page.count('class="vi"') == page.count('class="en"')
    assert "{{" not in page


def test_who_is_not_verified_did_not_sign_but_is_named() -> None:
    """Anybody can write any name into a certificate of their own."""
    assert "Nguyễn Văn Mẫu đã ký" in to_html(reports.good(), name="a.pdf")
    for report in (reports.unknown(), reports.shadow()):
        page = to_html(report, name="a.pdf")
        assert "Nguyễn Văn Mẫu đã ký" not in page
        assert "Có một chữ ký mang tên Nguyễn Văn Mẫu" in page
