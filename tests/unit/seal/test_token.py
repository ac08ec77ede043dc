"""Tokens: another library agrees on every one, and nothing that was changed by a bit is accepted."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import cbor2
import cwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from esign.codes import ProcedureCode
from esign.errors import Error, SealError
from esign.keys import Mechanism
from esign.report import Indication
from esign.seal import Kid, SealClaims, SealToken, assemble, make, split_url, to_be_signed, verify
from esign.seal.cose import raw_signature
from esign.softkey import SoftwareKey
from tests.unit.seal.strategies import claims, kids
from tests.vectors.seal import generate

SEAL_KEY = SoftwareKey.from_private_key(generate.KEY)
PEM = generate.KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def refused(code: str, call: Any, *args: Any, **more: Any) -> None:
    with pytest.raises(SealError) as caught:
        call(*args, **more)
    assert caught.value.code == code


@given(claims(), kids)
def test_cwt_verifies_what_we_make(said: SealClaims, kid: Kid) -> None:
    token = make(said, kid, SEAL_KEY)
    key = cwt.COSEKey.from_pem(PEM, kid=bytes(kid), alg="ES256")
    oracle = cwt.COSE.new(verify_kid=True)
    protected, unprotected, payload = oracle.decode_with_headers(b"\xd2" + bytes(token), key)
    assert (protected, unprotected) == ({1: -7, 4: bytes(kid)}, {})
    found = cast("dict[int, Any]", cbor2.loads(payload))
    assert found[6] == int(said.issued_at.timestamp())
    assert found[7] == said.result_id.value
    assert found.get(4) == (said.expires and int(said.expires.timestamp()))
    array = [1, said.status_number, said.digest, said.procedure.number, str(said.number)]
    assert found[-65537] == array + ([str(said.holder)] if said.holder else [])
    # Deterministic by cbor2's own account too: RFC 7049's order is the same for these keys.
    assert cbor2.dumps(cbor2.loads(bytes(token)), canonical=True) == bytes(token)
    assert cbor2.dumps(found, canonical=True) == payload
    assert said.status_shard * 131_072 + said.status_index == said.status_number


@given(claims(), kids)
def test_we_verify_what_cwt_makes(said: SealClaims, kid: Kid) -> None:
    payload = cbor2.loads(bytes(make(said, kid, SEAL_KEY)))[2]
    key = cwt.COSEKey.from_pem(PEM, kid=bytes(kid), alg="ES256")
    made = cwt.COSE.new().encode_and_sign(payload, key, protected={1: -7, 4: bytes(kid)}, unprotected={})
    assert made[:1] == b"\xd2"
    token = SealToken.parse(made[1:])
    token.check(generate.PUBLIC_KEY)
    assert (token.claims, token.kid) == (said, kid)


@given(claims(), kids)
def test_all_spellings_round_trip(said: SealClaims, kid: Kid) -> None:
    token = make(said, kid, SEAL_KEY)
    assert SealToken.parse(bytes(token)) == token
    assert SealToken.from_digits(token.digits) == token
    url = token.url("q.gov.vn")
    assert SealToken.from_url(url) == token
    assert split_url(url) == ("q.gov.vn", token.digits)
    assert len(bytes(token)) <= 400


def judged(data: bytes) -> Indication:
    """What a verifier who knows the key under every kid makes of `data`."""
    try:
        token = SealToken.parse(data)
        token.check(generate.PUBLIC_KEY)
    except SealError:
        return Indication.TOTAL_FAILED
    return verify(token, keys=generate.KEYS, at=generate.AT).indication


def test_every_single_bit_matters() -> None:
    data = bytes(generate.token())
    assert judged(data) is Indication.TOTAL_PASSED
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert judged(bytes(flipped)) is Indication.TOTAL_FAILED, bit


def test_every_truncation_and_extension_is_refused() -> None:
    data = bytes(generate.token())
    for length in range(len(data)):
        refused_any(data[:length])
    for byte in range(256):
        refused_any(data + bytes([byte]))
        refused_any(bytes([byte]) + data)


def refused_any(data: bytes) -> None:
    with pytest.raises(SealError):
        SealToken.parse(data)


@settings(max_examples=300)
@given(st.binary(max_size=450))
def test_any_bytes_are_a_token_or_a_seal_error(data: bytes) -> None:
    refused_any(data)


@settings(max_examples=300)
@given(st.data())
def test_spliced_tokens_never_pass(data: st.DataObject) -> None:
    good = bytes(generate.token())
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, len(good)))
    changed = good[:start] + data.draw(st.binary(max_size=20)) + good[end:]
    if changed != good:
        assert judged(changed) is Indication.TOTAL_FAILED


@settings(max_examples=200)
@given(st.text(max_size=60) | st.text("0123456789", max_size=60))
def test_any_text_gets_a_report(text: str) -> None:
    report = verify(text, keys=generate.KEYS, at=generate.AT)
    assert report.indication is Indication.TOTAL_FAILED
    assert report.token is None


def test_signing_may_happen_elsewhere() -> None:
    data = to_be_signed(generate.CLAIMS, generate.GOOD.kid)
    der = SEAL_KEY.sign(data, mechanism=Mechanism.ECDSA_P256_SHA256)
    token = assemble(generate.CLAIMS, generate.GOOD.kid, der)
    assert token == assemble(generate.CLAIMS, generate.GOOD.kid, raw_signature(der))
    token.check(SEAL_KEY.public_key)


def test_other_keys_and_signatures_are_refused() -> None:
    p384 = SoftwareKey.from_private_key(ec.generate_private_key(ec.SECP384R1()))
    refused("seal-key-unsuitable", make, generate.CLAIMS, generate.GOOD.kid, p384)
    refused("seal-key-unsuitable", generate.token().check, p384.public_key)
    refused("seal-key-unsuitable", generate.token().check, b"no key")
    other = SoftwareKey.from_private_key(ec.generate_private_key(ec.SECP256R1()))
    refused("seal-signature-invalid", generate.token().check, other.public_key)
    for signature in (b"", bytes(63), bytes(65), b"\x30\x06\x02\x01\x01\x02\x01"):
        refused("seal-signature-form", assemble, generate.CLAIMS, generate.GOOD.kid, signature)
    large = bytes.fromhex("3026022101") + bytes(32) + bytes.fromhex("020101")
    refused("seal-signature-form", assemble, generate.CLAIMS, generate.GOOD.kid, large)


class Faulty(SoftwareKey):
    """A token that signs with another key than it says."""

    @property
    def public_key(self) -> bytes:
        return generate.PUBLIC_KEY


def test_a_wrong_signature_does_not_leave() -> None:
    key = Faulty.from_private_key(ec.generate_private_key(ec.SECP256R1()))
    refused("seal-signature-invalid", make, generate.CLAIMS, generate.GOOD.kid, key)


def values(**changes: Any) -> dict[str, Any]:
    said = generate.CLAIMS
    names = ("issued_at", "result_id", "status_number", "digest", "procedure", "number", "holder", "expires")
    return {name: getattr(said, name) for name in names} | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"issued_at": datetime(2026, 11, 21, 3)},  # noqa: DTZ001  # A time without a zone is what is refused.
        {"issued_at": datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)},
        {"issued_at": datetime(2106, 2, 7, 6, 28, 16, tzinfo=UTC)},
        {"status_number": -1},
        {"status_number": 2**32},
        {"digest": bytes(32)},
        {"expires": generate.CLAIMS.issued_at},
        {"expires": generate.CLAIMS.issued_at + timedelta(milliseconds=900)},
    ],
)
def test_claims_that_exist_are_valid(changes: dict[str, Any]) -> None:
    refused("seal-claim-invalid", lambda: SealClaims(**values(**changes)))


def test_claims_are_kept_as_the_token_has_them() -> None:
    hanoi = timezone(timedelta(hours=7))
    local = datetime(2026, 11, 21, 10, 32, 58, 999_999, tzinfo=hanoi)
    said = SealClaims(**values(issued_at=local, procedure=ProcedureCode("1.012345.000.00.00.H48")))
    assert said == generate.CLAIMS
    assert said.issued_at.tzinfo is UTC


def test_kids_print_and_parse() -> None:
    assert str(Kid(258, 3)) == "01020003"
    assert Kid.parse("01020003") == Kid(258, 3)
    for text in ("", "0102003", "0102000G", "010200030", "0102000A"):
        refused("seal-claim-invalid", Kid.parse, text)
    refused("seal-claim-invalid", Kid, 65536, 0)
    refused("seal-claim-invalid", Kid, 0, -1)


@pytest.mark.parametrize("host", ["q.gov.vn", "kq.dichvucong.gov.vn", "a1-b.vn", "xn--hi-fka.vn", "a." * 126 + "a"])
def test_hosts(host: str) -> None:
    token = generate.token()
    assert SealToken.from_url(token.url(host)) == token


@pytest.mark.parametrize(
    "host", ["", "vn", "Q.gov.vn", "q.gov.vn:443", "q..vn", ".vn", "q.gov.vn.", "-q.vn", "q-.vn", "1.2.3.4",
             "a." * 127 + "a", "a" * 64 + ".vn", "q.gov.vn/x", "q.gov.vn\n", "q_.vn", "q.góv.vn", "[::1]", "u@q.vn"]
)  # fmt: skip
def test_other_hosts_are_refused(host: str) -> None:
    refused("seal-host-invalid", generate.token().url, host)
    report = verify(f"https://{host}/1#{generate.token().digits}", keys=generate.KEYS, at=generate.AT)
    assert report.findings[0].code in {"seal-host-invalid", "seal-url-invalid"}


def test_nothing_secret_or_personal_is_in_errors() -> None:
    token = generate.token()
    for text in (token.url("q.gov.vn") + " ", token.digits[:-1], "https://q.gov.vn/1#N.V.A***"):
        for reason in verify(text, keys=generate.KEYS, at=generate.AT).findings:
            assert not any(len(str(fact)) > 20 for fact in reason.facts.values())
    with pytest.raises(Error) as caught:
        SealToken.from_url("https://q.gov.vn/2#" + token.digits)
    assert token.digits[:20] not in str(caught.value)
    assert "N.V.A" not in repr(token.claims.holder)
