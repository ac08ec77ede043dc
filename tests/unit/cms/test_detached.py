"""A detached signature says who signed, or nobody: whatever is not one signer's, over this content, is nobody's."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from esign.cms.detached import sign_detached, signer_of
from esign.errors import InputError, SigningError
from esign.keys import Mechanism
from esign.softkey import SoftwareKey
from tests.support.pki import PKI, der, name

CONTENT = b"what is signed"
BINARY = PKCS7Options.Binary
DETACHED = PKCS7Options.DetachedSignature


@pytest.fixture(scope="module")
def pki() -> PKI:
    return PKI.create()


def signed(pki: PKI, *people: str, options: tuple[PKCS7Options, ...]) -> bytes:
    """By software that we did not write."""
    builder = PKCS7SignatureBuilder().set_data(CONTENT)
    for person in people:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = builder.add_signer(pki.issuing.certify(key.public_key(), name(person)), key, hashes.SHA256())
    return builder.sign(Encoding.DER, options)


def test_the_signer_comes_first_and_then_what_came_along(pki: PKI) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    key = SoftwareKey.from_private_key(private, pki.chain(pki.issuing.certify(private.public_key(), name("A"))))
    made = sign_detached(CONTENT, key, mechanism=Mechanism.ECDSA_P256_SHA256)
    assert signer_of(CONTENT, made) == key.certificates
    assert signer_of(CONTENT + b" ", made) == ()
    assert der(pki.issuing.certificate) in signer_of(CONTENT, made)


def test_what_other_software_signed_is_read(pki: PKI) -> None:
    assert len(signer_of(CONTENT, signed(pki, "A", options=(BINARY, DETACHED)))) == 1


@pytest.mark.parametrize(
    ("people", "options"),
    [
        (("A",), (BINARY,)),  # another content might stand inside
        (("A", "B"), (BINARY, DETACHED)),
        (("A",), (BINARY, DETACHED, PKCS7Options.NoCerts)),
    ],
    ids=["not detached", "two signers", "no certificate"],
)
def test_what_has_another_form_is_nobodys(people: tuple[str, ...], options: tuple[PKCS7Options, ...], pki: PKI) -> None:
    assert signer_of(CONTENT, signed(pki, *people, options=options)) == ()


def test_what_is_no_container_is_refused() -> None:
    with pytest.raises(InputError, match="CMS"):
        signer_of(CONTENT, b"\x30\x03abc")


def test_a_key_without_certificate_signs_nothing() -> None:
    key = SoftwareKey.from_private_key(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(SigningError) as caught:
        sign_detached(CONTENT, key, mechanism=Mechanism.ECDSA_P256_SHA256)
    assert caught.value.code == "no-certificate"
