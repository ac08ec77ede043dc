"""What stands beside the lists: page, headers, kits, and a trust list that is kept in a folder."""

import base64
import json
import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from esign.citizen import Page
from esign.errors import PublishingError, SealError
from esign.files import Folder
from esign.publishing import FolderStore, TrustFolder, make_kit, publish_site
from esign.publishing.site import headers_file
from esign.publishing.stores import caching, media_type
from esign.seal import State, StatusFiles, judge, read_parts, verify
from esign.seal.shard import Entry
from esign.seal.trust_list import Edition
from tests.support.site import HOST, NOW, SECOND, make_site, trust_files
from tests.support.stopwatch import seconds_of, shortest
from tests.unit.publishing.test_publisher import LISTED, Clock, Register, publisher

SITE = make_site()


def test_a_site_is_written_once(tmp_path: Path) -> None:
    store, page = FolderStore(tmp_path), Page(host=HOST, roots=(SITE.root,))
    written = publish_site(store, page, trust_files(NOW))
    assert {"index.html", "1", "p", "worker.js", "t/manifest.cwt", "_headers"} <= set(written)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "p").read_bytes() == page.html().encode()
    kept = {name: data for name in written if name.startswith("t/") and (data := store.get(name))}
    assert publish_site(store, page, {n.removeprefix("t/"): d for n, d in kept.items()}) == ()


@pytest.mark.parametrize(
    ("name", "kind", "cached"),
    [
        ("s/9.cwt", "application/statuslist+cwt", "public, max-age=15, s-maxage=15, stale-if-error=86400"),
        ("s/manifest.cwt", "application/cwt", "public, max-age=15, s-maxage=15, stale-if-error=86400"),
        (f"s/9-{'0' * 32}.cwt", "application/cwt", "public, max-age=31536000, immutable"),
        ("t/a4.cwt", "application/cwt", "public, max-age=300, stale-if-error=604800"),
        ("1", "text/html; charset=utf-8", "public, max-age=300"),
        ("index.html", "text/html; charset=utf-8", "public, max-age=300"),
        ("worker.js", "text/javascript; charset=utf-8", "public, max-age=300"),
    ],
)
def test_types_and_caching_are_those_of_the_specification(name: str, kind: str, cached: str) -> None:
    assert (media_type(name), caching(name)) == (kind, cached)
    spec = (Path(__file__).parents[3] / "docs/spec/status.md").read_text("utf-8")
    assert kind in spec or name == "worker.js"
    assert cached in spec


def test_headers_for_hosts_of_static_sites() -> None:
    rules = headers_file(Page(host=HOST, roots=(SITE.root,)))
    assert "/s/*-*\n" in rules
    assert rules.count("Content-Security-Policy: ") == 3
    assert "Set-Cookie" not in rules
    for block in re.split(r"\n(?=/)", rules):
        assert "X-Content-Type-Options: nosniff" in block


def test_a_kit_answers_without_a_network() -> None:
    trust = read_parts(SITE.trust_files, roots=[SITE.root], at=NOW)
    (host,) = trust.hosts
    kit = make_kit(
        host=host,
        trust=trust,
        trust_files={p.removeprefix("/t/"): d for p, d in SITE.files.items() if p.startswith("/t/")},
        roots=[SITE.root],
        get=SITE.get,
        at=NOW,
    )
    assert (kit.shards, kit.oldest) == (3, NOW - timedelta(minutes=1))
    brought = re.search(r'<script type="application/json" id="kit">(.*?)</script>', kit.html, re.DOTALL)
    assert brought
    files = {uri: base64.b64decode(data) for uri, data in json.loads(brought[1])["files"].items()}
    for sample in SITE.samples:
        status = StatusFiles(files.get, trust)
        assert judge(verify(sample.url, keys=trust, at=NOW, status=status), trust).state.value == sample.state


def test_a_kit_of_nothing_is_none() -> None:
    trust = read_parts(SITE.trust_files, roots=[SITE.root], at=NOW)

    def without(path: str) -> object:
        return lambda uri: None if uri.endswith(path) else SITE.get(uri)

    for path, code in (("/s/manifest.cwt", "status-not-published"), (f"/s/{SECOND}.cwt", "status-file-missing")):
        with pytest.raises(PublishingError) as e:
            make_kit(
                host=trust.hosts[0],
                trust=trust,
                trust_files={},
                roots=[],
                get=without(path),  # type: ignore[arg-type]
                at=NOW,
            )
        assert e.value.code == code


# --- a trust list in a folder -----------------------------------------------------------------------------------------


def test_an_older_edition_is_refused_also_after_a_restart(tmp_path: Path) -> None:
    folder = TrustFolder(Folder(tmp_path / "t"))
    assert folder.next_sequence("vn") == 1
    folder.replace(trust_files(NOW, sequence=7), [SITE.root], NOW)
    assert folder.next_sequence("vn") == 8
    again = TrustFolder(Folder(tmp_path / "t"))
    with pytest.raises(SealError) as e:
        again.replace(trust_files(NOW, sequence=6), [SITE.root], NOW)
    assert e.value.code == "trust-list-rollback"
    assert again.read([SITE.root], NOW).editions == {"vn": Edition(1, 7)}
    again.replace(trust_files(NOW, sequence=8), [SITE.root], NOW)
    assert again.read([SITE.root], NOW).editions == {"vn": Edition(1, 8)}


def test_parts_that_were_put_there_by_hand_are_remembered(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    for name, data in trust_files(NOW, sequence=7).items():
        place.put(name, data)
    TrustFolder(place).read([SITE.root], NOW)
    for name, data in trust_files(NOW, sequence=5).items():
        place.put(name, data)
    with pytest.raises(SealError) as e:
        TrustFolder(place).read([SITE.root], NOW)
    assert e.value.code == "trust-list-rollback"
    place.put("seen.json", b"[]")
    with pytest.raises(SealError) as e:
        TrustFolder(place).read([SITE.root], NOW)
    assert e.value.code == "trust-list-invalid"


# --- how long a withdrawal takes -----------------------------------------------------------------------------------


def test_a_withdrawal_is_published_within_two_rounds(tmp_path: Path) -> None:
    """With 5 s a round, 15 s in caches and a ttl of 30 s that leaves a withdrawal visible within 60 s."""
    trust = read_parts(SITE.trust_files, roots=[SITE.root], at=NOW)
    register, store, stop = Register(0, SECOND), FolderStore(tmp_path), threading.Event()
    made = publisher(register, store, Clock(), host=LISTED)
    every = timedelta(seconds=0.2)
    watching = threading.Thread(target=lambda: made.watch(every=every, stop=stop))
    watching.start()
    try:
        seal = next(s.url for s in SITE.samples if s.name == "in-force")

        def state() -> State:
            files = StatusFiles(lambda uri: store.get(uri.split("/", 3)[3]), trust)
            return judge(verify(seal, keys=trust, at=NOW, status=files), trust).state

        def seconds_until_withdrawn() -> float:
            register.change(SECOND, 0, Entry.VALID)
            wait_until(lambda: state() is State.IN_FORCE)
            register.change(SECOND, 0, Entry.WITHDRAWN)
            return seconds_of(lambda: wait_until(lambda: state() is State.WITHDRAWN))

        limit = 2 * every.total_seconds() + 1
        assert shortest(seconds_until_withdrawn, enough=limit) <= limit
    finally:
        stop.set()
        watching.join()


def wait_until(what: Callable[[], bool]) -> None:
    for _ in range(6000):
        if what():
            return
        time.sleep(0.01)
    pytest.fail("never")
