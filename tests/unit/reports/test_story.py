"""What happened is told in order, strictest first, and a shadow attack is told as what it is."""

from dataclasses import replace
from pathlib import Path

import pytest

from esign.comparison import with_pages
from esign.reasons import Reason
from esign.report import (
    Change,
    ChangeKind,
    Indication,
    Integrity,
    Outcome,
    SealFinding,
    SignatureKind,
    StandingReport,
    SubIndication,
    VerificationReport,
)
from esign.reports.page import to_html
from esign.reports.story import advice, chapters, headline, proof_of_time, why
from tests.support import reports, shadow
from tests.support.office import Office

DAY = reports.AT.replace(day=1)


def altered(sub: SubIndication, *names: str) -> VerificationReport:
    checks = tuple(reports.check(name, "document-altered", Outcome.FAILED) for name in names)
    broken = reports.signature(indication=Indication.TOTAL_FAILED, sub_indication=sub, checks=checks)
    return replace(reports.good(), integrity=Integrity.ALTERED, signatures=(broken,))


def with_failed(name: str) -> VerificationReport:
    bad = (reports.check(name, "document-altered", Outcome.FAILED),)
    report = reports.good()
    assert report.seal is not None
    if name == "seal":
        return replace(report, seal=SealFinding(url="", checks=bad))
    if name == "registered":
        return replace(report, standing=StandingReport(standing=None, checks=bad))
    return replace(report, checks=bad)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (reports.good(), "good"),
        (reports.unknown(), "unknown"),
        (reports.unsigned(), "unsigned"),
        (reports.unreadable(), "unreadable"),
        (reports.withdrawn(), "in-force"),
        (reports.shadow(), "changed"),
        (altered(SubIndication.HASH_FAILURE, "digest"), "differs"),
        (altered(SubIndication.SIG_CRYPTO_FAILURE, "signature"), "forged"),
        (altered(SubIndication.FORMAT_FAILURE, "byte-range"), "tampered"),
        (altered(SubIndication.FORMAT_FAILURE, "modifications"), "changed"),
        (with_failed("seal"), "seal"),
        (with_failed("registered"), "register"),
        (with_failed("original"), "original"),
        (with_failed("something"), "other"),
        (reports.good(signatures=(reports.signature(indication=Indication.TOTAL_FAILED),)), "failed"),
    ],
)
def test_the_headline_names_the_matter_and_has_its_texts(report: VerificationReport, expected: str) -> None:
    assert headline(report) == expected
    assert to_html(report, name="a.pdf")


def change(code: str, *, revision: int, permitted: bool = True) -> Change:
    return Change(kind=ChangeKind.FORM, reason=Reason(code), permitted=permitted, revision=revision)


def test_changes_stand_between_the_signatures_and_the_strictest_decides() -> None:
    first = reports.signature(
        revision=1,
        changes=(
            change("document-altered", revision=2),
            change("no-signature", revision=4, permitted=False),
            change("document-altered", revision=4),
        ),
    )
    second = reports.signature(revision=3, changes=(change("no-signature", revision=4),))
    told = chapters(reports.good(signatures=(first, second)))
    assert [[(c.reason.code, c.permitted) for c in chapter.changes] for chapter in told] == [
        [("document-altered", True)],
        [("no-signature", False), ("document-altered", True)],
    ]


def test_time_is_proven_by_a_time_stamp_inside_or_behind_a_signature() -> None:
    report = reports.good()
    assert [proof_of_time(report, s) for s in report.signatures] == [None, "TSA MẪU"]
    bare = reports.signature(best_time=DAY)
    document = reports.signature(kind=SignatureKind.TIMESTAMP, signing_time=DAY, signer="TSA khác")
    assert proof_of_time(reports.good(signatures=(bare, document)), bare) == "TSA khác"
    assert proof_of_time(reports.good(signatures=(bare,)), bare) == ""


def test_failures_come_before_what_is_not_known() -> None:
    checks = (
        reports.check("a", "no-signature", Outcome.UNKNOWN),
        reports.check("b", "document-altered", Outcome.FAILED),
    )
    assert why(checks) == Reason("document-altered")
    assert why(checks[:1]) == Reason("no-signature")
    assert why(()) is None
    assert [r.code for r in advice(reports.good(checks=checks))] == ["document-altered", "no-signature"]


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Office, bytes, bytes]:
    office = Office.create(tmp_path_factory.mktemp("shadow") / "office")
    return (office, *shadow.attacked(office))


def test_a_shadow_attack_is_shown_as_what_it_is(attacked: tuple[Office, bytes, bytes], tmp_path: Path) -> None:
    """Every signed byte is still there; only what readers show is another text."""
    office, signed, pdf = attacked
    assert pdf.startswith(signed)
    assert office.verifier().inspect(signed).integrity is Integrity.INTACT
    report = with_pages(office.verifier().inspect(pdf), pdf)
    assert report.integrity is Integrity.ALTERED
    assert headline(report) == "changed"
    assert report.pages is not None
    (page,) = report.pages
    assert (page.page, page.signature) == (1, 0)
    assert page.before_detail != page.after_detail
    told = to_html(report, name="quyet-dinh.pdf")
    assert "Văn bản đã bị sửa sau khi ký" in told
    assert "nội dung nhìn thấy trên trang bị thay" in told.lower()
    assert "đừng dùng bản này" in told.lower()
