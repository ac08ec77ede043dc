"""Any bytes in the place of a published file: a refusal with a code, within time and memory."""

import tracemalloc
from collections.abc import Callable

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esign.errors import SealError
from esign.seal import read_parts
from esign.seal.roots import roots_from_json
from esign.seal.shard import Shard
from esign.seal.status_details import read_details
from esign.seal.status_list import StatusListToken
from esign.seal.status_manifest import read_manifest
from esign.seal.trust_source import TrustSource
from esign.texts import LANGUAGES
from tests.support.site import NOW, SECOND, make_site
from tests.support.stopwatch import cpu_seconds_of

SITE = make_site()
GOOD = {
    "shard": SITE.files[f"/s/{SECOND}.cwt"],
    "details": next(d for p, d in SITE.files.items() if p.startswith(f"/s/{SECOND}-")),
    "manifest": SITE.files["/s/manifest.cwt"],
    "trust": SITE.files["/t/a4.cwt"],
}
READERS: dict[str, Callable[[bytes], object]] = {
    "shard": Shard.read,
    "token": StatusListToken.read,
    "details": lambda data: read_details(data, uri="https://q.gov.vn/s/9.cwt"),
    "manifest": read_manifest,
    "trust": lambda data: read_parts([data], roots=[SITE.root], at=NOW),
}


def said(error: SealError) -> None:
    assert all(error.diagnostics(language).what != error.code for language in LANGUAGES)


def looked_at(kind: str, data: bytes) -> None:
    try:
        READERS[kind](data)
    except SealError as e:
        said(e)


@settings(deadline=None)  # the first refusal loads the texts
@given(st.sampled_from(sorted(READERS)), st.binary(max_size=300))
def test_any_bytes(kind: str, data: bytes) -> None:
    looked_at(kind, data)
    looked_at(kind, b"\xd2" + data)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.binary(max_size=20) | st.text(max_size=20) | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers() | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.sampled_from(sorted(READERS)), st.lists(values, max_size=5))
def test_any_cbor(kind: str, parts: list[object]) -> None:
    looked_at(kind, b"\xd2" + cbor2.dumps(parts))
    encoded = [cbor2.dumps(p) for p in parts]
    if len(parts) > 2:
        looked_at(kind, b"\xd2" + cbor2.dumps([encoded[0], {}, encoded[1], bytes(64)]))


@settings(deadline=None)
@given(st.data(), st.sampled_from(sorted(GOOD)))
def test_spliced_files(data: st.DataObject, kind: str) -> None:
    good = bytearray(GOOD[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(good) - 1))
        match data.draw(st.integers(0, 2)):
            case 0:
                good[at] = data.draw(st.integers(0, 255))
            case 1:
                del good[at]
            case 2:
                good.insert(at, data.draw(st.integers(0, 255)))
    looked_at(kind, bytes(good))


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_as_a_source_or_roots(text: str) -> None:
    for read in (TrustSource.from_json, roots_from_json):
        try:
            read(text)
        except SealError as e:
            said(e)


def many(count: int, item: bytes) -> bytes:
    """An array of many small things, where the payload stands."""
    return b"\x9a" + count.to_bytes(4, "big") + item * count


@pytest.mark.parametrize("kind", ["shard", "manifest", "trust"])
@pytest.mark.parametrize(
    "inside", [many(3_000_000, b"\0"), many(1_500_000, b"\x40"), b"\x81" * 3_000_000, b"\xa1\0" * 1_500_000]
)
def test_a_file_that_only_costs_time_is_refused_soon(kind: str, inside: bytes) -> None:
    """Larger than its limit: refused by its length. As large as that: read once."""
    limit = {"shard": 1 << 16, "manifest": 1 << 21, "trust": 1 << 20}[kind]
    for size in (limit + 1000, limit - 100):
        body = inside[: size - 10]
        data = b"\xd2\x84\x43\xa1\x01\x26\xa0\x5a" + len(body).to_bytes(4, "big") + body + b"\x40"

        def read(data: bytes = data) -> None:
            with pytest.raises(SealError):
                READERS[kind](data)

        tracemalloc.start()
        assert cpu_seconds_of(read) < 20
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 64 << 20


def test_a_source_says_where_it_is_wrong() -> None:
    text = '{"name": "vn", "hosts": [], "procedures": [], "agencies": [{"number": 1, "name_vi": "x", "name_en": 5}]}'
    with pytest.raises(SealError) as e:
        TrustSource.from_json(text)
    assert e.value.reason.facts == {"field": "agencies[0].name_en"}
    with pytest.raises(SealError) as e:
        TrustSource.from_json('{"name": "vn", "hosts": [], "procedures": [], "agencies": [], "more": 1}')
    assert e.value.reason.facts == {"field": "more"}
