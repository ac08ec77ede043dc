"""B-T: waited for at signing, or promised and reached from the queue; never something lower passed off as it."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from esign.batch import Outcome, Requested, plan, run
from esign.errors import InputError, SigningError, TimestampError
from esign.issued import Issued
from esign.net import Kind
from esign.profile import TT15, Level, TimestampPolicy
from esign.registry import IntentState, UpgradeState
from esign.report import Indication, Integrity, SignatureKind, VerificationReport
from esign.report import Outcome as CheckOutcome
from esign.steps import Step
from esign.upgrading import UpgradeStep
from tests.support.authority import Authorities
from tests.support.hostile import serving
from tests.support.office import NOW, Office, request, stamped
from tests.support.programs import program

WAIT, QUEUE = stamped(TimestampPolicy.WAIT), stamped(TimestampPolicy.QUEUE)
Opened = Callable[..., Office]


def inspected(office: Office, pdf: bytes) -> VerificationReport:
    return office.verifier().inspect(pdf)


def levels(report: VerificationReport) -> list[str]:
    return [s.level for s in report.signatures if s.kind is SignatureKind.SIGNATURE]


def unreachable(office: Office) -> Office:
    """The authority is not there any more."""
    Office.name_authority(office.folder, "http://127.0.0.1:9/", _anchor(office))
    return Office.open(office.folder, signature=office.profile.signature)


def _anchor(office: Office) -> bytes:
    from cryptography import x509

    from tests.support.pki import der

    return der(x509.load_pem_x509_certificate((office.folder / "tsa.pem").read_bytes()))


def reachable(office: Office, pki: Authorities) -> Office:
    Office.name_authority(office.folder, pki.tsa("tsa"), pki.certificate("root"))
    return Office.open(office.folder, signature=office.profile.signature)


# --- waiting ----------------------------------------------------------------------------------------------------------


def test_a_signature_gets_its_time_stamp_at_once(office: Opened, pki: Authorities) -> None:
    opened = office(signature=WAIT)
    steps: list[Step] = []
    issued = opened.issuer(lambda step, _: steps.append(step)).issue(request("k"))
    assert issued.level is Level.B_T
    assert issued.upgrade is None
    assert steps.index(Step.KEY_USED) < steps.index(Step.STAMPED) < steps.index(Step.SIGNED)
    report = inspected(opened, issued.pdf)
    assert (report.integrity, levels(report)) == (Integrity.INTACT, ["PAdES-B-T"])
    [signature] = report.signatures
    assert signature.indication is Indication.TOTAL_PASSED
    assert [t.indication for t in signature.timestamps] == [Indication.TOTAL_PASSED]
    assert signature.best_time == NOW
    registration = opened.registry.get(issued.id).registration
    assert registration is not None
    assert registration.level is Level.B_T
    # What nobody could check of the authority is on record.
    assert any("revocation" in n.code for n in registration.notices)


def test_while_no_time_stamp_is_to_be_had_nothing_is_issued(office: Opened, pki: Authorities) -> None:
    opened = unreachable(office(signature=WAIT))
    with pytest.raises(TimestampError) as caught:
        opened.issuer().issue(request("k"))
    assert caught.value.code == "timestamp-unavailable"
    [waiting] = opened.registry.unfinished()
    assert waiting.state is IntentState.PREPARED
    assert not opened.out.exists()
    # Later, without the key: it is not asked twice for the same bytes.
    opened = reachable(opened, pki)
    [resumed] = opened.issuer(key=None).resume()
    assert resumed.error is None
    issued = opened.issuer().issue(request("k"))
    assert (issued.level, str(issued.number)) == (Level.B_T, "01/QĐ-UBND")
    assert levels(inspected(opened, issued.pdf)) == ["PAdES-B-T"]


def test_a_signature_that_waits_and_was_damaged_is_made_again(office: Opened, pki: Authorities) -> None:
    opened = unreachable(office(signature=WAIT))
    with pytest.raises(TimestampError):
        opened.issuer().issue(request("k"))
    [waiting] = (opened.folder / "spool").glob("*.signature")
    waiting.write_bytes(b"damaged")
    assert reachable(opened, pki).issuer().issue(request("k")).level is Level.B_T


def test_both_officials_get_theirs(office: Opened, pki: Authorities) -> None:
    opened = office(signature=WAIT, person=True)
    issuer = opened.issuer()
    pending = issuer.submit(replace(request("k"), person=opened.person))
    issuer.complete(pending.id, opened.person_key.sign(pending.to_be_signed, mechanism=pending.mechanism))
    issued = issuer.release(pending.id)
    report = inspected(opened, issued.pdf)
    assert (report.integrity, levels(report)) == (Integrity.INTACT, ["PAdES-B-T", "PAdES-B-T"])


def test_the_person_may_have_another_profile(office: Opened, pki: Authorities) -> None:
    opened = office(signature=WAIT, person=True, person_signature=TT15)
    issuer = opened.issuer()
    pending = issuer.submit(replace(request("k"), person=opened.person))
    issuer.complete(pending.id, opened.person_key.sign(pending.to_be_signed, mechanism=pending.mechanism))
    assert levels(inspected(opened, issuer.release(pending.id).pdf)) == ["PAdES-B-B", "PAdES-B-T"]


def test_a_persons_signature_waits_for_its_time_stamp(office: Opened, pki: Authorities) -> None:
    opened = unreachable(office(signature=WAIT, person=True))
    issuer = opened.issuer()
    pending = issuer.submit(replace(request("k"), person=opened.person))
    signature = opened.person_key.sign(pending.to_be_signed, mechanism=pending.mechanism)
    with pytest.raises(TimestampError):
        issuer.complete(pending.id, signature)
    assert opened.registry.get(pending.id).state is IntentState.AWAITING
    with pytest.raises(SigningError, match="was not made"):
        issuer.complete(pending.id, signature[:-1] + bytes([signature[-1] ^ 1]))
    reachable(opened, pki).issuer().complete(pending.id, signature)
    assert opened.registry.get(pending.id).state is IntentState.APPROVED


def test_a_batch_stops_while_no_time_stamp_is_to_be_had(office: Opened, pki: Authorities) -> None:
    """The next document would fail alike, and would use the key for it."""
    opened = unreachable(office(signature=WAIT))
    tasks = [Requested(name=key, request=partial(request, key)) for key in "abc"]
    looked_at = plan(tasks, issuer=opened.issuer(key=None), registry=opened.registry)
    assert [row.outcome for row in run(looked_at, opened.issuer())] == [Outcome.FAILED, Outcome.LEFT, Outcome.LEFT]
    opened = reachable(opened, pki)
    looked_at = plan(tasks, issuer=opened.issuer(key=None), registry=opened.registry)
    rows = list(run(looked_at, opened.issuer()))
    assert [row.issued.level for row in rows if row.issued is not None] == [Level.B_T] * 3


# --- promising --------------------------------------------------------------------------------------------------------


def promised(opened: Office, key: str = "k") -> Issued:
    return opened.issuer().issue(request(key))


def test_what_is_promised_is_visible_and_kept(office: Opened, pki: Authorities) -> None:
    opened = office(signature=QUEUE)
    asked = len(pki.requests)
    issued = promised(opened)
    assert len(pki.requests) == asked  # nobody waited for an authority
    assert issued.level is Level.B_B
    assert issued.upgrade is not None
    assert (issued.upgrade.level, issued.upgrade.due) == (Level.B_T, NOW + timedelta(days=1))
    assert issued.upgrade.alarm == NOW + timedelta(days=7)
    assert levels(inspected(opened, issued.pdf)) == ["PAdES-B-B"]

    opened.clock.advance(timedelta(minutes=4))
    steps: list[UpgradeStep] = []
    [upgraded] = opened.upgrader(lambda step, _: steps.append(step)).run()
    assert upgraded.error is None
    assert steps == list(UpgradeStep)
    assert opened.registry.upgrades() == ()

    again = opened.issuer().document(issued.id)
    assert again.pdf.startswith(issued.pdf)
    assert again.level is Level.B_T
    report = inspected(opened, again.pdf)
    assert (report.integrity, levels(report)) == (Integrity.INTACT, ["PAdES-B-T"])
    assert [s.kind for s in report.signatures] == [SignatureKind.SIGNATURE, SignatureKind.TIMESTAMP]
    assert {s.indication for s in report.signatures} == {Indication.TOTAL_PASSED}
    assert report.seal is not None
    assert not [c for c in report.seal.checks if c.outcome is CheckOutcome.FAILED]
    # The receiver has the new version, in the same place.
    [delivered] = opened.out.iterdir()
    assert delivered.read_bytes() == again.pdf


def test_a_copy_of_the_earlier_version_is_no_changed_copy(office: Opened, pki: Authorities) -> None:
    opened = office(signature=QUEUE)
    issued = promised(opened)
    list(opened.upgrader().run())
    for pdf in (issued.pdf, opened.issuer().document(issued.id).pdf):
        report = inspected(opened, pdf)
        assert report.standing is not None
        assert not [c for c in report.standing.checks if c.outcome in {CheckOutcome.FAILED, CheckOutcome.UNKNOWN}]
    told = inspected(opened, issued.pdf).standing
    assert told is not None
    assert "newer-version" in {c.reason.code for c in told.checks if c.reason is not None}


def test_a_promise_that_cannot_be_kept_stays_open(office: Opened, pki: Authorities) -> None:
    opened = unreachable(office(signature=QUEUE))
    issued = promised(opened)
    [failed] = opened.upgrader().run()
    assert isinstance(failed.error, TimestampError)
    upgrade = opened.registry.get(issued.id).upgrade
    assert upgrade is not None
    assert (upgrade.tries, upgrade.problem and upgrade.problem.code) == (1, "timestamp-unavailable")
    assert [upgrade.state(NOW + d) for d in (timedelta(0), timedelta(days=2), timedelta(days=8))] == [
        UpgradeState.PENDING,
        UpgradeState.LATE,
        UpgradeState.OVERDUE,
    ]
    assert opened.issuer().document(issued.id).level is Level.B_B
    [kept] = reachable(opened, pki).upgrader().run()
    assert kept.error is None


def test_once_nobody_answers_the_rest_waits(office: Opened) -> None:
    with serving() as server:
        opened = office(signature=QUEUE)
        Office.name_authority(opened.folder, server.url("status-503", Kind.TIMESTAMP), _anchor(opened))
        opened = Office.open(opened.folder, signature=QUEUE)
        for number in range(12):
            promised(opened, f"k{number}")
        results = list(opened.upgrader(at_once=1).run())
        assert len(server.visits) == 3
    assert all(isinstance(r.error, TimestampError) for r in results)
    assert len(results) == 3
    assert len(opened.registry.upgrades()) == 12


def test_a_queue_is_worked_on_in_parallel_and_by_several_workers(office: Opened) -> None:
    from concurrent.futures import ThreadPoolExecutor

    opened = office(signature=QUEUE)
    for number in range(8):
        promised(opened, f"k{number}")
    with ThreadPoolExecutor(3) as pool:
        done = [r for found in pool.map(lambda _: list(opened.upgrader().run()), range(3)) for r in found]
    assert all(r.error is None for r in done)
    assert opened.registry.upgrades() == ()
    entries = opened.registry.listing().entries
    assert {len(e.versions) for e in entries} == {2}


def test_a_receiver_that_is_away_gets_the_version_later(office: Opened) -> None:
    class Away:
        def deliver(self, **_: object) -> str:
            raise RuntimeError

    opened = office(signature=QUEUE)
    issued = promised(opened)
    [failed] = opened.upgrader(delivery=Away()).run()
    assert failed.error is not None
    assert failed.error.code == "delivery-failed"
    assert opened.registry.upgrades() == ()
    assert [i.id for i in opened.registry.undelivered_versions()] == [issued.id]
    [delivered] = opened.upgrader().run()
    assert delivered.error is None
    assert opened.registry.undelivered_versions() == ()


def test_two_officials_are_upgraded_together(office: Opened, pki: Authorities) -> None:
    opened = office(signature=QUEUE, person=True)
    issuer = opened.issuer()
    pending = issuer.submit(replace(request("k"), person=opened.person))
    issuer.complete(pending.id, opened.person_key.sign(pending.to_be_signed, mechanism=pending.mechanism))
    issued = issuer.release(pending.id)
    assert levels(inspected(opened, issued.pdf)) == ["PAdES-B-B", "PAdES-B-B"]
    list(opened.upgrader().run())
    report = inspected(opened, issuer.document(issued.id).pdf)
    assert (report.integrity, levels(report)) == (Integrity.INTACT, ["PAdES-B-T", "PAdES-B-T"])


# --- documents that others signed -------------------------------------------------------------------------------------


def test_a_level_that_is_there_is_not_made_again(office: Opened) -> None:
    opened = office(signature=WAIT)
    issued = opened.issuer().issue(request("k"))
    assert opened.augmenter is not None
    found = opened.augmenter.augment(issued.pdf, level=Level.B_T)
    assert (found.added, found.pdf) == (False, issued.pdf)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda pdf: pdf[: pdf.index(b"%%EOF") + 6], "augment-unsigned"),
        (lambda pdf: pdf[:2000] + bytes([pdf[2000] ^ 1]) + pdf[2001:], "augment-altered"),
        (lambda pdf: b"%PDF-1.7\n", "augment-unsigned"),
    ],
)
def test_what_is_not_sound_gets_no_proof(office: Opened, change: Callable[[bytes], bytes], code: str) -> None:
    opened = office()
    pdf = change(opened.issuer().issue(request("k")).pdf)
    assert opened.augmenter is not None
    with pytest.raises(InputError) as caught:
        opened.augmenter.augment(pdf, level=Level.B_T)
    assert caught.value.code == code


@pytest.mark.parametrize("profile", [WAIT, QUEUE], ids=["waited", "promised"])
def test_others_read_it_as_well(office: Opened, tmp_path: Path, profile: object) -> None:
    opened = office(signature=profile)
    issued = opened.issuer().issue(request("k"))
    list(opened.upgrader().run())
    file = tmp_path / "stamped.pdf"
    file.write_bytes(opened.issuer().document(issued.id).pdf)
    told = subprocess.run([program("pdfsig"), "-nocert", str(file)], capture_output=True, text=True, check=False).stdout
    # Poppler verifies signatures only; of a document time-stamp it says that it did not look.
    assert told.count("Signature is Valid.") == told.count("ETSI.CAdES.detached") == 1, told
    assert "Invalid" not in told
    assert "Total document signed" in told
    subprocess.run([program("qpdf"), "--check", str(file)], capture_output=True, check=True)
