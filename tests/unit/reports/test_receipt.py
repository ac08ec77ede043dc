"""A receipt is checked by us and by openssl, holds one spelling only, and fails for any change."""

import hashlib
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from esign.errors import InputError, SigningError
from esign.keys import Mechanism
from esign.report import Outcome
from esign.reports.answer import Answer
from esign.reports.receipt import Basis, Receipt, SignedReceipt, check_receipt, report_bytes, sign_receipt
from esign.softkey import SoftwareKey
from esign.trust import TrustStore, ValidationPolicy
from tests.support import reports
from tests.support.pki import PKI, PrivateKey, name, pem

NOW = reports.AT + timedelta(minutes=1)
KEYS: Mapping[Mechanism, Callable[[], PrivateKey]] = {
    Mechanism.RSA_PKCS1_SHA256: lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    Mechanism.RSA_PSS_SHA256: lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    Mechanism.ECDSA_P256_SHA256: lambda: ec.generate_private_key(ec.SECP256R1()),
    Mechanism.ECDSA_P384_SHA384: lambda: ec.generate_private_key(ec.SECP384R1()),
    Mechanism.ED25519: ed25519.Ed25519PrivateKey.generate,
}


@dataclass
class Bank:
    """Whoever verifies and keeps receipts."""

    pki: PKI
    key: SoftwareKey
    trust: TrustStore


def bank(key: PrivateKey) -> Bank:
    pki = PKI.create()
    chain = pki.chain(pki.issuing.certify(key.public_key(), name("Ngân hàng MẪU")))
    trust = TrustStore.from_pem(pem([pki.root.certificate]), crls=pki.crls(at=NOW - timedelta(hours=1)))
    return Bank(pki, SoftwareKey.from_private_key(key, chain), trust)


@pytest.fixture(scope="module")
def made() -> Bank:
    return bank(KEYS[Mechanism.ECDSA_P256_SHA256]())


def receipt(of: Bank) -> Receipt:
    return Receipt.of(reports.shadow(), basis=Basis.of(of.trust, ValidationPolicy()), issued_at=NOW)


def signed(of: Bank, mechanism: Mechanism = Mechanism.ECDSA_P256_SHA256) -> SignedReceipt:
    return sign_receipt(receipt(of), of.key, mechanism=mechanism)


def codes(of: Bank, content: bytes, signature: bytes, **given: bytes) -> list[str]:
    found = check_receipt(content, signature, trust=of.trust, at=NOW, **given)
    return [c.reason.code for c in found.checks if c.reason and c.outcome is not Outcome.NOTED]


def test_it_says_what_was_verified_with_which_outcome_when_and_on_what_basis(made: Bank) -> None:
    said = Receipt.read(signed(made).content)
    assert said.answer is Answer.BAD
    assert said.file_sha256 == reports.SHA256
    assert (said.verified_at, said.issued_at) == (reports.AT, NOW)
    assert said.basis.trust.startswith("sha256:")
    assert "algorithms 20" in said.basis.policy
    assert said.basis.software.startswith("esign ")
    other = Basis.of(TrustStore(), ValidationPolicy())
    assert other.trust != said.basis.trust


@pytest.mark.parametrize("mechanism", KEYS, ids=lambda m: m.value)
def test_openssl_checks_it(mechanism: Mechanism, tmp_path: Path) -> None:
    of = bank(KEYS[mechanism]())
    one = signed(of, mechanism)
    assert codes(of, one.content, one.signature) == []
    if mechanism is Mechanism.ED25519:
        pytest.skip("openssl 3.0 knows no Ed25519 in CMS with signed attributes; ours was checked above")
    for file, data in (("r.json", one.content), ("r.p7s", one.signature), ("root.pem", pem([of.pki.root.certificate]))):
        (tmp_path / file).write_bytes(data)
    command = "openssl cms -verify -binary -purpose any -inform DER -in r.p7s -content r.json -CAfile root.pem -out out"
    at = ["-attime", str(int(NOW.timestamp()))]
    done = subprocess.run([*command.split(), *at], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out").read_bytes() == one.content


def test_file_and_report_are_compared(made: Bank) -> None:
    report = reports.shadow()
    file = b"%PDF-1.7 what was verified"
    named = replace(receipt(made), file_sha256=hashlib.sha256(file).hexdigest())
    one = sign_receipt(named, made.key, mechanism=Mechanism.ECDSA_P256_SHA256)
    assert codes(made, one.content, one.signature, file=file, report=report_bytes(report)) == []
    assert codes(made, one.content, one.signature, file=file + b" ") == ["receipt-file-differs"]
    assert codes(made, one.content, one.signature, report=b"{}") == ["receipt-report-differs"]


def test_any_change_of_the_content_is_found(made: Bank) -> None:
    one = signed(made)
    for at in range(len(one.content)):
        changed = one.content[:at] + bytes([one.content[at] ^ 1]) + one.content[at + 1 :]
        with suppress(InputError):
            # Most make it unreadable; what still reads is another receipt.
            assert codes(made, changed, one.signature) == ["receipt-not-as-signed"], at


def test_it_has_one_spelling(made: Bank) -> None:
    content = signed(made).content
    for other in (content + b"\n", content.replace(b'":', b'": '), content[:-1] + b',"more":1}', b"{}", b"[]", b""):
        with pytest.raises(InputError, match="receipt"):
            Receipt.read(other)
    with pytest.raises(InputError):
        Receipt.read(b"[" * 100_000)


def test_a_strangers_receipt_is_not_accepted(made: Bank) -> None:
    stranger = bank(KEYS[Mechanism.ECDSA_P256_SHA256]())
    one = signed(stranger)
    assert codes(made, one.content, one.signature) == ["no-path-to-anchor"]
    assert codes(made, signed(made).content, one.signature)[0] == "receipt-not-as-signed"


def test_a_key_without_certificate_signs_none(made: Bank) -> None:
    bare = SoftwareKey.from_private_key(KEYS[Mechanism.ECDSA_P256_SHA256]())
    with pytest.raises(SigningError) as caught:
        sign_receipt(receipt(made), bare, mechanism=Mechanism.ECDSA_P256_SHA256)
    assert caught.value.code == "no-certificate"
