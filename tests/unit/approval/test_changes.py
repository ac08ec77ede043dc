"""What was signed is what was prepared, and nothing was changed or filled in since."""

import io
import re
from dataclasses import replace
from functools import cache

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, append_signature_field
from pyhanko.sign.validation import DocumentSecurityStore

from esign.keys import Mechanism
from esign.pades.fields import FilledField, ReleaseField, ReleaseName, add_release_fields
from esign.pades.history import ChangeKind, changes_since, signed_revisions
from esign.pades.revision import stamp
from esign.pades.sign import Appearance, prepare, sign
from esign.softkey import SoftwareKey
from tests.unit.approval.signing import (
    AGENCY,
    DRAFTER,
    DRAWN,
    HOUR,
    NOW,
    PERSON,
    PLACE,
    check,
    codes,
    inner,
    page,
    refusal,
    signed,
    signed_elsewhere,
)

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
