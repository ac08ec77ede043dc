"""The whole way: an office issues and withdraws, a publisher publishes, a citizen scans what was printed."""

import re
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Browser

from esign.citizen import Page
from esign.document import Standing, StandingChange
from esign.publishing import FolderStore, Publisher, RegisterSource, make_kit, publish_site
from esign.seal import read_parts
from esign.seal.list_keys import AgencyRange, ListKey, certify
from esign.seal.trust_list import Host, ListedAgency, ListedKey, StatusKey
from esign.seal.trust_parts import sign_parts
from tests.browser.scan import scan
from tests.support.chromium import opened
from tests.support.office import HOST, Office, request
from tests.support.site import STATUS_KID, key, make_site, point

DAY = timedelta(days=1)


def trust_files(office: Office) -> tuple[Host, dict[str, bytes]]:
    """A list with the office's seal key and the host's status key."""
    now = office.clock.at
    status = StatusKey(kid=STATUS_KID, public_key=point("status"), not_before=now - DAY, not_after=now + 400 * DAY)
    host = Host(name=HOST, template=f"https://{HOST}/s/{{n}}.cwt", status_keys=(status,))
    (seal_key,) = office.seal_keys()
    names = {"name_vi": seal_key.name_vi, "name_en": seal_key.name_en}
    agency = ListedAgency(number=258, **names, list_name="vn", keys=(ListedKey(key=seal_key, host=host),))
    list_key = ListKey(name="vn", public_key=point("list"), generation=1, agencies=AgencyRange())
    end = now + 30 * DAY
    chain = [certify(list_key, issuer="vn", key=key("root"), issued_at=now - DAY, expires=end)]
    issued = {"issued_at": now - timedelta(hours=1), "expires": end}
    parts = sign_parts(agencies=[agency], procedures=[], name="vn", sequence=1, key=key("list"), chain=chain, **issued)
    return host, dict(parts)


def test_what_the_office_does_is_what_the_paper_says(browser: Browser, tmp_path: Path) -> None:
    office = Office.create(tmp_path / "office")
    first, second = (office.issuer().issue(request(name)) for name in ("first", "second"))
    host, parts = trust_files(office)
    root = make_site().root
    store = FolderStore(tmp_path / "site")
    publish_site(store, Page(host=HOST, roots=(root,)), parts)
    publisher = Publisher(
        source=RegisterSource(office.registry),
        store=store,
        host=host,
        kid=STATUS_KID,
        key=key("status"),
        now=office.clock,
    )

    def kit() -> str:
        publisher.publish()
        trust = read_parts(parts.values(), roots=[root], at=office.clock.at)
        made = make_kit(
            host=host,
            trust=trust,
            trust_files=parts,
            roots=[root],
            get=lambda uri: store.get(uri.removeprefix(f"https://{HOST}/")),
            at=office.clock.at,
        )
        file = tmp_path / "kit.html"
        file.write_text(made.html, "utf-8")
        return file.as_uri()

    def state(pdf: bytes) -> str:
        (url,) = set(re.findall(rb"https://q\.gov\.vn/1#\d+", pdf))
        with opened(browser, expected=("ERR_",), offline=True) as tab:
            tab.clock.set_fixed_time(office.clock.at)
            return scan(tab, f"{kit()}#{url.decode().partition('#')[2]}")

    assert (state(first.pdf), state(second.pdf)) == ("in-force", "in-force")
    office.clock.advance(timedelta(minutes=1))
    suspended = StandingChange(standing=Standing.SUSPENDED, at=office.clock.at, by="x", why="y")
    office.registry.change(first.id, suspended)
    office.clock.advance(timedelta(minutes=1))
    assert (state(first.pdf), state(second.pdf)) == ("suspended", "in-force")
    withdrawn = StandingChange(standing=Standing.WITHDRAWN, at=office.clock.at, by="x", why="y")
    office.registry.change(first.id, withdrawn)
    office.clock.advance(timedelta(minutes=1))
    assert (state(first.pdf), state(second.pdf)) == ("withdrawn", "in-force")
    assert {"1", "p", "index.html", "worker.js", "verdict.js"} <= {p.name for p in (tmp_path / "site").iterdir()}
