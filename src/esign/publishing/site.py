"""What stands beside the status lists: the page, the trust list, and the headers that a server sends with each."""

from collections.abc import Mapping

from esign.citizen import Page
from esign.publishing.stores import IMMUTABLE, LIVE, PAGE, SLOW, Store

__all__ = ["headers_file", "publish_site", "site_files"]

_EVERYWHERE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_OPEN = {"Access-Control-Allow-Origin": "*"}


def site_files(page: Page, trust_files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The files by name: the page under each of its paths, the trust list, and the headers."""
    pages = {path.removeprefix("/") or "index.html": data for path, data in page.files().items()}
    parts = {f"t/{name}": data for name, data in trust_files.items()}
    return {**pages, **parts, "_headers": headers_file(page).encode()}


def publish_site(store: Store, page: Page, trust_files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Write what differs from what is published; the names of what was written."""
    changed = {name: data for name, data in site_files(page, trust_files).items() if store.get(name) != data}
    for name, data in changed.items():
        store.put(name, data)
    return tuple(changed)


def headers_file(page: Page) -> str:
    """The headers of docs/spec/status.md §8 as hosts of static sites read them (`_headers`)."""
    html = {**page.headers(), "Content-Type": "text/html; charset=utf-8", "Cache-Control": PAGE}
    live = {**_EVERYWHERE, **_OPEN, "Content-Type": "application/statuslist+cwt", "Cache-Control": LIVE}
    cwt = {**_EVERYWHERE, **_OPEN, "Content-Type": "application/cwt"}
    rules: dict[str, Mapping[str, str]] = dict.fromkeys(("/", "/1", "/p"), html)
    rules |= {
        "/verdict.js": {**_EVERYWHERE, **_OPEN, "Content-Type": "text/javascript", "Cache-Control": PAGE},
        "/s/*": live,
        "/s/manifest.cwt": {**cwt, "Cache-Control": LIVE},
        "/s/*-*": {**cwt, "Cache-Control": IMMUTABLE},
        "/t/*": {**cwt, "Cache-Control": SLOW},
    }
    lines = []
    for path, headers in rules.items():
        lines += [path, *(f"  {name}: {value}" for name, value in headers.items())]
    return "\n".join(lines) + "\n"
