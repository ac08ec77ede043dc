"""WCAG 2.2 AA as axe-core sees it, in every state, light and dark; and what only use shows: keyboard, zoom, print."""

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from tests.browser.scan import sample, scan, shown
from tests.support.chromium import opened
from tests.support.site import STATES, Site
from tests.support.web import Web

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SMALLEST = """() => Math.min(...[...document.querySelectorAll("body *")]
  .filter((e) => e.checkVisibility() && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
  .map((e) => parseFloat(getComputedStyle(e).fontSize)))"""
BROKEN = "() => [...document.querySelectorAll('#panel > :not(svg)')].some((e) => e.scrollWidth > e.clientWidth)"
TOO_WIDE = "() => document.documentElement.scrollWidth > innerWidth"


def violations(tab: Tab) -> list[str]:
    results = Axe().run(tab, options={"runOnly": WCAG})
    assert results.response["passes"], "axe looked at something"
    return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in results.response["violations"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(scheme: str, browser: Browser, web: Web, site: Site) -> None:
    with opened(browser, expected=("404",), color_scheme=scheme) as tab:
        for name in STATES:
            scan(tab, web.here(sample(site, name).url))
            tab.click("summary")
            assert violations(tab) == [], name
            assert not tab.evaluate(TOO_WIDE), name
            assert tab.evaluate(SMALLEST) >= 16
        tab.goto(web.url("/"))
        tab.wait_for_selector("form")
        assert violations(tab) == []


def test_axe_finds_nothing_in_english_nor_on_a_foreign_host_nor_without_script(
    browser: Browser, web: Web, site: Site
) -> None:
    with opened(browser, expected=("404",)) as tab:
        scan(tab, web.here(sample(site, "in-force").url))
        tab.click("#language")
        tab.wait_for_selector("h1:text-is('In force')")
        assert violations(tab) == []
        assert tab.get_attribute("html", "lang") == "en"
        tab.reload()
        tab.wait_for_selector("h1:text-is('In force')")
        tab.click("#language")
        tab.wait_for_selector("h1:text-is('Còn hiệu\u00a0lực')")
        tab.goto(web.here(sample(site, "in-force").url).replace("q.localhost", "x.localhost"))
        assert shown(tab) == "wrong-host"
        assert violations(tab) == []


@pytest.mark.parametrize("name", STATES)
def test_320_pixels_are_enough(name: str, browser: Browser, web: Web, site: Site) -> None:
    with opened(browser, expected=("404",), viewport={"width": 320, "height": 640}, bypass_csp=True) as tab:
        scan(tab, web.here(sample(site, name).url))
        tab.click("summary")
        assert not tab.evaluate(TOO_WIDE)
        # The word that counts is on the screen without scrolling, and is much larger than the rest.
        box = tab.locator("h1").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 480
        assert tab.eval_on_selector("h1", "e => parseFloat(getComputedStyle(e).fontSize)") >= 30
        # No word of it is broken.
        tab.add_style_tag(content="#panel * { overflow-wrap: normal !important }")
        assert not tab.evaluate(BROKEN)
        tab.goto(web.url("/"))
        tab.wait_for_selector("form")
        assert not tab.evaluate(TOO_WIDE)


def test_text_twice_as_large_still_fits(browser: Browser, web: Web, site: Site) -> None:
    with opened(browser, bypass_csp=True) as tab:
        scan(tab, web.here(sample(site, "corrected").url))
        tab.add_style_tag(content=":root { font-size: 38px !important }")
        assert not tab.evaluate(TOO_WIDE)


def test_everything_is_reached_by_keyboard(browser: Browser, web: Web, site: Site) -> None:
    with opened(browser) as tab:
        scan(tab, web.here(sample(site, "in-force").url))
        reached = []
        for _ in range(8):
            tab.keyboard.press("Tab")
            reached.append(tab.evaluate("document.activeElement.id || document.activeElement.textContent"))
            outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none" or reached[-1] == "file", "the focus can be seen"
        labels = ["language", "Giống hết", "Có chỗ khác", "Kiểm tra lại", "Kiểm tra giấy khác", "In kết quả", "file"]
        assert reached[: len(labels)] == labels
        tab.focus("button:text-is('Có chỗ khác')")
        tab.keyboard.press("Enter")
        assert shown(tab) == "mismatch"
        assert tab.evaluate("document.activeElement.tagName") == "H1", "a screen reader hears the new verdict"


def test_the_verdict_is_announced(browser: Browser, web: Web, site: Site) -> None:
    with opened(browser) as tab:
        scan(tab, web.here(sample(site, "withdrawn").url))
        live = tab.get_by_role("status").first
        assert "Đã bị thu\u00a0hồi" in (live.text_content() or "")
        assert tab.locator("#panel svg").get_attribute("aria-hidden") == "true"
        assert tab.title().startswith("Đã bị thu\u00a0hồi")


def test_nothing_moves(browser: Browser, web: Web, site: Site) -> None:
    with opened(browser, reduced_motion="reduce") as tab:
        scan(tab, web.here(sample(site, "in-force").url))
        moving = "() => document.getAnimations().length"
        assert tab.evaluate(moving) == 0


def test_a_print_has_the_verdict_in_black_and_no_buttons(browser: Browser, web: Web, site: Site) -> None:
    with opened(browser, color_scheme="dark") as tab:
        scan(tab, web.here(sample(site, "in-force").url))
        tab.emulate_media(media="print", color_scheme="light")
        color, back = tab.eval_on_selector(
            "#panel", "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
        )
        assert (color, back) == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")
        assert tab.locator("button:visible").count() == 0
        assert tab.locator("dl:visible").count() == 1


def test_listening_is_offered_where_there_is_a_voice(browser: Browser, web: Web, site: Site) -> None:
    speech = """() => {
      const voices = VOICES;
      window.said = [];
      const speech = { getVoices: () => voices, speak: (u) => window.said.push([u.lang, u.text]), cancel: () => {},
        addEventListener: () => {} };
      Object.defineProperty(window, "speechSynthesis", { value: speech });
      window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
    }"""
    for voices, offered in (("[{ lang: 'vi-VN' }]", True), ("[{ lang: 'de-DE' }]", False), ("[]", False)):
        with opened(browser) as tab:
            tab.add_init_script(f"({speech.replace('VOICES', voices)})()")
            scan(tab, web.here(sample(site, "withdrawn").url))
            button = tab.locator("button:text-is('Nghe kết quả')")
            assert button.is_visible() is offered
            if offered:
                button.click()
                ((language, text),) = tab.evaluate("window.said")
                assert language == "vi-VN"
                assert text.startswith("Đã bị thu\u00a0hồi. Số 15/QĐ-UBND.")


def test_without_javascript_nobody_is_told_that_it_is_valid(browser: Browser, web: Web) -> None:
    with opened(browser, java_script_enabled=False) as tab:
        tab.goto(web.url("/1"))
        text = tab.inner_text("body")
        assert "Chưa có gì được kiểm tra" in text
        assert "16 ký tự" in text
        assert "Còn hiệu" not in text


def test_the_sixteen_characters(browser: Browser, web: Web) -> None:
    with opened(browser) as tab:
        tab.goto(web.url("/"))
        for typed, answer in (
            ("abcd efgh jkmn pqrs", "Bạn đã gõ ABCD-EFGH-JKMN-PQRS."),
            ("O1IL-abcd-EFGH-jkmn", "Bạn đã gõ 0111-ABCD-EFGH-JKMN."),
            ("ABCD-EFGH-JKMN-PQR", "Chưa đúng"),
            ("ABCD-EFGH-JKMN-PQRU", "Chưa đúng"),
            ("", "Chưa đúng"),
        ):
            tab.fill("#code", typed)
            tab.click("form:has(#code) button")
            tab.wait_for_selector(f"form:has(#code) [role=status]:has-text('{answer}')")
