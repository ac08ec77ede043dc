"""Approval: the agency's key follows a person's signature that is sound, of what was prepared, and authorised."""

import asyncio
import io
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest
import typst
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter, append_signature_field
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import SignatureObject
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko.sign.validation import DocumentSecurityStore
from pyhanko_certvalidator.registry import SimpleCertificateStore

from esign.approval import Approval, check_person_signature
from esign.authority import ALL, Authority, AuthorityTable, Capacity, public_key_sha256
from esign.codes import AgencyCode, ProcedureCode
from esign.document import Box, Mark
from esign.errors import SigningError
from esign.keys import Mechanism
from esign.pades.fields import FilledField, ReleaseField, ReleaseName, add_release_fields
from esign.pades.history import ChangeKind, changes_since, signed_revisions
from esign.pades.revision import stamp
from esign.pades.sign import Appearance, prepare, sign
from esign.softkey import SoftwareKey
from esign.texts import LANGUAGES
from esign.trust import TrustStore
from tests.support.pki import EPOCH, PKI, YEAR, PrivateKey, der, name

NOW = datetime(2026, 11, 21, 3, 32, 58, tzinfo=UTC)
HOUR = timedelta(hours=1)
WARD = AgencyCode("H26.18.01")
PERMIT = ProcedureCode("1.001122")
PKI_ = PKI.create()


@dataclass(frozen=True)
class Signer:
    """Somebody with a key and a certificate."""

    key: PrivateKey
    certificate: bytes
    chain: tuple[bytes, ...]

    @classmethod
    def of(
        cls,
        who: str,
        *,
        key: PrivateKey | None = None,
        pki: PKI = PKI_,
        since: datetime = EPOCH,
        until: datetime | None = None,
    ) -> "Signer":
        own = key or ec.generate_private_key(ec.SECP256R1())
        certificate = pki.issuing.certify(own.public_key(), name(who), since=since, until=until)
        return cls(own, der(certificate), pki.chain(certificate))

    def granted(self, **changed: Any) -> Authority:
        grant = Authority(
            id="ct-2026",
            public_key_sha256=public_key_sha256(self.certificate),
            name="Nguyễn Văn Mẫu",
            title="CHỦ TỊCH",
            agency=WARD,
            procedures=frozenset({PERMIT}),
            capacity=Capacity.DIRECT,
            since=date(2026, 7, 1),
            basis="NQ 02/NQ-HĐND",
        )
        return replace(grant, **changed)


PERSON = Signer.of("Nguyễn Văn Mẫu")
DRAFTER = Signer.of("Trần Thị Ví Dụ")
AGENCY = Signer.of("UBND PHƯỜNG MẪU")
TABLE = AuthorityTable(grants=(PERSON.granted(),))
ROOT = der(PKI_.root.certificate)
TRUST = TrustStore.from_pem(ROOT, crls=PKI_.crls(at=NOW - HOUR))


@cache
def page(text: str = "Quyết định cấp giấy phép cho hộ kinh doanh mẫu") -> bytes:
    return typst.compile(f'#set page(width: 210mm, height: 297mm)\n#set text(lang: "vi")\n{text}'.encode())


DRAWN = Mark(
    pdf=typst.compile(b"#set page(width: 30mm, height: 10mm, fill: none)\nX"), width_mm=30, height_mm=10, alt="X"
)
PLACE = Box(page=0, left=100, bottom=100, width=85, height=28)


def signed(
    pdf: bytes,
    who: Signer = PERSON,
    *,
    mechanism: Mechanism = Mechanism.ECDSA_P256_SHA256,
    at: datetime = NOW,
    field: str = "PersonSignature",
) -> bytes:
    prepared = prepare(
        pdf, certificates=who.chain, mechanism=mechanism, signing_time=at, field_name=field, appearance=None
    )
    return sign(prepared, SoftwareKey(who.key, who.chain))


def stock_signer(who: Signer) -> Any:
    """pyHanko as it comes, with the key of `who`."""
    from asn1crypto import keys, x509

    key = who.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return signers.SimpleSigner(
        signing_cert=x509.Certificate.load(who.certificate),
        signing_key=keys.PrivateKeyInfo.load(key),
        cert_registry=SimpleCertificateStore.from_certs([x509.Certificate.load(c) for c in who.chain[1:]]),
    )


def signed_elsewhere(
    pdf: bytes | IncrementalPdfFileWriter,
    who: Signer = PERSON,
    *,
    field: str = "Signature1",
    subfilter: SigSeedSubFilter = SigSeedSubFilter.ADOBE_PKCS7_DETACHED,
    written: datetime | None = NOW,
    attribute: datetime | None = NOW,
) -> bytes:
    """Signed by stock pyHanko in the way that older software does, at the times that it is told."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf)) if isinstance(pdf, bytes) else pdf
    steps: Any = PdfCMSEmbedder(SigFieldSpec(field)).write_cms(field, writer)
    next(steps)
    placeholder = SignatureObject(timestamp=written, subfilter=subfilter, bytes_reserved=16384)
    steps.send(SigObjSetup(sig_placeholder=placeholder))
    digest, output = steps.send(SigIOSetup(md_algorithm="sha256"))
    container = stock_signer(who).async_sign(
        digest.document_digest,
        "sha256",
        use_pades=subfilter is SigSeedSubFilter.PADES,
        signed_attr_settings=PdfCMSSignedAttributes(signing_time=attribute),
    )
    steps.send(asyncio.run(container))
    assert isinstance(output, io.BytesIO)
    return output.getvalue()


def check(pdf: bytes, **changed: Any) -> Approval:
    asked: dict[str, Any] = {
        "trust": TRUST,
        "authority": TABLE,
        "agency": WARD,
        "procedure": PERMIT,
        "at": NOW,
        **changed,
    }
    return check_person_signature(pdf, **asked)


def refusal(pdf: bytes, **changed: Any) -> SigningError:
    """The refusal, which says what is wrong and what to do next in both languages."""
    with pytest.raises(SigningError) as refused:
        check(pdf, **changed)
    told = {}
    for language in LANGUAGES:
        explained = refused.value.diagnostics(language)
        assert explained.what not in {"", refused.value.code}
        assert explained.next_step
        told[language] = explained.what
    assert told["vi"] != told["en"]
    return refused.value


def inner(refused: SigningError) -> str:
    """The code of what the refusal is about."""
    return str(getattr(refused.reason.facts["problem"], "code", ""))


def codes(approval: Approval) -> list[str]:
    for notice in approval.notices:
        assert notice.explain("vi").what != notice.explain("en").what
    return [n.code for n in approval.notices]


@pytest.mark.parametrize(
    ("make_key", "mechanism"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), Mechanism.RSA_PKCS1_SHA256),
        (lambda: rsa.generate_private_key(65537, 2048), Mechanism.RSA_PSS_SHA256),
        (lambda: ec.generate_private_key(ec.SECP256R1()), Mechanism.ECDSA_P256_SHA256),
        (lambda: ec.generate_private_key(ec.SECP384R1()), Mechanism.ECDSA_P384_SHA384),
    ],
    ids=["pkcs1", "pss", "p256", "p384"],
)
def test_a_sound_signature_of_who_may_sign_is_followed(
    make_key: Callable[[], PrivateKey], mechanism: Mechanism
) -> None:
    person = Signer.of("Nguyễn Văn Mẫu", key=make_key())
    table = AuthorityTable(grants=(person.granted(),))
    approval = check(signed(page(), person, mechanism=mechanism), authority=table, expected_prefix=page())
    assert approval.report.field_name == "PersonSignature"
    assert approval.report.certificates[0] == person.certificate
    assert approval.authority == person.granted()
    assert approval.notices == ()


def test_a_visible_signature_is_no_change() -> None:
    prepared = prepare(
        page(),
        certificates=PERSON.chain,
        mechanism=Mechanism.ECDSA_P256_SHA256,
        signing_time=NOW,
        field_name="PersonSignature",
        appearance=Appearance(mark=DRAWN, box=PLACE),
    )
    pdf = sign(prepared, SoftwareKey(PERSON.key, PERSON.chain))
    assert check(pdf, expected_prefix=page(), person_field="PersonSignature").notices == ()


RELEASE = (
    ReleaseField(ReleaseName.NUMBER, replace(PLACE, bottom=700, height=20)),
    ReleaseField(ReleaseName.SEAL, PLACE),
)


@cache
def prepared_for_release() -> bytes:
    """Blanks for number and seal, and the agency's empty field: the document is numbered after it was signed."""
    return add_release_fields(page(), RELEASE, agency_box=replace(PLACE, bottom=300), alt="Chữ ký của cơ quan")


def test_blanks_that_are_filled_at_release_are_no_change() -> None:
    assert check(signed(prepared_for_release()), expected_prefix=prepared_for_release()).notices == ()
    # Blanks that nobody prepared would be for somebody else to fill in.
    assert refusal(signed(prepared_for_release()), expected_prefix=page()).code == "person-document-changed"


def test_a_number_that_the_person_filled_in_is_refused() -> None:
    number = FilledField(ReleaseName.NUMBER, "15", DRAWN)
    prepared = prepare(
        prepared_for_release(),
        certificates=PERSON.chain,
        mechanism=Mechanism.ECDSA_P256_SHA256,
        signing_time=NOW,
        field_name="PersonSignature",
        fill=(number,),
    )
    pdf = sign(prepared, SoftwareKey(PERSON.key, PERSON.chain))
    assert refusal(pdf, expected_prefix=prepared_for_release()).code == "person-document-changed"
    refused = refusal(pdf)
    assert (refused.code, inner(refused)) == ("person-document-changed", "release-fields-unlocked")


def test_what_the_agency_released_is_not_released_again() -> None:
    prepared = prepare(
        signed(prepared_for_release()),
        certificates=AGENCY.chain,
        mechanism=Mechanism.ECDSA_P256_SHA256,
        signing_time=NOW,
        field_name="AgencySignature",
        appearance=Appearance(mark=DRAWN, box=replace(PLACE, bottom=300)),
        fill=(FilledField(ReleaseName.NUMBER, "15", DRAWN),),
        lock=[f.name for f in RELEASE],
    )
    released = sign(prepared, SoftwareKey(AGENCY.key, AGENCY.chain))
    assert refusal(released).code == "agency-signed-first"


# Missing.


def test_a_document_that_nobody_signed_is_refused() -> None:
    refused = refusal(page(), expected_prefix=page())
    assert refused.code == "person-signature-missing"
    assert "chưa có chữ ký số của người có thẩm quyền" in refused.diagnostics("vi").what


def test_a_signature_that_was_there_before_is_not_the_persons() -> None:
    """What was prepared carries the drafter's signature; handing it back unsigned does not help."""
    prepared = signed(page(), PERSON, field="Drafter")
    assert refusal(prepared, expected_prefix=prepared).code == "person-signature-missing"
    assert refusal(signed(page()), person_field="Somebody").code == "person-signature-missing"


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7\n", b"no pdf at all"])
def test_what_is_no_pdf_is_refused(data: bytes) -> None:
    assert refusal(data).code == "person-file-unreadable"


# Broken.


def test_no_byte_can_be_changed() -> None:
    pdf = signed(page())
    for position in random.Random(3).sample(range(len(pdf)), 60):
        changed = pdf[:position] + bytes([pdf[position] ^ 0x04]) + pdf[position + 1 :]
        assert refusal(changed).code.startswith(("person-", "not-authorised-person")), position


def test_a_broken_signature_is_refused_with_what_is_broken() -> None:
    pdf = signed(page("Số tiền: 100"))
    position = pdf.index(b"/Type")
    refused = refusal(pdf[:position] + b"/Typf" + pdf[position + 5 :])
    assert (refused.code, inner(refused)) == ("person-signature-broken", "hash-failure")
    assert "không còn nguyên vẹn" in refused.diagnostics("vi").what


def test_two_fields_of_one_name_are_refused() -> None:
    """Whose extent would it be?"""
    first = signed(page(), field="A")
    update = IncrementalPdfFileWriter(io.BytesIO(first))
    fields = update.root["/AcroForm"]["/Fields"]
    second = generic.DictionaryObject(fields[0].get_object())
    fields.append(update.add_object(second))
    update.update_container(fields)
    output = io.BytesIO()
    update.write(output)
    refused = refusal(output.getvalue())
    assert (refused.code, inner(refused)) == ("person-signature-broken", "field-twice")


def test_a_weak_signature_is_refused() -> None:
    weak = Signer.of("Nguyễn Văn Mẫu", key=rsa.generate_private_key(65537, 1024))
    refused = refusal(signed_elsewhere(page(), weak), authority=AuthorityTable(grants=(weak.granted(),)))
    assert (refused.code, inner(refused)) == ("person-signature-weak", "algorithm-weak")
    assert "RSA-1024" in refused.diagnostics("vi").what


# Changed.


def test_another_document_than_the_prepared_one_is_refused() -> None:
    refused = refusal(signed(page("Quyết định khác")), expected_prefix=page())
    assert (refused.code, inner(refused)) == ("person-document-changed", "differs-from-prepared")
    assert "khác với bản đã trình ký" in refused.diagnostics("vi").what
    # One digit, and the structure of the two files is the same.
    almost = re.sub(rb"/ID\[\(.", b"/ID[(#", page())
    assert len(almost) == len(page())
    assert almost != page()
    assert check(signed(almost), expected_prefix=almost).notices == ()
    assert refusal(signed(almost), expected_prefix=page()).code == "person-document-changed"


def test_a_page_that_the_signers_software_changed_is_refused() -> None:
    """The signature is perfect and speaks for the changed page; only the prepared document tells."""
    writer = IncrementalPdfFileWriter(io.BytesIO(page()))
    first = writer.root["/Pages"]["/Kids"][0].get_object()
    first[generic.pdf_name("/Contents")] = writer.add_object(generic.StreamObject(stream_data=b"BT ET"))
    writer.update_container(first)
    pdf = signed_elsewhere(writer)
    assert check(pdf).report.indication.value == "TOTAL-PASSED"
    refused = refusal(pdf, expected_prefix=page())
    assert (refused.code, inner(refused)) == ("person-document-changed", "differs-from-prepared")


def with_text_field(pdf: bytes) -> bytes:
    """A form with one text field, `number`."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    kid = writer.root["/Pages"]["/Kids"].raw_get(0)
    field = writer.add_object(
        generic.DictionaryObject(
            {
                generic.pdf_name("/Type"): generic.pdf_name("/Annot"),
                generic.pdf_name("/Subtype"): generic.pdf_name("/Widget"),
                generic.pdf_name("/FT"): generic.pdf_name("/Tx"),
                generic.pdf_name("/T"): generic.pdf_string("number"),
                generic.pdf_name("/V"): generic.pdf_string(""),
                generic.pdf_name("/F"): generic.NumberObject(4),
                generic.pdf_name("/Rect"): generic.ArrayObject(generic.NumberObject(n) for n in (50, 50, 90, 70)),
                generic.pdf_name("/P"): kid,
            }
        )
    )
    form = generic.DictionaryObject({generic.pdf_name("/Fields"): generic.ArrayObject([field])})
    writer.root[generic.pdf_name("/AcroForm")] = writer.add_object(form)
    writer.update_root()
    writer.register_annotation(kid, field)
    return written(writer)


def written(writer: IncrementalPdfFileWriter) -> bytes:
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def filled(pdf: bytes, value: str = "15") -> IncrementalPdfFileWriter:
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    field = next(f.get_object() for f in writer.root["/AcroForm"]["/Fields"] if f.get_object()["/T"] == "number")
    field[generic.pdf_name("/V")] = generic.pdf_string(value)
    writer.update_container(field)
    return writer


def test_a_field_that_the_signer_filled_in_is_refused() -> None:
    """Number and date are for the clerk; who signs leaves them blank."""
    form = with_text_field(page())
    assert check(signed_elsewhere(form), expected_prefix=form).authority is not None
    refused = refusal(signed_elsewhere(filled(form)), expected_prefix=form)
    assert (refused.code, inner(refused)) == ("person-document-changed", "differs-from-prepared")


def test_a_field_that_was_filled_in_afterwards_is_refused() -> None:
    """Readers permit it and say valid; the person did not see it."""
    form = with_text_field(page())
    pdf = signed_elsewhere(form)
    refused = refusal(written(filled(pdf)), expected_prefix=form)
    assert refused.code == "person-document-changed"
    refused = refusal(written(filled(pdf)))
    assert (refused.code, inner(refused)) == ("person-document-changed", "added-after-person")
    assert "thêm vào sau chữ ký" in refused.diagnostics("vi").what


def test_a_field_that_the_next_signer_filled_in_is_refused() -> None:
    form = with_text_field(page())
    pdf = signed_elsewhere(filled(signed_elsewhere(form)), DRAFTER, field="Signature2")
    refused = refusal(pdf)
    assert (refused.code, inner(refused)) == ("person-document-changed", "added-after-person")


def test_a_mark_that_was_drawn_afterwards_is_refused() -> None:
    refused = refusal(stamp(signed(page()), DRAWN, PLACE, url="https://q.gov.vn/1#1"))
    assert (refused.code, inner(refused)) == ("person-document-changed", "changed-after-signing")


def test_bytes_behind_the_end_are_refused() -> None:
    assert refusal(signed(page()) + b"%\n1 0 obj <<>> endobj\n").code == "person-document-changed"


@pytest.mark.parametrize("box", [None, (100, 100, 300, 200)], ids=["hidden", "visible"])
def test_an_empty_signature_field_that_was_added_is_refused(box: tuple[int, int, int, int] | None) -> None:
    """It may show anything, and nobody answers for it."""
    writer = IncrementalPdfFileWriter(io.BytesIO(signed(page())))
    append_signature_field(writer, SigFieldSpec("Extra", on_page=0, box=box))
    refused = refusal(written(writer))
    assert (refused.code, inner(refused)) == ("person-document-changed", "added-after-person")


def test_validation_data_that_were_added_are_let_pass_with_a_notice() -> None:
    """B-LT: the signer's software kept the certificates for later (ISO 32000-2 §12.8.4.3)."""
    from asn1crypto import x509

    output = io.BytesIO(signed(page()))
    DocumentSecurityStore.add_dss(output, sig_contents=None, certs=[x509.Certificate.load(PERSON.chain[1])])
    approval = check(output.getvalue(), expected_prefix=page())
    assert codes(approval) == ["permitted-change"]
    assert changes_since(output.getvalue(), len(page())).kind is ChangeKind.FORM


# Certificates.


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


# Order.


def test_the_agency_signs_last() -> None:
    refused = refusal(signed(signed(page(), AGENCY, field="S1")), agency_certificate=AGENCY.certificate)
    assert refused.code == "agency-signed-first"
    assert "phải ký sau cùng" in refused.diagnostics("vi").what


def test_the_agency_is_known_by_its_key_and_by_its_field() -> None:
    renewed = Signer.of("UBND PHƯỜNG MẪU (gia hạn)", key=AGENCY.key)
    pdf = signed(signed(page()), renewed, field="S2")
    assert refusal(pdf, agency_certificate=AGENCY.certificate).code == "agency-signed-first"
    pdf = signed(signed(page()), AGENCY, field="AgencySignature")
    assert refusal(pdf).code == "agency-signed-first"


# Several persons.


def test_several_persons_may_sign() -> None:
    pdf = signed(signed(page(), DRAFTER, field="Drafter"))
    approval = check(pdf, expected_prefix=page())
    assert approval.report.field_name == "PersonSignature"
    assert codes(approval) == ["permitted-change", "several-persons-signed"]


def test_the_competent_one_is_found_also_when_another_signs_after() -> None:
    pdf = signed(signed(page()), DRAFTER, field="Joint")
    approval = check(pdf, expected_prefix=page())
    assert approval.report.field_name == "PersonSignature"
    assert refusal(pdf, person_field="Joint").code == "not-authorised-person"
    both = AuthorityTable(grants=(PERSON.granted(), DRAFTER.granted(id="pct")))
    assert check(pdf, authority=both).report.field_name == "Joint"


def test_each_of_several_must_be_sound() -> None:
    late = Signer.of("Trần Thị Ví Dụ", since=NOW - YEAR, until=NOW - HOUR)
    refused = refusal(signed(signed(page(), late, field="Drafter")))
    assert refused.code == "person-certificate-expired"
    assert refused.reason.facts["field"] == "Drafter"


# Authority.


@pytest.mark.parametrize(
    ("changed", "asked", "code"),
    [
        ({"public_key_sha256": "0" * 64}, {}, "not-authorised-person"),
        ({}, {"agency": AgencyCode("H26.18.02")}, "not-authorised-agency"),
        ({}, {"procedure": ProcedureCode("2.000815")}, "not-authorised-procedure"),
        ({}, {"procedure": None}, "not-authorised-procedure"),
        ({"since": date(2026, 11, 22)}, {}, "not-authorised-date"),
        ({"until": date(2026, 11, 20)}, {}, "not-authorised-date"),
    ],
)
def test_who_may_not_sign_this_is_refused(changed: dict[str, Any], asked: dict[str, Any], code: str) -> None:
    table = AuthorityTable(grants=(PERSON.granted(**changed),))
    assert refusal(signed(page()), authority=table, **asked).code == code


def test_a_signature_that_claims_a_day_before_the_grant_is_refused() -> None:
    table = AuthorityTable(grants=(PERSON.granted(since=date(2026, 11, 21)),))
    refused = refusal(signed(page(), at=NOW - timedelta(days=1)), authority=table)
    assert refused.code == "not-authorised-date"
    assert "20.11.2026" in str(refused)


def test_a_claim_does_not_outlive_the_grant_but_the_registers_word_does() -> None:
    """Who lost the authority yesterday can write any time; only what was taken in before is known to be from before."""
    table = AuthorityTable(grants=(PERSON.granted(until=date(2026, 11, 20)),))
    pdf = signed(page(), at=NOW - timedelta(days=2))
    assert refusal(pdf, authority=table).code == "not-authorised-date"
    approval = check(pdf, authority=table, received=NOW - timedelta(days=1))
    assert approval.authority == table.grants[0]


def test_the_grant_of_the_day_of_signing_is_the_one_that_is_named() -> None:
    deputy = PERSON.granted(id="pct", capacity=Capacity.KT, principal="CHỦ TỊCH", until=date(2026, 11, 20))
    chair = PERSON.granted(id="ct", since=date(2026, 11, 21), procedures=ALL)
    approval = check(signed(page(), at=NOW - timedelta(days=1)), authority=AuthorityTable(grants=(deputy, chair)))
    assert approval.authority == deputy


def test_without_a_table_nothing_is_implied() -> None:
    approval = check(signed(page()), authority=None)
    assert approval.authority is None
    assert codes(approval) == ["authority-not-checked"]


# Time.


def test_a_signature_from_the_future_is_refused() -> None:
    assert refusal(signed(page(), at=NOW + 9 * HOUR)).code == "person-signed-in-future"
    assert check(signed(page(), at=NOW + timedelta(minutes=4))).notices == ()


def test_vietnamese_time_written_as_utc_is_noted_and_not_corrected() -> None:
    ahead = check(signed(page(), at=NOW + 7 * HOUR - timedelta(minutes=20)))
    assert codes(ahead) == ["signing-time-as-utc"]
    assert ahead.report.signing_time == NOW + 7 * HOUR - timedelta(minutes=20)
    assert "21.11.2026 17:12:58" in ahead.notices[0].explain("vi").what
    # Days later only the two times of the signature tell.
    pdf = signed_elsewhere(page(), written=NOW, attribute=NOW + 7 * HOUR)
    days_later = check(pdf, trust=replace(TRUST, crls=PKI_.crls(at=NOW + 70 * HOUR)), at=NOW + 72 * HOUR)
    assert codes(days_later)[-1] == "signing-time-as-utc"


def test_the_day_of_a_signature_in_the_wrong_zone_is_the_one_that_was_meant() -> None:
    """Signed at 18:30 on the last day, and written as 18:30 UTC, which is the next day in Vietnam."""
    signed_at = datetime(2026, 11, 21, 11, 30, tzinfo=UTC)
    table = AuthorityTable(grants=(PERSON.granted(until=date(2026, 11, 21)),))
    approval = check(signed(page(), at=signed_at + 7 * HOUR), authority=table, at=signed_at + HOUR)
    assert codes(approval) == ["signing-time-as-utc"]


def test_a_signature_without_a_time_is_noted() -> None:
    pdf = signed_elsewhere(page(), subfilter=SigSeedSubFilter.PADES, written=None, attribute=None)
    assert codes(check(pdf)) == ["signing-time-missing"]


# Other software.


def test_a_file_that_the_leader_signed_in_other_software_is_accepted() -> None:
    """Stock pyHanko with its own clock, as it comes: adbe.pkcs7.detached, PKCS#1 v1.5, no signing-certificate."""
    now = datetime.now(UTC)
    pki = PKI.create(since=now - YEAR)
    key = rsa.generate_private_key(65537, 2048)
    leader = Signer.of("Nguyễn Văn Mẫu", key=key, pki=pki, since=now - HOUR)
    signer = signers.PdfSigner(signers.PdfSignatureMetadata(field_name="Signature1"), stock_signer(leader))
    output = io.BytesIO()
    signer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(page())), output=output)
    approval = check(
        output.getvalue(),
        trust=TrustStore.from_pem(der(pki.root.certificate), crls=pki.crls(at=now - HOUR)),
        authority=AuthorityTable(grants=(leader.granted(since=date(2020, 1, 1)),)),
        at=datetime.now(UTC),
    )
    assert approval.report.level == "PKCS7-B"
    assert "person-signed-pkcs7" in codes(approval)
    assert approval.report.indication.value == "TOTAL-PASSED"


def test_a_certificate_without_its_issuers_is_enough_where_the_verifier_has_them() -> None:
    """Real files often carry the leaf alone."""
    leaf = replace(PERSON, chain=PERSON.chain[:1])
    refused = refusal(signed(page(), leaf))
    assert (refused.code, inner(refused)) == ("person-not-trusted", "no-path-to-anchor")
    assert check(signed(page(), leaf), trust=replace(TRUST, intermediates=PERSON.chain[1:])).notices == ()


# History and hostile bytes.


def test_what_a_hostile_file_says_stays_out_of_the_hosts_log(caplog: pytest.LogCaptureFixture) -> None:
    changes_since(stamp(signed(page()), DRAWN, PLACE, url="https://q.gov.vn/1#1"), len(page()))
    assert caplog.records == []


def test_what_a_signature_speaks_for_is_read_from_the_file() -> None:
    first = signed(page(), DRAFTER, field="A")
    second = signed_elsewhere(first, written=NOW, attribute=NOW + HOUR, field="B")
    found = {r.field_name: r for r in signed_revisions(second)}
    assert (found["A"].end, found["B"].end) == (len(first), len(second))
    assert (found["A"].dictionary_time, found["A"].attribute_time) == (NOW, None)
    assert (found["B"].dictionary_time, found["B"].attribute_time) == (NOW, NOW + HOUR)
    assert changes_since(second, len(first)).fields == {"B"}
    assert changes_since(second, len(second)).kind is ChangeKind.NONE


def behind(first: bytes, second: bytes) -> bytes:
    """`second` moved behind `first`, with a cross-reference table that leads to `second` alone."""
    shift = len(first) + 1
    moved = re.sub(rb"(?m)^(\d{10})( \d{5} n)", lambda m: b"%010d%s" % (int(m[1]) + shift, m[2]), second)
    moved = re.sub(rb"startxref\s+(\d+)", lambda m: b"startxref\n%d" % (int(m[1]) + shift), moved)
    return first + b"\n" + moved


def test_a_file_that_goes_back_to_another_beginning_is_another_file() -> None:
    """The prepared bytes are a prefix that nothing refers to any more: readers show the other document."""
    forged = signed(behind(page(), page("Một văn bản khác hẳn")))
    assert forged.startswith(page())
    assert check(forged).notices == ()
    refused = refusal(forged, expected_prefix=page())
    assert (refused.code, inner(refused)) == ("person-document-changed", "differs-from-prepared")


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_bytes_are_refused(data: bytes, length: int) -> None:
    for pdf in (data, page() + data, signed_once() + b"\n" + data + b"\n%%EOF\n"):
        with pytest.raises(SigningError):
            check(pdf)
        assert changes_since(pdf, length).kind in ChangeKind
        assert all(r.end for r in signed_revisions(pdf)) or not signed_revisions(pdf)


@cache
def signed_once() -> bytes:
    return signed(page())


def test_every_refusal_of_the_module_was_seen() -> None:
    """Its codes are those that the tests above name."""
    import tomllib
    from importlib.resources import files
    from pathlib import Path

    entries = tomllib.loads((files("esign.texts") / "approval.toml").read_text("utf-8"))
    tests = "".join((Path(__file__).parent / f"test_{n}.py").read_text("utf-8") for n in ("approval", "authority"))
    unseen = [c for c, e in entries.items() if c not in tests and not c.startswith("capacity-")]
    assert unseen == []
    assert all(set(e["what"]) == set(LANGUAGES) for e in entries.values())
