"""Two officials: the person first, then the agency; here or elsewhere, now or days later."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zxingcpp
from asn1crypto import x509

from esign.authority import ALL, Authority, AuthorityTable, Capacity, public_key_sha256
from esign.codes import DocumentNumber, ProcedureCode
from esign.document import SignerRole, Standing, StandingChange
from esign.errors import Error, InputError, RegistryError, SigningError, VerificationFailed
from esign.files import Folder
from esign.issuance import Issuer
from esign.keys import Mechanism
from esign.pades.sign import prepare, sign
from esign.pdf.raster import page_image
from esign.pdf.text_marks import CopyForm
from esign.pending import Pending
from esign.profile import Numbering
from esign.registry import Intent, IntentKind, IntentState
from esign.report import Indication, Integrity
from esign.request import Adopted, Request
from esign.steps import Step
from tests.support.elsewhere import signed_elsewhere
from tests.support.office import NOW, PASSPHRASE, Office, request
from tests.support.plain_pdf import plain_pdf

BOTH = pytest.mark.parametrize("numbering", list(Numbering))


@pytest.fixture
def office(rsa_office: Path, tmp_path: Path) -> Office:
    return Office.copied(rsa_office, tmp_path / "office", person=True)


def table(office: Office, **changes: object) -> AuthorityTable:
    granted = Authority(
        id="1",
        public_key_sha256=public_key_sha256(office.person.certificates[0]),
        name="Nguyễn Văn Mẫu",
        title="PHÓ CHỦ TỊCH",
        agency=office.agency.code,
        procedures=ALL,
        capacity=Capacity.KT,
        principal="CHỦ TỊCH",
        since=NOW.date() - timedelta(days=30),
        basis="QĐ 12/QĐ-UBND",
    )
    return AuthorityTable(grants=(replace(granted, **changes),))  # type: ignore[arg-type]  # named by tests


def ask(office: Office, key: str = "k") -> Request:
    return replace(request(key), person=office.person)


def signed_by_the_person(office: Office, pending: Pending) -> bytes:
    return office.person_key.sign(pending.to_be_signed, mechanism=pending.mechanism)


def approve(office: Office, issuer: Issuer, asked: Request) -> Intent:
    pending = issuer.submit(asked)
    return issuer.complete(pending.id, signed_by_the_person(office, pending))


@BOTH
def test_both_signatures_are_good_everywhere(office: Office, tmp_path: Path, numbering: Numbering) -> None:
    office.profile = replace(office.profile, numbering=numbering)
    issuer = office.issuer(authority=table(office))
    issued = issuer.release(approve(office, issuer, ask(office)).id)
    report = office.verifier().verify(issued.pdf)
    assert report.integrity is Integrity.INTACT
    assert [s.field_name for s in report.signatures] == ["PersonSignature", "AgencySignature"]
    assert {s.indication for s in report.signatures} == {Indication.TOTAL_PASSED}
    file = tmp_path / "issued.pdf"
    file.write_bytes(issued.pdf)
    pdfsig = subprocess.run(["pdfsig", "-nocert", file], capture_output=True, text=True, check=False).stdout
    assert pdfsig.count("Signature Validation: Signature is Valid.") == 2
    assert subprocess.run(["qpdf", "--check", file], capture_output=True, check=False).returncode == 0
    assert report.seal is not None
    for dpi in (100, 150, 300):
        read = zxingcpp.read_barcodes(page_image(issued.pdf, 0, dpi))
        assert [r.text for r in read] == [report.seal.url]
    registration = office.registry.get(issued.id).registration
    assert registration is not None
    assert [s.role for s in registration.signers] == [SignerRole.PERSON, SignerRole.AGENCY]
    assert issued.notices == ()


@BOTH
def test_two_processes_hand_over_a_file(office: Office, numbering: Numbering) -> None:
    """The leader's machine has neither register nor agency key; the clerk's has the agency key, days later."""
    office.profile = replace(office.profile, numbering=numbering)
    prepared = office.issuer().submit(ask(office)).to_file()
    elsewhere = Pending.from_file(prepared)
    signature = signed_by_the_person(office, elsewhere)
    office.clock.advance(timedelta(days=3))
    clerk = Office.open(office.folder, person=True)
    clerk.clock.at = office.clock.at
    clerk.profile = office.profile
    issuer = clerk.issuer()
    issuer.complete(elsewhere.id, signature)
    issued = issuer.release(elsewhere.id)
    assert clerk.verifier().verify(issued.pdf).integrity is Integrity.INTACT
    day = 21 if numbering is Numbering.RESERVED else 24
    assert clerk.registry.get(issued.id).issue_date.day == day


def test_at_release_the_clerk_may_give_number_and_date(office: Office) -> None:
    office.profile = replace(office.profile, numbering=Numbering.AT_RELEASE)
    issuer = office.issuer()
    waiting = approve(office, issuer, ask(office))
    assert waiting.number is None
    issued = issuer.release(waiting.id, number=DocumentNumber.parse("145/QĐ-UBND"), issue_date=NOW.date())
    assert str(issued.number) == "145/QĐ-UBND"
    assert issuer.release(waiting.id).pdf == issued.pdf


def adopted(office: Office, pdf: bytes | None = None) -> Request:
    return replace(request("k"), content=Adopted(pdf=pdf or by_other_software(office)))


def by_other_software(office: Office, text: str = "Quyết định do lãnh đạo ký bằng phần mềm khác") -> bytes:
    key = office.person_key
    return signed_elsewhere(plain_pdf(text), key, [x509.Certificate.load(c) for c in key.certificates])


def test_a_file_that_the_leader_signed_elsewhere_is_adopted(office: Office, tmp_path: Path) -> None:
    pdf = by_other_software(office)
    # That software takes its own clock, for which this office has no current revocation list.
    office.clock.at = datetime.now(UTC)
    office.trust = replace(office.trust, crls=())
    issuer = office.issuer(authority=table(office))
    taken = issuer.adopt(adopted(office, pdf))
    assert taken.state is IntentState.APPROVED
    issued = issuer.release(taken.id)
    assert issued.pdf.startswith(pdf)
    assert {n.code for n in issued.notices} == {"revocation-unknown", "person-signed-pkcs7"}
    report = office.verifier().inspect(issued.pdf)
    assert report.integrity is Integrity.INTACT
    assert {r.code for r in report.reasons} == {"revocation-unknown", "seal-signer-not-passed"}
    assert [s.field_name for s in report.signatures] == ["Signature1", "AgencySignature"]
    assert report.seal is not None
    assert report.seal.number == "01/QĐ-UBND"
    file = tmp_path / "issued.pdf"
    file.write_bytes(issued.pdf)
    pdfsig = subprocess.run(["pdfsig", "-nocert", file], capture_output=True, text=True, check=False).stdout
    assert pdfsig.count("Signature Validation: Signature is Valid.") == 2


def test_the_agency_does_not_sign_what_nobody_signed(office: Office) -> None:
    issuer = office.issuer()
    with pytest.raises(InputError, match="competent person"):
        issuer.issue(request("k"))
    with pytest.raises(InputError):
        issuer.issue(ask(office))
    pending = issuer.submit(ask(office))
    with pytest.raises(SigningError) as refused:
        issuer.release(pending.id)
    assert refused.value.code == "person-signature-missing"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"procedures": frozenset({ProcedureCode.parse("1.999999")})}, "not-authorised"),
        ({"until": NOW.date() - timedelta(days=1)}, "not-authorised"),
        ({"since": NOW.date() + timedelta(days=1)}, "not-authorised"),
        ({"public_key_sha256": "0" * 64}, "not-authorised"),
    ],
)
def test_the_agency_refuses_who_may_not_sign(office: Office, changes: dict[str, object], code: str) -> None:
    waiting = approve(office, office.issuer(), ask(office))
    with pytest.raises(SigningError) as refused:
        office.issuer(authority=table(office, **changes)).release(waiting.id)
    assert refused.value.code.startswith(code)
    assert refused.value.diagnostics("vi").what
    assert office.registry.get(waiting.id).state is IntentState.APPROVED


def test_a_wrong_signature_is_refused_and_nothing_is_lost(office: Office) -> None:
    issuer = office.issuer()
    pending = issuer.submit(ask(office))
    with pytest.raises(SigningError) as refused:
        issuer.complete(pending.id, office.key.sign(pending.to_be_signed, mechanism=pending.mechanism))
    assert refused.value.code == "signature-mismatch"
    issuer.complete(pending.id, signed_by_the_person(office, pending))
    assert issuer.release(pending.id).number is not None


def test_a_swapped_file_in_the_spool_is_not_what_the_person_signed(office: Office) -> None:
    issuer = office.issuer()
    one, two = (approve(office, issuer, ask(office, key)) for key in ("a", "b"))
    spool = office.folder / "spool"
    (spool / f"{one.id}.approved.pdf").write_bytes((spool / f"{two.id}.approved.pdf").read_bytes())
    with pytest.raises(SigningError) as refused:
        issuer.release(one.id)
    assert refused.value.code == "prepared-damaged"


def test_what_waits_too_long_is_void_and_its_number_explained(office: Office) -> None:
    issuer = office.issuer()
    pending = issuer.submit(ask(office))
    office.clock.advance(office.profile.person_within + timedelta(seconds=1))
    with pytest.raises(SigningError) as refused:
        issuer.complete(pending.id, signed_by_the_person(office, pending))
    assert refused.value.code == "pending-expired"
    (gap,) = office.registry.book(office.agency.code, year=2026, symbol="QĐ-UBND").gaps
    assert gap.id == pending.id
    reason = office.registry.get(pending.id).void_reason
    assert reason is not None
    assert reason.code == "pending-expired"


def test_what_is_not_issued_can_be_taken_back(office: Office) -> None:
    issuer = office.issuer()
    pending = issuer.submit(ask(office))
    assert issuer.withdraw(pending.id, why="sai tên").state is IntentState.VOID
    assert list(Folder(office.folder / "spool").names()) == []
    with pytest.raises(SigningError):
        issuer.complete(pending.id, signed_by_the_person(office, pending))


def test_submitting_again_gives_the_same_document_to_sign(office: Office) -> None:
    issuer = office.issuer()
    assert issuer.submit(ask(office)) == issuer.submit(ask(office))


def test_what_waits_for_people_survives_resume(office: Office) -> None:
    issuer = office.issuer()
    pending = issuer.submit(ask(office))
    assert list(issuer.resume()) == []
    issuer.complete(pending.id, signed_by_the_person(office, pending))
    assert list(issuer.resume()) == []
    assert issuer.release(pending.id).number is not None


@BOTH
@pytest.mark.parametrize(
    "step", [Step.RESERVED, Step.AWAITING, Step.APPROVED, Step.SEALED, Step.PREPARED, Step.KEY_USED]
)
def test_a_crash_at_any_step_loses_nothing(office: Office, numbering: Numbering, step: Step) -> None:
    office.profile = replace(office.profile, numbering=numbering)

    def crash(reached: Step, _intent: Intent | None) -> None:
        if reached is step:
            raise KeyboardInterrupt

    dying, alive = office.issuer(crash), office.issuer()

    def survive(act: Callable[[Issuer], object]) -> None:
        try:
            act(dying)
        except KeyboardInterrupt:
            list(alive.resume())
            act(alive)

    survive(lambda issuer: issuer.submit(ask(office)))
    pending = Pending.from_file(alive.submit(ask(office)).to_file())
    signature = signed_by_the_person(office, pending)

    def hand_in(issuer: Issuer) -> None:
        if office.registry.get(pending.id).state is IntentState.AWAITING:
            issuer.complete(pending.id, signature)

    survive(hand_in)
    survive(lambda issuer: issuer.release(pending.id))
    issued = alive.release(pending.id)
    assert str(issued.number) == "01/QĐ-UBND"
    assert office.verifier().verify(issued.pdf).integrity is Integrity.INTACT
    assert len(office.registry.listing().entries) == 1


def test_an_attachment_follows_its_main_result(office: Office) -> None:
    issuer = office.issuer()
    main = issuer.release(approve(office, issuer, ask(office)).id)
    attached = issuer.attach(main.id, plain_pdf("Phụ lục: danh sách"), idempotency_key="a")
    assert attached.number == main.number
    assert office.registry.get(attached.id).kind is IntentKind.ATTACHMENT
    assert [i.id for i in office.registry.attachments(main.id)] == [attached.id]
    report = office.verifier().verify(attached.pdf)
    assert report.seal is not None
    assert report.seal.number == str(main.number)
    withdrawn = StandingChange(standing=Standing.WITHDRAWN, at=NOW, by="Văn thư", why="sai")
    office.registry.change(main.id, withdrawn)
    assert office.registry.standing(attached.id, at=NOW).standing is Standing.WITHDRAWN


def test_an_attachment_waits_for_the_number(office: Office) -> None:
    office.profile = replace(office.profile, numbering=Numbering.AT_RELEASE)
    issuer = office.issuer()
    waiting = approve(office, issuer, ask(office))
    with pytest.raises(RegistryError) as refused:
        issuer.attach(waiting.id, plain_pdf(), idempotency_key="a")
    assert refused.value.code == "main-not-numbered"


def test_a_copy_is_certified_by_the_agency_alone(office: Office) -> None:
    copy = office.issuer().copy(plain_pdf("Trích"), form=CopyForm.TRICH_SAO, idempotency_key="c", scanned=False)
    assert copy.number is None
    report = office.verifier().verify(copy.pdf)
    assert report.seal is None
    assert [s.field_name for s in report.signatures] == ["AgencySignature"]


def test_a_document_that_the_agency_signed_already_is_not_adopted(office: Office) -> None:
    prepared = prepare(
        plain_pdf(),
        certificates=office.key.certificates,
        mechanism=Mechanism.RSA_PSS_SHA256,
        signing_time=NOW,
        field_name="S",
    )
    with pytest.raises(Error) as refused:
        office.issuer().adopt(adopted(office, sign(prepared, office.key)))
    assert refused.value.code == "agency-signed-first"
    assert office.registry.listing().entries == ()


def test_a_leaders_signature_that_forbids_more_is_refused_before_a_number_is_taken(office: Office) -> None:
    """A certification that permits no changes (DocMDP P=1)."""
    import io

    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import signers
    from pyhanko.sign.fields import MDPPerm

    office.clock.at = datetime.now(UTC)
    office.trust = replace(office.trust, crls=())
    leader = signers.SimpleSigner.load_pkcs12(office.folder / "person.p12", passphrase=PASSPHRASE.encode())
    assert leader is not None
    metadata = signers.PdfSignatureMetadata(
        field_name="Signature1", md_algorithm="sha256", certify=True, docmdp_permissions=MDPPerm.NO_CHANGES
    )
    output = signers.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(plain_pdf())), metadata, signer=leader)
    with pytest.raises(SigningError) as refused:
        office.issuer().adopt(adopted(office, output.getvalue()))
    assert refused.value.code == "adopted-forbids-signing"
    assert office.registry.listing().entries == ()


def test_a_document_that_waits_for_the_agency_is_no_result_yet(office: Office) -> None:
    office.profile = replace(office.profile, numbering=Numbering.AT_RELEASE)
    issuer = office.issuer()
    waiting = approve(office, issuer, ask(office))
    pdf = (office.folder / "spool" / f"{waiting.id}.approved.pdf").read_bytes()
    verifier = office.verifier(registry=None)
    assert verifier.inspect(pdf).integrity is Integrity.INTACT
    with pytest.raises(VerificationFailed) as refused:
        verifier.verify(pdf)
    assert refused.value.code == "release-pending"
