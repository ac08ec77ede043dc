"""Chromium as Debian ships it, driven by Playwright, with what it says on its console taken as a failure."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.programs import program

__all__ = ["chromium", "opened"]

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without any state."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, *, expected: tuple[str, ...] = (), **options: Any) -> Iterator[Page]:
    """A phone of 360 × 740 with one page; errors on its console that do not hold one of `expected` are failures."""
    context: BrowserContext = browser.new_context(**{"viewport": {"width": 360, "height": 740}, **options})
    context.set_default_timeout(120_000)  # milliseconds; also where everything stands still for a while
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        yield page
        assert [text for text in said if not any(word in text for word in expected)] == []
    finally:
        context.close()
