"""Verifying: every byte counts, each fact stands alone, and nothing that is unknown passes."""

import hashlib
import random
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esign.document import Standing, StandingChange
from esign.errors import VerificationFailed
from esign.pades.inspect import inspect_signatures
from esign.report import Indication, Integrity, Outcome, SubIndication, VerificationReport
from esign.seal import SealKeys
from esign.trust import TrustStore
from tests.support.office import NOW, Office, request
from tests.support.pki import PKI, der


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office.create(tmp_path_factory.mktemp("office") / "one")


@pytest.fixture(scope="module")
def issued(office: Office) -> bytes:
    return office.issuer().issue(request("k")).pdf


def integrity(pdf: bytes) -> Integrity:
    return inspect_signatures(pdf, trust=TrustStore(), at=NOW).integrity


def contents_of(pdf: bytes) -> tuple[int, int]:
    ranges = re.search(rb"/ByteRange\s*\[\s*0 (\d+) (\d+) (\d+)", pdf)
    assert ranges is not None
    return int(ranges[1]) + 1, int(ranges[2]) - 1


def test_no_byte_outside_the_signature_can_be_changed(issued: bytes) -> None:
    """What the byte range covers is under the digest: a seeded sample, and everything near an edge."""
    start, end = contents_of(issued)
    chosen = random.Random(7).sample(range(len(issued)), 250)
    edges = [*range(12), *range(start - 12, start), *range(end, end + 12), *range(len(issued) - 12, len(issued))]
    for position in {*chosen, *edges}:
        if start <= position < end:
            continue
        changed = issued[:position] + bytes([issued[position] ^ 0x01]) + issued[position + 1 :]
        assert integrity(changed) is not Integrity.INTACT, position


def test_no_digit_of_the_signature_can_be_changed(office: Office, issued: bytes) -> None:
    """Nothing signs these digits. Their spelling is canonical, and the register knows the file by its digest.

    CMS leaves the certificates beside the signer's own unsigned (RFC 5652 §5.4): there only the register notices.
    """
    start, end = contents_of(issued)
    chosen = [*random.Random(8).sample(range(start, end), 200), *range(start, start + 16), *range(end - 16, end)]
    for position in chosen:
        digit = issued[position : position + 1]
        swapped = digit.swapcase()
        other = swapped if swapped != digit else (b"1" if digit == b"0" else b"0")
        for spelled in {other, b"7" if digit != b"7" else b"8", b" "}:
            changed = issued[:position] + spelled + issued[position + 1 :]
            if integrity(changed) is Integrity.INTACT:
                assert digit.isdigit() or spelled != other, (position, spelled)
                with pytest.raises(VerificationFailed):
                    office.verifier().verify(changed)


def test_another_spelling_of_the_whole_signature_is_not_what_was_registered(office: Office, issued: bytes) -> None:
    """All digits in capitals are a canonical spelling too; the register's digest tells them apart."""
    start, end = contents_of(issued)
    changed = issued[:start] + issued[start:end].upper() + issued[end:]
    with pytest.raises(VerificationFailed) as refused:
        office.verifier().verify(changed)
    assert refused.value.code == "registered-file-differs"


def test_appended_bytes_are_noticed(issued: bytes) -> None:
    assert integrity(issued + b"\n1 0 obj <</Type/Catalog>> endobj\n") is not Integrity.INTACT


def test_a_cut_file_is_noticed(issued: bytes) -> None:
    for size in (0, 1, 100, len(issued) // 2, len(issued) - 1):
        assert integrity(issued[:size]) is not Integrity.INTACT, size


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_end_in_a_report(data: bytes) -> None:
    for pdf in (
        data,
        b"%PDF-1.7\n" + data,
        b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n" + data,
    ):
        report = inspect_signatures(pdf, trust=TrustStore(), at=NOW)
        assert report.integrity in {Integrity.UNREADABLE, Integrity.UNSIGNED}
        assert [c for c in report.checks if c.reason]


def test_a_report_has_no_truth_value(office: Office, issued: bytes) -> None:
    with pytest.raises(TypeError, match="not a verdict"):
        bool(office.verifier().inspect(issued))


def sub_indication(report: VerificationReport) -> SubIndication | None:
    assert report.integrity is Integrity.INTACT
    assert report.signatures[0].indication is not Indication.TOTAL_PASSED
    return report.signatures[0].sub_indication


def test_trust_is_given_never_assumed(office: Office, issued: bytes) -> None:
    stranger = PKI.create()
    nobody = office.verifier(trust=TrustStore())
    other = office.verifier(trust=TrustStore.from_pem(der(stranger.root.certificate)))
    assert sub_indication(nobody.inspect(issued)) is SubIndication.NO_CERTIFICATE_CHAIN_FOUND
    assert sub_indication(other.inspect(issued)) is SubIndication.NO_CERTIFICATE_CHAIN_FOUND


def test_unknown_revocation_is_not_good(office: Office, issued: bytes) -> None:
    verifier = office.verifier(trust=replace(office.trust, crls=()))
    assert sub_indication(verifier.inspect(issued)) is SubIndication.TRY_LATER
    with pytest.raises(VerificationFailed, match="revoked"):
        verifier.verify(issued)


def test_a_stale_list_does_not_answer(office: Office, issued: bytes) -> None:
    report = office.verifier().inspect(issued, at=NOW + timedelta(days=60))
    assert sub_indication(report) is SubIndication.TRY_LATER


def test_an_expired_certificate_without_proof_of_time_is_undecided(office: Office, issued: bytes) -> None:
    report = office.verifier().inspect(issued, at=NOW + timedelta(days=4 * 365))
    assert sub_indication(report) is SubIndication.OUT_OF_BOUNDS_NO_POE


def test_an_unknown_seal_key_is_unknown_not_good(office: Office, issued: bytes) -> None:
    report = office.verifier(seal_keys=SealKeys()).inspect(issued)
    assert report.seal is not None
    assert [c.outcome for c in report.seal.checks if c.name == "seal-key"] == [Outcome.UNKNOWN]
    with pytest.raises(VerificationFailed):
        office.verifier(seal_keys=SealKeys()).verify(issued)


def test_signature_and_standing_are_two_facts(tmp_path: Path) -> None:
    office = Office.create(tmp_path / "two")
    first, second = (office.issuer().issue(request(key)) for key in ("a", "b"))
    change = StandingChange(standing=Standing.REPLACED, at=NOW, by="Văn thư", why="Sai sót", other=second.id)
    office.registry.change(first.id, change)
    report = office.verifier().inspect(first.pdf)
    assert report.integrity is Integrity.INTACT
    assert report.signatures[0].indication is Indication.TOTAL_PASSED
    assert report.standing is not None
    assert report.standing.standing is Standing.REPLACED
    with pytest.raises(VerificationFailed) as refused:
        office.verifier().verify(first.pdf)
    assert refused.value.code == "standing-replaced"
    assert str(second.id) in str(refused.value)
    assert office.verifier().verify(second.pdf).standing is not None


def test_a_seal_from_another_document_does_not_fit(tmp_path: Path) -> None:
    """The second document's page, signed by the same agency, with the first one's seal drawn on it."""
    from esign.document import Box
    from esign.keys import Mechanism
    from esign.pades.revision import stamp
    from esign.pades.sign import prepare, sign
    from esign.pdf.marks import seal_mark
    from esign.seal import Symbol
    from tests.unit.test_issuance import plain_pdf

    office = Office.create(tmp_path / "three")
    genuine = office.verifier().inspect(office.issuer().issue(request("a")).pdf)
    assert genuine.seal is not None
    symbol = Symbol.of(genuine.seal.url)
    mark = seal_mark(
        symbol.svg().encode(), size_mm=symbol.size_mm, quiet_mm=symbol.quiet_mm, host="q.gov.vn", printed_id="-"
    )
    forged = stamp(
        plain_pdf("Giấy phép giả"),
        mark,
        Box(page=0, left=80, bottom=80, width=mark.width_mm * 72 / 25.4, height=mark.height_mm * 72 / 25.4),
        url=genuine.seal.url,
    )
    prepared = prepare(
        forged,
        certificates=office.key.certificates,
        mechanism=Mechanism.RSA_PSS_SHA256,
        signing_time=NOW,
        field_name="S",
    )
    report = office.verifier().inspect(sign(prepared, office.key))
    assert report.integrity is Integrity.INTACT
    assert report.seal is not None
    assert {c.name: c.outcome for c in report.seal.checks}["seal-binding"] is Outcome.FAILED
    assert report.standing is not None
    assert [c.reason.code for c in report.standing.checks if c.reason] == ["registered-file-differs"]


def test_the_report_names_the_file_by_its_digest(office: Office, issued: bytes) -> None:
    assert office.verifier().inspect(issued).sha256 == hashlib.sha256(issued).hexdigest()


def test_a_moment_before_the_document_was_issued_is_reported_not_raised(office: Office, issued: bytes) -> None:
    report = office.verifier().inspect(issued, at=NOW - timedelta(days=2))
    assert report.standing is not None
    assert report.standing.standing is None
    assert "not-yet-issued" in [c.reason.code for c in report.standing.checks if c.reason]


def test_a_form_that_was_filled_in_after_signing_is_not_relied_on(tmp_path: Path) -> None:
    """ISO 32000-1 lets a form be filled in after an approval signature, but nobody signed what it says then."""
    import io

    import pikepdf
    from pyhanko.pdf_utils.generic import pdf_name, pdf_string
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    from tests.unit.pdf.tools import changed, page
    from tests.unit.test_issuance import given as given_pdf

    def add_field(pdf: pikepdf.Pdf) -> None:
        field = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Widget,
                FT=pikepdf.Name.Tx,
                T=pikepdf.String("amount"),
                V=pikepdf.String("1,000"),
                Rect=[72, 600, 172, 620],
                F=4,
            )
        )
        pdf.pages[0].obj.Annots = pikepdf.Array([field])
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([field]))

    office = Office.create(tmp_path / "form")
    signed = office.issuer().issue(given_pdf("k", changed(page(), add_field))).pdf
    office.verifier(registry=None).verify(signed)
    update = IncrementalPdfFileWriter(io.BytesIO(signed), strict=False)
    (reference,) = (f for f in update.root["/AcroForm"]["/Fields"] if f.get_object().get("/T") == "amount")
    reference.get_object()[pdf_name("/V")] = pdf_string("9,999,999")
    update.mark_update(reference)
    out = io.BytesIO()
    update.write(out)
    with pytest.raises(VerificationFailed) as refused:
        office.verifier(registry=None).verify(out.getvalue())
    assert refused.value.code == "appended-after-signing"
