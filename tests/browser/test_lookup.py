"""The 16 characters, and what a holder's phone shows: the service answers as docs/spec/presentation.md says."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from esign.citizen import Page
from tests.browser.scan import shown
from tests.support.chromium import opened
from tests.support.site import Site
from tests.support.web import HOST, Web, serving

ID = "ABCD-EFGH-JKMN-PQRS"
FOUND = {
    "found": True,
    "swapped": False,
    "id": ID,
    "agency": "H26.1.2",
    "number": "15/QĐ-UBND",
    "issue_date": "2026-11-21",
    "title": "Quyết định",
    "holder": "N.V.A***",
    "standing": "in-force",
    "expires": None,
    "others": [],
    "presented_at": None,
    "at": "2026-11-22T03:00:00Z",
}
DIGITS = "27650138820417309245"
FAILED = ("Failed to load resource",)

Answer = Callable[[dict[str, Any]], tuple[int, object]]


@pytest.fixture
def web(site: Site) -> Iterator[Web]:
    with serving(site.files, Page(host=HOST, roots=(site.root,), has_lookup=True)) as web:
        yield web


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, "in-force", "Theo sổ của cơ quan, tra bằng 16 ký tự ABCD-EFGH-JKMN-PQRS"),
        ({"swapped": True}, "in-force", "Hai ký tự đã bị gõ đổi chỗ"),
        ({"standing": "withdrawn"}, "withdrawn", "21/11/2026"),
        ({"standing": "expired", "expires": "2026-11-20T00:00:00Z"}, "expired", "07:00 ngày 20/11/2026"),
        ({"standing": "replaced", "others": [{"id": ID, "number": "17/QĐ-UBND"}]}, "replaced", "17/QĐ-UBND"),
        ({"standing": "corrected", "others": [{"id": ID, "number": None}]}, "corrected", f"số {ID}"),
        ({"number": None}, "in-force", ID),
    ],
)
def test_what_the_register_has(changes: dict[str, Any], state: str, words: str, browser: Browser, web: Web) -> None:
    asked = []

    def answer(question: dict[str, Any]) -> tuple[int, object]:
        asked.append(question)
        return 200, {**FOUND, **changes}

    web.answers["/lookup"] = answer
    with opened(browser) as tab:
        tab.goto(web.url("/"))
        tab.fill("#code", "abcd efgh jkmn pqrs")
        tab.click("form:has(#code) button")
        assert shown(tab) == state
        assert words in tab.inner_text("main")
        assert asked == [{"id": ID}]
        assert ID not in "".join(web.requests), "never in a URL or header"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda _: (200, {"found": False}), "Hai ký tự cạnh nhau có bị đổi chỗ không?"),
        (lambda _: (429, {"status": 429}), "Hãy đợi một lát"),
        (lambda _: (503, {}), "Không tra cứu được lúc này"),
        (lambda _: (200, "<p>"), "Không tìm thấy"),
    ],
    ids=["not found", "too often", "down", "nonsense"],
)
def test_what_it_has_not(answer: Answer, words: str, browser: Browser, web: Web) -> None:
    web.answers["/lookup"] = answer
    with opened(browser, expected=FAILED) as tab:
        tab.goto(web.url("/"))
        tab.fill("#code", ID)
        tab.click("form:has(#code) button")
        tab.wait_for_selector(f"form:has(#code) [role=status]:has-text('{words}')")


def test_a_form_without_javascript_posts(browser: Browser, web: Web) -> None:
    with opened(browser, java_script_enabled=False) as tab:
        tab.goto(web.url("/1"))
        form = tab.locator("noscript form, form")
        assert form.get_attribute("action") == "/lookup"
        assert form.get_attribute("method") == "post"


def test_a_phone_shows_it_now_and_only_once(browser: Browser, web: Web) -> None:
    asked = []

    def answer(question: dict[str, Any]) -> tuple[int, object]:
        asked.append(question)
        if len(asked) == 1:
            return 200, {**FOUND, "presented_at": "2026-11-22T03:00:07Z"}
        return 200, {"found": False, "reason": "presentation-used"}

    web.answers["/presentation"] = answer
    with opened(browser) as tab:
        tab.goto(web.url(f"/p#{DIGITS}"))
        assert shown(tab) == "in-force"
        assert "xuất trình lúc 10:00:07 ngày 22/11/2026" in tab.inner_text("main")
        assert asked == [{"digits": DIGITS}]
        assert DIGITS not in "".join(web.requests)
        assert DIGITS not in tab.url
        # Another language is not another presentation.
        tab.click("#language")
        tab.wait_for_selector("h1:text-is('In force')")
        assert len(asked) == 1
        # A screenshot of the code, or loading the page again, shows nothing.
        tab.reload()
        assert shown(tab) == "not-shown"
        assert "A screenshot does not work" in tab.inner_text("#panel")
        assert "15/QĐ-UBND" not in tab.content()


def test_a_phone_without_a_service_behind_it(browser: Browser, web: Web) -> None:
    web.answers["/presentation"] = lambda _: (503, {})
    with opened(browser, expected=FAILED) as tab:
        tab.goto(web.url(f"/p#{DIGITS}"))
        assert shown(tab) == "no-service"
