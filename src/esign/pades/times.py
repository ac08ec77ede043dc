"""What is known about the time of a signature: time-stamps inside it (EN 319 102-1 §5.4), and what the signer claims.

A time-stamp proves that the signature was there by then, or, as a content time-stamp, that it was not made before.
The signer's own time is a claim: it is compared with what is proven, shown, and never corrected.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from esign.cms import Content, EmbeddedCertificate, parse_token
from esign.cms.attributes import CONTENT_TIMESTAMP, SIGNATURE_TIMESTAMP, signing_time
from esign.cms.ber import Malformed
from esign.errors import InputError
from esign.pades.acceptance import Constraints, accept, first_failure
from esign.pades.cryptographic import Examined, check, examine_token
from esign.pades.signature_dictionary import SignatureDictionary, read_date
from esign.report import Block, Check, Indication, Outcome, TimestampKind, TimestampReport
from esign.trust import ProofsOfExistence, Purpose
from esign.trust.certificate import parse_certificate

__all__ = ["Stamp", "claim_checks", "claimed_time", "judge_stamp", "order_checks", "stamp_checks", "stamps_of"]

_CLAUSE = "EN 319 102-1 §5.4"
_MOST = 32
"""Time-stamps of each kind in one signature that are looked at."""
_VIETNAM = timedelta(hours=7)
_CLOCKS = timedelta(minutes=10)
"""By how much two clocks may differ and still mean the same moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """One time-stamp in a signature, taken apart."""

    kind: TimestampKind
    """What it speaks for."""
    examined: Examined
    """Form, certificate and value."""


def stamps_of(examined: Examined, content: Content | None, others: Sequence[EmbeddedCertificate]) -> tuple[Stamp, ...]:
    """The time-stamps in the attributes of a signature over `content`, in their order."""
    signer = examined.signer
    if signer is None:
        return ()
    before = (signer.signed.values(CONTENT_TIMESTAMP) if signer.signed is not None else ())[:_MOST]
    after = signer.unsigned.values(SIGNATURE_TIMESTAMP)[:_MOST]
    value = Content(signer.signature)
    return (
        *(Stamp(kind=TimestampKind.CONTENT, examined=_examined(t, content, others)) for t in before),
        *(Stamp(kind=TimestampKind.SIGNATURE, examined=_examined(t, value, others)) for t in after),
    )


def _examined(token: bytes, content: Content | None, others: Sequence[EmbeddedCertificate]) -> Examined:
    try:
        return examine_token(parse_token(token, others), content)
    except InputError as e:
        problem = e.reason.facts.get("problem", "")
        return Examined(checks=(check(Block.TIMESTAMP, "format", _CLAUSE, "timestamp-unreadable", problem=problem),))


def judge_stamp(stamp: Stamp, *, constraints: Constraints, poe: ProofsOfExistence) -> TimestampReport:
    """The verdict on one time-stamp, with what is known about it from those around it."""
    examined = stamp.examined
    decided = first_failure(examined.checks)
    accepted = None
    if decided is None:
        accepted = accept(examined, constraints=constraints, poe=poe, purpose=Purpose.TIMESTAMP)
        decided = accepted.indication, accepted.sub_indication
    certificate = examined.certificate
    chain = (certificate.der,) if certificate else ()
    return TimestampReport(
        kind=stamp.kind,
        time=examined.token.time if examined.token else None,
        authority=certificate.common_name if certificate else "",
        certificate_sha256=hashlib.sha256(certificate.der).hexdigest() if certificate else "",
        indication=decided[0],
        sub_indication=decided[1],
        checks=(*examined.checks, *(accepted.checks if accepted else ())),
        certificates=accepted.chain if accepted and accepted.chain else chain,
    )


def stamp_checks(stamps: Sequence[TimestampReport]) -> Iterator[Check]:
    """What a reader of the signature has to know about its time-stamps: one that is broken is no proof of anything."""
    for stamp in stamps:
        if stamp.indication is Indication.TOTAL_PASSED:
            yield check(Block.TIMESTAMP, "timestamp", _CLAUSE)
        elif stamp.indication is Indication.TOTAL_FAILED:
            yield check(Block.TIMESTAMP, "timestamp", _CLAUSE, "timestamp-broken", Outcome.UNKNOWN)
        else:
            yield check(Block.TIMESTAMP, "timestamp", _CLAUSE, "timestamp-not-validated", Outcome.NOTED)


def order_checks(times: Sequence[datetime], *, tolerance: timedelta) -> Iterator[Check]:
    """Time-stamps over one another carry times in that order (EN 319 102-1 §5.5.4, step 4); `times` innermost first.

    `tolerance` is by how much the clocks of two authorities may differ.
    """
    if any(later < earlier - tolerance for earlier, later in pairwise(times)):
        yield check(Block.TIMESTAMP, "timestamp-order", "EN 319 102-1 §5.5.4", "timestamp-order")


def claimed_time(examined: Examined, dictionary: SignatureDictionary) -> datetime | None:
    """When the signer says that it was made: signing-time, else /M."""
    signer = examined.signer
    try:
        claimed = signing_time(signer.signed) if signer and signer.signed else None
    except Malformed:
        claimed = None
    return claimed or dictionary.time


def claim_checks(
    claimed: datetime | None, examined: Examined, dictionary: SignatureDictionary, *, proven: datetime
) -> Iterator[Check]:
    """What is odd about the claim; `proven` is when the signature existed for certain."""
    clause = "RFC 5652 §11.3"
    if claimed is None:
        return
    if _is_local(claimed, dictionary, proven):
        yield check(Block.ACCEPTANCE, "signing-time", clause, "signing-time-local", Outcome.NOTED)
    elif claimed > proven + _CLOCKS:
        yield check(Block.ACCEPTANCE, "signing-time", clause, "signing-time-late", Outcome.NOTED)
    try:
        certificate = parse_certificate(examined.certificate.der) if examined.certificate else None
    except Malformed:
        certificate = None
    if certificate is not None and not certificate.is_valid_at(claimed):
        # TT 15/2025 Đ.5.2: validity counts at the time of signing; the claim alone proves neither way.
        yield check(Block.ACCEPTANCE, "signing-time", clause, "signing-time-outside-validity", Outcome.NOTED)


def _is_local(claimed: datetime, dictionary: SignatureDictionary, proven: datetime) -> bool:
    """Whether a local clock was written down as UTC: as some Vietnamese tools do, seven hours ahead."""
    written = read_date(dictionary.date)
    if written is not None and written.tzinfo is not None:
        offset = written.utcoffset() or timedelta(0)
        if offset and abs(claimed - written - offset) < _CLOCKS:
            return True
    return abs(claimed - proven - _VIETNAM) < _CLOCKS
