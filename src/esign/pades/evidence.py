"""Gather what proves the certificates behind a document's signatures and time-stamps (EN 319 142-1 §5.4, §6.3).

Everything is asked for now, when the authorities still answer, and validated now: what would not convince today is
not stored to convince later.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from esign.cms import certificate_of, parse, parse_token
from esign.cms.attributes import timestamp_tokens
from esign.errors import InputError, SigningError
from esign.pades.dss import evidence_of, read_stores
from esign.pades.signed_fields import SignedField, signed_fields
from esign.pades.store import StoreEntry
from esign.reasons import Reason
from esign.syntax import SyntaxProblem, read
from esign.trust import Evidence, Purpose, TrustStore
from esign.trust.gathering import Fetcher, Gathered, gather

__all__ = ["Found", "find_evidence"]

_SIGNATURE_TIMESTAMP = "1.2.840.113549.1.9.16.2.14"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found for all signatures of a document."""

    entries: tuple[StoreEntry, ...] = field(repr=False)
    """One for each signature and document time-stamp."""
    notices: tuple[Reason, ...]
    """What is less than it should be: an answer that is older than the signature."""


@dataclass(frozen=True, slots=True)
class _Certified:
    """A certificate that something in the document rests on."""

    der: bytes
    purpose: Purpose
    brought: Evidence


def find_evidence(
    pdf: bytes, *, times: Sequence[datetime | None], network: Fetcher, trust: TrustStore, at: datetime
) -> Found:
    """Gather for every signature and document time-stamp of `pdf`, in the order of signing; `at` is now.

    `times` are the moments at which they are proven to have existed: news should be from after then (EN 319 102-1
    §5.2.5 would have us wait for them), older ones are taken with a notice.

    Raises:
        InputError: `augment-altered`: there is a signature that cannot be read.
        SigningError: `augment-evidence-missing`: a certificate cannot be proven good now, and why.
    """
    entries: list[StoreEntry] = []
    notices: list[Reason] = []
    try:
        file = read(pdf)
        stored = [store.evidence for store in read_stores(file)]
        found = signed_fields(file)
    except SyntaxProblem as e:
        raise InputError("augment-altered") from e
    known = Evidence()
    for evidence in stored:
        known |= evidence
    for signed, time in zip(found, times, strict=True):
        mine = Evidence()
        for certified in _certified(signed):
            gathered = gather(
                certified.der,
                network=network,
                trust=trust,
                at=at,
                evidence=known | certified.brought,
                purpose=certified.purpose,
                newer_than=time,
            )
            mine |= _proven(gathered)
            known |= mine
            notices += _older(gathered, certified.purpose, time)
        entries.append(StoreEntry(contents=_contents(signed), evidence=mine))
    return Found(entries=tuple(entries), notices=tuple(notices))


def _contents(signed: SignedField) -> bytes:
    return bytes(signed.contents) if signed.contents is not None else b""


def _certified(signed: SignedField) -> Iterator[_Certified]:
    """The signer's certificate, and that of each time-stamp inside the signature."""
    try:
        if signed.is_timestamp:
            yield _authority(_contents(signed))
            return
        container = parse(_contents(signed))
        signer = container.signers[0]
        certificate = certificate_of(container, signer)
        if certificate is None:
            raise InputError("augment-altered")
        yield _Certified(certificate.der, Purpose.DOCUMENT, evidence_of(container, signer))
        for token in timestamp_tokens(signer.unsigned, _SIGNATURE_TIMESTAMP):
            yield _authority(token)
    except (ValueError, IndexError) as e:
        raise InputError("augment-altered") from e


def _authority(token: bytes) -> _Certified:
    parsed = parse_token(token)
    if parsed.certificate is None:
        raise InputError("augment-altered")
    return _Certified(parsed.certificate.der, Purpose.TIMESTAMP, evidence_of(parsed.signed, parsed.signer))


def _proven(gathered: Gathered) -> Evidence:
    """The chain and all that decided about it."""
    result = gathered.result
    if not result.passed:
        failed = next((c.reason for c in result.checks if c.reason is not None), None)
        why = gathered.problems[0] if gathered.problems else failed or "-"
        raise SigningError("augment-evidence-missing", why=why)
    decided = [s for s in result.revocation if s.evidence]
    ocsps = tuple(s.evidence for s in decided if s.source == "ocsp")
    lists = tuple(s.evidence for s in decided if s.source == "crl")
    # A delegated responder is on no chain; the lists that were fetched may be those that clear it.
    return Evidence(certificates=result.chain, crls=lists, ocsps=ocsps) | Evidence(
        crls=gathered.evidence.crls if ocsps else ()
    )


def _older(gathered: Gathered, purpose: Purpose, time: datetime | None) -> Iterator[Reason]:
    """The signer may have been revoked between the news and the signature; authorities' own lists come monthly."""
    for status in gathered.result.revocation[:1]:
        old = time is not None and status.issued_at is not None and status.issued_at < time
        if old and purpose is Purpose.DOCUMENT:
            facts = {"source": status.source.upper(), "issued": f"{status.issued_at}", "signed": f"{time}"}
            yield Reason("augment-evidence-older", facts)
