"""Every kind of key with every mechanism, checked by another library than the one that made it."""

import hashlib
import pickle

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pkcs11 import Attribute, ObjectClass
from pkcs11 import Mechanism as P11Mechanism

from esign.errors import KeyStoreError
from esign.keys import KeyStore, KeyType, Mechanism, Protection, SigningKey, check_signature
from esign_hsm import KeyKind
from esign_hsm._objects import find
from tests.support.softhsm import MakeToken, TokenForTest

pytestmark = pytest.mark.softhsm

DATA = "Uỷ ban nhân dân".encode() * 50
HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
EXPECTED = {
    KeyKind.RSA_2048: (KeyType.RSA, 2048, {m for m in Mechanism if m.key_type is KeyType.RSA}),
    KeyKind.RSA_3072: (KeyType.RSA, 3072, {m for m in Mechanism if m.key_type is KeyType.RSA}),
    KeyKind.P256: (KeyType.P256, 256, {Mechanism.ECDSA_P256_SHA256}),
    KeyKind.P384: (KeyType.P384, 384, {Mechanism.ECDSA_P384_SHA384}),
    KeyKind.ED25519: (KeyType.ED25519, 256, {Mechanism.ED25519}),
}


def independent(key: SigningKey, mechanism: Mechanism, signature: bytes) -> None:
    """Raises InvalidSignature unless `signature` is right; written apart from `check_signature`."""
    public_key = load_der_public_key(key.public_key)
    if isinstance(public_key, rsa.RSAPublicKey):
        digest = HASHES[mechanism.digest]
        scheme = (
            padding.PSS(padding.MGF1(digest), salt_length=digest.digest_size)
            if "pss" in mechanism.value
            else padding.PKCS1v15()
        )
        public_key.verify(signature, DATA, scheme, digest)
    elif isinstance(public_key, ec.EllipticCurvePublicKey):
        public_key.verify(signature, DATA, ec.ECDSA(HASHES[mechanism.digest]))
    else:
        assert isinstance(public_key, ed25519.Ed25519PublicKey)
        public_key.verify(signature, DATA)


@pytest.fixture(scope="module")
def token(softhsm_token: MakeToken) -> TokenForTest:
    return softhsm_token()


@pytest.mark.parametrize("kind", EXPECTED, ids=lambda k: k.value)
def test_each_mechanism_makes_a_signature_that_verifies(token: TokenForTest, kind: KeyKind) -> None:
    key: SigningKey = token.key(kind, label=kind.value)
    key_type, bits, mechanisms = EXPECTED[kind]
    assert key.key_type is key_type
    assert key.mechanisms == mechanisms
    assert key.protection is Protection.TOKEN
    for mechanism in mechanisms:
        signature = key.sign(DATA, mechanism=mechanism)
        independent(key, mechanism, signature)
        assert not check_signature(key.public_key, signature, DATA + b".", mechanism=mechanism)
    store: KeyStore = token.store
    info = next(i for i in store.keys() if i.ref.object == kind.value)  # noqa: SIM118  # no dict
    assert (info.key_type, info.bits, info.notes) == (key_type, bits, {})


def test_the_private_key_cannot_leave(token: TokenForTest) -> None:
    token.key(KeyKind.RSA_2048, label="stays")
    with token.store.token(token.ref()).session() as lease:
        (found,) = find(lease.session, {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: "stays"})
        assert found[Attribute.SENSITIVE]
        assert found[Attribute.ALWAYS_SENSITIVE]
        assert not found[Attribute.EXTRACTABLE]
        assert found[Attribute.NEVER_EXTRACTABLE]
        assert len(found[Attribute.ID]) == 20
        for private in (Attribute.PRIVATE_EXPONENT, Attribute.PRIME_1):
            with pytest.raises(Exception, match=r"^$") as refused:
                found[private]
            assert type(refused.value).__name__ == "AttributeSensitive"


@pytest.mark.parametrize(
    ("raw", "mechanism"),
    [(P11Mechanism.RSA_PKCS, Mechanism.RSA_PKCS1_SHA384), (P11Mechanism.RSA_PKCS_PSS, Mechanism.RSA_PSS_SHA512)],
    ids=["pkcs1", "pss"],
)
def test_raw_mechanisms_with_a_digest_made_here(token: TokenForTest, raw: P11Mechanism, mechanism: Mechanism) -> None:
    """Tokens without the combined mechanisms: the second way of the table, on a token that has both."""
    from esign_hsm import mechanisms

    label = f"raw-{mechanism.value}"
    key = token.key(KeyKind.RSA_2048, label=label)
    (way,) = (w for w in mechanisms._WAYS[mechanism] if w.mechanism is raw)
    with token.store.token(token.ref()).session() as lease:
        (found,) = find(lease.session, {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: label})
        given = way.before(DATA)
        assert given.endswith(hashlib.new(mechanism.digest, DATA).digest())
        signature = way.after(found.sign(given, mechanism=way.mechanism, parameter=way.parameter))
    independent(key, mechanism, signature)


def test_a_mechanism_that_the_key_cannot_do(token: TokenForTest) -> None:
    key = token.key(KeyKind.P256, label="only-p256")
    with pytest.raises(KeyStoreError) as refused:
        key.sign(DATA, mechanism=Mechanism.ED25519)
    assert refused.value.code == "mechanism-not-offered"
    assert "ed25519" in str(refused.value)


def test_keys_and_stores_do_not_travel(token: TokenForTest) -> None:
    key = token.key(KeyKind.P256, label="stays-here")
    for thing in (key, token.store):
        with pytest.raises(TypeError, match="belongs to one process"):
            pickle.dumps(thing)
