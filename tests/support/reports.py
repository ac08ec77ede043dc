"""Reports made by hand, for what writes them down: each kind of answer, and any that can be at all."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from esign.codes import ResultId
from esign.document import Standing, StandingChange
from esign.reasons import Reason
from esign.report import (
    Block,
    Change,
    ChangeKind,
    Check,
    Indication,
    Integrity,
    NamePart,
    Outcome,
    PageDifference,
    SealFinding,
    SignatureKind,
    SignatureReport,
    StandingReport,
    SubIndication,
    TimestampKind,
    TimestampReport,
    VerificationReport,
)

AT = datetime(2026, 11, 21, 3, 32, 58, tzinfo=UTC)
SHA256 = "0123456789abcdef" * 4
PERMITTED = Reason("permitted-change", {"kind": "form-filling"})
OTHER = ResultId.parse("0123456789ABCDEF")
CERTIFICATE = "fedcba9876543210" * 4


def check(name: str, code: str = "", outcome: Outcome = Outcome.PASSED, block: Block = Block.FORMAT) -> Check:
    reason = Reason(code) if code else None
    return Check(name=name, outcome=outcome, clause="ISO 32000-1 §12.8.1", reason=reason, block=block)


def signature(**changes: Any) -> SignatureReport:
    """A good one."""
    made = SignatureReport(
        field_name="Signature1",
        kind=SignatureKind.SIGNATURE,
        level="PAdES-B-B",
        covers_whole_file=True,
        signed_bytes=1000,
        signer="Nguyễn Văn Mẫu",
        certificate_sha256=CERTIFICATE,
        signing_time=AT - timedelta(days=2),
        mechanism="rsa-pss-sha256",
        indication=Indication.TOTAL_PASSED,
        sub_indication=None,
        checks=(check("format"), check("digest", block=Block.CRYPTOGRAPHIC)),
        certificates=(b"leaf", b"issuer"),
        subject=(
            NamePart(label="CCCD", value="•••••••••534"),
            NamePart(label="CN", value="Nguyễn Văn Mẫu"),
            NamePart(label="O", value="UỶ BAN NHÂN DÂN PHƯỜNG MẪU"),
            NamePart(label="C", value="VN"),
        ),
        best_time=AT,
    )
    return replace(made, **changes)


def stamp(**changes: Any) -> TimestampReport:
    made = TimestampReport(
        kind=TimestampKind.SIGNATURE,
        time=AT - timedelta(days=2),
        authority="TSA MẪU",
        certificate_sha256=SHA256,
        indication=Indication.TOTAL_PASSED,
        sub_indication=None,
        checks=(check("time-stamp", block=Block.TIMESTAMP),),
    )
    return replace(made, **changes)


def good(**changes: Any) -> VerificationReport:
    """Two officials, a seal, in force."""
    agency = signature(
        field_name="Signature2",
        signer="UỶ BAN NHÂN DÂN PHƯỜNG MẪU",
        subject=(NamePart(label="MST", value="0400260612"), NamePart(label="CN", value="UBND PHƯỜNG MẪU")),
        revision=2,
        level="PAdES-B-T",
        timestamps=(stamp(),),
        best_time=AT - timedelta(days=2),
    )
    added = Change(kind=ChangeKind.SIGNATURE, reason=PERMITTED, permitted=True, revision=2, page=1)
    seal = SealFinding(
        url="https://q.gov.vn/1#1", checks=(check("seal"),), number="05/QĐ-UBND", issued_at=AT, result_id="ABCD"
    )
    made = VerificationReport(
        integrity=Integrity.INTACT,
        at=AT,
        sha256=SHA256,
        signatures=(signature(covers_whole_file=False, changes=(added,), revision=1), agency),
        seal=seal,
        standing=StandingReport(
            standing=Standing.IN_FORCE, checks=(check("registered"), check("in-force")), number="05/QĐ-UBND"
        ),
    )
    return replace(made, **changes)


def withdrawn() -> VerificationReport:
    """Perfect signatures under a result that was taken back."""
    change = StandingChange(standing=Standing.WITHDRAWN, at=AT, by="-", why="QĐ 21/QĐ-UBND", other=OTHER)
    checks = (check("registered"), check("in-force", "standing-withdrawn", Outcome.FAILED))
    return good(standing=StandingReport(standing=Standing.WITHDRAWN, checks=checks, history=(change,)))


def shadow(*pages: PageDifference) -> VerificationReport:
    """A page that shows something else since it was signed."""
    changes = (
        Change(kind=ChangeKind.PAGE, reason=Reason("changed-after-signing"), permitted=False, revision=2, page=1),
        Change(kind=ChangeKind.METADATA, reason=PERMITTED, permitted=True, revision=2),
    )
    attacked = signature(
        covers_whole_file=False,
        changes=changes,
        revision=1,
        indication=Indication.TOTAL_FAILED,
        sub_indication=SubIndication.FORMAT_FAILURE,
        checks=(check("format"), check("modifications", "changed-after-signing", Outcome.FAILED, Block.INTEGRITY)),
    )
    altered = check("integrity", "document-altered", Outcome.FAILED, Block.INTEGRITY)
    return VerificationReport(
        integrity=Integrity.ALTERED, at=AT, sha256=SHA256, signatures=(attacked,), checks=(altered,), pages=pages
    )


def unknown() -> VerificationReport:
    """Nobody here knows the issuer."""
    checks = (check("format"), check("chain", "no-path-to-anchor", Outcome.UNKNOWN, Block.X509))
    undecided = signature(
        indication=Indication.INDETERMINATE,
        sub_indication=SubIndication.NO_CERTIFICATE_CHAIN_FOUND,
        checks=checks,
        signing_time=None,
    )
    return VerificationReport(integrity=Integrity.INTACT, at=AT, sha256=SHA256, signatures=(undecided,))


def unsigned() -> VerificationReport:
    checks = (check("signatures", "no-signature", Outcome.UNKNOWN),)
    return VerificationReport(integrity=Integrity.UNSIGNED, at=AT, sha256=SHA256, checks=checks)


def unreadable() -> VerificationReport:
    facts = {"problem": "ASN.1"}
    broken = Check(name="format", outcome=Outcome.FAILED, clause="-", reason=Reason("pdf-unreadable", facts))
    return VerificationReport(integrity=Integrity.UNREADABLE, at=AT, sha256=SHA256, checks=(broken,))


# --- any report ------------------------------------------------------------------------------------------------------

_TIMES = st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2200, 1, 1)).map(  # noqa: DTZ001
    lambda t: t.replace(tzinfo=UTC)
)
_MAYBE_TIMES = st.none() | _TIMES
_HEX = st.just(SHA256) | st.just(CERTIFICATE)
_CODES = st.sampled_from(["no-signature", "changed-after-signing", "document-altered", "standing-withdrawn"])
# What a certificate or a field name may hold: control characters, surrogates' neighbours, anything.
_TEXTS = st.text(max_size=12)
_REASONS = _CODES.map(lambda code: Reason(code, {"replaced_by": "-"}))
_CHECKS = st.builds(
    Check,
    name=st.sampled_from(["format", "digest", "chain", "odd name!"]),
    outcome=st.sampled_from(Outcome),
    clause=_TEXTS,
    reason=st.none() | _REASONS,
    block=st.sampled_from(Block),
)
_SEVERAL = st.lists(_CHECKS, max_size=3).map(tuple)
_STAMPS = st.builds(
    TimestampReport,
    kind=st.sampled_from(TimestampKind),
    time=_MAYBE_TIMES,
    authority=_TEXTS,
    certificate_sha256=st.just("") | _HEX,
    indication=st.sampled_from(Indication),
    sub_indication=st.none() | st.sampled_from(SubIndication),
    checks=_SEVERAL,
    certificates=st.just(()),
)
_CHANGES = st.builds(
    Change,
    kind=st.sampled_from(ChangeKind),
    reason=_REASONS,
    permitted=st.booleans(),
    revision=st.integers(0, 5),
    page=st.none() | st.integers(1, 9),
    field=_TEXTS,
)
SIGNATURES = st.builds(
    SignatureReport,
    field_name=_TEXTS,
    kind=st.sampled_from(SignatureKind),
    level=st.sampled_from(["PAdES-B-B", "PAdES-B-LTA", "PDF-NOT-ETSI"]),
    covers_whole_file=st.booleans(),
    signed_bytes=st.integers(0, 10**9),
    signer=_TEXTS,
    certificate_sha256=st.just("") | _HEX,
    signing_time=_MAYBE_TIMES,
    mechanism=_TEXTS,
    indication=st.sampled_from(Indication),
    sub_indication=st.none() | st.sampled_from(SubIndication),
    checks=_SEVERAL,
    certificates=st.lists(st.binary(max_size=4), max_size=2).map(tuple),
    revision=st.integers(0, 5),
    subject=st.lists(st.builds(NamePart, label=_TEXTS, value=_TEXTS), max_size=3).map(tuple),
    best_time=_MAYBE_TIMES,
    timestamps=st.lists(_STAMPS, max_size=2).map(tuple),
    changes=st.lists(_CHANGES, max_size=3).map(tuple),
    policy=st.sampled_from(["", "1.2.3.4"]),
)
REPORTS = st.builds(
    VerificationReport,
    integrity=st.sampled_from(Integrity),
    at=_TIMES,
    sha256=_HEX,
    signatures=st.lists(SIGNATURES, max_size=3).map(tuple),
    checks=_SEVERAL,
    seal=st.none()
    | st.builds(SealFinding, url=_TEXTS, checks=_SEVERAL, number=_TEXTS, issued_at=_MAYBE_TIMES, result_id=_TEXTS),
    standing=st.none()
    | st.builds(
        StandingReport,
        standing=st.none() | st.sampled_from(Standing),
        checks=_SEVERAL,
        number=_TEXTS,
        history=st.just(()),
    ),
    pages=st.none() | st.just(()),
)
"""Any report whatever; combinations that no verifier would make are among them."""
