"""Software keys: every mechanism verifies, weak and foreign keys are refused, nothing secret is shown."""

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PublicFormat,
    load_der_public_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from esign.errors import KeyStoreError
from esign.keys import KeyType, Mechanism, Protection, SigningKey
from esign.softkey import SoftwareKey
from esign.texts import LANGUAGES

RSA = rsa.generate_private_key(65537, 2048)
KEYS: dict[KeyType, Any] = {
    KeyType.RSA: RSA,
    KeyType.P256: ec.generate_private_key(ec.SECP256R1()),
    KeyType.P384: ec.generate_private_key(ec.SECP384R1()),
    KeyType.ED25519: ed25519.Ed25519PrivateKey.generate(),
}


def certificate(subject: str, key: Any, issuer: str | None = None, issuer_key: Any = None) -> x509.Certificate:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    algorithm = None if isinstance(issuer_key or key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer or subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2030, 1, 1, tzinfo=UTC))
        .sign(issuer_key or key, algorithm)
    )


def refused(code: str, call: Callable[..., object], *args: object) -> KeyStoreError:
    with pytest.raises(KeyStoreError) as caught:
        call(*args)
    assert caught.value.code == code
    for language in LANGUAGES:
        assert caught.value.diagnostics(language).what != code
    return caught.value


def check(mechanism: Mechanism, public_key: bytes, signature: bytes, data: bytes) -> None:
    """An independent check of a signature in the form that CMS carries."""
    digest = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[mechanism.digest]
    key = cast("Any", load_der_public_key(public_key))
    if "pss" in mechanism.value:
        key.verify(signature, data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    elif "rsa" in mechanism.value:
        key.verify(signature, data, padding.PKCS1v15(), digest)
    elif "ecdsa" in mechanism.value:
        key.verify(signature, data, ec.ECDSA(digest))
    else:
        key.verify(signature, data)


@pytest.mark.parametrize("mechanism", Mechanism)
def test_every_mechanism_of_its_kind_signs(mechanism: Mechanism) -> None:
    key: SigningKey = SoftwareKey.from_private_key(KEYS[mechanism.key_type])
    signature = key.sign(b"quyet dinh", mechanism=mechanism)
    check(mechanism, key.public_key, signature, b"quyet dinh")
    with pytest.raises(InvalidSignature):
        check(mechanism, key.public_key, signature, b"quyet dinh!")


@pytest.mark.parametrize("kind", KeyType)
def test_offers_exactly_the_mechanisms_of_its_kind(kind: KeyType) -> None:
    key = SoftwareKey.from_private_key(KEYS[kind])
    assert (key.key_type, key.protection, key.ref) == (kind, Protection.SOFTWARE, None)
    assert key.mechanisms == {m for m in Mechanism if m.key_type is kind}
    for mechanism in set(Mechanism) - key.mechanisms:
        with pytest.raises(KeyStoreError, match="does not offer") as caught:
            key.sign(b"x", mechanism=mechanism)
        assert caught.value.code == "mechanism-not-offered"


def test_a_pkcs12_file_gives_the_chain_in_order_without_strangers() -> None:
    root_key, sub_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    root = certificate("root", root_key)
    twin = certificate("sub", leaf_key, "root", leaf_key)  # The sub's name, another key.
    sub = certificate("sub", sub_key, "root", root_key)
    leaf = certificate("leaf", leaf_key, "sub", sub_key)
    stranger = certificate("stranger", root_key)
    data = pkcs12.serialize_key_and_certificates(
        b"con dau", leaf_key, leaf, [stranger, root, twin, sub], BestAvailableEncryption("mật khẩu".encode())
    )
    key = SoftwareKey.from_pkcs12(data, "mật khẩu")
    assert key.certificates == tuple(c.public_bytes(Encoding.DER) for c in (leaf, sub, root))
    spki = leaf_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert key.public_key == spki
    refused("pkcs12-unreadable", SoftwareKey.from_pkcs12, data, "mat khau")
    refused("pkcs12-unreadable", SoftwareKey.from_pkcs12, data, None)
    refused("pkcs12-unreadable", SoftwareKey.from_pkcs12, data[:-20], "mật khẩu")


@pytest.mark.parametrize("passphrase", [None, ""])
def test_a_pkcs12_file_without_a_passphrase_opens(passphrase: str | None) -> None:
    leaf = certificate("leaf", RSA)
    data = pkcs12.serialize_key_and_certificates(None, RSA, leaf, None, NoEncryption())
    assert SoftwareKey.from_pkcs12(data, passphrase).key_type is KeyType.RSA


def test_pkcs12_files_that_cannot_sign_are_refused() -> None:
    leaf = certificate("leaf", RSA)
    only_certificate = pkcs12.serialize_key_and_certificates(None, None, None, [leaf], NoEncryption())
    refused("pkcs12-without-key", SoftwareKey.from_pkcs12, only_certificate, None)
    only_key = pkcs12.serialize_key_and_certificates(None, RSA, None, None, NoEncryption())
    refused("pkcs12-without-certificate", SoftwareKey.from_pkcs12, only_key, None)
    other = pkcs12.serialize_key_and_certificates(
        None, RSA, None, [certificate("x", KEYS[KeyType.P256])], NoEncryption()
    )
    refused("pkcs12-without-certificate", SoftwareKey.from_pkcs12, other, None)
    refused("pkcs12-unreadable", SoftwareKey.from_pkcs12, b"", None)
    refused("pkcs12-unreadable", SoftwareKey.from_pkcs12, b"%PDF-1.7", "x")


@pytest.mark.parametrize(
    ("code", "key"),
    [
        ("key-too-weak", rsa.generate_private_key(65537, 1024)),
        ("key-kind-unsupported", ec.generate_private_key(ec.SECP521R1())),
        ("key-kind-unsupported", ec.generate_private_key(ec.SECP256K1())),
        ("key-kind-unsupported", ed448.Ed448PrivateKey.generate()),
        ("key-kind-unsupported", "a string"),
    ],
)
def test_weak_and_foreign_keys_are_refused(code: str, key: Any) -> None:
    refused(code, SoftwareKey.from_private_key, key)


def test_a_certificate_must_belong_to_the_key() -> None:
    mine = certificate("mine", RSA).public_bytes(Encoding.DER)
    other = certificate("other", KEYS[KeyType.P256]).public_bytes(Encoding.DER)
    assert SoftwareKey.from_private_key(RSA, [mine, other]).certificates == (mine, other)
    refused("key-certificate-mismatch", SoftwareKey.from_private_key, RSA, [other])
    refused("key-certificate-mismatch", SoftwareKey.from_private_key, RSA, [b"not DER"])


def test_nothing_secret_is_shown_or_sent() -> None:
    key = SoftwareKey.from_private_key(RSA)
    assert repr(key) == str(key) == "SoftwareKey(RSA)"
    with pytest.raises(TypeError, match="not sent"):
        pickle.dumps(key)


def test_threads_share_a_key() -> None:
    key = SoftwareKey.from_private_key(KEYS[KeyType.P256])
    messages = [n.to_bytes(4, "big") for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda m: key.sign(m, mechanism=Mechanism.ECDSA_P256_SHA256), messages))
    for message, signature in zip(messages, made, strict=True):
        check(Mechanism.ECDSA_P256_SHA256, key.public_key, signature, message)
