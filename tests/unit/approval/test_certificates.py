"""The certificate of who signed: its time, its revocation, its chain, its use."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

from esign.authority import AuthorityTable
from esign.trust import TrustStore
from tests.support.pki import PKI, YEAR, der
from tests.unit.approval.signing import (
    HOUR,
    NOW,
    PERSON,
    PKI_,
    TRUST,
    Signer,
    check,
    codes,
    inner,
    page,
    refusal,
    signed,
)


def test_an_expired_certificate_is_refused() -> None:
    person = Signer.of("Nguyễn Văn Mẫu", since=NOW - YEAR, until=NOW - HOUR)
    refused = refusal(signed(page(), person), authority=AuthorityTable(grants=(person.granted(),)))
    assert refused.code == "person-certificate-expired"
    assert "đã hết hạn" in refused.diagnostics("vi").what


def test_a_certificate_that_is_not_valid_yet_is_refused() -> None:
    person = Signer.of("Nguyễn Văn Mẫu", since=NOW + HOUR)
    for trust in (TRUST, replace(TRUST, crls=())):
        assert refusal(signed(page(), person), trust=trust).code == "person-certificate-not-yet-valid"


@cache
def revoked() -> tuple[bytes, tuple[bytes, bytes], TrustStore]:
    """A file of a signer who is revoked, the lists of root and issuing authority, and a trust store without lists."""
    from cryptography import x509

    pki = PKI.create()
    person = Signer.of("Nguyễn Văn Mẫu", pki=pki)
    pki.issuing.revoke(x509.load_der_x509_certificate(person.certificate), at=NOW - 2 * HOUR)
    root, issuing = pki.crls(at=NOW - HOUR)
    return signed(page(), person), (root, issuing), TrustStore.from_pem(der(pki.root.certificate))


def test_a_revoked_certificate_is_refused() -> None:
    pdf, lists, trust = revoked()
    refused = refusal(pdf, trust=replace(trust, crls=lists))
    assert refused.code == "person-certificate-revoked"
    assert "đã bị thu hồi" in refused.diagnostics("vi").what


def test_revoked_is_not_hidden_behind_a_list_that_is_missing_or_stale() -> None:
    """Unknown may be let pass with a notice; what one list knows must not become unknown for want of another."""
    pdf, (root, issuing), trust = revoked()
    assert refusal(pdf, trust=replace(trust, crls=(issuing,))).code == "person-certificate-revoked"
    later = NOW + timedelta(days=60)
    assert refusal(pdf, trust=replace(trust, crls=(root, issuing)), at=later).code == "person-certificate-revoked"
    # Without the list that names it, nothing is known: the next question, whether the person may sign, is asked.
    assert refusal(pdf, trust=replace(trust, crls=(root,))).code == "not-authorised-person"


def test_a_list_that_another_authority_signed_says_nothing() -> None:
    """Same name, other key: whoever can write the folder of lists could block anybody."""
    forged = PKI.create()
    forged.issuing.revoked = {int.from_bytes(b"x"): NOW}
    from cryptography import x509

    forged.issuing.revoke(x509.load_der_x509_certificate(PERSON.certificate), at=NOW - 2 * HOUR)
    approval = check(signed(page()), trust=replace(TRUST, crls=(forged.issuing.crl(at=NOW - HOUR),)))
    assert codes(approval) == ["revocation-unknown", "crl-not-of-issuer"]


def test_unknown_revocation_is_recorded_and_refused_on_request() -> None:
    offline = replace(TRUST, crls=())
    approval = check(signed(page()), trust=offline)
    assert codes(approval) == ["revocation-unknown"]
    assert approval.report.indication.value == "INDETERMINATE"
    refused = refusal(signed(page()), trust=offline, require_revocation=True)
    assert refused.code == "person-revocation-unknown"


def test_a_stranger_is_refused() -> None:
    stranger = Signer.of("Nguyễn Văn Mẫu", key=PERSON.key, pki=PKI.create())
    refused = refusal(signed(page(), stranger))
    assert (refused.code, inner(refused)) == ("person-not-trusted", "no-path-to-anchor")
    refused = refusal(signed(page()), trust=TrustStore())
    assert (refused.code, inner(refused)) == ("person-not-trusted", "no-anchors")


def test_a_certificate_that_must_not_sign_is_refused() -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    like = x509.load_der_x509_certificate(PERSON.certificate)
    for_encryption = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = x509.CertificateBuilder(
        issuer_name=like.issuer,
        subject_name=like.subject,
        public_key=PERSON.key.public_key(),
        serial_number=like.serial_number,
        not_valid_before=like.not_valid_before_utc,
        not_valid_after=like.not_valid_after_utc,
        extensions=[e for e in like.extensions if not isinstance(e.value, x509.KeyUsage)],
    ).add_extension(for_encryption, critical=True)
    certificate = der(builder.sign(PKI_.issuing.key, hashes.SHA256()))
    refused = refusal(signed(page(), replace(PERSON, certificate=certificate, chain=(certificate, PERSON.chain[1]))))
    assert (refused.code, inner(refused)) == ("person-not-trusted", "key-usage")
