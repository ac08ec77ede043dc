"""Issuing: what comes out, what is refused before anything is recorded, and what a repeat gives."""

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pikepdf
import pytest
import zxingcpp
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from esign.codes import AgencyCode, DocumentNumber
from esign.document import Box, ResultMetadata
from esign.errors import (
    DuplicateNumber,
    InputError,
    KeyStoreError,
    PreflightError,
    RegistryError,
    RequestConflict,
    SigningError,
    TokenUnavailable,
)
from esign.files import Folder
from esign.issued import Issued
from esign.keys import Mechanism, SigningKey
from esign.line import Line
from esign.pdf.links import seal_links
from esign.pdf.raster import page_image, page_text
from esign.profile import TT15, VGCA_COMPAT, Level
from esign.reasons import Reason
from esign.registry import Intent, IntentState
from esign.report import Indication, Integrity
from esign.request import Filled, Given, Request
from esign.steps import Step
from esign.trust import TrustStore
from tests.support.office import NOW, Office, request
from tests.support.pki import PKI
from tests.support.plain_pdf import plain_pdf
from tests.support.rendering import CountingRenderer
from tests.unit.pdf.tools import changed, page


@pytest.fixture
def office(rsa_office: Path, tmp_path: Path) -> Office:
    """A fresh register over the same keys."""
    return Office.copied(rsa_office, tmp_path / "office")


def given(key: str, pdf: bytes, number: str = "15/GP-UBND") -> Request:
    metadata = request(key).metadata
    return Request(idempotency_key=key, content=Given(pdf=pdf), metadata=metadata, number=DocumentNumber.parse(number))


@pytest.mark.parametrize("template", ["quyet-dinh", "xac-nhan-cu-tru", "ho-kinh-doanh"])
def test_what_was_issued_verifies_everywhere(office: Office, tmp_path: Path, template: str) -> None:
    issued = office.issuer().issue(request("k", template=template))
    report = office.verifier().verify(issued.pdf)
    assert report.integrity is Integrity.INTACT
    assert [s.indication for s in report.signatures] == [Indication.TOTAL_PASSED]
    assert report.levels == (Level.B_B,)
    assert report.seal is not None
    assert report.seal.number == str(issued.number) == "01/QĐ-UBND"
    file = tmp_path / "issued.pdf"
    file.write_bytes(issued.pdf)
    pdfsig = subprocess.run(["pdfsig", "-nocert", file], capture_output=True, text=True, check=False).stdout
    assert "Signature Validation: Signature is Valid." in pdfsig
    assert "Total document signed" in pdfsig
    checked = subprocess.run(["qpdf", "--check", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    text = subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, text=True, check=True).stdout
    assert "Số: 01/QĐ-UBND" in text
    assert str(issued.id) in text


def test_a_validator_that_we_did_not_write_agrees(office: Office) -> None:
    """PyHanko's own validation, with its own path building, over the whole chain."""
    import asyncio
    import io

    from asn1crypto import crl as asn1_crl
    from asn1crypto import x509 as asn1_x509
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import async_validate_pdf_signature
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    issued = office.issuer().issue(request("k"))
    context = ValidationContext(
        trust_roots=[asn1_x509.Certificate.load(office.trust.anchors[0].der)],
        crls=[asn1_crl.CertificateList.load(c) for c in office.trust.crls],
        moment=NOW,
        revocation_mode="require",
    )
    signature = PdfFileReader(io.BytesIO(issued.pdf)).embedded_signatures[0]
    status = asyncio.run(async_validate_pdf_signature(signature, signer_validation_context=context))
    assert status.bottom_line
    assert status.coverage is SignatureCoverageLevel.ENTIRE_FILE


@pytest.mark.parametrize("dpi", [100, 150, 300])
def test_the_seal_is_read_from_the_page(office: Office, dpi: int) -> None:
    issued = office.issuer().issue(request("k"))
    report = office.verifier().inspect(issued.pdf)
    assert report.seal is not None
    read = zxingcpp.read_barcodes(
        page_image(issued.pdf, 0, dpi), formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    )
    assert [r.text for r in read] == [report.seal.url]


@pytest.mark.parametrize(
    ("profile", "mechanism"),
    [(VGCA_COMPAT, Mechanism.RSA_PKCS1_SHA256), (TT15, Mechanism.RSA_PSS_SHA256)],
)
def test_the_profile_chooses_the_mechanism_and_the_record_says_which(
    office: Office, profile: object, mechanism: Mechanism
) -> None:
    office.profile = replace(office.profile, signature=profile)  # type: ignore[arg-type]  # parametrised
    issued = office.issuer().issue(request("k"))
    registration = office.registry.get(issued.id).registration
    assert registration is not None
    assert registration.mechanism is mechanism
    assert registration.profile == office.profile.signature.name
    assert office.verifier().verify(issued.pdf).integrity is Integrity.INTACT


def test_a_given_pdf_stays_a_prefix_of_what_is_issued(office: Office) -> None:
    pdf = plain_pdf()
    issued = office.issuer().issue(given("k", pdf))
    assert issued.pdf.startswith(pdf)
    assert office.verifier().verify(issued.pdf).integrity is Integrity.INTACT
    assert issued.number == DocumentNumber.parse("15/GP-UBND")


def test_a_file_can_be_signed_without_becoming_a_result(office: Office) -> None:
    signed = office.issuer().sign(plain_pdf(), idempotency_key="k")
    report = office.verifier().verify(signed.pdf)
    assert signed.number is None
    assert report.seal is None
    assert office.registry.get(signed.id).state is IntentState.ISSUED


def test_without_an_appearance_the_field_is_hidden(office: Office) -> None:
    office.profile = replace(office.profile, visible=False)
    signed = office.issuer().sign(plain_pdf(), idempotency_key="k")
    before, after = (page_image(pdf, 0, 50) for pdf in (plain_pdf(), signed.pdf))
    assert before.tobytes() == after.tobytes()


def test_the_same_request_gives_the_same_document_and_signs_once(office: Office) -> None:
    key = CountingKey(office.key)
    office.key = key
    issuer = office.issuer()
    first = issuer.issue(request("k"))
    again = issuer.issue(request("k"))
    assert again == first
    assert key.signatures == 1


def test_another_request_with_the_same_key_is_refused(office: Office) -> None:
    issuer = office.issuer()
    issuer.issue(request("k"))
    with pytest.raises(RequestConflict):
        issuer.issue(request("k", symbol="GP-UBND"))


def test_a_given_number_is_not_issued_twice(office: Office) -> None:
    issuer = office.issuer()
    issuer.issue(given("k1", plain_pdf()))
    with pytest.raises(DuplicateNumber):
        issuer.issue(given("k2", plain_pdf("Văn bản khác")))


def test_numbers_follow_each_other(office: Office) -> None:
    issuer = office.issuer()
    assert [str(issuer.issue(request(f"k{i}")).number) for i in range(3)] == ["01/QĐ-UBND", "02/QĐ-UBND", "03/QĐ-UBND"]


def test_a_page_is_set_once(office: Office) -> None:
    """On the proof that finds out what could fail stands the number that the book gives next."""
    renderer = CountingRenderer()
    issuer = office.issuer(renderer=renderer)
    first, second = (issuer.issue(request(key)) for key in ("a", "b"))
    assert renderer.count == 2
    assert [str(n) for n in (first.number, second.number)] == ["01/QĐ-UBND", "02/QĐ-UBND"]
    assert "02/QĐ-UBND" in " ".join(page_text(second.pdf, 0))


def test_a_number_that_somebody_else_took_meanwhile(office: Office) -> None:
    """The page is set again with the number that the book gave."""
    renderer = CountingRenderer()

    def overtaken(step: Step, _intent: Intent | None) -> None:
        if step is Step.CHECKED:
            office.issuer().issue(request("faster"))

    issued = office.issuer(overtaken, renderer=renderer).issue(request("slower"))
    assert renderer.count == 2
    assert str(issued.number) == "02/QĐ-UBND"
    assert "02/QĐ-UBND" in " ".join(page_text(issued.pdf, 0))


def test_what_is_refused_leaves_no_trace(office: Office) -> None:
    bad = replace(request("k"), content=Filled(template="quyet-dinh", data={}))
    with pytest.raises(InputError, match="template"):
        office.issuer().issue(bad)
    with pytest.raises(PreflightError):
        office.issuer().issue(given("k", b"not a pdf"))
    assert office.registry.listing().entries == ()
    assert list(Folder(office.folder / "spool").names()) == []


def test_a_signed_document_is_not_signed_again(office: Office) -> None:
    issuer = office.issuer()
    issued = issuer.issue(request("k"))
    with pytest.raises(PreflightError) as refused:
        issuer.sign(issued.pdf, idempotency_key="again")
    assert [f.code for f in refused.value.findings] == ["already-signed"]


def test_an_expired_certificate_never_signs(office: Office) -> None:
    office.clock.advance(timedelta(days=5 * 365))
    with pytest.raises(SigningError) as refused:
        office.issuer().issue(request("k"))
    assert refused.value.code == "certificate-expired"
    assert office.registry.listing().entries == ()


def test_a_revoked_certificate_never_signs(office: Office, tmp_path: Path) -> None:
    pki = PKI.create()
    certificate = pki.issuing.certify(_public(office.key), x509.Name([]))
    pki.issuing.revoke(certificate, at=NOW - timedelta(days=1))
    from tests.support.pki import der

    office.key = CountingKey(office.key, pki.chain(certificate))
    office.trust = TrustStore.from_pem(der(pki.root.certificate), crls=pki.crls(at=NOW - timedelta(hours=1)))
    with pytest.raises(SigningError) as refused:
        office.issuer().issue(request("k"))
    assert refused.value.code == "certificate-revoked"


def test_unchecked_revocation_is_recorded_and_never_shown_as_good(office: Office) -> None:
    office.trust = replace(office.trust, crls=())
    issued = office.issuer().issue(request("k"))
    assert "revocation-unknown" in [n.code for n in issued.notices]
    report = office.verifier().inspect(issued.pdf)
    assert report.signatures[0].indication is Indication.INDETERMINATE


def test_a_level_that_cannot_be_reached_is_refused_at_the_start(office: Office) -> None:
    for level in (Level.B_T, Level.B_LTA):
        office.profile = replace(office.profile, signature=replace(TT15, level=level))
        with pytest.raises(SigningError) as refused:
            office.issuer()
        assert refused.value.code == "timestamper-missing"


def test_a_dead_token_keeps_the_intent_and_resume_finishes_it(office: Office) -> None:
    key = CountingKey(office.key)
    key.dead = True
    office.key = key
    issuer = office.issuer()
    with pytest.raises(TokenUnavailable):
        issuer.issue(request("k"))
    (waiting,) = office.registry.unfinished()
    assert waiting.state is IntentState.PREPARED
    (still,) = issuer.resume()
    assert isinstance(still.error, KeyStoreError)
    key.dead = False
    (finished,) = issuer.resume()
    assert finished.error is None
    assert finished.intent.state is IntentState.ISSUED
    assert finished.intent.number == waiting.number
    assert issuer.issue(request("k")).id == waiting.id


def test_a_certificate_renewed_in_between_waits_for_the_old_one(office: Office) -> None:
    key = CountingKey(office.key)
    key.dead = True
    office.key = key
    with pytest.raises(TokenUnavailable):
        office.issuer().issue(request("k"))
    pki = PKI.create()
    office.key = CountingKey(key.key, pki.chain(pki.issuing.certify(_public(key.key), x509.Name([]))))
    office.trust = TrustStore()
    (waiting,) = office.issuer().resume()
    assert waiting.error is not None
    assert waiting.error.code == "prepared-for-other-key"
    assert waiting.intent.state is IntentState.PREPARED


def test_damage_between_two_steps_voids_with_a_reason_and_the_number_stays_explained(office: Office) -> None:
    def damage(step: Step, intent: Intent | None) -> None:
        if step is Step.SIGNED and intent is not None:
            archived = office.folder / "archive" / f"{intent.id}.pdf"
            archived.write_bytes(archived.read_bytes()[:-1])

    with pytest.raises(SigningError):
        office.issuer(damage).issue(request("k1"))
    issued = office.issuer().issue(request("k2"))
    assert str(issued.number) == "02/QĐ-UBND"
    book = office.registry.book(office.agency.code, year=2026, symbol="QĐ-UBND")
    (gap,) = book.gaps
    assert str(gap.number) == "01/QĐ-UBND"
    with pytest.raises(SigningError, match="given up before"):
        office.issuer().issue(request("k1"))


def test_steps_are_reported_in_order(office: Office) -> None:
    seen: list[Step] = []
    office.issuer(lambda step, _intent: seen.append(step)).issue(request("k"))
    assert seen == [step for step in Step if step not in {Step.AWAITING, Step.APPROVED, Step.STAMPED, Step.AUGMENTED}]


def test_nothing_personal_is_in_names_of_files(office: Office) -> None:
    office.issuer().issue(request("k"))
    names = [p.name for p in office.folder.rglob("*")]
    assert not [n for n in names if "Mẫu" in n or "000000000000" in n]


def test_the_spool_is_empty_afterwards(office: Office) -> None:
    office.issuer().issue(request("k"))
    assert list(Folder(office.folder / "spool").names()) == []


@pytest.mark.parametrize(
    "build",
    [
        lambda: Request(idempotency_key="", content=Given(pdf=b"")),
        lambda: Request(idempotency_key="k", content=Given(pdf=b""), metadata=request("k").metadata),
        lambda: replace(request("k"), content=Given(pdf=b"")),
        lambda: replace(request("k"), metadata=None, number=None),
    ],
)
def test_requests_that_make_no_sense_are_refused(build: Callable[[], Request]) -> None:
    with pytest.raises(InputError):
        build()


def test_a_request_survives_storage() -> None:
    asked = replace(request("k"), issue_date=NOW.date())
    assert Request.from_bytes(asked.to_bytes()) == asked
    by_hand = given("k", plain_pdf())
    assert Request.from_bytes(by_hand.to_bytes()) == by_hand
    assert isinstance(asked.metadata, ResultMetadata)


def _public(key: SigningKey) -> rsa.RSAPublicKey:
    public = load_der_public_key(key.public_key)
    assert isinstance(public, rsa.RSAPublicKey)
    return public


class CountingKey:
    """A real key whose token can be pulled."""

    def __init__(self, key: SigningKey, certificates: tuple[bytes, ...] | None = None) -> None:
        self.key = key
        self.signatures = 0
        self.dead = False
        self.ref = key.ref
        self.protection = key.protection
        self.key_type = key.key_type
        self.public_key = key.public_key
        self.mechanisms = key.mechanisms
        self.certificates = certificates or key.certificates

    def sign(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        if self.dead:
            raise TokenUnavailable("token-gone", token="-")
        self.signatures += 1
        return self.key.sign(data, mechanism=mechanism)


def test_what_was_recorded_is_what_is_signed(office: Office) -> None:
    """Whoever can write to the spool cannot change a request between its record and its signature."""

    def swap(step: Step, intent: Intent | None) -> None:
        if step is Step.RESERVED and intent is not None:
            spooled = office.folder / "spool" / f"{intent.request_digest}.request"
            spooled.write_bytes(spooled.read_bytes().replace("Nguyễn".encode(), "Trần".encode()))
            if intent.idempotency_key == "left by a crash":
                raise KeyboardInterrupt

    office.key = key = CountingKey(office.key)
    issuer = office.issuer(swap)
    issued = issuer.issue(request("at hand"))
    assert "Nguyễn" in " ".join(page_text(issued.pdf, 0))
    signatures = key.signatures
    with pytest.raises(KeyboardInterrupt):
        issuer.issue(request("left by a crash"))
    (resumed,) = office.issuer().resume()
    assert resumed.intent.void_reason == Reason("request-altered")
    assert key.signatures == signatures


def test_the_key_never_sees_bytes_that_were_not_recorded(office: Office) -> None:
    """Whoever can write to the spool cannot have other bytes signed: they are compared before the key is used."""
    import base64
    import json

    def swap(step: Step, intent: Intent | None) -> None:
        if step is Step.PREPARED and intent is not None:
            file = office.folder / "spool" / f"{intent.id}.json"
            stored = json.loads(file.read_bytes())
            stored["to_be_signed"] = base64.b64encode(b"anything").decode()
            file.write_text(json.dumps(stored), "utf-8")

    office.key = key = CountingKey(office.key)
    with pytest.raises(SigningError) as refused:
        office.issuer(swap).issue(request("k"))
    assert refused.value.code == "prepared-damaged"
    assert key.signatures == 0


def stop_at(wanted: Step) -> Callable[[Step, Intent | None], None]:
    def on_step(step: Step, _intent: Intent | None) -> None:
        if step is wanted:
            raise KeyboardInterrupt

    return on_step


@pytest.mark.parametrize(
    ("step", "kind", "code"),
    [(Step.RESERVED, "request", "request-altered"), (Step.PREPARED, "record", "prepared-damaged")],
)
def test_a_truncated_file_in_the_spool_holds_up_nobody_else(office: Office, step: Step, kind: str, code: str) -> None:
    for key in ("a", "b"):
        with pytest.raises(KeyboardInterrupt):
            office.issuer(stop_at(step)).issue(request(key))
    first = office.registry.unfinished()[0]
    name = first.request_digest if kind == "request" else str(first.id)
    file = office.folder / "spool" / f"{name}.{kind}"
    file.write_bytes(file.read_bytes()[:20])
    states = [(r.intent.idempotency_key, r.intent.state) for r in office.issuer().resume()]
    assert states == [("a", IntentState.VOID), ("b", IntentState.ISSUED)]
    reason = office.registry.get(first.id).void_reason
    assert reason is not None
    assert reason.code == code


def test_another_agency_does_not_get_this_ones_document(office: Office) -> None:
    with pytest.raises(KeyboardInterrupt):
        office.issuer(stop_at(Step.RESERVED)).issue(request("k"))
    other = replace(office.agency, code=AgencyCode.parse("H26.18.02"), name="UBND PHƯỜNG KHÁC")
    with pytest.raises(RequestConflict):
        office.issuer(agency=other).issue(request("k"))
    assert [i.state for i in office.registry.listing().entries] == [IntentState.RESERVED]


def test_what_was_refused_leaves_nothing_in_the_spool(office: Office) -> None:
    office.issuer().issue(given("a", plain_pdf()))
    with pytest.raises(DuplicateNumber):
        office.issuer().issue(given("b", plain_pdf()))
    assert list(Folder(office.folder / "spool").names()) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"seal_place": Box(page=9, left=50, bottom=50, width=70, height=80)}, "pdf-not-updatable"),
        ({"seal_place": Box(page=0, left=5000, bottom=50, width=70, height=80)}, "document-not-issuable"),
        ({"signature_place": Box(page=0, left=50, bottom=50, width=70, height=70, rotate=45)}, "pdf-not-updatable"),
        ({"pdf": page(b"q q 0.2 0 0 0.2 100 100 cm q")}, "document-not-issuable"),
        ({"pdf": page(b"0 0 10 10 re W n q")}, "document-not-issuable"),
        ({"pdf": page(b"BT (never closed")}, "document-not-issuable"),
    ],
)
def test_what_would_fail_later_costs_no_number(office: Office, change: dict[str, object], code: str) -> None:
    """A number that was taken stays taken: the marks are drawn once before it is, and the seal is read."""
    asked = given("k", page(b""))
    asked = replace(asked, content=replace(asked.content, **change))  # type: ignore[arg-type]  # parametrised
    with pytest.raises(InputError) as refused:
        office.issuer().issue(asked)
    assert refused.value.code == code
    assert office.registry.listing().entries == ()


def test_an_agency_name_that_cannot_be_drawn_costs_no_number(office: Office) -> None:
    long = replace(office.agency, name="UỶ BAN NHÂN DÂN " * 12)
    with pytest.raises(InputError, match="264 characters"):
        office.issuer(agency=long).issue(request("k"))
    assert office.registry.listing().entries == ()


def test_a_file_that_carries_a_seal_is_refused(office: Office) -> None:
    sealed = office.issuer().issue(request("a")).pdf
    url = seal_links(sealed)[0].url

    def quote(pdf: pikepdf.Pdf) -> None:
        action = pikepdf.Dictionary(S=pikepdf.Name.URI, URI=pikepdf.String(url))
        link = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=action)
        pdf.pages[0].obj.Annots = pikepdf.Array([pdf.make_indirect(link)])

    with pytest.raises(PreflightError) as refused:
        office.issuer().issue(given("b", changed(page(b""), quote)))
    assert [f.code for f in refused.value.findings] == ["already-sealed"]


def test_a_repeated_request_keeps_its_digest_over_upgrades() -> None:
    """A portal repeats blindly, perhaps after an upgrade: this is what the first release computed."""
    asked = Request(idempotency_key="k", content=Given(pdf=b"%PDF-1.7"))
    assert asked.digest("default") == "5c0ac23ce6ef8668d270ee5971ae6a7bc4aa0306730243dd097091083fc3812e"


class Unflushed(Folder):
    """A folder that can be written to and not flushed, the first time."""

    times = 0

    def put_new(self, contents: Mapping[str, bytes]) -> frozenset[str]:
        placed = super().put_new(contents)
        self.times += 1
        if self.times == 1:
            raise RegistryError("disk-not-writable", folder=self.path.name, problem="EIO")
        return placed


@pytest.mark.parametrize("in_a_line", [True, False])
def test_a_file_that_was_left_is_made_durable_before_it_is_registered(office: Office, *, in_a_line: bool) -> None:
    archive = Unflushed(office.folder / "archive")
    flushed: list[int] = []
    issuer = office.issuer(
        lambda step, _intent: flushed.append(archive.times) if step is Step.SIGNED else None, archive=archive
    )
    if in_a_line:
        with Line(issuer) as line:
            outcomes = list(line.issue([request("a"), request("b")]))
    else:
        with pytest.raises(RegistryError):
            issuer.issue(request("a"))
        assert office.registry.unfinished()[0].state is IntentState.PREPARED
        outcomes = [issuer.issue(request("a"))]
    assert all(isinstance(outcome, Issued) for outcome in outcomes)
    assert flushed == [2, 3][: len(outcomes)]
