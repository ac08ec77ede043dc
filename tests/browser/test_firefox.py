"""The same page in Firefox: states, the vectors of seals, offline, and a kit."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from esign.citizen import Page
from esign.seal.digits import to_digits
from tests.browser.scan import sample
from tests.browser.test_tokens import READ, by_python, tokens
from tests.support import site as specimen
from tests.support.marionette import Firefox, firefox
from tests.support.site import Site
from tests.support.web import HOST, Web

SHOWN = """async () => {
  for (let i = 0; i < 2400; i++) {
    const panel = document.getElementById("panel");
    if (panel?.dataset.state) return panel.dataset.state;
    await new Promise((resume) => setTimeout(resume, 50));
  }
  return document.body.innerText;
}"""


@pytest.fixture(scope="module")
def fox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with firefox(tmp_path_factory.mktemp("firefox")) as started:
        yield started


def scan(fox: Firefox, url: str) -> Any:
    fox.goto("about:blank")
    fox.goto(url)
    return fox.evaluate(SHOWN)


def test_each_sample_has_its_state(fox: Firefox, web: Web, site: Site) -> None:
    assert fox.evaluate("() => navigator.userAgent.includes('Firefox')")
    for one in site.samples:
        if one.name != "wrong-host":
            assert scan(fox, web.here(one.url)) == one.state, one.name
    elsewhere = web.here(sample(site, "in-force").url).replace(HOST, "other.localhost")
    assert scan(fox, elsewhere) == "wrong-host"


def test_the_token_leaves_the_address_and_loading_again_works(fox: Firefox, web: Web, site: Site) -> None:
    assert scan(fox, web.here(sample(site, "suspended").url)) == "suspended"
    assert fox.evaluate("() => location.href") == web.url("/1")
    fox.reload()
    assert fox.evaluate(SHOWN) == "suspended"


def test_tokens_say_the_same_and_every_bit_counts(fox: Firefox, sources: Web) -> None:
    fox.goto(sources.url("/bytes.js"))
    made = tokens(200, seed=8)
    token = made[0]
    made += [token[:i] + bytes([token[i] ^ 1 << bit]) + token[i + 1 :] for i in range(len(token)) for bit in range(8)]
    function = READ.replace("POINT", json.dumps(specimen.point("seal").hex()))
    found = fox.evaluate(function, [to_digits(one) for one in made])
    assert found == [by_python(one) for one in made]
    assert [f[0] for f in found].count("good") == 200


def test_offline_after_the_first_visit(fox: Firefox, web: Web, site: Site) -> None:
    assert scan(fox, web.here(sample(site, "in-force").url)) == "in-force"
    kept = """async () => {
      await navigator.serviceWorker.ready;
      for (let i = 0; i < 100 && !(await caches.match("/1")); i++) await new Promise((r) => setTimeout(r, 50));
      return Boolean(await caches.match("/1"));
    }"""
    assert fox.evaluate(kept)
    web.is_down = True
    web.paths.clear()
    for name in ("in-force", "withdrawn", "tampered"):
        assert scan(fox, web.here(sample(site, name).url)) == sample(site, name).state
    assert web.paths == []


def test_a_kit_without_any_visit(fox: Firefox, page_of_site: Page, site: Site, tmp_path: Path) -> None:
    kit = tmp_path / "kit.html"
    kit.write_text(page_of_site.kit({f"https://{HOST}{p}": d for p, d in site.files.items()}, at=site.at), "utf-8")
    for name in ("in-force", "corrected", "withdrawn", "unknown-key", "forged"):
        url = f"{kit.as_uri()}#{sample(site, name).url.partition('#')[2]}"
        assert scan(fox, url) == sample(site, name).state, name


def test_a_first_visit_is_small(fox: Firefox, web: Web, site: Site) -> None:
    fox.goto("about:blank")
    assert scan(fox, web.here(sample(site, "in-force").url)) == "in-force"
    fox.evaluate("() => navigator.serviceWorker.ready.then(() => 1)")
    # A server of its own, so nothing is in the cache yet: the page, its worker, and three signed files.
    assert sorted(set(web.paths)) == ["/1", "/s/9.cwt", "/t/a4.cwt", "/t/p3954.cwt", "/worker.js"]
    assert web.sent <= 60_000
