"""The page looks at no file that is longer than docs/spec says: what is read is not trusted yet."""

import base64
from typing import Any

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from esign.seal.signed_file import SignedFile, sign_file
from tests.support.chromium import opened
from tests.support.site import Site, key
from tests.support.web import HOST, Web

AUD = 3  # RFC 8392 §3.1.3, a claim that no file of a host has, and that the page passes over
KINDS = {
    "/t/p3954.cwt": ("application/vnd.esign.trust+cwt", "list", 1 << 20),
    "/t/manifest.cwt": ("application/vnd.esign.trust+cwt", "list", 1 << 20),
    "/s/manifest.cwt": ("application/vnd.esign.status-manifest+cwt", "status", 1 << 21),
    "/s/9.cwt": ("application/statuslist+cwt", "status", 1 << 16),
}
# What keeping everything says of files that were brought along: the code of what is refused, or nothing.
KEEP = """async ([at, brought, root]) => {
  const { keepAll } = await import("/keep.js");
  const { Files } = await import("/files.js");
  const { fromBase64 } = await import("/bytes.js");
  const files = new Files({ host: "q.localhost", roots: [{ ...root, key: fromBase64(root.key) }] });
  files.fetched = async () => undefined;
  files.kept = async (uri) => (uri in brought ? fromBase64(brought[uri]) : null);
  files.keep = async () => {};
  try {
    await keepAll(files, { host: "q.localhost", at, tell() {} });
    return "";
  } catch (error) {
    return error.code ?? String(error);
  }
}"""


@pytest.fixture
def tab(browser: Browser, sources: Web) -> Any:
    with opened(browser) as tab:
        tab.goto(sources.url("/bytes.js"))
        yield tab


def of_length(path: str, data: bytes, length: int) -> bytes:
    """The file with one more claim, signed by the same key, of `length` bytes."""
    typ, signer, limit = KINDS[path]
    file = SignedFile.read(data, typ=typ, limit=limit)
    claims = dict(file.claims(depth=8))

    def made(filling: int) -> bytes:
        longer: Any = {**claims, AUD: "x" * filling}
        return sign_file(longer, typ=typ, kid=file.kid, key=key(signer), chain=file.chain)

    guess = length * 9 // 10  # so long that another guess changes no length before it
    return made(guess + length - len(made(guess)))


def kept(tab: Tab, site: Site, changes: dict[str, bytes]) -> str:
    brought = {
        f"https://{HOST}{path}": base64.b64encode(data).decode() for path, data in (site.files | changes).items()
    }
    root = site.root
    shown = {
        "name": root.name,
        "key": base64.b64encode(root.public_key).decode(),
        "first": root.agencies.first,
        "last": root.agencies.last,
    }
    return str(tab.evaluate(KEEP, [site.at.timestamp(), brought, shown]))


@pytest.mark.parametrize("path", KINDS)
def test_one_byte_too_many(path: str, tab: Tab, site: Site) -> None:
    limit = KINDS[path][2]
    longest = of_length(path, site.files[path], limit)
    too_long = of_length(path, site.files[path], limit + 1)
    assert (len(longest), len(too_long)) == (limit, limit + 1)
    assert kept(tab, site, {path: longest}) == ""
    assert kept(tab, site, {path: too_long}).endswith("-invalid")
