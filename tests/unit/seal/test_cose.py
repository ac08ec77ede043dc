"""The COSE core against the working group's examples, another decoder, and random CBOR."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from esign.errors import SealError
from esign.seal import cose

SHARED = Path(__file__).parents[3] / ".." / "shared" / "vectors" / "cose"
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/vectors/cose is not here")


def key_of(jwk: dict[str, str]) -> ec.EllipticCurvePublicKey:
    def coordinate(name: str) -> int:
        in_hex = jwk.get(f"{name}_hex")
        return int(in_hex, 16) if in_hex else int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "=="), "big")

    curve = CURVES[jwk["crv"]]
    return ec.EllipticCurvePublicNumbers(coordinate("x"), coordinate("y"), curve).public_key()


def judged(data: bytes, example: dict[str, Any]) -> str:
    """`good`, or why not."""
    signer = example["input"]["sign0"]
    try:
        message = cose.decode(data, form=cose.Form.COSE)
        cose.verify(message, key_of(signer["key"]), external_aad=bytes.fromhex(signer.get("external", "")))
    except SealError as e:
        return e.code
    plain = example["input"]
    expected = bytes.fromhex(plain["plaintext_hex"]) if "plaintext_hex" in plain else plain["plaintext"].encode()
    assert message.payload == expected
    return "good"


EXPECTED = {
    "A_3": "good",
    "ecdsa-sig-01": "good",
    "ecdsa-sig-02": "good",
    "ecdsa-sig-03": "good",
    "ecdsa-sig-04": "good",
    "sign-fail-01": "cose-tag-invalid",
    "sign-fail-02": "seal-signature-invalid",
    "sign-fail-03": "seal-signature-invalid",
    "sign-fail-04": "seal-signature-invalid",
    "sign-fail-06": "seal-signature-invalid",
    "sign-fail-07": "seal-signature-invalid",
    "sign-pass-01": "good",
    "sign-pass-02": "good",
    "sign-pass-03": "cose-tag-invalid",  # Right as a message, but this form requires the tag.
}


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize("name", EXPECTED)
def test_cose_wg_examples(name: str) -> None:
    example = json.loads((SHARED / f"{name}.json").read_text("utf-8"))
    data = bytes.fromhex(example["output"]["cbor"])
    assert judged(data, example) == EXPECTED[name]
    if name == "sign-pass-03":
        assert judged(b"\xd2" + data, example) == "good"
    if EXPECTED[name] == "good":
        assert judged(data[:-1] + bytes([data[-1] ^ 1]), example) == "seal-signature-invalid"
        assert judged(data + b"\0", example) == "seal-trailing-bytes"


@pytest.mark.shared
@needs_shared
def test_all_cose_wg_examples_are_run() -> None:
    assert {p.stem for p in SHARED.glob("*.json")} == EXPECTED.keys()


@pytest.mark.shared
@needs_shared
def test_a_status_list_of_the_draft_verifies() -> None:
    folder = SHARED.parent / "status-list"
    data = bytes.fromhex("".join((folder / "status_list_cwt.md").read_text("utf-8").split()))
    key = key_of(json.loads((folder / "expected.json").read_text("utf-8"))["status_list_cwt.md"]["key"])
    message = cose.decode(data, form=cose.Form.COSE)
    assert message.headers[16] == "application/statuslist+cwt"
    cose.verify(message, key)
    with pytest.raises(SealError):
        cose.verify(message, ec.generate_private_key(ec.SECP256R1()).public_key())


def encoded(value: Any) -> bytes:
    """Deterministic CBOR (RFC 8949 §4.2.1), written down independently: cbor2's canonical order is RFC 7049's."""
    if isinstance(value, dict):
        pairs = sorted((encoded(k), encoded(v)) for k, v in value.items())
        head = bytearray(cbor2.dumps([None] * len(pairs))[: 1 if len(pairs) < 24 else 2])
        head[0] += 0x20
        return bytes(head) + b"".join(k + v for k, v in pairs)
    if isinstance(value, list):
        head = bytearray(cbor2.dumps([None] * len(value))[: 1 if len(value) < 24 else 2])
        return bytes(head) + b"".join(map(encoded, value))
    return cbor2.dumps(value)


def depth(value: Any) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


integers = st.integers(-(2**64), 2**64 - 1)
keys = integers | st.text(max_size=30) | st.binary(max_size=30)
values = st.recursive(
    integers | st.text(max_size=300) | st.binary(max_size=300) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(keys, inner, max_size=30),
    max_leaves=20,
)


@given(values)
def test_deterministic_cbor_is_accepted_up_to_four_levels(value: Any) -> None:
    data = encoded(value)
    if depth(value) <= 4:
        assert cose.loads(data) == value
        assert cose.scan(data) == len(data)
    else:
        with pytest.raises(SealError):
            cose.loads(data)


@settings(max_examples=500)
@given(st.binary(max_size=40))
def test_what_is_accepted_has_one_spelling(data: bytes) -> None:
    try:
        value = cose.loads(data)
    except SealError:
        return
    assert encoded(value) == data


@settings(max_examples=500)
@given(st.binary(max_size=40))
def test_what_another_decoder_reads_differently_is_refused(data: bytes) -> None:
    try:
        end = cose.scan(data, strict=False)
    except SealError:
        return
    try:
        value = cbor2.loads(data[:end])
    except cbor2.CBORDecodeError as e:
        assert "unicode" in str(e)  # noqa: PT017  # The scan leaves UTF-8 to the decoder.
    else:
        assert not isinstance(value, cbor2.CBORTag | float)


@given(st.dictionaries(keys, integers, min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_keys_in_another_order_or_twice_are_refused(value: dict[Any, int], random: Any) -> None:
    pairs = [encoded(k) + encoded(v) for k, v in value.items()]
    ordered = sorted(pairs)
    random.shuffle(pairs)
    data = bytes([0xA0 + len(pairs)]) + b"".join(pairs)
    if pairs != ordered:
        with pytest.raises(SealError) as caught:
            cose.loads(data)
        assert caught.value.code == "seal-cbor-not-deterministic"
        assert cose.loads(data, strict=False) == value
    twice = bytes([0xA1 + len(ordered)]) + ordered[0] + b"".join(ordered)
    for strict in (True, False):
        with pytest.raises(SealError) as caught:
            cose.loads(twice, strict=strict)
        assert caught.value.code == "seal-cbor-invalid"


def test_a_key_spelled_longer_is_the_same_key() -> None:
    with pytest.raises(SealError):
        cose.loads(bytes.fromhex("a20100180100"), strict=False)


@pytest.mark.parametrize(
    "text",
    ["f90000", "fa00000000", "f7", "f814", "c074", "d818", "5f4100ff", "7f6161ff", "9f00ff", "bfff", "1c", "fc", "ff",
     "a1f400", "a18000", "62c328", "8181818181"],
)  # fmt: skip
def test_what_no_seal_has_is_refused_in_both_forms(text: str) -> None:
    for strict in (True, False):
        with pytest.raises(SealError):
            cose.loads(bytes.fromhex(text), strict=strict)


@pytest.mark.parametrize(
    "text", ["1800", "1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3800", "580100", "9800"]
)
def test_longer_heads_are_refused_where_one_spelling_is_asked(text: str) -> None:
    data = bytes.fromhex(text)
    assert cose.loads(data, strict=False) == cbor2.loads(data)
    with pytest.raises(SealError) as caught:
        cose.loads(data)
    assert caught.value.code == "seal-cbor-not-deterministic"


def test_an_empty_protected_header_is_signed_as_nothing() -> None:
    spelled = [cose.Sign1(protected=p, payload=b"x", signature=b"") for p in (b"", b"\xa0")]
    assert spelled[0].to_be_signed() == spelled[1].to_be_signed() == cbor2.dumps(["Signature1", b"", b"", b"x"])


def test_a_label_in_both_headers_is_refused_in_both_forms() -> None:
    data = cbor2.dumps([b"\xa1\x01\x26", {1: -7}, b"", b""])
    for form, given_data in ((cose.Form.COSE, b"\xd2" + data), (cose.Form.SEAL, data)):
        with pytest.raises(SealError) as caught:
            cose.decode(given_data, form=form)
        assert caught.value.code == "cose-header-invalid"


@pytest.mark.parametrize(
    ("algorithm", "digest"), [(-37, hashes.SHA256()), (-38, hashes.SHA384()), (-39, hashes.SHA512())]
)
def test_other_issuers_may_sign_with_rsa_pss(algorithm: int, digest: hashes.HashAlgorithm) -> None:
    key = rsa.generate_private_key(65537, 2048)
    message = cose.Sign1(protected=cbor2.dumps({1: algorithm, 4: b"k"}), payload=b"\xa0", signature=b"")
    salted = padding.PSS(padding.MGF1(digest), digest.digest_size)
    signed = replace(message, signature=key.sign(message.to_be_signed(), salted, digest))
    read = cose.decode(signed.encoded(form=cose.Form.COSE), form=cose.Form.COSE, limit=1000)
    cose.verify(read, key.public_key())
    for wrong, by in (
        (replace(read, payload=b"\xa1\1\1"), key.public_key()),
        (read, rsa.generate_private_key(65537, 2048).public_key()),
        (read, ec.generate_private_key(ec.SECP256R1()).public_key()),
        (replace(read, protected=cbor2.dumps({1: -7, 4: b"k"})), key.public_key()),
        (replace(read, protected=cbor2.dumps({1: -257, 4: b"k"})), key.public_key()),
        (replace(read, protected=cbor2.dumps({4: b"k"})), key.public_key()),
    ):
        with pytest.raises(SealError) as e:
            cose.verify(wrong, by)
        assert e.value.code == "seal-signature-invalid"
