"""The page's verdict is Python's, member by member, also where the lists are old, damaged, or somebody else's."""

import base64
import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from esign.errors import SealError
from esign.seal import StatusFiles, judge, verify
from esign.seal.list_keys import AgencyRange, Root
from esign.seal.shard import SHARD_SIZE, ShardContent, make_shard
from esign.seal.status_list import StatusList
from esign.seal.trust_parts import read_parts
from tests.support import site as sample
from tests.support.chromium import opened
from tests.support.site import Site
from tests.support.web import HOST, Web

# Verdicts on links with files that were brought along; each variant changes bits of one file, by its address.
JUDGE = """async ([links, at, brought, roots, variants]) => {
  const { judge } = await import("/verdict.js");
  const { Files } = await import("/files.js");
  const { fromBase64 } = await import("/bytes.js");
  const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  const known = roots.map((root) => ({ ...root, key: fromHex(root.key) }));
  const verdicts = [];
  for (const [uri, bits] of variants) {
    localStorage.clear();
    const files = new Files({ host: "q.localhost", roots: known });
    files.fetched = async () => undefined;
    files.keep = async () => {};
    files.kept = async (asked) => {
      if (!(asked in brought)) return null;
      const data = fromBase64(brought[asked]);
      if (asked === uri) for (const bit of bits) data[bit >> 3] ^= 1 << (bit & 7);
      return data;
    };
    for (const link of links) verdicts.push(await judge(link, { at, files }));
  }
  return verdicts;
}"""
UNTOUCHED: list[tuple[str, list[int]]] = [("", [])]


@pytest.fixture
def tab(browser: Browser, sources: Web) -> Any:
    with opened(browser) as tab:
        tab.goto(sources.url("/bytes.js"))
        yield tab


def by_page(
    tab: Tab,
    site: Site,
    links: list[str],
    *,
    at: datetime | None = None,
    roots: tuple[Root, ...] | None = None,
    variants: list[tuple[str, list[int]]] = UNTOUCHED,
) -> list[dict[str, Any]]:
    brought = {f"https://{HOST}{path}": base64.b64encode(data).decode() for path, data in site.files.items()}
    known = [
        {"name": r.name, "key": r.public_key.hex(), "first": r.agencies.first, "last": r.agencies.last}
        for r in ((site.root,) if roots is None else roots)
    ]
    found: list[dict[str, Any]] = []
    for i in range(0, len(variants), 500):
        some = [[uri, bits] for uri, bits in variants[i : i + 500]]
        found += tab.evaluate(JUDGE, [links, (at or site.at).timestamp(), brought, known, some])
    return found


def by_python(site: Site, link: str, at: datetime) -> dict[str, Any]:
    trust = read_parts(site.trust_files, roots=[site.root], at=at)
    report = verify(link, keys=trust, at=at, status=StatusFiles(site.get, trust))
    return dict(judge(report, trust).to_json())


def without_facts(verdict: dict[str, Any]) -> dict[str, Any]:
    return {**verdict, "findings": [finding["code"] for finding in verdict["findings"]]}


@pytest.mark.parametrize(
    "later",
    [timedelta(0), timedelta(hours=23), timedelta(hours=25), timedelta(days=8), timedelta(days=31)],
    ids=["now", "23 hours", "25 hours", "8 days", "31 days"],
)
def test_every_sample_at_every_age(later: timedelta, tab: Tab, site: Site) -> None:
    at = site.at + later
    found = by_page(tab, site, [s.url for s in site.samples], at=at)
    for one, verdict in zip(site.samples, found, strict=True):
        assert without_facts(verdict) == without_facts(by_python(site, one.url, at)), one.name


@pytest.mark.parametrize("data", [None, b"another file"], ids=["missing", "another"])
@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=25), timedelta(days=31)], ids=str)
def test_every_sample_without_its_details(later: timedelta, data: bytes | None, tab: Tab, site: Site) -> None:
    (path,) = (p for p in site.files if p.startswith("/s/9-"))
    others = {p: d for p, d in site.files.items() if p != path}
    bare = Site(at=site.at, host=HOST, files=others if data is None else {**others, path: data})
    at = site.at + later
    for one, verdict in zip(site.samples, by_page(tab, bare, [s.url for s in site.samples], at=at), strict=True):
        assert without_facts(verdict) == without_facts(by_python(bare, one.url, at)), one.name


def changed(site: Site, path: str, *, every: int = 1) -> list[tuple[str, list[int]]]:
    bits = range(0, 8 * len(site.files[path]), every)
    return [(f"https://{HOST}{path}", [bit]) for bit in bits]


def link(site: Site, name: str) -> str:
    return next(s.url for s in site.samples if s.name == name)


def test_every_bit_of_a_shard_counts(tab: Tab, site: Site) -> None:
    variants = changed(site, "/s/9.cwt")
    assert len(variants) > 1500
    found = by_page(tab, site, [link(site, "withdrawn")], variants=variants)
    assert {v["state"] for v in found} == {"status-unknown"}


def test_every_bit_of_a_detail_file_counts(tab: Tab, site: Site) -> None:
    (path,) = (p for p in site.files if p.startswith("/s/9-"))
    found = by_page(tab, site, [link(site, "corrected")], variants=changed(site, path, every=3))
    assert {v["state"] for v in found} == {"status-unknown"}


def test_every_bit_of_the_trust_list_counts(tab: Tab, site: Site) -> None:
    found = by_page(tab, site, [link(site, "in-force")], variants=changed(site, "/t/a4.cwt", every=5))
    assert {v["state"] for v in found} == {"unknown-key"}
    assert all(v["seal"] is None for v in found)


def test_mutated_files_end_in_a_verdict(tab: Tab, site: Site) -> None:
    chance = random.Random(7)
    variants = [
        (f"https://{HOST}{path}", [chance.randrange(8 * len(data)) for _ in range(chance.randrange(2, 40))])
        for path, data in site.files.items()
        for _ in range(20)
    ]
    for verdict in by_page(tab, site, [link(site, "withdrawn")], variants=variants):
        assert verdict["state"] in {"withdrawn", "status-unknown", "unknown-key"}


def test_files_that_stand_for_one_another_are_refused(tab: Tab, site: Site) -> None:
    """A shard that was signed for another place, and a part of the trust list where a shard should be."""
    for path in ("/s/0.cwt", "/s/10.cwt", "/t/a4.cwt", "/s/manifest.cwt"):
        swapped = Site(at=site.at, host=HOST, files={**site.files, "/s/9.cwt": site.files[path]})
        (verdict,) = by_page(tab, swapped, [link(site, "in-force")])
        assert verdict["state"] == "status-unknown"
    swapped = Site(at=site.at, host=HOST, files={**site.files, "/t/a4.cwt": site.files["/t/p3954.cwt"]})
    (verdict,) = by_page(tab, swapped, [link(site, "in-force")])
    assert verdict["state"] == "unknown-key"


@pytest.mark.parametrize(
    ("root", "state"),
    [
        (Root(name="vn", public_key=sample.point("root")), "in-force"),
        (Root(name="vn", public_key=sample.point("root"), agencies=AgencyRange(0, 257)), "unknown-key"),
        (Root(name="other", public_key=sample.point("root")), "unknown-key"),
        (Root(name="vn", public_key=sample.point("stranger")), "unknown-key"),
        (Root(name="vn", public_key=sample.point("list")), "unknown-key"),
    ],
    ids=["its root", "a root of fewer agencies", "a root of another name", "a stranger", "the list key itself"],
)
def test_whose_list_it_is(root: Root, state: str, tab: Tab, site: Site) -> None:
    (verdict,) = by_page(tab, site, [link(site, "in-force")], roots=(root,))
    assert verdict["state"] == state
    if state == "unknown-key":
        with pytest.raises(SealError):
            read_parts(site.trust_files, roots=[root], at=site.at)


def test_a_shard_that_unpacks_to_more_or_less(tab: Tab, site: Site) -> None:
    for size in (SHARD_SIZE - 4, SHARD_SIZE + 4, SHARD_SIZE * 64):
        statuses = StatusList.pack({}, size=size, bits=2)
        data = make_shard(
            ShardContent(counter=6, allow_list=False, statuses=statuses),
            uri=f"https://{HOST}/s/9.cwt",
            kid=sample.STATUS_KID,
            key=sample.key("status"),
            at=site.at,
        )
        longer = Site(at=site.at, host=HOST, files={**site.files, "/s/9.cwt": data})
        (verdict,) = by_page(tab, longer, [link(site, "in-force")])
        assert verdict["state"] == "status-unknown", size


def test_other_programs_get_the_same_as_data(browser: Browser, web: Web, site: Site) -> None:
    """`/verdict.js`, as docs/spec/page.md §7 describes it."""
    function = """async ([links, roots, at]) => {
      const { verdict } = await import("/verdict.js");
      return Promise.all(links.map((link) => verdict(link, { host: "q.localhost", roots, at })));
    }"""
    root = site.root
    key = base64.b64encode(root.public_key).decode()
    roots = [{"name": root.name, "key": key, "first": root.agencies.first, "last": root.agencies.last}]
    web.files["/empty"] = b""
    links = [s.url for s in site.samples]
    with opened(browser, expected=("404",), bypass_csp=True) as tab:
        tab.goto(web.url("/empty"))
        found = tab.evaluate(function, [links, roots, site.at.timestamp()])
    for one, verdict in zip(site.samples, found, strict=True):
        assert without_facts(verdict) == without_facts(by_python(site, one.url, site.at)), one.name
