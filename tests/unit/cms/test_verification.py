"""Every algorithm and every way of writing a signer is verified, or named as unsupported."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa, utils

from esign.cms import (
    Content,
    EmbeddedCertificate,
    Problem,
    Validity,
    Value,
    certificate_of,
    der,
    parse,
    verify,
    verify_rsa_sha1,
)
from esign.cms.keys import load_public_key
from esign.keys import Mechanism
from tests.unit.cms.making import CONTENT, Maker, attribute, certificate, pss, spki

RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
KEYS: dict[str, Any] = {
    "rsa": RSA,
    "p256": P256,
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "p521": ec.generate_private_key(ec.SECP521R1()),
    "bp256": ec.generate_private_key(ec.BrainpoolP256R1()),
    "bp384": ec.generate_private_key(ec.BrainpoolP384R1()),
    "bp512": ec.generate_private_key(ec.BrainpoolP512R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "ed448": ed448.Ed448PrivateKey.generate(),
    "dsa": dsa.generate_private_key(2048),
}
NIST = "2.16.840.1.101.3.4"
PLAIN = "0.4.0.127.0.7.1.1.4.1"
PKCS = "1.2.840.113549.1.1"
MD5, SHA1 = "1.2.840.113549.2.5", "1.3.14.3.2.26"
SHA256, SHA384, SHA512, SHA224 = (f"{NIST}.2.{n}" for n in (1, 2, 3, 4))
SHA3_224, SHA3_256, SHA3_384, SHA3_512 = (f"{NIST}.2.{n}" for n in (7, 8, 9, 10))
SHAKE256 = f"{NIST}.2.12"


def value_of(maker: Maker, content: bytes = CONTENT) -> Value:
    signed = parse(maker.container())
    found = certificate_of(signed, signed.signers[0])
    assert found is not None
    return verify(signed.signers[0], found, Content(content[:5], content[5:]), content_type=signed.content_type)


SUPPORTED = [
    # key, digest, signature, parameters, mechanism
    ("rsa", SHA256, f"{PKCS}.11", b"\x05\x00", "rsa-pkcs1-sha256"),
    ("rsa", SHA256, f"{PKCS}.1", b"\x05\x00", "rsa-pkcs1-sha256"),
    ("rsa", SHA256, f"{PKCS}.1", b"", "rsa-pkcs1-sha256"),
    ("rsa", SHA1, f"{PKCS}.5", b"", "rsa-pkcs1-sha1"),
    ("rsa", SHA1, "1.3.14.3.2.29", b"", "rsa-pkcs1-sha1"),
    ("rsa", MD5, f"{PKCS}.4", b"", "rsa-pkcs1-md5"),
    ("rsa", SHA224, f"{PKCS}.14", b"", "rsa-pkcs1-sha224"),
    ("rsa", SHA384, f"{PKCS}.12", b"", "rsa-pkcs1-sha384"),
    ("rsa", SHA512, f"{PKCS}.13", b"", "rsa-pkcs1-sha512"),
    ("rsa", SHA3_256, f"{NIST}.3.14", b"", "rsa-pkcs1-sha3_256"),
    ("rsa", SHA3_512, f"{NIST}.3.16", b"", "rsa-pkcs1-sha3_512"),
    ("rsa", SHA3_384, f"{PKCS}.1", b"", "rsa-pkcs1-sha3_384"),
    ("rsa", SHA1, f"{PKCS}.10", b"", "rsa-pss-sha1"),
    ("rsa", SHA1, f"{PKCS}.10", der.sequence(), "rsa-pss-sha1"),
    ("rsa", SHA256, f"{PKCS}.10", pss("sha256"), "rsa-pss-sha256"),
    ("rsa", SHA256, f"{PKCS}.10", pss("sha256", trailer=1), "rsa-pss-sha256"),
    ("rsa", SHA384, f"{PKCS}.10", pss("sha384"), "rsa-pss-sha384"),
    ("rsa", SHA512, f"{PKCS}.10", pss("sha512"), "rsa-pss-sha512"),
    ("p256", SHA256, "1.2.840.10045.4.3.2", b"", "ecdsa-p256-sha256"),
    ("p256", SHA256, "1.2.840.10045.2.1", b"", "ecdsa-p256-sha256"),
    ("p256", SHA1, "1.2.840.10045.4.1", b"", "ecdsa-p256-sha1"),
    ("p256", SHA224, "1.2.840.10045.4.3.1", b"", "ecdsa-p256-sha224"),
    ("p256", SHA256, "1.2.840.10045.4.3", der.sequence(der.oid(SHA256)), "ecdsa-p256-sha256"),
    ("p256", SHA512, "1.2.840.10045.4.3.4", b"", "ecdsa-p256-sha512"),
    ("p384", SHA384, "1.2.840.10045.4.3.3", b"", "ecdsa-p384-sha384"),
    ("p521", SHA512, "1.2.840.10045.4.3.4", b"", "ecdsa-p521-sha512"),
    ("p384", SHA3_384, f"{NIST}.3.11", b"", "ecdsa-p384-sha3_384"),
    ("p256", SHA3_224, f"{NIST}.3.9", b"", "ecdsa-p256-sha3_224"),
    ("bp256", SHA256, "1.2.840.10045.4.3.2", b"", "ecdsa-brainpoolP256r1-sha256"),
    ("bp384", SHA384, "1.2.840.10045.4.3.3", b"", "ecdsa-brainpoolP384r1-sha384"),
    ("bp512", SHA512, "1.2.840.10045.4.3.4", b"", "ecdsa-brainpoolP512r1-sha512"),
    ("p256", SHA256, f"{PLAIN}.3", b"", "ecdsa-plain-p256-sha256"),
    ("p384", SHA384, f"{PLAIN}.4", b"", "ecdsa-plain-p384-sha384"),
    ("p521", SHA512, f"{PLAIN}.5", b"", "ecdsa-plain-p521-sha512"),
    ("bp256", SHA256, f"{PLAIN}.3", b"", "ecdsa-plain-brainpoolP256r1-sha256"),
    ("p256", SHA3_256, f"{PLAIN}.9", b"", "ecdsa-plain-p256-sha3_256"),
    ("ed25519", SHA512, "1.3.101.112", b"", "ed25519"),
    ("ed25519", SHA256, "1.3.101.112", b"", "ed25519"),
    ("ed448", SHAKE256, "1.3.101.113", b"", "ed448"),
    ("dsa", SHA1, "1.2.840.10040.4.3", b"", "dsa-sha1"),
    ("dsa", SHA256, f"{NIST}.3.2", b"", "dsa-sha256"),
    ("dsa", SHA256, "1.2.840.10040.4.1", b"", "dsa-sha256"),
    ("dsa", SHA3_256, f"{NIST}.3.6", b"", "dsa-sha3_256"),
    # The identifier of a scheme where that of its digest belongs, and the other way round.
    ("rsa", f"{PKCS}.11", f"{PKCS}.11", b"", "rsa-pkcs1-sha256"),
    ("rsa", f"{PKCS}.5", f"{PKCS}.1", b"", "rsa-pkcs1-sha1"),
    ("p256", "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.2", b"", "ecdsa-p256-sha256"),
    ("rsa", SHA256, SHA256, b"", "rsa-pkcs1-sha256"),
    ("p256", SHA256, SHA256, b"", "ecdsa-p256-sha256"),
]


@pytest.mark.parametrize("attributes", [True, False], ids=["attributes", "bare"])
@pytest.mark.parametrize(
    ("key", "digest", "signature", "parameters", "mechanism"), SUPPORTED, ids=lambda v: str(v)[:30]
)
def test_an_algorithm_is_verified(
    key: str, digest: str, signature: str, parameters: bytes, mechanism: str, *, attributes: bool
) -> None:
    maker = Maker(
        key=KEYS[key],
        digest_oid=digest,
        signature_oid=signature,
        signature_parameters=parameters,
        attributes=attributes,
    )
    found = value_of(maker)
    assert (found.valid, found.mechanism, found.problems, found.unsupported) == (True, mechanism, frozenset(), "")
    assert found.key
    other = value_of(maker, CONTENT + b".")
    assert other.digest is Validity.INVALID
    assert other.signature is (Validity.VALID if attributes else Validity.INVALID)
    made = maker.value()
    broken = Maker(
        key=KEYS[key],
        digest_oid=digest,
        signature_oid=signature,
        signature_parameters=parameters,
        attributes=attributes,
        signature=made[:-1] + bytes([made[-1] ^ 1]),
    )
    assert value_of(broken).signature is Validity.INVALID


def test_our_own_mechanisms_keep_their_names() -> None:
    named = {mechanism for *_, mechanism in SUPPORTED}
    assert {m.value for m in Mechanism} <= named | {"rsa-pkcs1-sha384", "rsa-pkcs1-sha512"}


UNSUPPORTED = [
    ("rsa", SHA256, f"{PKCS}.10", pss("sha256", trailer=2), "PSS with another trailer"),
    ("rsa", SHA256, "1.3.6.1.5.5.7.6.30", b"", "1.3.6.1.5.5.7.6.30"),  # PSS with SHAKE128
    ("rsa", SHA256, f"{PKCS}.2", b"", "md2"),
    ("p256", SHA256, "1.2.156.10197.1.501", b"", "1.2.156.10197.1.501"),  # SM2
    ("p256", SHA256, f"{NIST}.3.17", b"", f"{NIST}.3.17"),  # ML-DSA-44
    ("rsa", SHA256, "1.2.643.7.1.1.3.2", b"", "1.2.643.7.1.1.3.2"),  # GOST
]


@pytest.mark.parametrize(("key", "digest", "signature", "parameters", "named"), UNSUPPORTED)
def test_what_is_not_supported_is_named(key: str, digest: str, signature: str, parameters: bytes, named: str) -> None:
    maker = Maker(key=KEYS[key], digest_oid=digest, signature_oid=signature, signature_parameters=parameters)
    found = value_of(maker)
    assert found.signature is Validity.UNSUPPORTED
    assert found.unsupported == named
    assert not found.valid


def test_an_unknown_digest_is_named() -> None:
    maker = Maker(key=RSA, signature_oid=f"{PKCS}.11", content=CONTENT)
    container = maker.container().replace(der.oid(SHA256), der.oid("2.16.840.1.101.3.4.2.99"))
    signed = parse(container)
    found = certificate_of(signed, signed.signers[0])
    assert found is not None
    value = verify(signed.signers[0], found, Content(CONTENT), content_type=signed.content_type)
    assert value.digest is Validity.UNSUPPORTED
    assert value.unsupported == "2.16.840.1.101.3.4.2.99"


def test_a_curve_that_is_not_supported_is_named() -> None:
    known = spki(P256.public_key())
    curve = known.replace(der.oid("1.2.840.10045.3.1.7"), der.oid("1.2.840.10045.3.1.99"))
    broken = _with_key(certificate(P256.public_key()), P256.public_key(), curve)
    found = value_of(Maker(key=P256, signature_oid="1.2.840.10045.4.3.2", certificate=broken))
    assert (found.signature, found.unsupported) == (Validity.UNSUPPORTED, "1.2.840.10045.3.1.99")


def test_a_key_of_another_kind_verifies_nothing() -> None:
    maker = Maker(key=RSA, signature_oid=f"{PKCS}.11", certificate=certificate(P256.public_key()))
    found = value_of(maker)
    assert found.signature is Validity.INVALID
    assert Problem.KEY in found.problems


@pytest.mark.parametrize("changes", [{"mask": "sha1"}, {"salt": 20}, {"mask": "sha512", "salt": 0}])
def test_pss_parameters_count(changes: dict[str, Any]) -> None:
    parameters = pss("sha256", **changes)
    assert not value_of(Maker(key=RSA, signature_oid=f"{PKCS}.10", signature_parameters=parameters)).valid


def test_a_pss_key_that_is_bound_to_parameters_signs_with_no_others() -> None:
    bound = der.sequence(
        der.sequence(der.oid(f"{PKCS}.10"), pss("sha512")), der.encode(b"\x03", b"\0" + _rsa_pair(RSA.public_key()))
    )
    for parameters, digest, valid in ((pss("sha256"), SHA256, False), (pss("sha512"), SHA512, True)):
        maker = Maker(
            key=RSA,
            digest_oid=digest,
            signature_oid=f"{PKCS}.10",
            signature_parameters=parameters,
            certificate=_with_key(certificate(RSA.public_key()), RSA.public_key(), bound),
        )
        assert value_of(maker).valid is valid


def _rsa_pair(key: rsa.RSAPublicKey, modulus: bytes = b"") -> bytes:
    numbers = key.public_numbers()
    first = der.encode(b"\x02", modulus) if modulus else der.integer(numbers.n)
    return der.sequence(first, der.integer(numbers.e))


def _with_key(certificate_: bytes, old: Any, new: bytes) -> bytes:
    """A certificate with another key; its issuer's signature breaks, which is no matter here."""
    from esign.cms.ber import read

    tbs, *rest = read(certificate_).children()
    parts = [new if p.encoded == spki(old) else p.encoded for p in tbs.children()]
    return der.sequence(der.sequence(*parts), *(r.encoded for r in rest))


def test_a_modulus_that_reads_as_a_negative_number_is_taken_as_it_was_meant() -> None:
    """Estonian cards of 2014–2017 leave the leading zero out."""
    numbers = RSA.public_key().public_numbers()
    negative = der.sequence(
        der.sequence(der.oid(f"{PKCS}.1"), der.null()),
        der.encode(b"\x03", b"\0" + _rsa_pair(RSA.public_key(), numbers.n.to_bytes(256))),
    )
    maker = Maker(
        key=RSA,
        signature_oid=f"{PKCS}.11",
        certificate=_with_key(certificate(RSA.public_key()), RSA.public_key(), negative),
    )
    found = value_of(maker)
    assert found.valid
    assert found.key == "RSA-2048"


@pytest.mark.parametrize("exponent", [2**64 + 13, 2**2000 + 1])
def test_an_oversized_exponent_is_no_exception(exponent: int) -> None:
    numbers = RSA.public_key().public_numbers()
    pair = der.sequence(der.integer(numbers.n), der.integer(exponent))
    odd = der.sequence(der.sequence(der.oid(f"{PKCS}.1"), der.null()), der.encode(b"\x03", b"\0" + pair))
    broken = _with_key(certificate(RSA.public_key()), RSA.public_key(), odd)
    found = value_of(Maker(key=RSA, signature_oid=f"{PKCS}.11", certificate=broken))
    assert found.signature in {Validity.INVALID, Validity.UNSUPPORTED}


def test_plain_ecdsa_under_the_identifier_of_the_other_form() -> None:
    maker = Maker(key=P256, signature_oid="1.2.840.10045.4.3.2")
    r, s = utils.decode_dss_signature(maker.value())
    plain = Maker(
        key=P256,
        signature_oid="1.2.840.10045.4.3.2",
        signature=r.to_bytes(32) + s.to_bytes(32),
        certificate=maker.certificate,
    )
    assert value_of(plain).valid


def test_attributes_in_another_order_are_verified_and_named() -> None:
    extra = [attribute("1.2.840.113549.1.9.5", der.encode(b"\x17", b"261120030405Z"))]
    for sign_sorted in (True, False):
        maker = Maker(
            key=RSA,
            signature_oid=f"{PKCS}.11",
            extra=[*reversed(extra), attribute("1.2.3", der.null())],
            order=False,
            sign_sorted=sign_sorted,
        )
        found = value_of(maker)
        assert found.valid
        assert Problem.ATTRIBUTES_NOT_DER in found.problems


def test_two_digests_that_differ_are_verified_as_made_and_named() -> None:
    for made in ("sha1", "sha256"):
        maker = Maker(key=RSA, signature_oid=f"{PKCS}.5", signed_digest=made)
        found = value_of(maker)
        assert (found.valid, found.mechanism) == (True, f"rsa-pkcs1-{made}")
        assert Problem.DIGESTS_DIFFER in found.problems


def test_protected_algorithms_must_be_those_in_use() -> None:
    """RFC 6211: else an attacker moves a signature under a weaker algorithm."""
    kinds = {True: f"{PKCS}.11", False: f"{PKCS}.12"}
    for same, oid in kinds.items():
        protected = der.sequence(der.sequence(der.oid(SHA256)), b"\xa1" + der.sequence(der.oid(oid), der.null())[1:])
        maker = Maker(
            key=RSA,
            signature_oid=f"{PKCS}.11",
            signature_parameters=b"\x05\x00",
            extra=[attribute("1.2.840.113549.1.9.52", protected)],
        )
        assert (Problem.ALGORITHM_PROTECTION in value_of(maker).problems) is not same


def test_two_message_digests_are_none() -> None:
    again = attribute("1.2.840.113549.1.9.4", der.octets(bytes(32)))
    found = value_of(Maker(key=RSA, signature_oid=f"{PKCS}.11", extra=[again]))
    assert found.digest is Validity.INVALID
    assert Problem.ATTRIBUTES_MALFORMED in found.problems


def test_attributes_without_a_digest_of_the_content_prove_nothing() -> None:
    class Bare(Maker):
        def signed_attributes(self) -> list[bytes]:
            return super().signed_attributes()[:1]

    found = value_of(Bare(key=RSA, signature_oid=f"{PKCS}.11"))
    assert found.signature is Validity.VALID
    assert found.digest is Validity.INVALID
    assert Problem.MESSAGE_DIGEST in found.problems


def test_a_forged_padding_is_seen() -> None:
    """Bleichenbacher 2006: DigestInfo with garbage behind it, a cube root of which is easy for e = 3."""
    key = rsa.generate_private_key(3, 2048)
    maker = Maker(key=key, signature_oid=f"{PKCS}.11")
    good = key.sign(maker.to_be_signed(), padding.PKCS1v15(), hashes.SHA256())
    block = pow(int.from_bytes(good), 3, key.public_key().public_numbers().n).to_bytes(256)
    short = b"\0\1" + b"\xff" * 8 + block[-52:]
    target = int.from_bytes(short.ljust(256, b"\0"))
    low = 1
    high = 1 << 700
    while low < high:  # the smallest cube above the target
        middle = (low + high) // 2
        low, high = (low, middle) if middle**3 >= target else (middle + 1, high)
    assert (low**3).to_bytes(256).startswith(short)
    forged = Maker(key=key, signature_oid=f"{PKCS}.11", signature=low.to_bytes(256), certificate=maker.certificate)
    assert value_of(forged).signature is Validity.INVALID


def test_rsa_sha1_signs_without_a_container() -> None:
    embedded = EmbeddedCertificate.read(certificate(RSA.public_key()))
    for algorithm, name in ((hashes.SHA1(), "sha1"), (hashes.SHA256(), "sha256")):
        made = der.octets(RSA.sign(CONTENT, padding.PKCS1v15(), algorithm))
        found = verify_rsa_sha1(embedded, made, Content(CONTENT))
        assert (found.valid, found.mechanism) == (True, f"rsa-pkcs1-{name}")
        assert not verify_rsa_sha1(embedded, made, Content(b"other")).valid
    assert not verify_rsa_sha1(embedded, b"\x04\x02\x00", Content(CONTENT)).valid
    other = EmbeddedCertificate.read(certificate(P256.public_key()))
    assert verify_rsa_sha1(other, made, Content(CONTENT)).signature is Validity.UNSUPPORTED


def test_keys_load_once() -> None:
    key = spki(RSA.public_key())
    assert load_public_key(key) is load_public_key(key)
