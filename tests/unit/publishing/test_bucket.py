"""Publishing to an object store: whole objects with their headers, and what is said when it fails."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from esign.errors import ConfigurationError, PublishingError
from esign.publishing import BucketStore
from esign.seal.shard import Entry, Shard
from esign.seal.status_details import Replaced
from tests.support.bucket import Bucket, serving
from tests.unit.publishing.test_publisher import OTHER, Clock, Register, publisher

pytest.importorskip("obstore")


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def store(bucket: Bucket) -> Iterator[BucketStore]:
    with serving(bucket) as endpoint:
        options = {
            "endpoint": endpoint,
            "access_key_id": "specimen",
            "secret_access_key": "specimen",
            "region": "x",
            "virtual_hosted_style_request": "false",
        }
        yield BucketStore.at("s3://status/site", options=options, allow_http=True)


def test_a_country_can_be_served_from_a_bucket(store: BucketStore, bucket: Bucket) -> None:
    register, clock = Register(0, 9), Clock()
    register.change(9, 4, Entry.DETAIL, Replaced(OTHER))
    publisher(register, store, clock).publish()
    first, detail, ninth, manifest = bucket.puts
    assert (first, ninth, manifest) == ("site/s/0.cwt", "site/s/9.cwt", "site/s/manifest.cwt")
    headers = {key: kept for key, (_, kept, _) in bucket.objects.items()}
    assert headers[ninth] == {
        "Content-Type": "application/statuslist+cwt",
        "Cache-Control": "public, max-age=15, s-maxage=15, stale-if-error=86400",
    }
    assert headers[detail]["Cache-Control"] == "public, max-age=31536000, immutable"
    assert headers[manifest]["Content-Type"] == "application/cwt"
    assert Shard.read(bucket.objects[ninth][0])[4] is Entry.DETAIL
    bucket.puts.clear()
    assert publisher(register, store, clock).publish().changed == ()
    register.change(0, 1, Entry.WITHDRAWN)
    assert publisher(register, store, clock).publish().changed == (0,)
    assert bucket.puts == ["site/s/0.cwt", "site/s/manifest.cwt"]


def test_what_is_there_is_got_listed_and_taken_away(store: BucketStore) -> None:
    assert store.get("s/1.cwt") is None
    store.put("s/1.cwt", b"one")
    assert store.get("s/1.cwt") == b"one"
    ages = store.ages("s")
    assert list(ages) == ["s/1.cwt"]
    assert timedelta(seconds=-5) < ages["s/1.cwt"] < timedelta(minutes=1)
    store.discard("s/1.cwt")
    assert store.get("s/1.cwt") is None


def test_a_store_that_fails_is_told_without_its_secrets(store: BucketStore, bucket: Bucket) -> None:
    bucket.fails = 99
    for call in (lambda: store.get("s/1.cwt"), lambda: store.put("s/1.cwt", b"x"), lambda: store.ages("s")):
        with pytest.raises(PublishingError) as e:
            call()
        assert e.value.code == "store-failed"
        assert "specimen" not in str(e.value)


@pytest.mark.parametrize("url", ["nonsense://x/y", "s3://", "://"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError) as e:
        BucketStore.at(url)
    assert e.value.code == "store-url-invalid"
