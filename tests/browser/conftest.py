"""A browser for the session, a site that is served, and the page on it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import esign.citizen
from esign.citizen import Page
from tests.support.chromium import chromium
from tests.support.site import Site, make_site
from tests.support.web import HOST, Web, serving

SOURCES = Path(esign.citizen.__file__).parent / "browser"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def site() -> Site:
    """The sample site as of now: its tokens are for the host that the tests serve."""
    return make_site(datetime.now(UTC).replace(microsecond=0), host=HOST)


@pytest.fixture(scope="session")
def page_of_site(site: Site) -> Page:
    return Page(host=HOST, roots=(site.root,))


@pytest.fixture
def web(site: Site, page_of_site: Page) -> Iterator[Web]:
    with serving(site.files, page_of_site) as web:
        yield web


@pytest.fixture(scope="session")
def sources(site: Site) -> Iterator[Web]:
    """The page's sources as they are, without any assembly."""
    files = {f"/{path.name}": path.read_bytes() for path in SOURCES.iterdir()}
    with serving({**site.files, **files, "/favicon.ico": b""}) as web:
        yield web
