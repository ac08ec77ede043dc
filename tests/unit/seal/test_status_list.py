"""Token Status Lists of anybody: packing, unpacking, bombs, and the examples of the draft."""

import json
import re
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from esign.errors import SealError
from esign.seal import cose, labels
from esign.seal.status_list import TYP, StatusList, StatusListToken
from tests.support.site import key

SHARED = Path(__file__).parents[4] / "shared/vectors/status-list"


@given(
    bits=st.sampled_from([1, 2, 4, 8]),
    values=st.dictionaries(st.integers(0, 799), st.integers(0, 1), max_size=40),
    default=st.integers(0, 1),
)
def test_what_is_packed_is_read(bits: int, values: dict[int, int], default: int) -> None:
    packed = StatusList.pack(values, size=800, bits=bits, default=default)
    again = StatusList.from_claim(packed.claim)
    assert again == packed
    assert len(again) == 800
    assert [again[i] for i in range(800)] == [values.get(i, default) for i in range(800)]


# The packings that the draft spells out (§4.1): 16 entries of 1 bit, 12 of 2 bits.
def test_the_first_entry_stands_in_the_lowest_bits() -> None:
    one = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
    two = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]
    assert StatusList.pack(dict(enumerate(one)), size=16, bits=1).data == bytes.fromhex("b9a3")
    assert StatusList.pack(dict(enumerate(two)), size=12, bits=2).data == bytes.fromhex("c944f9")


def refused(claim: object, **limit: int) -> str:
    with pytest.raises(SealError) as e:
        StatusList.from_claim(claim, **limit)
    return e.value.code


GOOD = StatusList.pack({1: 1}, size=64, bits=2).claim


@pytest.mark.parametrize(
    "claim",
    [
        None,
        {},
        {"bits": 2},
        {"lst": GOOD["lst"]},
        {**GOOD, "bits": 3},
        {**GOOD, "bits": True},
        {**GOOD, "bits": 16},
        {**GOOD, "bits": "2"},
        {**GOOD, "lst": b""},
        {**GOOD, "lst": "text"},
        {**GOOD, "lst": GOOD["lst"][:-1]},
        {**GOOD, "lst": GOOD["lst"] + b"\0"},
        {**GOOD, "lst": GOOD["lst"] + GOOD["lst"]},
        {**GOOD, "lst": zlib.compress(b"abc")[2:]},
    ],
)
def test_a_list_that_is_none_is_refused(claim: object) -> None:
    assert refused(claim) == "status-list-invalid"


def test_a_bomb_is_not_unpacked() -> None:
    bomb = {"bits": 1, "lst": zlib.compress(bytes(200_000_000), 9)}
    assert refused(bomb, limit=1000) == "status-list-too-long"
    assert refused(bomb) == "status-list-too-long"
    exact = {"bits": 1, "lst": zlib.compress(bytes(1000))}
    assert len(StatusList.from_claim(exact, limit=1000)) == 8000
    assert refused(exact, limit=999) == "status-list-too-long"


@pytest.mark.parametrize("index", [-1, 64, 1 << 40])
def test_an_entry_outside_is_an_error_and_not_valid(index: int) -> None:
    with pytest.raises(SealError) as e:
        StatusList.from_claim(GOOD)[index]
    assert e.value.code == "status-index-outside"


def token(
    claims: dict[Any, Any], *, protected: dict[Any, Any] | None = None, unprotected: dict[Any, Any] | None = None
) -> bytes:
    """Any issuer's: claims in any order, kid where it likes."""
    header = cbor2.dumps({1: -7, 16: TYP} if protected is None else protected)
    message = cose.Sign1(
        protected=header, unprotected=unprotected or {4: b"12"}, payload=cbor2.dumps(claims), signature=bytes(64)
    )
    return message.encoded(form=cose.Form.COSE)


CLAIMS = {2: "https://example.com/1", 6: 1_686_920_170, 65533: dict(GOOD), 65534: 43200}


def test_any_issuers_token_is_read() -> None:
    read = StatusListToken.read(token(dict(reversed(CLAIMS.items()))))
    assert (read.subject, read.ttl, read.expires) == ("https://example.com/1", 43200, None)
    assert read.issued_at == datetime(2023, 6, 16, 12, 56, 10, tzinfo=UTC)
    assert read.statuses[1] == 1
    assert StatusListToken.read(b"\xd8\x3d" + token(CLAIMS)) == StatusListToken.read(token(CLAIMS))
    assert StatusListToken.read(token({**CLAIMS, 1: "issuer", 99: "unknown"})).statuses == read.statuses


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (token(CLAIMS)[1:], "cose-tag-invalid"),
        (b"\xd1" + token(CLAIMS)[1:], "cose-tag-invalid"),
        (token(CLAIMS, protected={1: -7}), "cose-header-invalid"),
        (token(CLAIMS, protected={1: -7, 16: "application/cwt"}), "cose-header-invalid"),
        (token(CLAIMS, protected={1: -7}, unprotected={16: TYP}), "cose-header-invalid"),
        (token(CLAIMS, protected={1: -7, 4: b"1", 16: TYP}, unprotected={4: b"2"}), "cose-header-invalid"),
        (token({k: v for k, v in CLAIMS.items() if k != 2}), "status-list-invalid"),
        (token({k: v for k, v in CLAIMS.items() if k != 6}), "status-list-invalid"),
        (token({k: v for k, v in CLAIMS.items() if k != 65533}), "status-list-invalid"),
        (token({**CLAIMS, 65534: 0}), "status-list-invalid"),
        (token({**CLAIMS, 65534: "30"}), "status-list-invalid"),
        (token({**CLAIMS, 4: "never"}), "status-list-invalid"),
        (token({**CLAIMS, 6: True}), "status-list-invalid"),
        (token(CLAIMS) + b"\0", "seal-trailing-bytes"),
    ],
)
def test_what_a_reader_must_refuse(made: bytes, code: str) -> None:
    with pytest.raises(SealError) as e:
        StatusListToken.read(made)
    assert e.value.code == code


def test_a_signature_is_checked() -> None:
    made = token(CLAIMS)
    public = ec.derive_private_key(5, ec.SECP256R1()).public_key()
    with pytest.raises(SealError) as e:
        StatusListToken.read(made).check(public)
    assert e.value.code == "seal-signature-invalid"
    assert key("status").public_key  # the sample's own is checked in test_shard.py


# --- the examples of the draft -----------------------------------------------------------------------------------


def example(name: str) -> bytes:
    return bytes.fromhex("".join(re.findall(r"^[0-9a-f]+$", (SHARED / name).read_text("utf-8"), re.MULTILINE)))


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/vectors is not there")
def test_the_drafts_lists_say_what_it_says() -> None:
    expected = json.loads((SHARED / "expected.json").read_text("utf-8"))
    lists = {name: e for name, e in expected.items() if "status" in e}
    assert len(lists) >= 2
    for name, said in lists.items():
        claim = cose.loads(example(name), strict=False)
        found = StatusList.from_claim(claim)
        assert (found.bits, len(found)) == (said["bits"], said["size"])
        assert {i: found[int(i)] for i in said["status"]} == said["status"]
        others = set(range(0, len(found), 997)) - {int(i) for i in said["status"]}
        assert {found[i] for i in others} == {0}


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/vectors is not there")
def test_the_drafts_token_verifies() -> None:
    jwk = json.loads((SHARED / "expected.json").read_text("utf-8"))["status_list_cwt.md"]["key"]
    x, y = (int.from_bytes(_base64url(jwk[c]), "big") for c in "xy")
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    data = example("status_list_cwt.md")
    read = StatusListToken.read(data)
    read.check(public)
    assert read.message.headers[cose.KID] == b"12"
    assert read.message.payload in data
    assert [read.statuses[i] for i in range(16)] == [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
    kid = data.index(cbor2.dumps({4: b"12"}))  # in the unprotected header, which no signature covers
    for position in set(range(len(data))) - set(range(kid, kid + 5)):
        changed = bytearray(data)
        changed[position] ^= 1
        with pytest.raises(SealError):
            StatusListToken.read(bytes(changed)).check(public)
    assert labels.STATUS_LIST in cose.loads(read.message.payload, strict=False)


def _base64url(text: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
