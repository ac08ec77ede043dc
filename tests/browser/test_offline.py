"""Without a network: after the first visit, with everything kept, and from a kit that was never online."""

import io
import re
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from esign.citizen import Page
from esign.seal.shard import Entry
from tests.browser.scan import sample, scan, shown
from tests.support.chromium import opened
from tests.support.site import Site, make_site, status_files, trust_files
from tests.support.web import HOST, Web

NO_NETWORK = ("ERR_INTERNET_DISCONNECTED", "ERR_EMPTY_RESPONSE", "Failed to load resource", "ERR_FILE_NOT_FOUND")


def first_visit(tab: Tab, web: Web, site: Site) -> None:
    assert scan(tab, web.here(sample(site, "in-force").url)) == "in-force"
    tab.evaluate("navigator.serviceWorker.ready.then(() => 1)")
    tab.wait_for_function("caches.has('esign-page').then((has) => has && caches.match('/1')).then(Boolean)")


@pytest.fixture
def visited(browser: Browser, web: Web, site: Site) -> object:
    with opened(browser, expected=NO_NETWORK, bypass_csp=True) as tab:
        first_visit(tab, web, site)
        web.paths.clear()
        tab.context.set_offline(True)
        web.is_down = True
        yield tab


def test_the_page_and_what_it_saw_stay(visited: Tab, web: Web, site: Site) -> None:
    for name in ("in-force", "withdrawn", "suspended", "expired", "tampered"):
        assert scan(visited, web.here(sample(site, name).url)) == sample(site, name).state
    # Details that nobody loaded are not known: never "not issued", never in force.
    assert scan(visited, web.here(sample(site, "corrected").url)) == "status-unknown"
    # Shard 10 was not asked for.
    assert scan(visited, web.here(sample(site, "in-force-allow-list").url)) == "status-unknown"
    assert web.paths == []


@pytest.mark.parametrize(("hours", "state"), [(23, "in-force"), (25, "stale"), (24 * 7 + 1, "status-unknown")])
def test_green_for_a_day_amber_for_a_week_then_unknown(
    hours: int, state: str, visited: Tab, web: Web, site: Site
) -> None:
    visited.clock.set_fixed_time(site.at + timedelta(hours=hours))
    assert scan(visited, web.here(sample(site, "in-force").url)) == state
    if state != "in-force":
        asked = re.sub(r"\s", " ", visited.inner_text("#panel"))
        assert "Chưa kiểm tra lại từ" in asked or "Chưa rõ" in asked


def test_everything_is_kept_if_wanted(browser: Browser, web: Web, site: Site) -> None:
    with opened(browser, expected=(*NO_NETWORK, "404"), bypass_csp=True) as tab:
        first_visit(tab, web, site)
        tab.goto(web.url("/"))
        tab.click("button:text-is('Giữ để dùng khi không có mạng')")
        tab.wait_for_selector("text=Đã giữ.")
        tab.context.set_offline(True)
        web.is_down = True
        for name in ("in-force", "in-force-allow-list", "not-issued-allow-list", "corrected", "replaced"):
            assert scan(tab, web.here(sample(site, name).url)) == sample(site, name).state, name


def test_back_online_the_newest_counts(browser: Browser, web: Web, site: Site) -> None:
    with opened(browser, bypass_csp=True) as tab:
        first_visit(tab, web, site)
        withdrawn = status_files({9: {0: Entry.WITHDRAWN}}, {}, site.at, host=HOST, counter=6)
        web.files.update(withdrawn)
        tab.evaluate("caches.open('esign-files').then((c) => c.keys())")
        with opened(browser) as other:
            assert scan(other, web.here(sample(site, "in-force").url)) == "withdrawn"
            # An older list, however freshly signed, brings nothing back.
            old = status_files({9: {}}, {}, site.at + timedelta(seconds=30), host=HOST, counter=5)
            web.files.update(old)
            other.evaluate("fetch('/s/9.cwt', { cache: 'reload' })")
            other.click("button:text-is('Kiểm tra lại')")
            other.wait_for_selector("#panel[data-state=withdrawn]")


def test_an_older_trust_list_is_refused(browser: Browser, web: Web, site: Site) -> None:
    with opened(browser) as tab:
        first_visit_state = scan(tab, web.here(sample(site, "in-force").url))
        assert first_visit_state == "in-force"
        assert '"vn":[1,7]' in tab.evaluate("localStorage.getItem('esign-editions')")
        older = trust_files(site.at, host=HOST, sequence=6)
        web.files.update({f"/t/{name}": data for name, data in older.items()})
        tab.evaluate("caches.delete('esign-files')")
        tab.evaluate("fetch('/t/a4.cwt', { cache: 'reload' })")
        tab.click("button:text-is('Kiểm tra lại')")
        tab.wait_for_selector("#panel[data-state=unknown-key]")


@pytest.fixture(scope="module")
def kit(site: Site, page_of_site: Page, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("kit") / "kiem-tra.html"
    published = {f"https://{HOST}{path}": data for path, data in site.files.items()}
    file.write_text(page_of_site.kit(published, at=site.at), "utf-8")
    return file


def test_a_kit_answers_without_any_visit(browser: Browser, kit: Path, site: Site) -> None:
    for one in site.samples:
        if one.name == "wrong-host":
            continue
        with opened(browser, expected=NO_NETWORK, offline=True) as tab:
            assert scan(tab, f"{kit.as_uri()}#{one.url.partition('#')[2]}") == one.state, one.name


def test_a_kit_takes_a_pasted_link_and_speaks_english(browser: Browser, kit: Path, site: Site) -> None:
    with opened(browser, expected=NO_NETWORK, offline=True) as tab:
        tab.goto(kit.as_uri())
        assert "Bản mang theo" in tab.inner_text("#panel")
        tab.fill("#link", sample(site, "withdrawn").url)
        tab.click("form:has(#link) button")
        assert shown(tab) == "withdrawn"
        tab.click("#language")
        tab.wait_for_selector("h1:text-is('Withdrawn')")
        tab.click("button:text-is('Check another paper')")
        tab.fill("#link", sample(site, "wrong-host").url)
        tab.click("form:has(#link) button")
        assert shown(tab) == "wrong-host"


def test_a_kit_grows_old(browser: Browser, kit: Path, site: Site) -> None:
    for days, state in ((0, "in-force"), (3, "stale"), (10, "status-unknown")):
        with opened(browser, expected=NO_NETWORK, offline=True) as tab:
            tab.clock.set_fixed_time(site.at + timedelta(days=days, seconds=1))
            assert scan(tab, f"{kit.as_uri()}#{sample(site, 'in-force').url.partition('#')[2]}") == state


def test_a_trust_list_that_ended(browser: Browser, web: Web, site: Site) -> None:
    past = make_site(site.at - timedelta(days=31), host=HOST)
    web.files.update({path: data for path, data in past.files.items() if path.startswith("/t/")})
    with opened(browser) as tab:
        assert scan(tab, web.here(sample(site, "in-force").url)) == "status-unknown"
        # What is final is said all the same.
        assert scan(tab, web.here(sample(site, "withdrawn").url)) == "withdrawn"


def test_a_network_that_never_answers(browser: Browser, web: Web, site: Site) -> None:
    web.is_down = True
    with opened(browser, expected=NO_NETWORK, bypass_csp=True) as tab:
        web.is_down = False
        tab.route("**/t/**", lambda route: route.abort())
        assert scan(tab, web.here(sample(site, "in-force").url)) == "no-list"


def test_what_could_not_be_loaded_might_ask_for_more(browser: Browser, web: Web, site: Site) -> None:
    """Without the part with the procedure nobody knows whether its seals count only in an allow-list."""
    with opened(browser, expected=NO_NETWORK, bypass_csp=True) as tab:
        tab.route("**/t/p*", lambda route: route.abort())
        assert scan(tab, web.here(sample(site, "in-force").url)) == "status-unknown"
        assert scan(tab, web.here(sample(site, "withdrawn").url)) == "withdrawn"


def test_a_kit_reads_a_photo_where_the_browser_can(browser: Browser, kit: Path, site: Site) -> None:
    detector = """window.BarcodeDetector = class { async detect(picture) {
      return picture.width === 2 ? [{ rawValue: LINK }] : []; } }"""
    found = detector.replace("LINK", f"'{sample(site, 'suspended').url}'")
    with opened(browser, expected=NO_NETWORK, offline=True) as tab:
        tab.add_init_script(found)
        tab.goto(kit.as_uri())
        for width, says in ((1, "Không đọc được mã QR"), (2, "")):
            picture = io.BytesIO()
            Image.new("1", (width, 1)).save(picture, "PNG")
            file = {"name": "a.png", "mimeType": "image/png", "buffer": picture.getvalue()}
            tab.set_input_files("#photo", file)  # type: ignore[arg-type]
            if says:
                tab.wait_for_selector(f"text={says}")
        assert shown(tab) == "suspended"
    with opened(browser, expected=NO_NETWORK, offline=True) as tab:
        tab.goto(kit.as_uri())
        assert tab.locator("#photo").count() == 0
