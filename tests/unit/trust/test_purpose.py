"""Whose certificates may sign documents: by what they are for, wherever their path leads."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from esign.errors import SigningError
from esign.report import Indication, Outcome, SubIndication
from esign.trust import (
    Evidence,
    ProofsOfExistence,
    Purpose,
    RevocationState,
    TrustStore,
    check_before_signing,
    validate_certificate,
    validate_past_certificate,
)
from tests.support.authority import NOW
from tests.support.pki import EPOCH, PKI, YEAR, der, key_usage, name, pem

PKI_ = PKI.create()
TRUST = TrustStore.from_pem(pem([PKI_.root.certificate]), crls=PKI_.crls(at=NOW - timedelta(hours=1)))
DOCUMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
ADOBE = x509.ObjectIdentifier("1.2.840.113583.1.1.5")
MICROSOFT = x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.12")


def leaf(
    *,
    purposes: Sequence[x509.ObjectIdentifier] = (),
    usage: x509.KeyUsage | None = key_usage(ca=False),  # noqa: B008  # a value
    constraints: x509.BasicConstraints | None = None,
    raw: tuple[x509.ObjectIdentifier, bytes] | None = None,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .issuer_name(PKI_.issuing.certificate.subject)
        .subject_name(name("Nguyễn Văn Mẫu"))
        .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(EPOCH)
        .not_valid_after(EPOCH + 3 * YEAR)
    )
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if raw is not None:
        builder = builder.add_extension(x509.UnrecognizedExtension(*raw), critical=False)
    return builder.sign(PKI_.issuing.key, hashes.SHA256())


EVIDENCE = Evidence(certificates=(der(PKI_.issuing.certificate),))


def validate(certificate: x509.Certificate, trust: TrustStore = TRUST) -> tuple[Indication, SubIndication | None, str]:
    found = validate_certificate(der(certificate), trust=trust, at=NOW, evidence=EVIDENCE)
    codes = ", ".join(c.reason.code for c in found.checks if c.reason)
    return found.indication, found.sub_indication, codes


BAD = [
    ([ExtendedKeyUsageOID.SERVER_AUTH], None, "extended-key-usage"),
    ([ExtendedKeyUsageOID.CLIENT_AUTH], None, "extended-key-usage"),
    ([ExtendedKeyUsageOID.TIME_STAMPING], None, "extended-key-usage"),
    ([ExtendedKeyUsageOID.OCSP_SIGNING], None, "extended-key-usage"),
    ([ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.SERVER_AUTH], None, "extended-key-usage"),
    ([], x509.BasicConstraints(ca=True, path_length=None), "certificate-of-authority"),
    ([DOCUMENTS], x509.BasicConstraints(ca=True, path_length=0), "certificate-of-authority"),
]


@pytest.mark.parametrize(("purposes", "constraints", "code"), BAD)
def test_certificates_for_other_purposes_sign_no_documents(
    purposes: Sequence[x509.ObjectIdentifier], constraints: x509.BasicConstraints | None, code: str
) -> None:
    certificate = leaf(purposes=purposes, constraints=constraints)
    expected = (Indication.INDETERMINATE, SubIndication.CHAIN_CONSTRAINTS_FAILURE, code)
    assert validate(certificate) == expected
    assert validate(certificate, TrustStore()) == expected  # what it is for does not depend on who is trusted
    for trust in (TRUST, TrustStore(), replace(TRUST, crls=())):
        with pytest.raises(SigningError) as refused:
            check_before_signing([der(certificate), der(PKI_.issuing.certificate)], trust=trust, at=NOW)
        assert refused.value.code == code


@pytest.mark.parametrize(
    "purposes",
    [
        [],
        [DOCUMENTS],
        [ADOBE],
        [MICROSOFT],
        [ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.CLIENT_AUTH],
        [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE],
    ],
)
def test_certificates_for_documents_do(purposes: Sequence[x509.ObjectIdentifier]) -> None:
    certificate = leaf(purposes=purposes, constraints=x509.BasicConstraints(ca=False, path_length=None))
    assert validate(certificate) == (Indication.TOTAL_PASSED, None, "")
    assert check_before_signing([der(certificate), der(PKI_.issuing.certificate)], trust=TRUST, at=NOW) == ()


def test_authorities_that_are_trusted_sign_no_documents_either() -> None:
    for authority in (PKI_.issuing, PKI_.root):
        assert validate(authority.certificate)[1] is SubIndication.CHAIN_CONSTRAINTS_FAILURE


def test_without_key_usage_every_use_is_open_and_the_report_says_so() -> None:
    certificate = leaf(usage=None)
    assert validate(certificate) == (Indication.TOTAL_PASSED, None, "key-usage-missing")
    found = validate_certificate(der(certificate), trust=TRUST, at=NOW, evidence=EVIDENCE)
    assert [c.outcome for c in found.checks] == [Outcome.PASSED, Outcome.NOTED]
    noted = check_before_signing([der(certificate), der(PKI_.issuing.certificate)], trust=TRUST, at=NOW)
    assert [r.code for r in noted] == ["key-usage-missing"]


@pytest.mark.parametrize("oid", ["2.5.29.37", "2.5.29.19", "2.5.29.15"])
@pytest.mark.parametrize("value", [b"", b"\x05\x00", b"\x30\x03\x04\x01", b"\x30\x80\x05", b"\x04\x01\xff"])
def test_malformed_extensions_end_in_a_report(oid: str, value: bytes) -> None:
    certificate = leaf(usage=None, raw=(x509.ObjectIdentifier(oid), value))
    assert validate(certificate)[0] is Indication.INDETERMINATE


def test_what_cannot_be_checked_is_said() -> None:
    chain = [der(leaf()), der(PKI_.issuing.certificate)]
    unknown = check_before_signing(chain, trust=TrustStore(), at=NOW)
    assert [r.code for r in unknown] == ["no-anchors"]
    unlisted = check_before_signing(chain, trust=replace(TRUST, crls=()), at=NOW)
    assert [r.code for r in unlisted] == ["revocation-unknown"]
    other = TrustStore.from_pem(pem([PKI.create().root.certificate]))
    with pytest.raises(SigningError) as refused:
        check_before_signing(chain, trust=other, at=NOW)
    assert refused.value.code == "no-path-to-anchor"


@pytest.mark.parametrize("oid", ["2.5.29.56", "0.4.0.194121.2.1"])
def test_certificates_that_nobody_revokes(oid: str) -> None:
    """RFC 9608, EN 319 412-1 §5.2: they live for hours; of an authority it is not believed."""
    certificate = leaf(raw=(x509.ObjectIdentifier(oid), b"\x05\x00"))
    root_only = replace(TRUST, crls=PKI_.crls(at=NOW - timedelta(hours=1))[:1])
    found = validate_certificate(der(certificate), trust=root_only, at=NOW, evidence=EVIDENCE)
    assert found.passed
    assert [s.state for s in found.revocation] == [RevocationState.NOT_NEEDED, RevocationState.GOOD]
    later = NOW + 2 * YEAR
    kept = (*root_only.crls, der(certificate), der(PKI_.issuing.certificate))
    poe = ProofsOfExistence.at(later).with_proof(NOW, *kept)
    past = validate_past_certificate(der(certificate), trust=root_only, poe=poe, evidence=EVIDENCE)
    assert past.passed
    listed = replace(TRUST, crls=())
    assert validate_certificate(der(certificate), trust=listed, at=NOW, evidence=EVIDENCE).sub_indication is (
        SubIndication.TRY_LATER  # nothing is known of its authority
    )


def test_a_responder_speaks_for_any_anchor() -> None:
    certificate = leaf(purposes=[ExtendedKeyUsageOID.OCSP_SIGNING])
    found = validate_certificate(der(certificate), trust=TRUST, at=NOW, evidence=EVIDENCE, purpose=Purpose.OCSP)
    assert found.passed
    assert validate(certificate)[2] == "extended-key-usage"
