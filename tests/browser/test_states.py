"""Scan, and read what holds: every state in Chromium, with what is shown, what is asked and what is not."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser

from tests.browser.scan import sample, scan, shown
from tests.support.chromium import opened
from tests.support.site import NOW, Site, make_site
from tests.support.waiting import until
from tests.support.web import HOST, Web

NAMES = [sample.name for sample in make_site(NOW).samples]
UNPROVEN = {"not-genuine", "wrong-host", "newer-version", "unknown-key", "check-clock"}
MISSING = ("404",)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "wrong-host"])
def test_each_sample_has_its_state(name: str, browser: Browser, site: Site, web: Web) -> None:
    wanted = sample(site, name)
    with opened(browser, expected=MISSING) as tab:
        assert scan(tab, web.here(wanted.url)) == wanted.state
        text = tab.inner_text("main")
        assert tab.locator("h1").count() == 1
        assert tab.locator("#panel svg use").get_attribute("href") is not None
        # What is not proven is not shown, not even in the details.
        assert ("15/QĐ-UBND" in tab.content()) is (wanted.state not in UNPROVEN)
        assert ("N.V.A" in text) is (wanted.state not in UNPROVEN and name != "in-force-no-holder")


def test_no_two_states_look_alike(browser: Browser, site: Site, web: Web) -> None:
    looks: dict[str, tuple[str, str]] = {}
    with opened(browser, expected=MISSING) as tab:
        for one in site.samples:
            if one.name == "wrong-host":
                continue
            state = scan(tab, web.here(one.url))
            color = tab.eval_on_selector("#panel", "e => getComputedStyle(e).backgroundColor")
            looks[state] = (color, tab.locator("#panel svg use").get_attribute("href") or "")
            tab.goto("about:blank")
    grey = {"status-unknown", "unknown-key", "newer-version"}  # all say: not decided
    told = {state: look for state, look in looks.items() if state not in grey}
    assert len(set(told.values())) == len(told)
    assert not set(told.values()) & {looks[state] for state in grey}
    green = {state for state, (color, _) in looks.items() if color == looks["in-force"][0]}
    assert green == {"in-force", "corrected"}
    assert len({shape for _, shape in told.values()}) == len(told), "shapes alone must do, without colour"


def test_the_page_on_another_host_says_so(browser: Browser, site: Site, web: Web) -> None:
    url = web.here(sample(site, "in-force").url).replace(HOST, "other.localhost")
    with opened(browser) as tab:
        assert scan(tab, url) == "wrong-host"
        assert "15/QĐ-UBND" not in tab.content()


def test_a_link_of_another_host_that_is_pasted(browser: Browser, site: Site, web: Web) -> None:
    with opened(browser) as tab:
        tab.goto(web.url("/"))
        tab.fill("#link", sample(site, "wrong-host").url)
        tab.click("form:has(#link) button")
        assert shown(tab) == "wrong-host"


def test_a_first_visit_is_small_and_tells_nobody_which_paper(browser: Browser, site: Site, web: Web) -> None:
    one = sample(site, "in-force")
    with opened(browser) as tab:
        assert scan(tab, web.here(one.url)) == "in-force"
        tab.evaluate("navigator.serviceWorker.ready.then(() => 1)")
        until(lambda: len(web.paths) >= 5)
        tab.wait_for_timeout(300)  # more would come now
        assert sorted(web.paths) == ["/1", "/s/9.cwt", "/t/a4.cwt", "/t/p3954.cwt", "/worker.js"]
        beside_the_page = [path for path in web.paths if path not in {"/1", "/worker.js"}]
        assert len(beside_the_page) <= 3
        assert web.sent <= 60_000, "bytes of a first visit, nothing compressed"
        digits = one.url.partition("#")[2]
        for request in web.requests:
            assert not any(digits[i : i + 12] in request for i in range(len(digits) - 12))
            assert "Referer" not in request
            assert "Cookie" not in request
        assert tab.context.cookies() == []


def test_the_token_leaves_the_address_and_loading_again_works(browser: Browser, site: Site, web: Web) -> None:
    with opened(browser) as tab:
        assert scan(tab, web.here(sample(site, "suspended").url)) == "suspended"
        assert tab.url == web.url("/1")
        tab.reload()
        assert shown(tab) == "suspended"
        tab.goto(web.here(sample(site, "withdrawn").url))
        assert shown(tab) == "withdrawn"
        assert "digits" not in (tab.evaluate("JSON.stringify({...localStorage, ...sessionStorage})") or "")
        assert not re.search(r"\d{40}", tab.evaluate("JSON.stringify({...localStorage, ...sessionStorage})"))
        tab.go_back()
        tab.wait_for_selector("#panel[data-state=suspended]")


def test_what_replaces_and_corrects_is_named(browser: Browser, site: Site, web: Web) -> None:
    with opened(browser) as tab:
        scan(tab, web.here(sample(site, "replaced").url))
        assert "17/QĐ-UBND" in tab.inner_text("#panel")
    with opened(browser) as tab:
        scan(tab, web.here(sample(site, "corrected").url))
        assert "17/QĐ-UBND, 18/2026/QĐ-UBND" in tab.inner_text("#panel")


@pytest.mark.parametrize("name", ["in-force-sensitive", "in-force-undisclosed", "in-force-untitled"])
def test_a_type_that_is_not_to_be_shown_is_not(name: str, browser: Browser, site: Site, web: Web) -> None:
    with opened(browser, expected=MISSING) as tab:
        scan(tab, web.here(sample(site, name).url))
        assert "Loại giấy" not in tab.inner_text("main")
        assert not re.search("lý lịch|tư pháp|2.000488|2000488", tab.content())
        assert "có thật" in tab.inner_text("#panel")


def test_the_reader_compares_and_the_paper_differs(browser: Browser, site: Site, web: Web) -> None:
    with opened(browser) as tab:
        scan(tab, web.here(sample(site, "in-force").url))
        tab.click("button:text-is('Giống hết')")
        assert shown(tab) == "in-force"
        assert "khớp với giấy" in tab.inner_text(".compare")
        tab.click("button:text-is('Có chỗ khác')")
        assert shown(tab) == "mismatch"
        assert "không khớp" in tab.inner_text("#panel h1")


@pytest.mark.parametrize(
    ("days", "state", "words"),
    [
        (-1, "check-clock", "Máy này đang ghi"),
        (1, "stale", "Chưa kiểm tra lại"),
        (30, "status-unknown", "Chưa rõ"),
    ],
)
def test_a_clock_that_is_wrong(days: int, state: str, words: str, browser: Browser, site: Site, web: Web) -> None:
    with opened(browser) as tab:
        tab.clock.set_fixed_time(site.at + timedelta(days=days, seconds=5))
        assert scan(tab, web.here(sample(site, "in-force").url)) == state
        assert words in tab.inner_text("#panel")
        assert "lệch với máy chủ" in tab.inner_text("main")


def test_withdrawn_is_said_at_any_age(browser: Browser, site: Site, web: Web) -> None:
    for name in ("withdrawn", "replaced"):
        with opened(browser) as tab:
            tab.clock.set_fixed_time(site.at + timedelta(days=20))
            assert scan(tab, web.here(sample(site, name).url)) == name


@pytest.mark.parametrize(
    ("missing", "state"),
    [("delete window.DecompressionStream", "status-unknown"), ("delete Crypto.prototype.subtle", "unsupported")],
)
def test_an_old_browser_is_told_that_it_cannot_tell(
    missing: str, state: str, browser: Browser, site: Site, web: Web
) -> None:
    with opened(browser, expected=("TypeError",)) as tab:
        tab.add_init_script(missing)
        assert scan(tab, web.here(sample(site, "in-force").url)) == state


def test_another_paper_while_one_is_checked(browser: Browser, site: Site, web: Web) -> None:
    """What was scanned last is what is shown, however the answers arrive."""
    with opened(browser) as tab:
        tab.goto(web.here(sample(site, "withdrawn").url))
        for name in ("in-force", "suspended", "expired", "in-force", "suspended"):
            tab.evaluate("hash => { location.hash = hash; }", sample(site, name).url.partition("#")[2])
        tab.wait_for_selector("#panel[data-state=suspended]")
        tab.wait_for_timeout(500)
        assert shown(tab) == "suspended"
