"""Certificates as they come: names spelled in many ways, malformed parts, and never anything but a result."""

import unicodedata

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from esign.cms import ber
from esign.cms import der as encode
from esign.report import Indication, SubIndication
from esign.trust import Evidence, Purpose, TrustStore, validate_certificate
from esign.trust.certificate import parse_certificate
from esign.trust.names import parse_name
from tests.support.authority import NOW
from tests.support.pki import EPOCH, PKI, YEAR, der, key_usage, name, pem

PKI_ = PKI.create()
KEY = ec.generate_private_key(ec.SECP256R1())
LEAF = PKI_.issuing.certify(KEY.public_key(), name("Nguyễn Văn Mẫu"))
TRUST = TrustStore.from_pem(pem([PKI_.root.certificate]), crls=PKI_.crls(at=NOW))
EVIDENCE = Evidence(certificates=(der(PKI_.issuing.certificate),))
CN, UTF8, PRINTABLE, BMP = "2.5.4.3", 0x0C, 0x13, 0x1E


def spelled(tag: int, value: bytes) -> bytes:
    pair = encode.sequence(encode.oid(CN), encode.encode(bytes([tag]), value))
    return encode.sequence(encode.set_of([pair]))


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (UTF8, b"Test CA"),
        (PRINTABLE, b"Test CA"),
        (BMP, "Test CA".encode("utf-16-be")),
        (UTF8, b"  TEST   ca "),
        (PRINTABLE, b"test CA"),
    ],
)
def test_spellings_of_one_name_are_equal(tag: int, value: bytes) -> None:
    found = parse_name(spelled(tag, value))
    assert found == parse_name(spelled(UTF8, b"Test CA"))
    assert hash(found) == hash(parse_name(spelled(UTF8, b"Test CA")))
    assert found.der == spelled(tag, value)


@pytest.mark.parametrize("value", [b"Test CAs", b"TestCA", b"\xff\xfe", b""])
def test_other_names_are_not(value: bytes) -> None:
    assert parse_name(spelled(UTF8, value)) != parse_name(spelled(UTF8, b"Test CA"))


def test_vietnamese_names_compose() -> None:
    composed, decomposed = (unicodedata.normalize(form, "Nguyễn").encode() for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert parse_name(spelled(UTF8, composed)) == parse_name(spelled(UTF8, decomposed))


def test_an_issuer_that_is_spelled_differently_is_found() -> None:
    """RFC 5280 §7.1: the list and the leaf say `CA MẪU` in capitals, the authority's certificate does not."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority = PKI_.root.certify(key.public_key(), name("Ca  Mẫu Khác"), ca=True)
    shouted = name("CA MẪU KHÁC")
    leaf = (
        x509.CertificateBuilder()
        .issuer_name(shouted)
        .subject_name(name("Nguyễn Văn Mẫu"))
        .public_key(KEY.public_key())
        .serial_number(7)
        .not_valid_before(EPOCH)
        .not_valid_after(EPOCH + YEAR)
        .add_extension(key_usage(ca=False), critical=True)
        .sign(key, hashes.SHA256())
    )
    listed = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(shouted)
        .last_update(NOW)
        .next_update(NOW + YEAR)
        .sign(key, hashes.SHA256())
    )
    evidence = Evidence(certificates=(der(authority),), crls=(der(listed),))  # type: ignore[arg-type]
    assert validate_certificate(der(leaf), trust=TRUST, at=NOW, evidence=evidence).passed


def test_what_is_read() -> None:
    found = parse_certificate(der(LEAF))
    assert (found.version, found.serial) == (3, LEAF.serial_number)
    assert (found.not_before, found.not_after) == (LEAF.not_valid_before_utc, LEAF.not_valid_after_utc)
    assert not found.is_authority
    assert found.sha256 == LEAF.fingerprint(hashes.SHA256()).hex()
    assert found.signed == LEAF.tbs_certificate_bytes
    assert found.signature == LEAF.signature
    assert found.issuer == parse_certificate(der(PKI_.issuing.certificate)).subject
    assert found.issuer_key_identifier == parse_certificate(der(PKI_.issuing.certificate)).key_identifier


@pytest.mark.parametrize("content", [b"", b"\x30\x00", b"\x30\x80\x00\x00", b"%PDF-1.7", b"\x30\x03\x02\x01\x01"])
def test_what_is_no_certificate_ends_in_a_result(content: bytes) -> None:
    for purpose in Purpose:
        found = validate_certificate(content, trust=TRUST, at=NOW, purpose=purpose)
        assert found.sub_indication is SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE
    with pytest.raises(ber.Malformed):
        parse_certificate(content)


@given(st.data())
def test_mutations_never_raise_and_never_pass(data: st.DataObject) -> None:
    """Of the certificate, its issuer, its lists: something else than we signed, so nothing that passes."""
    pieces = [der(LEAF), der(PKI_.issuing.certificate), *TRUST.crls]
    which = data.draw(st.integers(0, len(pieces) - 1))
    whole = pieces[which]
    at = data.draw(st.integers(0, len(whole) - 1))
    cut = data.draw(st.integers(0, 4))
    inserted = data.draw(st.binary(max_size=4))
    changed = whole[:at] + inserted + whole[at + cut :]
    pieces[which] = changed
    leaf, issuer, *crls = pieces
    found = validate_certificate(
        leaf,
        trust=TrustStore.from_pem(pem([PKI_.root.certificate])),
        at=NOW,
        evidence=Evidence(certificates=(issuer,), crls=tuple(crls)),
    )
    assert found.passed <= (_content(changed) == _content(whole))
    assert found.indication in {Indication.TOTAL_PASSED, Indication.INDETERMINATE}


def _content(piece: bytes) -> bytes:
    """What its issuer signed; the outer length and the signature itself may be spelled in other ways."""
    try:
        return ber.read(piece).items(ber.SEQUENCE, least=1)[0].encoded
    except ber.Malformed:
        return piece
