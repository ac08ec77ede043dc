"""Photograph every state of the citizen's page at 360 px, for docs/guide/citizen.md."""

import argparse
import io
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PIL import Image
from playwright.sync_api import Page as Tab

from esign.citizen import Page
from esign.seal import digest_of, make, salted
from tests.support import site as sample
from tests.support.chromium import chromium, opened
from tests.support.site import STATES, make_site
from tests.support.web import HOST, serving

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
FOLDER = Path(__file__).resolve().parents[1] / "docs" / "guide" / "citizen"
FILE = salted(b"%PDF-1.7\n%%EOF\n", bytes(16))
FOUND = {
    "found": True,
    "swapped": True,
    "id": "ABCD-EFGH-JKMN-PQRS",
    "agency": "H26.1.2",
    "number": "15/QĐ-UBND",
    "issue_date": "2026-11-02",
    "title": "Quyết định",
    "holder": "N.V.A***",
    "standing": "in-force",
    "expires": None,
    "others": [],
    "presented_at": None,
    "at": "2026-11-22T03:00:00Z",
}


def press(label: str) -> Callable[[Tab], None]:
    """Press the button that says `label`."""
    return lambda tab: tab.click(f"button:text-is('{label}')")


def choose(data: bytes) -> Callable[[Tab], None]:
    """Choose a PDF, and look at the answer."""

    def act(tab: Tab) -> None:
        tab.set_input_files("#file", {"name": "a.pdf", "mimeType": "application/pdf", "buffer": data})
        tab.wait_for_selector("[data-file]")
        tab.locator(".drop").scroll_into_view_if_needed()

    return act


def type_code(tab: Tab) -> None:
    """Type the 16 characters."""
    tab.fill("#code", "abcd-efgh-jkmn-pqrs")
    tab.click("form:has(#code) button")
    tab.wait_for_selector("#panel[data-state]")


def photograph(folder: Path) -> None:
    """All pictures."""
    site = make_site(NOW, host=HOST)
    page = Page(host=HOST, roots=(site.root,), has_lookup=True)
    seals = {one.name: one.url for one in site.samples}
    own = make(sample.claims(NOW, digest=digest_of(FILE)), sample.KID, sample.key("seal")).url(HOST)
    with serving(site.files, page) as web, chromium() as browser:

        def shoot(
            name: str,
            url: str,
            act: Callable[[Tab], None] = lambda _: None,
            *,
            later: timedelta = timedelta(0),
            host: str = HOST,
            is_whole: bool = False,
            **options: object,
        ) -> None:
            address = url if url.startswith("http:") else web.here(url)
            with opened(browser, expected=("",), **options) as tab:
                tab.clock.set_fixed_time(NOW + later)
                web.date = format_datetime(NOW + later, usegmt=True)
                tab.goto(address.replace(HOST, host))
                tab.wait_for_selector("#panel[data-state], #panel.home h1")
                act(tab)
                tab.wait_for_timeout(150)
                save(tab.screenshot(full_page=is_whole), folder / f"{name}.png")

        for state in STATES:
            shoot("not-genuine" if state == "forged" else state, seals[state])
        shoot("wrong-host", seals["in-force"], host="q-gov.localhost")
        shoot("stale", seals["in-force"], later=timedelta(days=2))
        shoot("mismatch", seals["in-force"], press("Có chỗ khác"))
        shoot("whole", seals["in-force"], is_whole=True)
        shoot("sensitive", seals["in-force-sensitive"], is_whole=True)
        shoot("file-same", own, choose(FILE))
        shoot("file-other", own, choose(b"%PDF"))
        shoot("home", web.url("/"), is_whole=True)
        shoot("english", seals["replaced"], press("English"))
        shoot("dark", seals["in-force"], color_scheme="dark", is_whole=True)
        shoot("320", seals["corrected"], viewport={"width": 320, "height": 640}, is_whole=True)
        shown = {**FOUND, "presented_at": "2026-11-22T02:59:58Z"}
        web.answers["/lookup"] = lambda _: (200, FOUND)
        web.answers["/presentation"] = lambda _: (200, shown)
        shoot("code", web.url("/"), type_code)
        shoot("presented", web.url("/p#27650138820417309245"))
        web.answers["/presentation"] = lambda _: (200, {"found": False})
        shoot("not-shown", web.url("/p#27650138820417309245"))
        shoot("without-javascript", web.url("/1"), java_script_enabled=False)
        web.files = {path: data for path, data in web.files.items() if not path.startswith("/t/")}
        shoot("no-list", seals["in-force"], go_offline)


def go_offline(tab: Tab) -> None:
    """Check again without a network."""
    tab.context.set_offline(True)
    tab.evaluate("caches.delete('esign-files')")
    tab.click("button:text-is('Kiểm tra lại')")
    tab.wait_for_selector("#panel[data-state=no-list]")


def save(png: bytes, file: Path) -> None:
    """Few colours, few bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(png)).convert("RGB").quantize(64).save(file, optimize=True)


def main() -> None:
    """Parse, photograph."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, help="where to put the pictures")
    photograph(parser.parse_args().folder)


if __name__ == "__main__":
    main()
