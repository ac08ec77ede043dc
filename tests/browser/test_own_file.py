"""The reader's own PDF: looked at on the phone, and never sent anywhere."""

import hashlib

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from esign.citizen import Page
from esign.seal import digest_of, make, salted
from tests.browser.scan import scan, shown
from tests.support import site as sample
from tests.support.chromium import opened
from tests.support.office import Office, request
from tests.support.site import Site
from tests.support.web import HOST, Web, serving

SEALED = salted(b"%PDF-1.7\nwhat the office made\n%%EOF\n", bytes(range(16)))


def url(site: Site, prefix: bytes = SEALED) -> str:
    said = sample.claims(site.at, digest=digest_of(prefix))
    return make(said, sample.KID, sample.key("seal")).url(HOST)


def given(name: str, data: bytes) -> dict[str, object]:
    return {"name": name, "mimeType": "application/pdf", "buffer": data}


def look_at(tab: Tab, data: bytes) -> str:
    tab.set_input_files("#file", given("ho-so.pdf", data))  # type: ignore[arg-type]
    tab.wait_for_selector("[data-file]")
    return tab.get_attribute("[data-file]", "data-file") or ""


@pytest.mark.parametrize(
    ("name", "data", "answer"),
    [
        ("as it was sealed", SEALED, "fileSame"),
        ("grown since, as signatures do", SEALED + b"1 0 obj\nsignature\n%%EOF\n" * 2000, "fileSame"),
        ("sealed once more", salted(SEALED + b"more", bytes(16)), "fileSame"),
        ("changed in a byte", SEALED.replace(b"made", b"mode"), "fileOther"),
        ("with another salt", SEALED.replace(b"0001020304", b"0001020305"), "fileOther"),
        ("cut before the salt", SEALED[:-46], "fileOther"),
        ("with the salt in the middle of a line", SEALED.replace(b"\n%esign", b" %esign"), "fileOther"),
        ("something else", b"%PDF-1.7\nnot at all\n%%EOF", "fileOther"),
        ("nothing", b"", "fileOther"),
        ("many salt lines", b"%PDF\n" + salted(b"", bytes(16)) * 3000, "fileOther"),
    ],
)
def test_it_is_the_file_or_not(name: str, data: bytes, answer: str, browser: Browser, web: Web, site: Site) -> None:
    with opened(browser) as tab:
        assert scan(tab, web.here(url(site))) == "in-force", name
        web.requests.clear()
        assert look_at(tab, data) == answer
        assert web.requests == [], "nothing is sent"
        # Never green: what was added after sealing is not judged here.
        if answer == "fileSame":
            assert "care" in (tab.get_attribute("[data-file]", "class") or "")
            assert "không xem được" in tab.inner_text("[data-file]")


def test_the_sealed_bytes_end_where_python_says(browser: Browser, sources: Web) -> None:
    chance = hashlib.sha256(b"x").digest()
    files = []
    for i in range(40):
        prefix = salted(chance * i + b"\n%esign-salt 12\n" * (i % 3), bytes([i] * 16))
        files.append((list(prefix + chance * (i % 5)), list(digest_of(prefix)), len(prefix)))
    function = """async (files) => {
      const { binding } = await import("/pdf.js");
      return Promise.all(files.map(([pdf, digest]) => binding(Uint8Array.from(pdf), Uint8Array.from(digest))));
    }"""
    with opened(browser) as tab:
        tab.goto(sources.url("/bytes.js"))
        assert tab.evaluate(function, [[pdf, digest] for pdf, digest, _ in files]) == [end for _, _, end in files]


def test_a_file_can_be_dropped(browser: Browser, web: Web, site: Site) -> None:
    drop = """(bytes) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(bytes)], "a.pdf", { type: "application/pdf" }));
      document.querySelector(".drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
    }"""
    with opened(browser) as tab:
        scan(tab, web.here(url(site)))
        tab.evaluate(drop, list(SEALED))
        tab.wait_for_selector("[data-file=fileSame]")


def test_a_file_brings_its_own_seal(browser: Browser, web: Web, site: Site) -> None:
    pdf = SEALED + f"7 0 obj\n<< /S /URI /URI ({url(site)}) >>\nendobj\n%%EOF\n".encode()
    with opened(browser) as tab:
        tab.goto(web.url("/"))
        tab.set_input_files("#file", given("a.pdf", pdf))  # type: ignore[arg-type]
        assert shown(tab) == "in-force"
        tab.wait_for_selector("[data-file=fileSame]")
    other = pdf.replace(b"office", b"forger")
    with opened(browser) as tab:
        tab.goto(web.url("/"))
        tab.set_input_files("#file", given("a.pdf", other))  # type: ignore[arg-type]
        tab.wait_for_selector("[data-file=fileOther]")
    two = pdf + url(site, salted(b"another", bytes(16))).encode()
    for data in (two, b"%PDF-1.7 no seal"):
        with opened(browser) as tab:
            tab.goto(web.url("/"))
            assert look_at(tab, data) == "fileNone"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office.create(tmp_path_factory.mktemp("office") / "made")


def test_a_result_that_was_really_issued(browser: Browser, sources: Web, office: Office) -> None:
    """The seal's link stands readable in the file, and its digest is found."""
    pdf = office.issuer().issue(request("k")).pdf
    function = """async (pdf) => {
      const { binding, sealLinks } = await import("/pdf.js");
      const { parseDigits, splitUrl } = await import("/seal.js");
      const bytes = Uint8Array.from(pdf);
      const links = sealLinks(bytes);
      return [links.length, await binding(bytes, parseDigits(splitUrl(links[0]).digits).digest)];
    }"""
    with opened(browser) as tab:
        tab.goto(sources.url("/bytes.js"))
        count, end = tab.evaluate(function, list(pdf))
    assert count == 1
    assert pdf[:end].endswith(b"\n")
    assert b"%esign-salt " in pdf[end - 46 : end]


def test_the_full_check_is_offered_with_its_price(browser: Browser, site: Site) -> None:
    page = Page(host=HOST, roots=(site.root,), check_service="https://kiemtra.gov.vn/tep")
    with serving(site.files, page) as web, opened(browser) as tab:
        scan(tab, web.here(url(site)))
        tab.click("summary:text-is('Kiểm tra cả chữ ký')")
        assert "kiemtra.gov.vn: nơi đó sẽ đọc được toàn bộ nội dung" in tab.inner_text(".drop")
        assert tab.get_attribute(".drop a", "href") == "https://kiemtra.gov.vn/tep"
