"""A real decision, signed by a leader and days later by the agency: what other software and a phone say of it."""

import asyncio
import io
import random
import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

import pikepdf
import pytest
from asn1crypto import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from esign.authority import public_key_sha256
from esign.codes import AgencyCode, DocumentNumber
from esign.document import Agency
from esign.keys import Mechanism
from esign.pades.fields import AGENCY_FIELD, PERSON_FIELD, FilledField, ReleaseField, ReleaseName, add_release_fields
from esign.pades.inspect import inspect_signatures
from esign.pades.revision import ends_revision
from esign.pades.sign import Appearance, PreparedSignature, complete, prepare
from esign.pdf import Renderer, load, page_image, specimen_seal, specimen_signature
from esign.pdf.links import seal_links
from esign.pdf.marks import agency_mark, person_mark
from esign.pdf.release_marks import field_mark, release_texts
from esign.pdf.seal_marks import seal_mark, seal_mark_size
from esign.report import Indication, Integrity, Outcome
from esign.seal import SealKeys, Symbol, assemble, binding, digest_of, salted, seal_urls, to_be_signed
from esign.softkey import SoftwareKey
from esign.trust import TrustStore
from esign.verification import Verifier
from tests.support.office import HOST, NOW, Clock
from tests.support.pki import PKI, der, name
from tests.unit.pdf.tools import assert_clean, run, text_of
from tests.vectors.pades import generate as vectors
from tests.vectors.seal import generate as seals

LATER = NOW + timedelta(days=2)
NUMBER = DocumentNumber.parse("15/QĐ-UBND")


@dataclass(frozen=True)
class Decision:
    """What was made on the way."""

    pki: PKI
    trust: TrustStore
    first: bytes
    prepared: bytes
    by_person: bytes
    released: bytes
    digest: bytes
    url: str


def key(pki: PKI, who: str) -> SoftwareKey:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = pki.issuing.certify(private.public_key(), name(who, locality="Hà Nội"))
    return SoftwareKey.from_private_key(private, pki.chain(certificate))


@pytest.fixture(scope="module")
def decision() -> Decision:
    pki = PKI.create()
    leader, office = key(pki, "Trần Văn Thử"), key(pki, "UBND PHƯỜNG MẪU")
    agency = Agency(
        code=AgencyCode.parse("H26.18.01"),
        name="UỶ BAN NHÂN DÂN PHƯỜNG MẪU",
        place="Hà Nội",
        seal_image=specimen_seal(),
    )
    template = load("quyet-dinh")
    room = seal_mark_size(size_mm=20, quiet_mm=1.6, host=HOST, printed_id=str(seals.CLAIMS.result_id))
    page = Renderer().render(
        template,
        template.sample,
        agency=agency,
        number=None,
        issued=None,
        symbol="QĐ-UBND",
        person=True,
        at=NOW,
        seal_mm=room,
    )
    fields = [ReleaseField(f"esign.release.{kind}", box) for kind, box in page.release.items()]
    assert page.person is not None
    prepared = add_release_fields(
        page.pdf, fields, agency_box=page.signature, alt="Chữ ký số của cơ quan", person_box=page.person
    )
    pending = prepare(
        prepared,
        certificates=leader.certificates,
        mechanism=Mechanism.RSA_PSS_SHA256,
        signing_time=NOW,
        field_name=PERSON_FIELD,
        appearance=Appearance(mark=person_mark(specimen_signature(), signer="Trần Văn Thử"), box=page.person),
    )
    by_person = finished(pending, leader)

    # Two days later, elsewhere.
    before = salted(by_person, bytes(range(16)))
    claims = replace(seals.CLAIMS, issued_at=LATER, digest=digest_of(before), number=NUMBER)
    token = assemble(claims, seals.GOOD.kid, seals.sign(to_be_signed(claims, seals.GOOD.kid)))
    url = token.url(HOST)
    symbol = Symbol.of(url)
    picture = seal_mark(
        symbol.rows,
        size_mm=symbol.size_mm,
        quiet_mm=symbol.quiet_mm,
        host=HOST,
        printed_id=str(claims.result_id),
    )
    texts = release_texts(NUMBER, date(2026, 11, 23))
    pending = prepare(
        before,
        certificates=office.certificates,
        mechanism=Mechanism.RSA_PKCS1_SHA256,
        signing_time=LATER,
        field_name=AGENCY_FIELD,
        appearance=Appearance(mark=agency_mark(agency, signer="UBND", signing_time=LATER), box=page.signature),
        fill=[
            *(
                FilledField(f"esign.release.{k.value}", v, field_mark(v, kind=k, box=page.release[k.value]))
                for k, v in texts.items()
            ),
            FilledField(ReleaseName.SEAL, "", picture),
        ],
        lock=[field.name for field in fields],
        seal_url=url,
    )
    return Decision(
        pki=pki,
        trust=TrustStore.from_pem(der(pki.root.certificate), crls=pki.crls(at=NOW - timedelta(hours=1))),
        first=page.pdf,
        prepared=prepared,
        by_person=by_person,
        released=finished(pending, office),
        digest=claims.digest,
        url=url,
    )


def finished(pending: PreparedSignature, signer: SoftwareKey) -> bytes:
    """Through the stored form, as between two machines."""
    stored = PreparedSignature.from_json(pending.to_json(), pending.document)
    return complete(stored, signer.sign(stored.to_be_signed, mechanism=stored.mechanism))


def test_each_state_is_a_prefix_of_the_next(decision: Decision) -> None:
    states = [decision.first, decision.prepared, decision.by_person, decision.released]
    for earlier, later in pairwise(states):
        assert later.startswith(earlier)


def test_both_signatures_are_good_in_our_own_eyes(decision: Decision) -> None:
    found = inspect_signatures(decision.released, trust=decision.trust, at=LATER)
    assert found.integrity is Integrity.INTACT
    assert [s.field_name for s in found.signatures] == [PERSON_FIELD, AGENCY_FIELD]
    assert [s.indication for s in found.signatures] == [Indication.TOTAL_PASSED] * 2
    assert [s.covers_whole_file for s in found.signatures] == [False, True]
    assert [(c.name, c.outcome) for c in found.checks] == [("release-fields", Outcome.PASSED)]


def test_until_then_it_is_pending(decision: Decision) -> None:
    found = inspect_signatures(decision.by_person, trust=decision.trust, at=NOW)
    assert found.integrity is Integrity.INTACT
    noted = [c.reason for c in found.checks if c.outcome is Outcome.UNKNOWN and c.reason]
    assert [r.code for r in noted] == ["release-pending"]
    assert noted[0].facts == {"fields": "day, month, number, seal"}


_LEVELS = (ModificationLevel.FORM_FILLING, ModificationLevel.NONE)


def test_pyhanko_calls_both_good(decision: Decision) -> None:
    reader = PdfFileReader(io.BytesIO(decision.released))
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(der(decision.pki.root.certificate))],
        other_certs=[],
        moment=LATER,
        allow_fetching=False,
    )
    for signature, level in zip(reader.embedded_signatures, _LEVELS, strict=True):
        status = asyncio.run(async_validate_pdf_signature(signature, signer_validation_context=context))
        assert status.bottom_line, status.pretty_print_details()
        assert status.modification_level is level


def test_pdfsig_calls_both_valid(decision: Decision) -> None:
    said = run("pdfsig", "-nocert", "@", pdf=decision.released).stdout
    assert said.count("Signature Validation: Signature is Valid.") == 2
    assert said.count("Total document signed") == 1
    assert re.findall(r"Signature Field Name: (\w+)", said) == [PERSON_FIELD, AGENCY_FIELD]


def test_it_is_clean_and_still_pdfa(decision: Decision) -> None:
    assert_clean(decision.released)
    with (
        pikepdf.open(io.BytesIO(decision.first)) as first,
        pikepdf.open(io.BytesIO(decision.released)) as last,
    ):
        assert first.Root.OutputIntents[0].DestOutputProfile.read_bytes() == (
            last.Root.OutputIntents[0].DestOutputProfile.read_bytes()
        )
        metadata = last.Root.Metadata.read_bytes()
        assert metadata == first.Root.Metadata.read_bytes()
        assert b"pdfaid:part" in metadata
        assert bytes(last.trailer.ID[0]) == bytes(first.trailer.ID[0])
        widgets = list(last.pages[0].obj.Annots)
        assert len(widgets) == 6
        for widget in widgets:
            assert widget.Subtype == "/Widget"
            # ISO 19005-2 §6.3.3: of a button a dictionary of states, of any other widget a stream.
            shown = widget.AP.N[str(widget.AS)] if widget.FT == "/Btn" else widget.AP.N
            assert isinstance(shown, pikepdf.Stream)
            assert list(widget.AP.keys()) == ["/N"]
            assert "/A" not in widget
            assert "/AA" not in widget
            assert int(widget.F) & (4 | 2 | 1 | 32 | 256) == 4  # ISO 19005-2 §6.3.2
        assert "/NeedAppearances" not in last.Root.AcroForm
        for item in last.objects:  # ISO 19005-2 §6.2.11.4.1
            if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/Font":
                assert is_embedded(item), item


def is_embedded(font: pikepdf.Object) -> bool:
    if font.Subtype in {"/Type0", "/Type3"}:
        return True
    return any(key in font.FontDescriptor for key in ("/FontFile", "/FontFile2", "/FontFile3"))


@pytest.mark.parametrize("dpi", [100, 150, 300])
def test_a_phone_reads_the_seal(decision: Decision, dpi: int) -> None:
    assert seal_urls(page_image(decision.released, 0, dpi)) == (decision.url,)
    assert seal_urls(page_image(decision.by_person, 0, dpi)) == ()


def test_number_and_date_are_on_the_page(decision: Decision) -> None:
    printed = " ".join(text_of(decision.released).split())
    assert "15/QĐ-UBND" in printed
    assert "ngày 23 tháng 11 năm 2026" in printed
    assert "15/QĐ-UBND" not in " ".join(text_of(decision.by_person).split())


def test_the_seal_is_found_and_belongs_to_the_file(decision: Decision) -> None:
    assert [(link.url, link.page) for link in seal_links(decision.released)] == [(decision.url, 0)]
    assert seal_links(decision.by_person) == ()
    offset = binding(decision.released, decision.digest)
    assert offset == len(decision.by_person) + 46
    assert ends_revision(decision.released, offset)
    agency = inspect_signatures(decision.released, trust=decision.trust, at=LATER).signatures[-1].certificates[0]
    keys = SealKeys([replace(seals.GOOD, signers=(public_key_sha256(agency),))])
    verifier = Verifier(trust=decision.trust, now=Clock(LATER), seal_keys=keys)
    report = verifier.verify(decision.released)
    assert report.seal is not None
    assert report.seal.number == "15/QĐ-UBND"
    assert {c.name: c.outcome for c in report.seal.checks}["seal-picture"] is Outcome.PASSED


def test_no_byte_of_either_can_be_changed(decision: Decision) -> None:
    """The agency's signature covers the leader's too; what nothing covers is its own digits, judged elsewhere."""
    pdf = decision.released
    *_, last = re.finditer(rb"/ByteRange \[0 (\d+) (\d+) \d+\]", pdf)
    start, end = int(last[1]), int(last[2])
    chosen = random.Random(5).sample(range(len(pdf)), 60)
    edges = [start - 1, start, end - 1, end, len(decision.by_person) + 5, len(pdf) - 1]
    for position in [*chosen, *edges]:
        if start < position < end - 1:
            continue
        altered = pdf[:position] + bytes([pdf[position] ^ 1]) + pdf[position + 1 :]
        found = inspect_signatures(altered, trust=TrustStore(), at=LATER)
        assert found.integrity is not Integrity.INTACT, position


def test_a_cut_file_is_the_pending_one_or_nothing(decision: Decision) -> None:
    """What was signed first is a document by itself; no other beginning of the file is."""
    for cut in (len(decision.by_person) + 46, len(decision.by_person)):
        found = inspect_signatures(decision.released[:cut], trust=TrustStore(), at=LATER)
        assert "release-pending" in {c.reason.code for c in found.checks if c.reason}
    for cut in (len(decision.by_person) + 500, len(decision.released) - 40):
        found = inspect_signatures(decision.released[:cut], trust=TrustStore(), at=LATER)
        assert found.integrity is not Integrity.INTACT or "release-pending" in str(found.checks)


def test_hostile_forms_end_in_a_report() -> None:
    """Release fields that turn in circles, are of the wrong types, or have no end."""

    def set_entry(field: str, entry: str, value: object) -> bytes:
        return vectors.updated(vectors.released(), vectors.entry(field, entry, lambda: value))

    number = str(ReleaseName.NUMBER)
    for field, entry, value in (
        (number, "/AP", generic.NumberObject(1)),
        (number, "/Rect", pdf_name("/Rect")),
        (number, "/Parent", generic.NumberObject(1)),
        (number, "/T", generic.NumberObject(1)),
        (number, "/Kids", generic.ArrayObject([generic.NullObject()])),
        ("esign.release", "/Kids", generic.NumberObject(1)),
        ("esign", "/Kids", generic.DictionaryObject()),
        (AGENCY_FIELD, "/Lock", generic.NumberObject(1)),
        (AGENCY_FIELD, "/Rect", generic.ArrayObject()),
    ):
        found = inspect_signatures(set_entry(field, entry, value), trust=TrustStore(), at=LATER)
        assert found.integrity in {Integrity.ALTERED, Integrity.UNREADABLE}, (field, entry)

    def circle(update: object) -> None:
        parent = vectors.field_of(update, "esign.release")
        parent.get_object()[pdf_name("/Parent")] = parent
        parent.get_object()["/Kids"].append(parent)
        update.mark_update(parent)  # type: ignore[attr-defined] # pyHanko's writer

    found = inspect_signatures(vectors.updated(vectors.released(), circle), trust=TrustStore(), at=LATER)
    assert found.integrity is Integrity.ALTERED
