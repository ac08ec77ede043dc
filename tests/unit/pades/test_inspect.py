"""What was done to a signed file after or around its signature, in ways that other software lets pass."""

import io
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pikepdf
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from esign.cms.baseline import signed_data
from esign.cms.ber import Malformed, check, definite, read
from esign.keys import Mechanism
from esign.pades.inspect import Inspection, inspect_signatures
from esign.pades.sign import prepare, sign
from esign.report import Indication, Integrity, Outcome
from esign.softkey import SoftwareKey
from esign.trust import TrustStore
from tests.support.office import NOW
from tests.support.pki import PKI, der, name, pem
from tests.unit.pdf.tools import changed, page

PKI_ = PKI.create()
TRUST = TrustStore.from_pem(pem([PKI_.root.certificate]), crls=PKI_.crls(at=NOW - timedelta(hours=1)))
PRIVATE = ec.generate_private_key(ec.SECP256R1())
CHAIN = (der(PKI_.issuing.certify(PRIVATE.public_key(), name("Người ký mẫu"))), der(PKI_.issuing.certificate))
KEY = SoftwareKey.from_private_key(PRIVATE, certificates=CHAIN)
ES256 = Mechanism.ECDSA_P256_SHA256


def form(value: str = "1,000", shown: bytes = b"1,000") -> bytes:
    def add(pdf: pikepdf.Pdf) -> None:
        picture = pdf.make_stream(
            b"/Tx BMC BT /F 12 Tf 2 5 Td (%s) Tj ET EMC" % shown,
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Form,
            BBox=[0, 0, 100, 20],
            Resources=pdf.pages[0].obj.Resources,
        )
        field = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Widget,
            FT=pikepdf.Name.Tx,
            T=pikepdf.String("amount"),
            V=pikepdf.String(value),
            DA=pikepdf.String("/F 12 Tf 0 g"),
            Rect=[72, 600, 172, 620],
            F=4,
            AP=pikepdf.Dictionary(N=picture),
        )
        reference = pdf.make_indirect(field)
        pdf.pages[0].obj.Annots = pikepdf.Array([reference])
        fonts = pikepdf.Dictionary(Font=pdf.pages[0].obj.Resources.Font)
        pdf.Root.AcroForm = pikepdf.Dictionary(
            Fields=pikepdf.Array([reference]), DR=fonts, DA=pikepdf.String("/F 12 Tf 0 g")
        )
        pdf.docinfo["/Title"] = "Giấy phép"

    return changed(page(b"BT /F 12 Tf 72 750 Td (permit) Tj ET"), add)


def signed(pdf: bytes) -> bytes:
    return sign(prepare(pdf, certificates=CHAIN, mechanism=ES256, signing_time=NOW, field_name="S"), KEY)


SIGNED = signed(form())


def updated(pdf: bytes, change: Callable[[IncrementalPdfFileWriter], object]) -> bytes:
    """`pdf` with one more revision that holds nothing but `change`."""

    class Update(IncrementalPdfFileWriter):
        def _update_meta(self) -> None:
            pass

    update: IncrementalPdfFileWriter = Update(io.BytesIO(pdf), strict=False)
    change(update)
    output = io.BytesIO()
    update.write(output)
    return output.getvalue()


def inspect(pdf: bytes) -> Inspection:
    return inspect_signatures(pdf, trust=TRUST, at=NOW)


def outcome(found: Inspection, check: str) -> Outcome | None:
    every = [*found.checks, *(c for s in found.signatures for c in s.checks)]
    return next((c.outcome for c in every if c.name == check), None)


def amount(update: IncrementalPdfFileWriter) -> Any:
    fields = update.root["/AcroForm"]["/Fields"]
    return next(fields.raw_get(i) for i in range(len(fields)) if fields[i]["/T"] == "amount")


def repaint(shown: bytes, value: str | None = None) -> Callable[[IncrementalPdfFileWriter], None]:
    def change(update: IncrementalPdfFileWriter) -> None:
        reference = amount(update)
        field = reference.get_object()
        old = field["/AP"]["/N"]
        kept = {k: old.raw_get(k) for k in old if k not in {"/Length", "/Filter"}}
        content = b"/Tx BMC BT /F 12 Tf 2 5 Td (%s) Tj ET EMC" % shown
        picture = update.add_object(generic.StreamObject(kept, stream_data=content))
        field[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): picture})
        if value is not None:
            field[pdf_name("/V")] = pdf_string(value)
        update.mark_update(reference)

    return change


def test_what_was_signed_is_intact() -> None:
    found = inspect(SIGNED)
    assert found.integrity is Integrity.INTACT
    assert found.signatures[0].indication is Indication.TOTAL_PASSED
    assert found.signatures[0].signed_bytes == len(SIGNED)


def test_another_picture_for_the_old_value_is_no_filling_in() -> None:
    """The signer saw one amount; the value under it, or a later picture, says another."""
    assert inspect(updated(SIGNED, repaint(b"9,999,999"))).integrity is Integrity.ALTERED
    hidden = signed(form(value="9,999,999"))
    assert inspect(hidden).integrity is Integrity.INTACT
    assert inspect(updated(hidden, repaint(b"9,999,999"))).integrity is Integrity.ALTERED


def test_a_field_that_is_filled_in_is_permitted_and_not_relied_on() -> None:
    found = inspect(updated(SIGNED, repaint(b"2,000", "2,000")))
    assert found.integrity is Integrity.INTACT
    assert outcome(found, "coverage") is Outcome.UNKNOWN


def test_readers_must_not_be_told_to_draw_all_fields_anew() -> None:
    def change(update: IncrementalPdfFileWriter) -> None:
        dictionary = update.root["/AcroForm"]
        dictionary[pdf_name("/NeedAppearances")] = generic.BooleanObject(value=True)
        update.update_container(dictionary)

    told = updated(SIGNED, change)
    assert inspect(told).integrity is Integrity.ALTERED
    by_another = sign(prepare(told, certificates=CHAIN, mechanism=ES256, signing_time=NOW, field_name="S"), KEY)
    assert inspect(by_another).integrity is Integrity.ALTERED  # a later signature does not mend the first


def set_info(**entries: str) -> Callable[[IncrementalPdfFileWriter], None]:
    def change(update: IncrementalPdfFileWriter) -> None:
        info = update.trailer["/Info"]
        for key, value in entries.items():
            info[pdf_name(f"/{key}")] = pdf_string(value)
        update.update_container(info)

    return change


def add_xmp(update: IncrementalPdfFileWriter) -> None:
    entries = {pdf_name("/Type"): pdf_name("/Metadata"), pdf_name("/Subtype"): pdf_name("/XML")}
    xmp = generic.StreamObject(entries, stream_data=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    update.root[pdf_name("/Metadata")] = update.add_object(xmp)
    update.update_root()


def test_what_the_document_says_about_itself_after_the_last_signature_is_nobodys_word() -> None:
    for change, expected in (
        (set_info(Title="Giấy phép khác"), Outcome.UNKNOWN),
        (set_info(Author="X"), Outcome.UNKNOWN),
        (add_xmp, Outcome.UNKNOWN),
        (set_info(ModDate="D:20261121120000Z", Producer="a signer"), Outcome.NOTED),
    ):
        found = inspect(updated(SIGNED, change))
        assert found.integrity is Integrity.INTACT
        assert outcome(found, "coverage") is expected


def with_container(change: Callable[[bytes], bytes]) -> bytes:
    """A signature whose CMS container was changed where nothing signs it; the file is otherwise right."""
    prepared = prepare(
        form(), certificates=(*CHAIN, CHAIN[1]), mechanism=ES256, signing_time=NOW, field_name="S"
    )  # one certificate too many: room for more bytes
    signature = KEY.sign(prepared.to_be_signed, mechanism=ES256)
    container = change(signed_data(prepared.to_be_signed, signature, certificates=CHAIN, mechanism=ES256))
    start, end = prepared.contents
    return prepared.document[:start] + container.hex().encode().ljust(end - start, b"0") + prepared.document[end:]


def padded_version(der_bytes: bytes) -> bytes:
    """`INTEGER 1` of SignedData as `02 02 00 01`, with the lengths around it."""
    at = der_bytes.index(b"\x02\x01\x01")
    around = bytearray(der_bytes[:at])
    for position in [i for i in range(len(around)) if around[i : i + 1] == b"\x82"]:
        longer = int.from_bytes(around[position + 1 : position + 3]) + 1
        around[position + 1 : position + 3] = longer.to_bytes(2)
    return bytes(around) + b"\x02\x02\x00\x01" + der_bytes[at + 3 :]


def test_a_container_that_is_no_ber_is_no_signature() -> None:
    """Strict parsers find no signature in it: whoever verifies with one would see an unsigned file."""
    assert inspect(with_container(lambda c: c)).integrity is Integrity.INTACT
    found = inspect(with_container(padded_version))
    assert found.integrity is Integrity.ALTERED
    assert outcome(found, "format") is Outcome.FAILED


@pytest.mark.parametrize(
    ("encoded", "good"),
    [
        ("020101", True),
        ("02020080", True),
        ("0202ff7f", True),
        ("02020001", False),
        ("0202ffff", False),
        ("0200", False),
        ("0a020001", False),
        ("0101ff", True),
        ("010100", True),
        ("01020000", False),
        ("0500", True),
        ("050100", False),
        ("06032a0304", True),
        ("06032a8001", False),
        ("06022a83", False),
        ("0600", False),
        ("03020780", True),
        ("03020880", False),
        ("030101", False),
        ("0300", False),
        ("3003020101", True),
        ("30810302 0101", True),
        ("3080020101 0000", True),
        ("3080020101", False),
        ("3004020101", False),
        ("30020201", False),
        ("0480", False),
        ("1f8101 00", True),
        ("1f8001 00", False),
        ("8000", True),
        ("800200 01", True),
        ("0201", False),
        ("02", False),
        ("", False),
        ("30" + "80" * 3, False),
        ("3080" * 500, False),
    ],
)
def test_the_rules_of_encoding(encoded: str, *, good: bool) -> None:
    assert is_well_encoded(bytes.fromhex(encoded)) is good


def is_well_encoded(raw: bytes) -> bool:
    try:
        check(read(definite(raw)[0]))
    except Malformed:
        return False
    return True


@given(st.binary(max_size=200))
def test_any_bytes_are_well_encoded_or_not(data: bytes) -> None:
    assert is_well_encoded(data) in {True, False}
    assert is_well_encoded(CHAIN[0] + data)


def overpainted(update: IncrementalPdfFileWriter) -> None:
    reference, _ = update.find_page_for_modification(0)
    cover = generic.StreamObject(stream_data=b"1 1 1 rg 0 0 595 842 re f")
    reference.get_object()[pdf_name("/Contents")] = update.add_object(cover)
    update.mark_update(reference)


def test_altered_files_leave_no_tracebacks_in_the_hosts_log(caplog: pytest.LogCaptureFixture) -> None:
    altered = updated(SIGNED, overpainted)
    with caplog.at_level(logging.INFO):
        assert inspect(altered).integrity is Integrity.ALTERED
        assert inspect(SIGNED[: len(SIGNED) // 2]).integrity is not Integrity.INTACT
    assert caplog.records == []
