"""Signatures of every form and algorithm inside a PDF: verified, or named; what each block says, and the level."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from esign.cms import der
from esign.cms.ber import read
from esign.pades.inspect import Inspection, inspect_signatures
from esign.report import Block, Indication, Integrity, SubIndication
from esign.trust import TrustStore
from tests.support.office import NOW
from tests.support.pki import der as encoded
from tests.support.pki import pem
from tests.unit.cms.making import PKI_, Maker, attribute, certificate, token
from tests.unit.pades.containers import SignedPDF, said

P256 = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
ES256, RS256 = "1.2.840.10045.4.3.2", "1.2.840.113549.1.1.11"
OWN = certificate(P256.public_key())
ISSUER = encoded(PKI_.issuing.certificate)
TRUST = TrustStore.from_pem(
    pem([PKI_.root.certificate]), intermediates=[pem([PKI_.issuing.certificate])], crls=PKI_.crls(at=NOW)
)


def reference(certificate_: bytes, *, digest: str = "sha256") -> bytes:
    """signing-certificate-v2."""
    named = der.octets(hashlib.new(digest, certificate_).digest())
    return attribute("1.2.840.113549.1.9.16.2.47", der.sequence(der.sequence(der.sequence(named))))


def signer(content: bytes, **changes: Any) -> Maker:
    given = {"key": P256, "signature_oid": ES256, "certificate": OWN, "extra": [reference(OWN)], **changes}
    return Maker(content=content, **given)


def signed(
    *, subfilter: str = "ETSI.CAdES.detached", entries: bytes = b"", date: str | None = None, **changes: Any
) -> bytes:
    def make(content: bytes) -> bytes:
        return signer(content, **changes).container()

    more = {} if date is None else {"date": date}
    return bytes(SignedPDF().sign(make, subfilter=subfilter, entries=entries, **more))


def inspect(pdf: bytes, trust: TrustStore = TRUST, **more: Any) -> Inspection:
    return inspect_signatures(pdf, trust=trust, at=NOW, **more)


def test_a_baseline_signature_passes_every_block() -> None:
    found = inspect(signed())
    (report,) = found.signatures
    assert found.integrity is Integrity.INTACT
    assert (report.level, report.indication, report.mechanism) == (
        "PAdES-B-B",
        Indication.TOTAL_PASSED,
        "ecdsa-p256-sha256",
    )
    assert report.intact
    assert report.best_time == NOW
    assert [p.label for p in report.subject][:2] == ["CN", "O"]
    blocks = [c.block for c in report.checks]
    process = [Block.FORMAT, Block.IDENTIFICATION, Block.CRYPTOGRAPHIC, Block.X509, Block.ACCEPTANCE]
    assert [b for b in dict.fromkeys(blocks) if b is not Block.INTEGRITY] == process


def test_the_older_forms_of_adobe() -> None:
    for subfilter, changes, level in (
        ("adbe.pkcs7.detached", {}, "PKCS7-B"),
        ("adbe.pkcs7.detached", {"extra": []}, "PKCS7-B"),
        ("adbe.pkcs7.detached", {"attributes": False}, "PDF-NOT-ETSI"),
    ):
        found = inspect(signed(subfilter=subfilter, **changes))
        assert found.integrity is Integrity.INTACT
        assert found.signatures[0].level == level
        assert found.signatures[0].indication is Indication.TOTAL_PASSED


@pytest.mark.parametrize("attributes", [True, False])
@pytest.mark.parametrize("right", [True, False])
def test_pkcs7_sha1_holds_the_digest(*, attributes: bool, right: bool) -> None:
    def make(content: bytes) -> bytes:
        inside = hashlib.sha1(content if right else b"other").digest()
        return signer(content, encapsulated=inside, attributes=attributes).container()

    found = inspect(bytes(SignedPDF().sign(make, subfilter="adbe.pkcs7.sha1")))
    assert found.integrity is (Integrity.INTACT if right else Integrity.ALTERED)
    # SHA-1 is long past its time: sound, and nothing to rely on.
    expected = SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE if right else SubIndication.HASH_FAILURE
    assert found.signatures[0].sub_indication is expected


@pytest.mark.parametrize("inside", [b"", b"something else", None])
@pytest.mark.parametrize("digested", ["inside", "outside"])
def test_content_inside_a_detached_container_has_to_say_the_same(inside: bytes | None, digested: str) -> None:
    """Some validators digest what is inside, some the file: they must not come to two verdicts."""

    class Enveloping(Maker):
        def signed_attributes(self) -> list[bytes]:
            chosen = self.content if digested == "outside" else self.encapsulated
            kind, _, *more = super().signed_attributes()
            digest = der.octets(hashlib.sha256(chosen or b"").digest())
            return [kind, attribute("1.2.840.113549.1.9.4", digest), *more]

    def make(content: bytes) -> bytes:
        return Enveloping(
            key=P256,
            signature_oid=ES256,
            certificate=OWN,
            extra=[reference(OWN)],
            content=content,
            encapsulated=content if inside is None else inside,
        ).container()

    found = inspect(bytes(SignedPDF().sign(make)))
    assert found.integrity is (Integrity.INTACT if inside is None else Integrity.ALTERED)
    assert found.signatures[0].level == "PDF-NOT-ETSI"
    if inside is not None:
        assert found.signatures[0].sub_indication is SubIndication.HASH_FAILURE


def rsa_sha1(*, right: bool = True, held: bytes | None = None) -> bytes:
    own = certificate(RSA.public_key())

    def make(content: bytes) -> bytes:
        made = RSA.sign(content if right else b"other", padding.PKCS1v15(), hashes.SHA1())
        return der.octets(made)

    entries = b"/Cert <%s>" % (own if held is None else held).hex().encode()
    return bytes(SignedPDF().sign(make, subfilter="adbe.x509.rsa_sha1", entries=entries))


def test_rsa_sha1_without_a_container() -> None:
    found = inspect(rsa_sha1())
    (report,) = found.signatures
    assert found.integrity is Integrity.INTACT
    assert (report.level, report.mechanism) == ("PDF-NOT-ETSI", "rsa-pkcs1-sha1")
    assert report.sub_indication is SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE
    assert inspect(rsa_sha1(right=False)).integrity is Integrity.ALTERED
    lost = inspect(rsa_sha1(held=b"no certificate"))
    assert lost.signatures[0].sub_indication is SubIndication.NO_SIGNING_CERTIFICATE_FOUND
    assert lost.integrity is Integrity.ALTERED


def test_an_algorithm_that_is_not_supported_is_named_and_nothing_is_claimed() -> None:
    found = inspect(signed(signature_oid="1.2.156.10197.1.501"))
    (report,) = found.signatures
    assert said(found)["signature"] == "algorithm-unsupported"
    assert (report.indication, report.sub_indication) == (
        Indication.INDETERMINATE,
        SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
    )
    assert found.integrity is Integrity.ALTERED
    assert not report.intact


def test_a_form_that_is_not_known_is_named() -> None:
    for subfilter in ("ETSI.XAdES", "adbe.pkcs7.s5"):
        found = inspect(signed(subfilter=subfilter))
        assert said(found)["format"] == "subfilter-unknown"
        assert found.integrity is Integrity.ALTERED


def test_the_digest_and_the_value_fail_apart() -> None:
    for changes, check, sub in (
        ({"content": b"other"}, "digest", SubIndication.HASH_FAILURE),
        ({"signature": b"0" * 70}, "signature", SubIndication.SIG_CRYPTO_FAILURE),
    ):

        def make(content: bytes, changes: dict[str, Any] = changes) -> bytes:
            return signer(**{"content": content, **changes}).container()

        found = inspect(bytes(SignedPDF().sign(make)))
        assert said(found)[check] in {"hash-failure", "signature-failure"}
        assert found.signatures[0].sub_indication is sub
        assert found.signatures[0].indication is Indication.TOTAL_FAILED


@pytest.mark.parametrize("subfilter", ["ETSI.CAdES.detached", "adbe.pkcs7.detached"])
def test_several_signers_are_verified_and_not_relied_on(subfilter: str) -> None:
    """Nobody can tell whose signature it is; what they signed is intact all the same."""
    found = inspect(signed(subfilter=subfilter, signers=2))
    assert found.integrity is Integrity.INTACT
    assert said(found)["signers"] == "not-one-signer"
    assert found.signatures[0].sub_indication is SubIndication.FORMAT_FAILURE
    assert found.signatures[0].level == "PDF-NOT-ETSI"
    none = inspect(signed(subfilter=subfilter, signers=0))
    assert said(none)["format"] == "not-one-signer"
    assert none.integrity is Integrity.ALTERED


def test_the_worst_of_several_signers_decides() -> None:
    def make(content: bytes) -> bytes:
        good, bad = signer(content), signer(content, signature=b"0" * 70)
        return _with_signers(good, [good.signer(), bad.signer()])

    found = inspect(bytes(SignedPDF().sign(make, subfilter="adbe.pkcs7.detached")))
    assert found.integrity is Integrity.ALTERED
    assert said(found)["signature"] == "signature-failure"


def _with_signers(maker: Maker, signers: list[bytes]) -> bytes:
    """The container of `maker` with these signers."""

    class Several(Maker):
        def signer(self) -> bytes:
            return b"".join(signers)

    return Several(key=maker.key, signature_oid=maker.signature_oid, certificate=maker.certificate).container()


def test_the_certificate_that_was_meant() -> None:
    other = certificate(P256.public_key())
    for changes, code, sub in (
        ({"extra": [reference(other)]}, "signing-certificate-other", SubIndication.SIG_CONSTRAINTS_FAILURE),
        ({"certificates": []}, "signing-certificate-not-found", SubIndication.NO_SIGNING_CERTIFICATE_FOUND),
        ({"extra": []}, "signing-certificate-missing", None),
    ):
        found = inspect(signed(**changes))
        assert said(found)["signing-certificate"] == code
        assert found.signatures[0].sub_indication is sub


def test_without_a_certificate_the_digest_is_still_compared() -> None:
    found = inspect(signed(certificates=[]))
    assert (said(found)["digest"], said(found)["signature"]) == ("passed", "signing-certificate-not-found")
    assert not found.signatures[0].intact

    def make(_: bytes) -> bytes:
        return signer(b"other", certificates=[]).container()

    assert said(inspect(bytes(SignedPDF().sign(make))))["digest"] == "hash-failure"


def test_a_container_without_certificates_is_completed_from_what_is_known() -> None:
    known = TrustStore(anchors=TRUST.anchors, intermediates=(ISSUER, OWN), crls=TRUST.crls)
    found = inspect(signed(certificates=[]), known)
    assert found.signatures[0].indication is Indication.TOTAL_PASSED
    assert found.signatures[0].signer == "Người ký mẫu"
    leaf_only = inspect(signed(), TrustStore(anchors=TRUST.anchors, crls=TRUST.crls))
    assert leaf_only.signatures[0].sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND


def test_what_is_protected_must_be_what_is_used() -> None:
    protected = der.sequence(
        der.sequence(der.oid("2.16.840.1.101.3.4.2.1")), b"\xa1" + der.sequence(der.oid(RS256))[1:]
    )
    found = inspect(signed(extra=[reference(OWN), attribute("1.2.840.113549.1.9.52", protected)]))
    assert found.signatures[0].sub_indication is SubIndication.SIG_CRYPTO_FAILURE
    assert said(found)["signature"] == "algorithm-protection-differs"
    assert found.integrity is Integrity.ALTERED


def policy(identifier: str, document: bytes) -> bytes:
    hashed = der.sequence(
        der.sequence(der.oid("2.16.840.1.101.3.4.2.1")), der.octets(hashlib.sha256(document).digest())
    )
    return attribute("1.2.840.113549.1.9.16.2.15", der.sequence(der.oid(identifier), hashed))


@pytest.mark.parametrize(
    ("documents", "code", "sub"),
    [
        ({}, "signature-policy-not-available", None),
        ({"1.2.3.4": b"the policy"}, "passed", None),
        ({"1.2.3.4": b"another"}, "signature-policy-differs", SubIndication.POLICY_PROCESSING_ERROR),
    ],
)
def test_the_policy_that_the_signer_named(documents: dict[str, bytes], code: str, sub: SubIndication | None) -> None:
    pdf = signed(extra=[reference(OWN), policy("1.2.3.4", b"the policy")])
    found = inspect(pdf, policy_documents=documents)
    assert found.signatures[0].policy == "1.2.3.4"
    assert said(found)["signature-policy"] == code
    assert found.signatures[0].sub_indication is sub


SIGNING_TIME = attribute("1.2.840.113549.1.9.5", der.encode(b"\x17", b"261120030405Z"))
POLICY = policy("1.2.3.4", b"x")
FIRST = attribute(
    "1.2.840.113549.1.9.16.2.12",
    der.sequence(der.sequence(der.sequence(der.octets(hashlib.sha1(OWN).digest())))),
)


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, "PAdES-B-B"),
        ({"extra": [reference(OWN), POLICY]}, "PAdES-B-B"),
        ({"date": ""}, "PAdES-BES"),
        ({"extra": [reference(OWN), SIGNING_TIME]}, "PAdES-BES"),
        ({"extra": [reference(OWN), SIGNING_TIME, POLICY]}, "PAdES-EPES"),
        ({"extra": [reference(OWN), POLICY], "entries": b"/Reason (vi sao)"}, "PAdES-EPES"),
        ({"extra": [FIRST]}, "PAdES-BES"),  # the reference for SHA-1 beside SHA-256
        ({"order": False, "extra": [reference(OWN), attribute("1.2.3", der.null())]}, "PAdES-BES"),
        ({"extra": []}, "PDF-NOT-ETSI"),
        ({"subfilter": "adbe.pkcs7.detached", "extra": [reference(OWN), SIGNING_TIME]}, "PKCS7-B"),
    ],
)
def test_levels_without_time(changes: dict[str, Any], level: str) -> None:
    found = inspect(signed(**changes))
    assert found.integrity is Integrity.INTACT
    assert found.signatures[0].level == level


def stamped(
    *, right: bool = True, kind: str = "DocTimeStamp", store: bool = False, inside: bool = True, **changes: Any
) -> bytes:
    """A signature with a time-stamp in it, and one for the document behind it."""

    def make(content: bytes) -> bytes:
        value = signer(content, **changes).value()
        imprint = hashlib.sha256(value if right else b"other").digest()
        tokens = [attribute("1.2.840.113549.1.9.16.2.14", token(imprint))] if inside else []
        return signer(content, signature=value, unsigned=tokens, **changes).container()

    pdf = SignedPDF().sign(make)
    if store:
        pdf.add_store(Certs=[ISSUER], CRLs=list(PKI_.crls(at=NOW)))
    if kind:
        pdf.sign(lambda c: token(hashlib.sha256(c).digest()), subfilter="ETSI.RFC3161", kind=kind)
    return bytes(pdf)


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({"kind": ""}, "PAdES-B-T"),
        ({"kind": "", "right": False}, "PAdES-B-B"),
        ({"inside": False}, "PAdES-B-T"),
        ({"kind": "", "store": True}, "PAdES-B-LT"),
        ({"store": True}, "PAdES-B-LTA"),
        ({"store": True, "kind": "Sig"}, "PAdES-B-LT"),
        ({"store": True, "inside": False}, "PAdES-B-LTA"),
        ({"store": True, "extra": [reference(OWN), SIGNING_TIME]}, "PAdES-LTV"),
    ],
)
def test_levels_with_time(changes: dict[str, Any], level: str) -> None:
    found = inspect(stamped(**changes))
    assert found.signatures[0].level == level
    assert found.integrity is Integrity.INTACT
    assert [s.level for s in found.signatures[1:]] in ([], ["document-time-stamp"])


def test_a_time_stamp_of_nobody_known_proves_nothing() -> None:
    found = inspect(stamped())
    (inside,) = found.signatures[0].timestamps
    assert inside.time == datetime(2026, 11, 20, 3, 4, 5, tzinfo=UTC)
    assert inside.indication is Indication.INDETERMINATE
    assert found.signatures[0].best_time == NOW
    assert found.signatures[1].indication is Indication.INDETERMINATE
    assert said(found)["timestamp"] == "timestamp-not-validated"


def test_a_broken_time_stamp_is_told() -> None:
    found = inspect(stamped(kind="", right=False))
    assert said(found)["timestamp"] == "timestamp-broken"
    assert found.signatures[0].timestamps[0].sub_indication is SubIndication.HASH_FAILURE
    junk = inspect(signed(unsigned=[attribute("1.2.840.113549.1.9.16.2.14", der.null())]))
    assert said(junk)["timestamp"] == "timestamp-broken"
    assert junk.signatures[0].timestamps[0].time is None


def test_a_document_time_stamp_for_other_bytes_is_no_proof() -> None:
    pdf = SignedPDF().sign(lambda c: signer(c).container())
    pdf.sign(lambda _: token(bytes(32)), subfilter="ETSI.RFC3161", kind="DocTimeStamp")
    found = inspect(bytes(pdf))
    assert found.integrity is Integrity.ALTERED
    assert found.signatures[1].sub_indication is SubIndication.HASH_FAILURE
    assert found.signatures[0].level == "PAdES-B-B"


@pytest.mark.parametrize(
    ("time", "date", "code"),
    [
        (b"261120030405Z", "D:20261120100405+07'00'", None),
        (b"261120100405Z", "D:20261120100405+07'00'", "signing-time-local"),
        (b"261120100405Z", "D:20261120100405Z", None),
        (b"261121103300Z", "D:20261121033300Z", "signing-time-local"),
        (b"270101000000Z", "D:20270101000000Z", "signing-time-late"),
        (b"200101000000Z", "D:20200101000000Z", "signing-time-outside-validity"),
    ],
)
def test_the_time_that_the_signer_claims(time: bytes, date: str, code: str | None) -> None:
    claim = attribute("1.2.840.113549.1.9.5", der.encode(b"\x17", time))
    found = inspect(signed(extra=[reference(OWN), claim], date=date))
    assert said(found).get("signing-time") == code
    shown = found.signatures[0].signing_time
    assert shown is not None
    assert shown.strftime("%y%m%d%H%M%SZ").encode() == time  # never corrected


def test_a_hostile_name_ends_in_a_report() -> None:
    """A subject nested deeper than parsers go: the signature stands, and nobody is named."""
    deep = der.null()
    for _ in range(1200):
        deep = der.sequence(deep)
    tbs, *rest = read(OWN).children()
    parts = [p.encoded for p in tbs.children()]
    parts[5] = der.sequence(der.set_of([der.sequence(der.oid("1.2.3.4"), deep)]))
    hostile = der.sequence(der.sequence(*parts), *(r.encoded for r in rest))
    (report,) = inspect(signed(certificate=hostile, extra=[reference(hostile)])).signatures
    assert report.subject == ()
    assert report.signer == ""
    assert report.intact


def test_more_time_stamps_than_anybody_needs() -> None:
    tokens = [attribute("1.2.840.113549.1.9.16.2.14", der.integer(n)) for n in range(200)]
    assert len(inspect(signed(unsigned=tokens)).signatures[0].timestamps) == 32


SAMPLES = [signed(), stamped(store=True)]


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_damage_anywhere_ends_in_a_report(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from(b"0123456789abcdef<>()/[] ")))
    found = inspect(bytes(raw))
    assert found.integrity is not Integrity.UNREADABLE or not found.signatures
