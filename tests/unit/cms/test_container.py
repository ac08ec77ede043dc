"""Containers as they are found: BER, several signers, what does not belong, and every kind of damage."""

import contextlib
import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from esign.cms import Content, certificate_of, der, parse, parse_token, verify
from esign.cms import attributes as attribute_readers
from esign.cms.ber import Element, Malformed, definite, read
from esign.errors import InputError
from tests.support.office import NOW
from tests.unit.cms.making import CONTENT, PKI_, Maker, attribute, certificate, token

P256 = ec.generate_private_key(ec.SECP256R1())
ES256 = "1.2.840.10045.4.3.2"
PLAIN = Maker(key=P256, signature_oid=ES256)


def is_valid(container: bytes, content: bytes = CONTENT) -> bool:
    signed = parse(container)
    found = certificate_of(signed, signed.signers[0])
    assert found is not None
    return verify(signed.signers[0], found, Content(content), content_type=signed.content_type).valid


def indefinite(element: Element) -> bytes:
    """The same with indefinite lengths wherever they can be, and strings in pieces."""
    if element.tag == 0x04 and len(element.value) > 4:
        half = len(element.value) // 2
        pieces = (element.value[:half], element.value[half:])
        return b"\x24\x80" + b"".join(map(der.octets, pieces)) + b"\0\0"
    if not element.tag & 0x20:
        return element.encoded
    return bytes([element.tag, 0x80]) + b"".join(map(indefinite, element.children())) + b"\0\0"


def test_what_follows_the_container_is_no_part_of_it() -> None:
    container = PLAIN.container()
    assert parse(container + bytes(100)).size == len(container)


def test_indefinite_lengths_and_strings_in_pieces() -> None:
    """RFC 5652 §2: BER; the DER encoding of the attributes is signed."""
    attached = Maker(key=P256, signature_oid=ES256, encapsulated=CONTENT).container()
    for container in (PLAIN.container(), attached):
        outer = read(container)
        kind, inner = outer.children()
        signed = inner.children()[0]
        shell = b"".join(
            p.encoded if p.tag == 0xA0 else indefinite(p) for p in signed.children()
        )  # certificates stay in DER
        ber = b"\x30\x80" + kind.encoded + b"\xa0\x80\x30\x80" + shell + bytes(6)
        assert definite(ber)[1] == len(ber)
        found = parse(ber + bytes(10))
        assert found.size == len(ber)
        assert found.content in {None, CONTENT}
        assert is_valid(ber)


def test_several_signers_are_all_there() -> None:
    signed = parse(Maker(key=P256, signature_oid=ES256, signers=3).container())
    assert len(signed.signers) == 3


def test_certificates_that_cannot_be_used_are_skipped_and_named() -> None:
    junk = [b"\x30\x03\x02\x01\x01", b"\xa2\x03\x02\x01\x01", b"\xa1\x03\x02\x01\x01", b"\xa3\x03\x02\x01\x01"]
    maker = Maker(key=P256, signature_oid=ES256)
    maker.certificates = [*junk, maker.certificate]
    signed = parse(maker.container())
    assert signed.skipped == (
        "malformed-certificate",
        "attribute-certificate",
        "attribute-certificate",
        "other-certificate",
    )
    assert len(signed.certificates) == 1
    assert is_valid(maker.container())


def test_revocation_data_in_all_its_places() -> None:
    crl = PKI_.issuing.crl(at=NOW)
    basic = der.sequence(der.integer(1))
    response = attribute_readers.ocsp_response(basic)
    others = (("1.3.6.1.5.5.7.16.2", response), ("1.3.6.1.5.5.7.48.1.1", basic), ("1.2.3", basic))
    listed = b"".join(b"\xa1" + der.sequence(der.oid(kind), value)[1:] for kind, value in others)
    signed = parse(Maker(key=P256, signature_oid=ES256, crls=crl + listed).container())
    assert signed.crls == (crl,)
    assert signed.ocsps == (response, response)
    assert signed.skipped == ("other-revocation-data",)
    archival = der.sequence(der.context(0, der.sequence(crl)), der.context(1, der.sequence(response)))
    values = der.sequence(der.context(0, der.sequence(crl)), der.context(1, der.sequence(basic)))
    for oid, value in (("1.2.840.113583.1.1.8", archival), ("1.2.840.113549.1.9.16.2.24", values)):
        signer = parse(Maker(key=P256, signature_oid=ES256, extra=[attribute(oid, value)]).container()).signers[0]
        assert signer.signed is not None
        assert attribute_readers.revocation_values(signer.signed) == ((crl,), (response,))


def test_the_certificate_is_the_one_that_the_digest_names() -> None:
    """EN 319 102-1 §5.2.3.4: issuer and serial number are not signed, signing-certificate-v2 is."""
    own, other = (certificate(P256.public_key()) for _ in range(2))
    named = der.sequence(der.sequence(der.sequence(der.octets(hashlib.sha256(own).digest()))))
    extra = [attribute("1.2.840.113549.1.9.16.2.47", named)]
    maker = Maker(
        key=P256, signature_oid=ES256, extra=extra, certificate=other, certificates=[other, own]
    )  # the identifier says `other`
    signed = parse(maker.container())
    found = certificate_of(signed, signed.signers[0])
    assert found is not None
    assert found.der == own


def test_a_certificate_may_be_elsewhere() -> None:
    from esign.cms import EmbeddedCertificate

    maker = Maker(key=P256, signature_oid=ES256, certificates=[])
    signed = parse(maker.container())
    assert certificate_of(signed, signed.signers[0]) is None
    known = EmbeddedCertificate.read(maker.certificate)
    assert certificate_of(signed, signed.signers[0], [known]) is known


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"0",
        b"\x30\x80",
        b"\x30\x80" * 5000,
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x03\x06\x01\x2a",
        der.sequence(der.oid("1.2.840.113549.1.7.1"), der.context(0, der.octets(b"x"))),
        der.sequence(der.oid("1.2.840.113549.1.7.2"), der.context(0, b"")),
        der.sequence(der.oid("1.2.840.113549.1.7.2"), der.context(0, der.sequence())),
        bytes(1000),
        b"\x1f\x80\x00",
        b"\x1f\x81\x81\x81\x81\x81\x01\x00",
    ],
)
def test_what_is_no_container_is_a_typed_error(raw: bytes) -> None:
    with pytest.raises(InputError) as e:
        parse(raw)
    assert e.value.code == "cms-unreadable"
    with pytest.raises(InputError) as e:
        parse_token(raw)
    assert e.value.code == "timestamp-unreadable"


def test_too_many_certificates_are_not_looked_at() -> None:
    with pytest.raises(InputError):
        parse(Maker(key=P256, signature_oid=ES256, certificates=[b"\x30\x00"] * 1001).container())


def test_attributes_speak() -> None:
    policy = der.sequence(
        der.oid("1.2.3.4.5"), der.sequence(der.sequence(der.oid("2.16.840.1.101.3.4.2.1")), der.octets(b"h" * 32))
    )
    extra = [
        attribute("1.2.840.113549.1.9.5", der.encode(b"\x18", b"20500101000000.25Z")),
        attribute("1.2.840.113549.1.9.16.2.15", policy),
        attribute("1.2.840.113549.1.9.16.2.16", der.sequence(der.oid("1.2.840.113549.1.9.16.6.1"))),
    ]
    signed = parse(Maker(key=P256, signature_oid=ES256, extra=extra).container()).signers[0].signed
    assert signed is not None
    time = attribute_readers.signing_time(signed)
    assert time is not None
    assert time.isoformat() == "2050-01-01T00:00:00.250000+00:00"
    found = attribute_readers.signature_policy(signed)
    assert found == attribute_readers.SignaturePolicy(identifier="1.2.3.4.5", algorithm="sha256", digest=b"h" * 32)


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        (0x17, b"261120030405Z", "2026-11-20T03:04:05+00:00"),
        (0x17, b"2611200304Z", "2026-11-20T03:04:00+00:00"),
        (0x17, b"501120030405Z", "1950-11-20T03:04:05+00:00"),
        (0x17, b"261120100405+0700", "2026-11-20T03:04:05+00:00"),
        (0x18, b"20261120030405.5Z", "2026-11-20T03:04:05.500000+00:00"),
        (0x18, b"20261120030405", None),
        (0x18, b"20261320030405Z", None),
        (0x18, b"2026112003040\xb2Z", None),
        (0x18, b"99991231235959-0800", None),
        (0x17, b"", None),
        (0x0C, b"20261120030405Z", None),
    ],
)
def test_times(form: int, text: bytes, expected: str | None) -> None:
    element = read(der.encode(bytes([form]), text))
    if expected is None:
        with pytest.raises(Malformed):
            element.time()
    else:
        assert element.time().isoformat() == expected


TOKEN = token(hashlib.sha256(CONTENT).digest())


def test_a_token_says_what_was_stamped_when() -> None:
    found = parse_token(TOKEN)
    assert found.time.isoformat() == "2026-11-20T03:04:05+00:00"
    assert (found.policy, found.serial, found.nonce) == ("1.2.3.4", 77, None)
    assert found.matches(CONTENT)
    assert found.matches(Content(CONTENT[:3], CONTENT[3:]))
    assert not found.matches(b"other")
    assert found.verify().valid


def test_the_optional_parts_of_a_token() -> None:
    accuracy = der.sequence(der.integer(1), b"\x80\x02\x01\xf4", b"\x81\x01\x64")
    authority = der.context(0, der.context(4, PKI_.root.certificate.subject.public_bytes()))
    extra = accuracy + b"\x01\x01\xff" + der.integer(2**63) + authority
    found = parse_token(token(bytes(32), extra=extra))
    assert found.accuracy.total_seconds() == 1.5001
    assert found.ordering
    assert found.nonce == 2**63
    assert found.authority == der.context(4, PKI_.root.certificate.subject.public_bytes())


def test_a_token_with_an_unknown_digest_is_undecided() -> None:
    changed = TOKEN.replace(der.oid("2.16.840.1.101.3.4.2.1"), der.oid("2.16.840.1.101.3.4.2.99"))
    assert parse_token(changed).matches(CONTENT) is None


def test_a_signature_is_no_token() -> None:
    with pytest.raises(InputError):
        parse_token(PLAIN.container())


CONTAINERS = [PLAIN.container(), TOKEN]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damage_ends_in_a_typed_error_or_a_verdict(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(CONTAINERS)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        kind = data.draw(st.sampled_from(["flip", "set", "cut", "insert", "swap"]))
        if kind == "flip":
            raw[at] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "set":
            raw[at] = data.draw(st.sampled_from([0, 0x30, 0x80, 0xA0, 0xFF, 0x84]))
        elif kind == "cut":
            del raw[at : at + data.draw(st.integers(1, 40))]
        elif kind == "insert":
            raw[at:at] = data.draw(st.binary(max_size=8))
        else:
            other = data.draw(st.integers(0, len(raw) - 1))
            raw[at : at + 8], raw[other : other + 8] = raw[other : other + 8], raw[at : at + 8]
        if not raw:
            return
    everything(bytes(raw))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_end_in_a_typed_error(raw: bytes) -> None:
    everything(raw)
    everything(der.sequence(der.oid("1.2.840.113549.1.7.2"), der.context(0, der.sequence(raw))))


def everything(raw: bytes) -> None:
    """Whatever a verifier asks; only `InputError` and, of an attribute, `Malformed` may come out."""
    try:
        signed = parse(raw)
    except InputError:
        return
    for signer in signed.signers:
        found = certificate_of(signed, signer)
        if found is not None:
            verify(signer, found, Content(CONTENT), content_type=signed.content_type)
        for ask in (
            attribute_readers.signing_time,
            attribute_readers.signing_certificates,
            attribute_readers.signature_policy,
            attribute_readers.revocation_values,
        ):
            with contextlib.suppress(Malformed):
                ask(signer.signed or signer.unsigned)
    try:
        found_token = parse_token(raw)
    except InputError:
        return
    found_token.matches(CONTENT)
    found_token.verify()


OPENSSL = [
    ("rsa:2048", ["-md", "sha256"]),
    ("rsa:2048", ["-md", "sha256", "-noattr"]),
    ("rsa:2048", ["-md", "sha256", "-keyid"]),
    ("rsa:2048", ["-md", "sha256", "-cades"]),
    ("rsa:2048", ["-md", "sha1"]),
    ("rsa:2048", ["-md", "sha3-256"]),
    ("rsa:2048", ["-md", "sha512", "-keyopt", "rsa_padding_mode:pss"]),
    ("rsa:2048", ["-md", "sha256", "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:0"]),
    ("rsa:2048", ["-md", "sha256", "-nodetach", "-stream", "-indef"]),
    ("P-256", ["-md", "sha256"]),
    ("P-521", ["-md", "sha512", "-cades"]),
    ("brainpoolP384r1", ["-md", "sha384"]),
]


@pytest.mark.parametrize(("kind", "options"), OPENSSL, ids=lambda v: " ".join(v) if isinstance(v, list) else v)
def test_what_openssl_signs_is_valid(tmp_path: Path, kind: str, options: list[str]) -> None:
    def run(*arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert not done.returncode, done.stderr

    new = ["rsa:2048"] if kind.startswith("rsa") else ["ec", "-pkeyopt", f"ec_paramgen_curve:{kind}"]
    run("req", "-x509", "-newkey", *new, "-nodes", "-keyout", "k", "-out", "c", "-subj", "/CN=specimen")
    (tmp_path / "data").write_bytes(CONTENT)
    signing = ["-signer", "c", "-inkey", "k", "-outform", "DER", "-out", "s"]
    run("cms", "-sign", "-binary", "-in", "data", *signing, *options)
    container = (tmp_path / "s").read_bytes()
    assert parse(container).size == len(container)
    assert is_valid(container)
    assert not is_valid(container, b"other")
