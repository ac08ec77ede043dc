"""A container is taken apart by the template that it was made from, or not at all."""

import hashlib

import pytest

from esign.cms.baseline import ContainerTemplate
from esign.keys import Mechanism
from tests.support.pki import PKI, der

_DIGEST = hashlib.sha256(b"document").digest()


@pytest.fixture(scope="module")
def chain() -> tuple[bytes, ...]:
    pki = PKI.create()
    return tuple(map(der, (pki.issuing.certificate, pki.root.certificate)))


@pytest.mark.parametrize(
    ("mechanism", "length"),
    [
        *((Mechanism.RSA_PKCS1_SHA256, n) for n in (256, 384, 512)),
        *((Mechanism.ECDSA_P256_SHA256, n) for n in (8, 69, 70, 71, 72)),
        (Mechanism.ED25519, 64),
    ],
)
def test_the_signature_is_found_again(chain: tuple[bytes, ...], mechanism: Mechanism, length: int) -> None:
    template = ContainerTemplate(chain, mechanism)
    digest = hashlib.new(mechanism.digest, b"document").digest()
    signature = bytes(range(1, 1 + length % 250)).ljust(length, b"\x00")
    digits = template.hexadecimal(digest, signature)
    for room in (0, 2, 40):
        padded = digits + b"0" * room
        assert ContainerTemplate(chain, mechanism).signature_in(padded, digest) == signature
        assert template.signature_in(padded, digest) == signature


def test_nothing_else_is_taken_for_a_container(chain: tuple[bytes, ...]) -> None:
    template = ContainerTemplate(chain, Mechanism.ECDSA_P256_SHA256)
    digits = template.hexadecimal(_DIGEST, b"s" * 70) + b"0" * 20
    assert template.signature_in(digits, _DIGEST) == b"s" * 70
    slips = [
        digits[:at] + (b"1" if digits[at : at + 1] != b"1" else b"2") + digits[at + 1 :] for at in range(0, 900, 7)
    ]
    end = len(digits) - 20
    slips += [digits[:end] + b"1" + digits[end + 1 :], digits[:-1] + b"f", digits[: end - 2], digits[:4], b""]
    slips += [digits.upper(), b"zz" + digits[2:], b"\xff" * len(digits), b"0" * len(digits), b"30" + b"0" * 40]
    for slip in slips:
        assert template.signature_in(slip, _DIGEST) is None
    assert template.signature_in(digits, hashlib.sha256(b"another").digest()) is None
    other = ContainerTemplate(chain[::-1], Mechanism.ECDSA_P256_SHA256)
    assert other.signature_in(digits, _DIGEST) is None
