"""Past validation: a certificate that expired, was revoked or rests on old algorithms, judged by proofs of existence.

EN 319 102-1 §5.6.2.1 (past certificate validation), §5.6.2.2 (validation time sliding) and §5.6.2.4 (what a past
signature needs). The control time is the latest moment at which the chain was good beyond doubt; a signature that is
proven to have existed by then is as good as on the day it was made.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from esign.reasons import Reason
from esign.report import Block, Check, Indication, Outcome, SubIndication
from esign.trust.algorithms import AlgorithmPolicy
from esign.trust.building import build_paths
from esign.trust.certificate import Certificate, parse_certificate
from esign.trust.path import Path, check_structure
from esign.trust.poe import ProofsOfExistence
from esign.trust.policy import ValidationPolicy
from esign.trust.purpose import Purpose
from esign.trust.result import CertificateResult, Evidence, RevocationStatus
from esign.trust.revocation import Statement, fresh_until, judge, status_of
from esign.trust.signatures import Suite, suite_of
from esign.trust.store import TrustStore
from esign.trust.validation import Context, failed, most_telling

__all__ = ["settle_past_signature", "validate_past_certificate"]

_CLAUSE = "EN 319 102-1 §5.6.2.1"


def validate_past_certificate(
    der: bytes,
    *,
    trust: TrustStore,
    poe: ProofsOfExistence,
    evidence: Evidence = Evidence(),  # noqa: B008  # a value
    purpose: Purpose = Purpose.DOCUMENT,
    policy: ValidationPolicy | None = None,
) -> CertificateResult:
    """Slide back from `poe.now` to the latest moment at which the certificate was good; `time` of the result.

    Revocation information counts as far as `poe` proves that it, and the certificate it speaks of, existed in time.
    """
    context = Context.prepare(
        der, evidence=evidence, trust=trust, at=poe.now, purpose=purpose, policy=policy or ValidationPolicy()
    )
    if isinstance(context, CertificateResult):
        return context
    results = []
    for path in build_paths(context.certificate, context.pool, poe.now):
        result = _slide(path, context, poe)
        if result.passed:
            return result
        results.append(result)
    if not results:
        return failed(SubIndication.NO_CERTIFICATE_CHAIN_FOUND, Reason("no-path-to-anchor"), poe.now)
    return most_telling(results)


def _slide(path: Path, context: Context, poe: ProofsOfExistence) -> CertificateResult:
    policy = context.policy
    broken = check_structure(path, policies=policy.certificate_policies, explicit=policy.explicit_policy)
    if broken:
        return failed(broken.sub_indication, broken.reason, poe.now, chain=path)
    below = path[:-1] or path
    if max(c.not_before for c in below) > min(c.not_after for c in below):
        return failed(
            SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE, Reason("never-valid-together"), poe.now, chain=path
        )
    time, statuses = poe.now, list[RevocationStatus]()
    for certificate, issuer in reversed(list(pairwise(path))):  # the one that the anchor issued first
        statements = context.revocation.statements(certificate, issuer, at=poe.now).usable
        statement = _latest_proven(certificate, statements, time, poe)
        if statement is not None:
            statuses.insert(0, status_of(certificate, statement))
        elif certificate.is_never_revoked and poe.proves(certificate.der, by=time):
            statuses.insert(0, judge(certificate, (), at=time, policy=policy))
        else:
            return failed(SubIndication.NO_POE, Reason("no-proof-of-existence"), time, chain=path)
        time = _slid(certificate, issuer, statement, time, policy)
    time = min(time, path[0].not_after)
    return CertificateResult(
        indication=Indication.TOTAL_PASSED,
        sub_indication=None,
        checks=(Check(name="past-chain", outcome=Outcome.PASSED, clause=_CLAUSE, block=Block.PAST), *context.notes),
        chain=tuple(c.der for c in path),
        revocation=tuple(statuses),
        time=time,
    )


def _latest_proven(
    certificate: Certificate, statements: Iterable[Statement], time: datetime, poe: ProofsOfExistence
) -> Statement | None:
    """§5.6.2.2 a–b: the newest information from before `time`, itself proven by then, as the certificate is."""
    if not poe.proves(certificate.der, by=time):
        return None
    proven = [s for s in statements if s.issued_at <= time and poe.proves(s.evidence, by=time)]
    revoked = [s for s in proven if s.revoked_at is not None and not s.is_hold]
    if revoked:  # never taken back, see `judge`
        return min(revoked, key=lambda s: s.revoked_at or time)
    return max((s for s in proven if s.is_vouched), key=lambda s: s.issued_at, default=None)


def _slid(
    certificate: Certificate, issuer: Certificate, statement: Statement | None, time: datetime, policy: ValidationPolicy
) -> datetime:
    """§5.6.2.2 c–d: no later than the revocation, what is known, the algorithms and the certificate itself."""
    suites = [suite_of(certificate.algorithm, issuer.public_key)]
    if statement is not None:
        # Where good news is no longer fresh, the standard goes back to the day it was issued; but a list is nearly
        # always older than the signature that was accepted with it, and no chain of archive time-stamps would hold.
        # What was good enough to accept a signature on a day is good enough to say so later: it goes back to when it
        # was last fresh.
        time = min(time, statement.revoked_at or fresh_until(statement, policy))
        suites += statement.suites
    ends = [until for until in map(policy.algorithms.until, suites) if until is not None]
    return min(time, certificate.not_after, *ends)


def settle_past_signature(
    current: SubIndication | None,
    past: CertificateResult,
    *,
    proven_at: datetime,
    suites: Sequence[Suite],
    algorithms: AlgorithmPolicy,
) -> tuple[Indication, SubIndication | None]:
    """What a signature that `current` questions today is worth, if it is proven at `proven_at` (§5.6.2.4).

    `past` is the past validation of its certificate, `suites` are the algorithms of the signature itself.
    """
    undecided = (Indication.INDETERMINATE, current)
    if current not in _MENDABLE or not past.passed or proven_at > past.time:
        return undecided
    if any(algorithms.weakness(suite, at=proven_at) for suite in suites):
        return Indication.INDETERMINATE, SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE
    if proven_at < parse_certificate(past.chain[0]).not_before:
        return Indication.TOTAL_FAILED, SubIndication.NOT_YET_VALID
    return Indication.TOTAL_PASSED, None


# What time can have done to a signature that was good once (§5.6.2.4.4).
_MENDABLE = frozenset(
    {
        SubIndication.REVOKED_NO_POE,
        SubIndication.REVOKED_CA_NO_POE,
        SubIndication.OUT_OF_BOUNDS_NO_POE,
        SubIndication.OUT_OF_BOUNDS_NOT_REVOKED,
        SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
        SubIndication.TRY_LATER,
    }
)
