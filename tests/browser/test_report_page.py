"""The report for people in a real browser: WCAG 2.2 AA as axe-core sees it, small screens, keyboard, languages."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from esign.report import PageDifference, VerificationReport
from esign.reports.page import to_html
from tests.browser.test_accessibility import SMALLEST, TOO_WIDE, violations
from tests.support import reports
from tests.support.chromium import opened

# One black pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010100000000376ef9240000000a49444154789c636000000002000148afa4710000"
    "000049454e44ae426082"
)
PAGES = PageDifference(
    page=1, signature=0, share=0.1, before=PIXEL, after=PIXEL, before_detail=PIXEL, after_detail=PIXEL
)
MADE: Mapping[str, Callable[[], VerificationReport]] = {
    "good": reports.good,
    "shadow": lambda: reports.shadow(PAGES),
    "unknown": reports.unknown,
    "withdrawn": reports.withdrawn,
    "unsigned": reports.unsigned,
    "unreadable": reports.unreadable,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("reports")
    for name, make in MADE.items():
        (made / f"{name}.html").write_text(to_html(make(), name=f"{'ho-so-rat-dai-' * 6}.pdf"), "utf-8")
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", MADE)
def test_axe_finds_nothing(name: str, scheme: str, browser: Browser, folder: Path) -> None:
    # The page forbids scripts, axe among them: only for axe the policy is lifted.
    with opened(browser, color_scheme=scheme, bypass_csp=True) as tab:
        tab.goto((folder / f"{name}.html").as_uri())
        tab.click("summary")
        assert violations(tab) == []
        tab.get_by_text("English", exact=True).click()
        assert violations(tab) == []


@pytest.mark.parametrize("name", MADE)
def test_320_pixels_are_enough_and_nothing_is_small(name: str, browser: Browser, folder: Path) -> None:
    # Its own policy is in force here: a style or picture that it forbids would be an error on the console.
    with opened(browser, viewport={"width": 320, "height": 640}) as tab:
        tab.goto((folder / f"{name}.html").as_uri())
        assert not tab.evaluate(TOO_WIDE)
        assert tab.evaluate(SMALLEST) >= 15
        box = tab.locator("h1").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 480, "the answer is on the screen without scrolling"


def test_the_language_is_switched_by_keyboard_and_without_script(browser: Browser, folder: Path) -> None:
    with opened(browser, java_script_enabled=False) as tab:
        tab.goto((folder / "shadow.html").as_uri())
        headline = tab.locator("h1")
        assert headline.inner_text() == "Văn bản đã bị sửa sau khi ký"
        tab.keyboard.press("Tab")
        tab.keyboard.press("ArrowRight")
        assert headline.inner_text() == "This document was changed after it was signed"
        assert tab.locator("[lang=vi]:visible").count() <= 2, "the page itself and the button"


def test_a_print_shows_the_details_and_no_buttons(browser: Browser, folder: Path) -> None:
    with opened(browser) as tab:
        tab.goto((folder / "good.html").as_uri())
        tab.emulate_media(media="print")
        assert tab.locator("label:visible").count() == 0
        assert tab.locator("table").first.is_visible()
