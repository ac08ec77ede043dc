"""Values at the edge of what a scheme allows: none of these is a signature, and none is an exception."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from esign.cms import Content, der
from esign.cms.algorithms import Scheme, SignatureAlgorithm, Unsupported
from esign.cms.signatures import fits, is_signature
from tests.unit.cms.making import pss, raw_signature

P256 = ec.generate_private_key(ec.SECP256R1())
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
RSA = rsa.generate_private_key(65537, 2048)
ED = ed25519.Ed25519PrivateKey.generate()
MESSAGE = b"what was signed"
R, S = utils.decode_dss_signature(raw_signature(P256, MESSAGE, "sha256", ""))
N = RSA.public_key().public_numbers().n
PKCS1 = raw_signature(RSA, MESSAGE, "sha256", "1.2.840.113549.1.1.11")
EDDSA = ED.sign(MESSAGE)
ED_ORDER = 2**252 + 27742317777372353535851937790883648493


def pair(r: int, s: int) -> bytes:
    return der.sequence(der.integer(r), der.integer(s))


def holds(key: Any, signature: bytes, scheme: Scheme, digest: str = "sha256", **more: Any) -> bool:
    algorithm = SignatureAlgorithm(scheme, digest)
    return is_signature(key.public_key(), signature, Content(MESSAGE), algorithm=algorithm, **more)


def test_the_values_themselves_are_right() -> None:
    assert holds(P256, pair(R, S), Scheme.ECDSA)
    assert holds(P256, pair(R, ORDER - S), Scheme.ECDSA)  # the other of two: CMS has no rule against it
    assert holds(RSA, PKCS1, Scheme.RSA_PKCS1)
    assert holds(ED, EDDSA, Scheme.ED25519)


NO_ECDSA = {
    "r is 0": pair(0, S),
    "s is 0": pair(R, 0),
    "both are 0": pair(0, 0),
    "r is the order": pair(ORDER, S),
    "r beyond the order": pair(R + ORDER, S),
    "s beyond the order": pair(R, S + ORDER),
    "r is negative": pair(-R, S),
    "s is negative": pair(R, -S),
    "both are 1": pair(1, 1),
    "a byte behind": pair(R, S) + b"\0",
    "cut short": pair(R, S)[:-1],
    "one number": der.sequence(der.integer(R)),
    "three parts": der.sequence(der.integer(R), der.integer(S), der.null()),
    "a number with padding": der.sequence(der.encode(b"\x02", R.to_bytes(34)), der.integer(S)),
    "another tag": b"\x31" + pair(R, S)[1:],
    "an indefinite length": b"\x30\x80" + der.integer(R) + der.integer(S) + b"\0\0",
    "nothing": b"",
    "zeros": bytes(64),
    "ones": b"\xff" * 64,
    "a thousand zeros": bytes(1000),
}


@pytest.mark.parametrize("case", NO_ECDSA)
def test_no_ecdsa(case: str) -> None:
    assert not holds(P256, NO_ECDSA[case], Scheme.ECDSA)


NO_PLAIN = {
    "nothing": b"",
    "an odd length": bytes(63),
    "zeros": bytes(64),
    "too long": bytes(66),
    "r alone": R.to_bytes(32),
    "r is 0": bytes(32) + S.to_bytes(32),
}


@pytest.mark.parametrize("case", NO_PLAIN)
def test_no_plain_ecdsa(case: str) -> None:
    assert not holds(P256, NO_PLAIN[case], Scheme.ECDSA_PLAIN)


NO_RSA = {
    "nothing": b"",
    "a byte short": PKCS1[:-1],
    "a zero before": b"\0" + PKCS1,
    "a zero behind": PKCS1 + b"\0",
    "beyond the modulus": (int.from_bytes(PKCS1) + N).to_bytes(257),
    "0": bytes(256),
    "1": (1).to_bytes(256),
    "-1": (N - 1).to_bytes(256),
    "ones": b"\xff" * 256,
    "very long": bytes(100_000),
}


@pytest.mark.parametrize("case", NO_RSA)
def test_no_rsa(case: str) -> None:
    assert not holds(RSA, NO_RSA[case], Scheme.RSA_PKCS1)
    assert not holds(RSA, NO_RSA[case], Scheme.RSA_PSS, parameters=pss("sha256"))


def test_digest_infos_that_are_none() -> None:
    """What is under the padding is compared whole: another digest, another length, raw digests, extra parameters."""
    raw = der.octets(Content(MESSAGE).digest("sha256"))
    sha256 = der.oid("2.16.840.1.101.3.4.2.1")
    public = RSA.public_key().public_numbers()

    def under_padding(inside: bytes) -> bytes:
        block = b"\0\1" + b"\xff" * (256 - 3 - len(inside)) + b"\0" + inside
        return pow(int.from_bytes(block), RSA.private_numbers().d, public.n).to_bytes(256)

    assert holds(RSA, under_padding(der.sequence(der.sequence(sha256, der.null()), raw)), Scheme.RSA_PKCS1)
    assert holds(RSA, under_padding(der.sequence(der.sequence(sha256), raw)), Scheme.RSA_PKCS1)
    for inside in (
        raw[2:],
        der.sequence(der.sequence(der.oid("1.3.14.3.2.26"), der.null()), raw),
        der.sequence(der.sequence(sha256, der.octets(bytes(100))), raw),
        der.sequence(der.sequence(sha256, der.null()), raw) + b"\0",
        der.sequence(der.sequence(sha256, der.null()), raw, der.null()),
    ):
        assert not holds(RSA, under_padding(inside), Scheme.RSA_PKCS1)


def test_no_eddsa() -> None:
    half, number = EDDSA[:32], int.from_bytes(EDDSA[32:], "little")
    shifted = half + (number + ED_ORDER).to_bytes(32, "little")  # RFC 8032 §5.1.7: S is below the order
    for signature in (b"", EDDSA[:-1], EDDSA + b"\0", bytes(64), shifted):
        assert not holds(ED, signature, Scheme.ED25519)


def test_pss_salts() -> None:
    for length in (0, 20, 32, 64):
        chosen = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=length)
        made = RSA.sign(MESSAGE, chosen, hashes.SHA256())
        for said in (0, 20, 32, 64):
            assert holds(RSA, made, Scheme.RSA_PSS, parameters=pss("sha256", salt=said)) is (said == length)


def test_keys_and_schemes_that_do_not_fit() -> None:
    for key, scheme in ((RSA, Scheme.ECDSA), (P256, Scheme.RSA_PKCS1), (ED, Scheme.ED448), (P256, Scheme.DSA)):
        assert not fits(key.public_key(), scheme)
        assert not holds(key, PKCS1, scheme)


def test_a_digest_that_nobody_computes() -> None:
    with pytest.raises(Unsupported):
        holds(RSA, PKCS1, Scheme.RSA_PKCS1, "md2")
    with pytest.raises(Unsupported):
        holds(P256, pair(R, S), Scheme.ECDSA, "2.16.840.1.101.3.4.2.99")
