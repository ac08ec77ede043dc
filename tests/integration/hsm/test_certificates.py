"""Requests that the token signs, and certificates beside their keys."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Self, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from cryptography.x509.oid import NameOID
from pkcs11 import Attribute, ObjectClass

from esign.errors import InputError, KeyStoreError
from esign.keys import KeyRef, Mechanism, SigningKey
from esign_hsm import KeyKind, create_csr
from esign_hsm._objects import find
from tests.support.softhsm import MakeToken, TokenForTest

pytestmark = pytest.mark.softhsm

SUBJECT = (
    ("C", "VN"),
    ("L", "Hà Nội"),
    ("O", "Uỷ ban nhân dân phường Cửa Nam"),
    ("UID", "MST:0100109106"),
    ("+UID", "CCCD:001200000001"),
    ("CN", "Con dấu MẪU"),
    ("E", "van-thu@example.gov.vn"),
    ("1.3.6.1.4.1.99999.1", "riêng"),
)


class Authority:
    """A root and what it issues."""

    def __init__(self, name: str = "Root MẪU", issuer: Self | None = None) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate: x509.Certificate = (issuer or self).issue(self.name, self.key.public_key(), ca=True)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def issue(
        self, subject: x509.Name, public_key: CertificatePublicKeyTypes, *, ca: bool = False, days: int = 30
    ) -> x509.Certificate:
        start = datetime(2026, 11, 1, tzinfo=UTC)
        builder = (
            x509.CertificateBuilder(self.name, subject, public_key, x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        return builder.sign(self.key, hashes.SHA256())

    def for_key(self, key: SigningKey, *, days: int = 30) -> bytes:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Con dấu MẪU")])
        public_key = cast(CertificatePublicKeyTypes, load_der_public_key(key.public_key))
        return self.issue(name, public_key, days=days).public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def token(softhsm_token: MakeToken) -> TokenForTest:
    return softhsm_token()


@pytest.mark.parametrize(
    ("kind", "mechanism"),
    [
        (KeyKind.RSA_2048, None),
        (KeyKind.RSA_2048, Mechanism.RSA_PSS_SHA384),
        (KeyKind.RSA_2048, Mechanism.RSA_PKCS1_SHA512),
        (KeyKind.P256, None),
        (KeyKind.P384, None),
        (KeyKind.ED25519, None),
    ],
    ids=str,
)
def test_requests(token: TokenForTest, kind: KeyKind, mechanism: Mechanism | None) -> None:
    key = token.key(kind, label=f"csr-{kind.value}-{mechanism}")
    request = x509.load_der_x509_csr(create_csr(key, subject=SUBJECT, mechanism=mechanism))
    assert request.is_signature_valid
    assert request.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == key.public_key
    names = [(a.oid.dotted_string, a.value) for a in request.subject]
    assert [value for _, value in names] == [value for _, value in SUBJECT]
    assert len(request.subject.rdns) == len(SUBJECT) - 1  # UID+UID
    usage = request.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.content_commitment


def test_a_request_for_other_extensions(token: TokenForTest) -> None:
    key = token.key(KeyKind.P256, label="extended")
    wanted = x509.Extension(
        x509.SubjectAlternativeName.oid, False, x509.SubjectAlternativeName([x509.DNSName("q.gov.vn")])
    )
    request = x509.load_der_x509_csr(create_csr(key, subject=[("CN", "x")], extensions=[wanted]))
    assert [e.oid for e in request.extensions] == [wanted.oid]
    none = x509.load_der_x509_csr(create_csr(key, subject=[("CN", "x")], extensions=[]))
    assert not list(none.extensions)
    assert none.is_signature_valid


@pytest.mark.parametrize("subject", [(), (("C", "Vietnam"),), (("NOPE", "x"),), (("CN", "x" * 65),), (("CN", ""),)])
def test_subjects_that_are_not_names(token: TokenForTest, subject: Sequence[tuple[str, str]]) -> None:
    key = token.key(KeyKind.P256, label=f"subject-{secrets.token_hex(4)}")
    with pytest.raises(InputError) as e:
        create_csr(key, subject=subject)
    assert e.value.code == "csr-subject-invalid"


def test_certificate_and_chain(token: TokenForTest) -> None:
    key = token.key(KeyKind.P256, label="chained")
    assert key.certificates == ()
    root = Authority()
    middle = Authority("CA MẪU", root)
    stranger = Authority("Người lạ")
    leaf = middle.for_key(key)
    with_chain = token.with_certificates("chained", root.der, leaf, stranger.der, middle.der)
    assert with_chain.certificates == (leaf, middle.der, root.der)
    assert with_chain.public_key == key.public_key
    info = next(i for i in token.store.keys() if i.ref.object == "chained")  # noqa: SIM118  # no dict
    assert info.certificates == with_chain.certificates
    with token.store.token(token.ref()).session() as lease:
        (beside,) = find(lease.session, {Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.ID: key.ref.id})
        assert beside[Attribute.VALUE] == leaf
        assert beside[Attribute.LABEL] == "chained"
        everything = len(find(lease.session, {Attribute.CLASS: ObjectClass.CERTIFICATE}))
    # Again: nothing is stored twice. A renewed certificate is the one that counts.
    assert token.with_certificates("chained", leaf, middle.der).certificates == with_chain.certificates
    renewed = middle.for_key(key, days=300)
    assert token.with_certificates("chained", renewed).certificates == (renewed, middle.der, root.der)
    with token.store.token(token.ref()).session() as lease:
        assert len(find(lease.session, {Attribute.CLASS: ObjectClass.CERTIFICATE})) == everything + 1


def test_a_certificate_of_another_key_is_refused(token: TokenForTest) -> None:
    token.key(KeyKind.P256, label="mine")
    other = token.key(KeyKind.P256, label="not-mine")
    root = Authority()
    for certificates in ([root.for_key(other)], [root.der], []):
        with pytest.raises(KeyStoreError) as e:
            token.with_certificates("mine", *certificates)
        assert e.value.code == "certificate-not-for-key"
    with pytest.raises(InputError) as invalid:
        token.with_certificates("mine", b"no certificate")
    assert invalid.value.code == "certificate-invalid"
    assert token.store.key(KeyRef(object="mine")).certificates == ()


def test_a_foreign_certificate_under_the_keys_id_is_not_taken(token: TokenForTest) -> None:
    """Whoever can write to the token without a PIN could put it there."""
    key = token.key(KeyKind.P256, label="attacked")
    stranger = Authority("Kẻ giả")
    with token.store.token(token.ref()).writable() as session:
        from esign_hsm.admin import _store

        _store(session, stranger.certificate, label="attacked", key_id=key.ref.id or b"")
    opened = token.store.key(KeyRef(object="attacked"))
    assert opened.public_key == key.public_key
    assert opened.certificates == ()


def test_public_key_from_the_certificate_alone(token: TokenForTest) -> None:
    """Some tokens hold no public key object beside the private one."""
    from esign_hsm.admin import _store

    key = token.key(KeyKind.P256, label="bare")
    with token.store.token(token.ref()).writable() as session:
        for found in find(session, {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.ID: key.ref.id}):
            found.destroy()
    with pytest.raises(KeyStoreError) as e:
        token.store.key(KeyRef(object="bare"))
    assert e.value.code == "public-key-missing"
    certificate = x509.load_der_x509_certificate(Authority().for_key(key))
    with token.store.token(token.ref()).writable() as session:
        _store(session, certificate, label="bare", key_id=key.ref.id or b"")
    again = token.store.key(KeyRef(object="bare"))
    assert again.public_key == key.public_key
    assert again.sign(b"data", mechanism=Mechanism.ECDSA_P256_SHA256)
    rsa = token.key(KeyKind.RSA_2048, label="bare-rsa")
    with token.store.token(token.ref()).writable() as session:
        for found in find(session, {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.ID: rsa.ref.id}):
            found.destroy()
    assert token.store.key(KeyRef(object="bare-rsa")).public_key == rsa.public_key
