"""A person's signature is there, sound, and may come from any software; any bytes are refused."""

import io
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers

from esign.authority import AuthorityTable
from esign.errors import SigningError
from esign.keys import Mechanism
from esign.pades.history import ChangeKind, changes_since, signed_revisions
from esign.pades.sign import Appearance, prepare, sign
from esign.softkey import SoftwareKey
from esign.trust import TrustStore
from tests.support.pki import PKI, YEAR, PrivateKey, der
from tests.unit.approval.signing import (
    DRAWN,
    HOUR,
    NOW,
    PERSON,
    PLACE,
    TRUST,
    Signer,
    check,
    codes,
    inner,
    page,
    refusal,
    signed,
    signed_elsewhere,
    stock_signer,
)


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
