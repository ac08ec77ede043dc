"""Shards, detail files and manifests: one way to write them, and every other one refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
import pytest

from esign.codes import DocumentNumber, ResultId
from esign.errors import SealError
from esign.seal import cose, labels
from esign.seal.shard import SHARD_SIZE, Entry, Shard, ShardContent, make_shard
from esign.seal.signed_file import SignedFile, point_of, public_key_of, sign_file, spki_of
from esign.seal.status_details import Corrected, Detail, OtherResult, Replaced, detail_uri, make_details, read_details
from esign.seal.status_list import TYP, StatusList, StatusListToken
from esign.seal.status_manifest import PublishedShard, StatusManifest, make_manifest, read_manifest
from tests.support.site import key, point

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
URI = "https://q.gov.vn/s/9.cwt"
KID = b"\1\2\1\0"
KEY = key("status")
OTHER = OtherResult(DocumentNumber.parse("17/QĐ-UBND"), ResultId(b"other-one!"))
CONTENT = ShardContent(
    counter=7,
    allow_list=False,
    details=bytes(range(16)),
    statuses=StatusList.pack({1: 1, 2: 2, 3: 3}, size=SHARD_SIZE, bits=2),
)


def shard(**changes: Any) -> bytes:
    values: dict[str, Any] = {"uri": URI, "kid": KID, "key": KEY, "at": AT}
    return make_shard(CONTENT, **values | changes)


def with_claims(**changes: Any) -> bytes:
    """A shard whose claims somebody else wrote, well signed."""
    claims = dict(cbor2.loads(SignedFile.read(shard(), typ=TYP, limit=1 << 16).payload))
    for name, value in changes.items():
        label = getattr(labels, name)
        if value is None:
            del claims[label]
        else:
            claims[label] = value
    return sign_file(claims, typ=TYP, kid=KID, key=KEY)


def test_a_shard_says_what_it_was_made_of() -> None:
    read = Shard.read(shard())
    read.check(point("status"))
    assert (read.uri, read.issued_at, read.expires) == (URI, AT, AT + timedelta(days=1))
    assert read.content == CONTENT
    assert [read[i] for i in range(5)] == [
        Entry.VALID,
        Entry.WITHDRAWN,
        Entry.SUSPENDED,
        Entry.DETAIL,
        Entry.VALID,
    ]
    assert read.file.kid == KID


def test_a_generic_reader_reads_our_shards() -> None:
    read = StatusListToken.read(shard())
    read.check(public_key_of(point("status")))
    assert (read.subject, read.ttl, read.expires) == (URI, 30, AT + timedelta(days=1))
    assert read.statuses == CONTENT.statuses


def test_it_is_deterministic_and_small() -> None:
    data = shard()
    cose.scan(data[1:], strict=True)
    message = cose.decode(data, form=cose.Form.COSE, limit=1 << 16)
    for part in (message.protected, message.payload):
        assert cose.scan(part, strict=True) == len(part)
    assert SignedFile.read(shard(), typ=TYP, limit=1 << 16).payload == message.payload
    assert len(data) < 300


@pytest.mark.parametrize("bit", range(8))
def test_no_bit_can_be_changed(bit: int) -> None:
    data = shard()
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << bit
        with pytest.raises(SealError):
            Shard.read(bytes(changed)).check(point("status"))


@pytest.mark.parametrize(
    "changes",
    [
        {"SUB": None},
        {"SUB": 5},
        {"EXP": None},
        {"IAT": None},
        {"IAT": -1},
        {"IAT": "now"},
        {"IAT": 1 << 33},
        {"TTL": None},
        {"STATUS_LIST": None},
        {"STATUS_LIST": dict(StatusList.pack({}, size=SHARD_SIZE, bits=1).claim)},
        {"STATUS_LIST": dict(StatusList.pack({}, size=SHARD_SIZE // 2, bits=2).claim)},
        {"SHARD": None},
        {"SHARD": [1, False]},
        {"SHARD": [1, False, b"short"]},
        {"SHARD": [1, 0, None]},
        {"SHARD": [True, False, None]},
        {"SHARD": [-1, False, None]},
        {"SHARD": [1, False, None, 2]},
    ],
)
def test_a_shard_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SealError) as e:
        Shard.read(with_claims(**changes))
    assert e.value.code == "status-list-invalid"


def test_a_shard_that_unpacks_to_more_is_refused() -> None:
    with pytest.raises(SealError) as e:
        Shard.read(with_claims(STATUS_LIST=dict(StatusList.pack({}, size=SHARD_SIZE * 2, bits=2).claim)))
    assert e.value.code == "status-list-too-long"


# --- the envelope ---------------------------------------------------------------------------------------------------


def enveloped(protected: dict[Any, Any], unprotected: dict[Any, Any] | None = None) -> bytes:
    message = cose.Sign1(
        protected=cbor2.dumps(protected), unprotected=unprotected or {}, payload=b"\xa0", signature=bytes(64)
    )
    return message.encoded(form=cose.Form.COSE)


@pytest.mark.parametrize(
    ("protected", "unprotected"),
    [
        ({1: -7, 16: TYP}, {4: KID}),  # the kid has to be signed
        ({4: KID, 16: TYP}, {1: -7}),
        ({1: -7, 4: KID}, {16: TYP}),
        ({1: -7, 4: KID, 16: "application/cwt"}, {}),
        ({1: -35, 4: KID, 16: TYP}, {}),
        ({1: -7, 4: "kid", 16: TYP}, {}),
        ({1: -7, 4: KID, 16: TYP, 2: [16]}, {}),
        ({1: -7, 4: KID, 16: TYP, 5: b"iv"}, {}),
        ({1: -7, 4: KID, 16: TYP}, {5: b"iv"}),
        ({1: -7, 4: KID, 16: TYP, labels.CHAIN: []}, {}),
        ({1: -7, 4: KID, 16: TYP, labels.CHAIN: [b""] * 5}, {}),
        ({1: -7, 4: KID, 16: TYP, labels.CHAIN: ["text"]}, {}),
        ({1: -7, 4: KID, 16: TYP, labels.CHAIN: b""}, {}),
    ],
)
def test_an_envelope_has_exactly_these_headers(protected: dict[Any, Any], unprotected: dict[Any, Any]) -> None:
    with pytest.raises(SealError) as e:
        SignedFile.read(enveloped(protected, unprotected), typ=TYP, limit=1000)
    assert e.value.code == "cose-header-invalid"


def test_one_kind_of_file_does_not_pass_for_another() -> None:
    with pytest.raises(SealError):
        read_manifest(shard())
    with pytest.raises(SealError):
        read_details(shard(), uri=URI)


def test_keys_are_points_on_the_curve() -> None:
    spki = KEY.public_key
    assert spki_of(point_of(spki)) == spki
    for wrong in (b"", point_of(spki)[:-1], b"\x02" + point_of(spki)[1:33], b"\4" + bytes(64)):
        with pytest.raises(SealError) as e:
            public_key_of(wrong)
        assert e.value.code == "seal-key-unsuitable"
    with pytest.raises(SealError):
        point_of(spki[:-1])


# --- detail files ---------------------------------------------------------------------------------------------------

DETAILS: dict[int, Detail] = {3: Corrected((OTHER, OtherResult(None, ResultId(bytes(10))))), 131_071: Replaced(OTHER)}


def test_details_are_read_as_they_were_written() -> None:
    data = make_details(DETAILS, uri=URI, kid=KID, key=KEY, at=AT)
    file, read = read_details(data, uri=URI)
    file.check(point("status"))
    assert (read.issued_at, read.entries) == (AT, DETAILS)
    with pytest.raises(SealError):
        read_details(data, uri=URI.replace("9", "8"))


@pytest.mark.parametrize(
    "entries",
    [
        {131_072: [2, ["17/QĐ-UBND", bytes(10)]]},
        {-1: [2, ["17/QĐ-UBND", bytes(10)]]},
        {"3": [2, ["17/QĐ-UBND", bytes(10)]]},
        {3: [1]},
        {3: []},
        {3: 0},
        {3: [3, ["17/QĐ-UBND", bytes(10)]]},
        {3: [True, ["17/QĐ-UBND", bytes(10)]]},
        {3: [2, ["17/QĐ-UBND", bytes(10)], ["18/QĐ-UBND", bytes(10)]]},
        {3: [2, ["17/QĐ-UBND", bytes(9)]]},
        {3: [2, ["5/QĐ-UBND", bytes(10)]]},  # not as it is printed
        {3: [2, ["17", bytes(10)]]},
        {3: [2, ["17/QĐ-UBND"]]},
    ],
)
def test_details_that_are_none_are_refused(entries: dict[Any, Any]) -> None:
    claims = {labels.SUB: URI, labels.IAT: 1, labels.DETAILS: entries}
    data = sign_file(claims, typ="application/vnd.esign.status-detail+cwt", kid=KID, key=KEY)
    with pytest.raises(SealError) as e:
        read_details(data, uri=URI)
    assert e.value.code == "status-details-invalid"


def test_a_detail_file_stands_beside_its_shard() -> None:
    digest = bytes(range(16))
    assert detail_uri(URI, digest) == f"https://q.gov.vn/s/9-{digest.hex()}.cwt"
    assert detail_uri("https://a.b/lists.d/9", digest) == f"https://a.b/lists.d/9-{digest.hex()}"


# --- manifests ------------------------------------------------------------------------------------------------------


def test_a_manifest_is_read_as_it_was_written() -> None:
    published = PublishedShard(counter=5, issued_at=AT, digest=bytes(16), size=1300)
    manifest = StatusManifest(uri=URI, issued_at=AT, shards={0: published, 32_767: published})
    file, read = read_manifest(make_manifest(manifest, kid=KID, key=KEY))
    file.check(point("status"))
    assert read == manifest


@pytest.mark.parametrize(
    "shards",
    [
        {32_768: [5, 1, bytes(16), 1]},
        {-1: [5, 1, bytes(16), 1]},
        {0: [5, 1, bytes(15), 1]},
        {0: [-5, 1, bytes(16), 1]},
        {0: [True, 1, bytes(16), 1]},
        {0: [5, "1", bytes(16), 1]},
        {0: [5, 1, bytes(16)]},
    ],
)
def test_a_manifest_that_is_none_is_refused(shards: dict[Any, Any]) -> None:
    claims = {labels.SUB: URI, labels.IAT: 1, labels.MANIFEST: shards}
    data = sign_file(claims, typ="application/vnd.esign.status-manifest+cwt", kid=KID, key=KEY)
    with pytest.raises(SealError) as e:
        read_manifest(data)
    assert e.value.code == "status-manifest-invalid"
