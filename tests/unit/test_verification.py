"""Verifying: every byte counts, each fact stands alone, and nothing that is unknown passes."""

import hashlib
import io
import random
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader

from esign.document import Box, Mark, Standing, StandingChange
from esign.errors import VerificationFailed
from esign.keys import Mechanism, SigningKey
from esign.pades.inspect import inspect_signatures
from esign.pades.revision import stamp
from esign.pades.sign import Appearance, prepare, sign
from esign.pdf.seal_marks import seal_mark
from esign.report import Indication, Integrity, Outcome, SubIndication, VerificationReport
from esign.seal import Kid, SealKeys, SealToken, Symbol, digest_of, salted
from esign.seal import make as make_seal
from esign.trust import TrustStore
from tests.support.office import NOW, Office, request
from tests.support.pki import PKI, der
from tests.support.plain_pdf import plain_pdf
from tests.unit.pdf.tools import changed, page


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
    office = Office.create(tmp_path / "three")
    genuine = office.verifier().inspect(office.issuer().issue(request("a")).pdf)
    assert genuine.seal is not None
    symbol = Symbol.of(genuine.seal.url)
    mark = seal_mark(symbol.rows, size_mm=symbol.size_mm, quiet_mm=symbol.quiet_mm, host="q.gov.vn", printed_id="-")
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


# --- what a seal has to do with the file that carries it --------------------------------------------------------------


def prefixes(pdf: bytes) -> list[bytes]:
    """The file at the end of each of its revisions."""
    return [pdf[: m.end()] for m in re.finditer(rb"%%EOF\n?", pdf)]


class Update(IncrementalPdfFileWriter):
    """One that adds nothing of its own."""

    def _update_meta(self) -> None:
        pass


def updated(pdf: bytes, change: Callable[[IncrementalPdfFileWriter], object]) -> bytes:
    update: IncrementalPdfFileWriter = Update(io.BytesIO(pdf), strict=False)
    change(update)
    out = io.BytesIO()
    update.write(out)
    return out.getvalue()


def covered(update: IncrementalPdfFileWriter) -> None:
    """White paint between the page's own content and the seal."""
    reference, _ = update.find_page_for_modification(0)
    page = reference.get_object()
    paint = update.add_object(generic.StreamObject(stream_data=b"q 1 1 1 rg 80 300 450 400 re f Q\n"))
    streams = page["/Contents"]
    items = [streams.raw_get(i) for i in range(len(streams))]
    page[pdf_name("/Contents")] = generic.ArrayObject([*items[:-1], paint, items[-1]])
    update.mark_update(reference)


def annotated(update: IncrementalPdfFileWriter) -> None:
    reference, _ = update.find_page_for_modification(0)
    note = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Annot"),
            pdf_name("/Subtype"): pdf_name("/FreeText"),
            pdf_name("/Rect"): generic.ArrayObject(map(generic.NumberObject, (72, 700, 200, 760))),
            pdf_name("/Contents"): pdf_string("Đã duyệt"),
        }
    )
    update.register_annotation(reference, update.add_object(note))


def signed_by(key: SigningKey, pdf: bytes, field: str = "S") -> bytes:
    mechanism = next(m for m in Mechanism if m in key.mechanisms)
    prepared = prepare(pdf, certificates=key.certificates, mechanism=mechanism, signing_time=NOW, field_name=field)
    return sign(prepared, key)


def seal_codes(report: VerificationReport) -> dict[str, str]:
    assert report.seal is not None
    return {c.name: c.reason.code for c in report.seal.checks if c.reason is not None}


def test_a_genuine_seal_that_a_stranger_signs_is_refused(office: Office, issued: bytes) -> None:
    """The stranger is trusted, under the same anchors; page and seal are another agency's."""
    sealed = prefixes(issued)[1]
    stranger = office.seal_key
    for pdf in (sealed, updated(sealed, covered)):
        forged = signed_by(stranger, pdf)
        for registry in (None, office.registry):
            report = office.verifier(registry=registry).inspect(forged)
            assert report.integrity is Integrity.INTACT
            assert report.signatures[0].indication is Indication.TOTAL_PASSED
            assert seal_codes(report)["seal-signer"] == "seal-other-signer"
            with pytest.raises(VerificationFailed):
                office.verifier(registry=registry).verify(forged)


def test_a_stranger_may_sign_what_the_agency_signed(office: Office, issued: bytes) -> None:
    office.verifier(registry=None).verify(signed_by(office.seal_key, issued, "Countersigned"))


@pytest.mark.parametrize(("left", "bottom", "code"), [(80, 300, "seal-page-covered"), (250, 15, "")])
def test_a_strangers_signature_must_not_hide_the_page(
    office: Office, issued: bytes, left: int, bottom: int, code: str
) -> None:
    """PDF permits a signature with any picture after another; on white paper it is welcome."""
    width, height = (450, 400) if code else (80, 10)
    picture = page(b"0.9 1 0.9 rg 0 0 %d %d re f" % (width, height), media=(0, 0, width, height))
    mark = Mark(pdf=picture, width_mm=width * 25.4 / 72, height_mm=height * 25.4 / 72, alt="Đã nhận")
    prepared = prepare(
        issued,
        certificates=office.seal_key.certificates,
        mechanism=Mechanism.ECDSA_P256_SHA256,
        signing_time=NOW,
        field_name="Received",
        appearance=Appearance(mark=mark, box=Box(page=0, left=left, bottom=bottom, width=width, height=height)),
    )
    report = office.verifier(registry=None).inspect(sign(prepared, office.seal_key))
    assert report.integrity is Integrity.INTACT
    assert [s.indication for s in report.signatures] == [Indication.TOTAL_PASSED] * 2
    assert seal_codes(report) == ({"seal-page": code} if code else {})


def test_the_agencys_signature_must_be_over_the_seal(office: Office, issued: bytes) -> None:
    """A file that the agency signed, sealed by somebody who got at the seal key alone, and signed by a stranger."""
    first = prefixes(issued)[0]
    by_agency = salted(signed_by(office.key, first), bytes(16))
    report = office.verifier().inspect(issued)
    assert report.seal is not None
    claims = replace(SealToken.from_url(report.seal.url).claims, digest=digest_of(by_agency))
    url = make_seal(claims, Kid(258, 3), office.seal_key).url("q.gov.vn")
    forged = signed_by(office.seal_key, drawn(by_agency, url), "Other")
    assert seal_codes(office.verifier().inspect(forged))["seal-signer"] == "seal-other-signer"


def drawn(pdf: bytes, url: str, *, link: str | None = None) -> bytes:
    symbol = Symbol.of(url)
    mark = seal_mark(symbol.rows, size_mm=symbol.size_mm, quiet_mm=symbol.quiet_mm, host="q.gov.vn", printed_id="-")
    points = 72 / 25.4
    box = Box(page=0, left=80, bottom=80, width=mark.width_mm * points, height=mark.height_mm * points)
    return stamp(pdf, mark, box, url=link or url)


def test_a_table_without_signers_decides_nothing(office: Office, issued: bytes) -> None:
    (key,) = office.seal_keys()
    verifier = office.verifier(seal_keys=SealKeys([replace(key, signers=())]), registry=None)
    report = verifier.inspect(issued)
    assert seal_codes(report) == {"seal-signer": "seal-signer-unknown"}
    with pytest.raises(VerificationFailed) as refused:
        verifier.verify(issued)
    assert refused.value.code == "seal-signer-unknown"


def test_an_agency_that_is_not_trusted_vouches_for_nothing(office: Office, issued: bytes) -> None:
    report = office.verifier(trust=TrustStore()).inspect(issued)
    assert seal_codes(report) == {"seal-signer": "seal-signer-not-passed"}


@pytest.mark.parametrize("change", [covered, annotated])
def test_what_is_added_with_or_after_the_seal_is_refused_even_if_the_agency_signs_it(
    office: Office, issued: bytes, change: Callable[[IncrementalPdfFileWriter], object]
) -> None:
    sealed = prefixes(issued)[1]
    good = office.verifier(registry=None).inspect(signed_by(office.key, sealed))
    assert seal_codes(good) == {}
    after = office.verifier(registry=None).inspect(signed_by(office.key, updated(sealed, change)))
    assert seal_codes(after) == {"seal-revision": "seal-revision-adds-more"}
    # The same in one revision with the seal: what the sealing revision has, and the change, as one update.
    at_once = in_one_revision(sealed, prefixes(issued)[0], change)
    alone = in_one_revision(sealed, prefixes(issued)[0], lambda update: update.update_root())
    assert seal_codes(office.verifier(registry=None).inspect(signed_by(office.key, alone))) == {}
    with_it = office.verifier(registry=None).inspect(signed_by(office.key, at_once))
    assert seal_codes(with_it) == {"seal-revision": "seal-revision-adds-more"}


def in_one_revision(sealed: bytes, first: bytes, change: Callable[[IncrementalPdfFileWriter], object]) -> bytes:
    """The seal and `change` in the one revision behind the salted bytes: two updates, written as one."""
    before = sealed[: sealed.index(b"\n", sealed.index(b"%esign-salt ", len(first))) + 1]
    both = PdfFileReader(io.BytesIO(updated(sealed, change)))
    update: IncrementalPdfFileWriter = Update(io.BytesIO(before), strict=False)
    for revision in (1, 2):
        for found in both.xrefs.explicit_refs_in_revision(revision):
            update.objects[(found.generation, found.idnum)] = both.get_object(found)
    out = io.BytesIO()
    update.write(out)
    return out.getvalue()


def test_a_picture_of_a_seal_without_its_link_is_reported(office: Office, issued: bytes) -> None:
    """People scan the picture: it opens the genuine page of another document."""
    report = office.verifier().inspect(issued)
    assert report.seal is not None
    shown = drawn(plain_pdf("Giấy phép giả"), report.seal.url, link="https://example.org/x")
    assert office.verifier().inspect(shown).seal is None  # nobody signed it: nothing to be misled by
    forged = signed_by(office.seal_key, shown)
    assert seal_codes(office.verifier().inspect(forged)) == {"seal": "seal-without-link"}
    with pytest.raises(VerificationFailed) as refused:
        office.verifier(registry=None).verify(forged)
    assert refused.value.code == "seal-without-link"


def test_a_signed_file_without_any_seal_has_none(office: Office) -> None:
    signed = signed_by(office.key, plain_pdf("Giấy mời"))
    assert office.verifier(registry=None).verify(signed).seal is None


def test_a_file_that_cannot_be_searched_for_seals_is_not_one_without(office: Office) -> None:
    """pyHanko reads it, qpdf gives up on its page tree."""
    pdf = signed_by(office.key, plain_pdf("Giấy mời"))
    broken = signed_by(office.key, updated(pdf, endless_pages), "T")
    report = office.verifier(registry=None).inspect(broken)
    assert seal_codes(report) == {"seal": "seal-not-looked-for"}


def endless_pages(update: IncrementalPdfFileWriter) -> None:
    pages = update.root.raw_get("/Pages")
    pages.get_object()["/Kids"].append(pages)
    update.mark_update(pages)
