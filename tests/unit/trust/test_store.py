"""Trust anchors from the files that authorities hand out, and nothing from anywhere else."""

import dataclasses
import hashlib
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from hypothesis import given
from hypothesis import strategies as st

from esign.errors import InputError
from esign.trust import TrustAnchor, TrustStore, certificates
from tests.support.pki import EPOCH, Authority
from tests.support.programs import program

ROOT = Authority.root("CA gốc MẪU")
BELOW = ROOT.authority("CA cấp dưới MẪU")
BOTH = [ROOT.certificate, BELOW.certificate]


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def p7b(encoding: Encoding) -> bytes:
    return pkcs7.serialize_certificates(BOTH, encoding)


FILES: dict[str, Callable[[], bytes]] = {
    "PEM bundle": lambda: pem(BOTH[0]) + pem(BOTH[1]),
    "PEM with text around": lambda: b"subject=CA g\xe1\xbb\x91c\r\n" + pem(BOTH[0]) + b"\n# next\n" + pem(BOTH[1]),
    "PEM with CRLF": lambda: (pem(BOTH[0]) + pem(BOTH[1])).replace(b"\n", b"\r\n"),
    "PKCS#7 in DER": lambda: p7b(Encoding.DER),
    "PKCS#7 in PEM": lambda: p7b(Encoding.PEM),
}


@pytest.mark.parametrize("kind", FILES)
def test_every_kind_of_file_gives_the_same_anchors(kind: str) -> None:
    store = TrustStore.from_pem(FILES[kind]())
    assert {a.der for a in store.anchors} == {der(c) for c in BOTH}
    assert store.intermediates == store.crls == ()


def test_one_certificate_in_der() -> None:
    (anchor,) = TrustStore.from_pem(der(ROOT.certificate)).anchors
    assert anchor == TrustAnchor(der(ROOT.certificate))
    assert anchor.sha256 == hashlib.sha256(der(ROOT.certificate)).hexdigest()
    assert anchor.sha256 == ROOT.certificate.fingerprint(hashes.SHA256()).hex()
    assert "CN=CA gốc MẪU" in anchor.name


def test_what_openssl_wrote_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "both.pem").write_bytes(pem(BOTH[0]) + pem(BOTH[1]))
    openssl = program("openssl")
    command = [openssl, "crl2pkcs7", "-nocrl", "-certfile", "both.pem", "-outform", "DER", "-out", "both.p7b"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    found = certificates((tmp_path / "both.p7b").read_bytes())
    assert set(found) == {der(c) for c in BOTH}


def test_pkcs7_in_ber_is_read_without_a_word() -> None:
    short = p7b(Encoding.DER)
    # The outer SEQUENCE with indefinite length (X.690 §8.1.3.6): 30 82 xx xx … becomes 30 80 … 00 00.
    assert short[:2] == bytes.fromhex("3082")
    assert set(certificates(b"\x30\x80" + short[4:] + b"\0\0")) == {der(c) for c in BOTH}


def test_several_files_and_no_anchor_twice() -> None:
    store = TrustStore.from_pem(pem(BOTH[0]), der(BOTH[0]), p7b(Encoding.DER))
    assert store.anchors[0].der == der(BOTH[0])
    assert len(store.anchors) == 2


def test_intermediates_and_lists_are_no_anchors() -> None:
    crl = ROOT.crl(at=EPOCH + timedelta(days=1))
    store = TrustStore.from_pem(pem(ROOT.certificate), intermediates=[p7b(Encoding.DER)], crls=[crl])
    assert [a.der for a in store.anchors] == [der(ROOT.certificate)]
    assert set(store.intermediates) == {der(c) for c in BOTH}
    text = x509.load_der_x509_crl(crl).public_bytes(Encoding.PEM)
    assert store.crls == TrustStore.from_pem(crls=[text]).crls == (crl,)


def test_nobody_is_trusted_by_default() -> None:
    assert TrustStore().anchors == TrustStore.from_pem().anchors == ()


def test_a_store_is_a_value() -> None:
    store = TrustStore.from_pem(pem(ROOT.certificate))
    assert store == TrustStore.from_pem(der(ROOT.certificate))
    with pytest.raises(dataclasses.FrozenInstanceError):
        store.anchors = ()  # type: ignore[misc]  # that is the point
    assert hash(store) == hash(dataclasses.replace(store))
    assert "der" not in repr(store)


# ContentInfo (RFC 5652 §3) of SignedData without certificates, and of plain data.
EMPTY_P7B = bytes.fromhex("302306092a864886f70d010702a01630140201013100300b06092a864886f70d0107013100")
DATA_P7B = bytes.fromhex("301106092a864886f70d010701a00404026869")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"%PDF-1.7\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\n",
        b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n",
        der(ROOT.certificate)[:-1],
        der(ROOT.certificate) + b"\0",
        pem(ROOT.certificate) + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        p7b(Encoding.DER)[:-9],
        EMPTY_P7B,
        DATA_P7B,
    ],
)
def test_what_cannot_be_read_is_refused_whole(data: bytes) -> None:
    with pytest.raises(InputError) as e:
        TrustStore.from_pem(pem(BELOW.certificate), data)
    assert e.value.code == "certificate-unreadable"
    assert e.value.diagnostics("vi").next_step
    with pytest.raises(InputError):
        TrustStore.from_pem(intermediates=[data])
    with pytest.raises(InputError) as e:
        TrustStore.from_pem(crls=[data])
    assert e.value.code == "crl-unreadable"


@given(st.binary(max_size=300), st.integers(0, 2000), st.sampled_from(sorted(FILES)))
def test_no_bytes_raise_anything_else(junk: bytes, at: int, kind: str) -> None:
    good = FILES[kind]()
    for data in (junk, good[:at] + junk + good[at + len(junk) :]):
        try:
            found = certificates(data)
        except InputError as e:
            assert e.code == "certificate-unreadable"  # noqa: PT017  # most junk ends here, not all
        else:
            assert found
