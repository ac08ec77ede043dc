"""Whether a sound signature may be relied on: certificate, algorithms and time.

(1) the certificate and the algorithms as of now                EN 319 102-1 §5.2.6, §5.2.8
(2) what a proof of its time mends: it was made before the      §5.5.4
    certificate was revoked, before it expired, or while its
    algorithms were good
(3) past signature validation, with proofs of existence for     §5.6.2
    certificates and revocation information as well
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from esign.cms.ber import Malformed
from esign.pades.cryptographic import Examined, check
from esign.report import Block, Check, Indication, Outcome, SubIndication
from esign.trust import (
    CertificateResult,
    Evidence,
    ProofsOfExistence,
    Purpose,
    RevocationState,
    Suite,
    TrustStore,
    ValidationPolicy,
    settle_past_signature,
    validate_certificate,
    validate_past_certificate,
)
from esign.trust.certificate import Certificate, parse_certificate

__all__ = ["Acceptance", "Constraints", "accept", "first_failure"]

_ACCEPTANCE = "EN 319 102-1 §5.2.8.4"
_TIME = "EN 319 102-1 §5.5.4"

Verdict = tuple[Indication, SubIndication | None]
_PASSED: Verdict = (Indication.TOTAL_PASSED, None)

# Which failed or undecided check decides before trust is asked, in the order of the process (§5.2).
_DECIDES: tuple[tuple[str, Outcome, Indication, SubIndication], ...] = (
    ("format", Outcome.FAILED, Indication.TOTAL_FAILED, SubIndication.FORMAT_FAILURE),
    ("signers", Outcome.FAILED, Indication.TOTAL_FAILED, SubIndication.FORMAT_FAILURE),
    ("byte-range", Outcome.FAILED, Indication.TOTAL_FAILED, SubIndication.FORMAT_FAILURE),
    ("contents", Outcome.FAILED, Indication.TOTAL_FAILED, SubIndication.FORMAT_FAILURE),
    ("signing-certificate", Outcome.UNKNOWN, Indication.INDETERMINATE, SubIndication.NO_SIGNING_CERTIFICATE_FOUND),
    ("digest", Outcome.FAILED, Indication.TOTAL_FAILED, SubIndication.HASH_FAILURE),
    ("signature", Outcome.FAILED, Indication.TOTAL_FAILED, SubIndication.SIG_CRYPTO_FAILURE),
    ("digest", Outcome.UNKNOWN, Indication.INDETERMINATE, SubIndication.CRYPTO_CONSTRAINTS_FAILURE),
    ("signature", Outcome.UNKNOWN, Indication.INDETERMINATE, SubIndication.CRYPTO_CONSTRAINTS_FAILURE),
    ("modifications", Outcome.FAILED, Indication.TOTAL_FAILED, SubIndication.FORMAT_FAILURE),
    ("signing-certificate", Outcome.FAILED, Indication.INDETERMINATE, SubIndication.SIG_CONSTRAINTS_FAILURE),
    ("signature-policy", Outcome.FAILED, Indication.INDETERMINATE, SubIndication.POLICY_PROCESSING_ERROR),
)


def first_failure(checks: tuple[Check, ...]) -> Verdict | None:
    """What the checks of the first blocks decide by themselves; None where trust has to be asked."""
    found = {(c.name, c.outcome) for c in checks}
    return next(((i, s) for name, outcome, i, s in _DECIDES if (name, outcome) in found), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What a validation is done against."""

    trust: TrustStore
    """Whom the caller trusts."""
    policy: ValidationPolicy
    """Algorithms and freshness."""
    evidence: Evidence = field(repr=False)
    """Everything that the document brought along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The verdict on one signature or token."""

    indication: Indication
    """In the words of the standard."""
    sub_indication: SubIndication | None
    """Why it did not pass."""
    checks: tuple[Check, ...]
    """Those of the X.509, acceptance and past blocks."""
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    """The validated path, DER, its certificate first."""

    @property
    def passed(self) -> bool:
        """Whether it may be relied on."""
        return self.indication is Indication.TOTAL_PASSED


def accept(
    examined: Examined,
    *,
    constraints: Constraints,
    poe: ProofsOfExistence,
    purpose: Purpose,
    not_older: datetime | None = None,
) -> Acceptance:
    """Judge a signature or token whose own blocks passed.

    `poe` tells since when its value is known to have existed, `not_older` since when it can have existed at the
    earliest (a content time-stamp).
    """
    assert examined.certificate is not None
    der = examined.certificate.der
    result = validate_certificate(
        der,
        trust=constraints.trust,
        at=poe.now,
        evidence=constraints.evidence,
        purpose=purpose,
        policy=constraints.policy,
    )
    suites = _suites(examined)
    acceptance = _algorithm_checks(suites, constraints.policy, at=poe.now)
    verdict = result.indication, result.sub_indication
    if result.passed and acceptance[0].outcome is not Outcome.PASSED:
        verdict = Indication.INDETERMINATE, SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE
    checks = [*result.checks, *acceptance]
    proven_at, certificate = poe.of(examined.signature), _parsed(der)
    if verdict == _PASSED and certificate is not None and proven_at < certificate.not_before:
        # The value is older than the certificate: it was made under another one, or a clock was wrong.
        verdict = Indication.TOTAL_FAILED, SubIndication.NOT_YET_VALID
        checks.append(check(Block.PAST, "proof-of-existence", _TIME, "certificate-not-yet-valid"))
    elif verdict != _PASSED and proven_at < poe.now:
        mended = _mended_by_time(verdict, result, certificate, suites, constraints.policy, proven_at)
        if mended is None:
            past = validate_past_certificate(
                der,
                trust=constraints.trust,
                poe=poe,
                evidence=constraints.evidence,
                purpose=purpose,
                policy=constraints.policy,
            )
            settled = settle_past_signature(
                verdict[1], past, proven_at=proven_at, suites=suites, algorithms=constraints.policy.algorithms
            )
            mended = settled if settled != verdict else None
            result = past if mended else result
        if mended:
            verdict = mended
            checks = [
                *_as_notes(checks),
                *(c for c in result.checks if c.block is Block.PAST),
                _proof(mended, proven_at),
            ]
    elif verdict != _PASSED and not_older is not None:
        verdict = _made_too_late(verdict, result, certificate, not_older)
    return Acceptance(indication=verdict[0], sub_indication=verdict[1], checks=tuple(checks), chain=result.chain)


def _parsed(der: bytes) -> Certificate | None:
    try:
        return parse_certificate(der)
    except Malformed:
        return None


def _suites(examined: Examined) -> tuple[Suite, ...]:
    """The algorithms of the signature, and with them the digest of its content."""
    value = examined.value
    if value is None or value.algorithm is None:
        return ()
    scheme = value.algorithm.scheme.value
    digests = dict.fromkeys((value.algorithm.digest or value.digest_algorithm, value.digest_algorithm))
    return tuple(Suite(digest, scheme, value.key) for digest in digests)


def _algorithm_checks(suites: Sequence[Suite], policy: ValidationPolicy, *, at: datetime) -> list[Check]:
    """§5.2.8: whether the algorithms are acceptable."""
    weak = [w for suite in suites if (w := policy.algorithms.weakness(suite, at=at))]
    if not weak:
        return [check(Block.ACCEPTANCE, "algorithms", _ACCEPTANCE)]
    names = dict.fromkeys(w.algorithm for w in weak)
    return [check(Block.ACCEPTANCE, "algorithms", _ACCEPTANCE, "algorithm-weak", algorithm=", ".join(names))]


def _mended_by_time(
    verdict: Verdict,
    result: CertificateResult,
    certificate: Certificate | None,
    suites: Sequence[Suite],
    policy: ValidationPolicy,
    proven_at: datetime,
) -> Verdict | None:
    """§5.5.4: what the proven time decides by itself; None where past validation has to be asked."""
    if certificate is None or any(policy.algorithms.weakness(suite, at=proven_at) for suite in suites):
        return None
    sub = verdict[1]
    if sub is SubIndication.REVOKED_NO_POE:  # step 5 a
        revoked = [s.revoked_at for s in result.revocation if s.state is RevocationState.REVOKED]
        before = all(when is not None and proven_at < when for when in revoked)
        return _PASSED if before and certificate.is_valid_at(proven_at) else None
    if sub is SubIndication.OUT_OF_BOUNDS_NOT_REVOKED:  # step 5 b
        return _PASSED if certificate.is_valid_at(proven_at) else None
    if sub is SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE and result.passed:  # step 5 d
        return _PASSED if certificate.is_valid_at(proven_at) else None
    return None


def _made_too_late(
    verdict: Verdict, result: CertificateResult, certificate: Certificate | None, not_older: datetime
) -> Verdict:
    """§5.3.4: the signature was certainly made after the certificate had been revoked, or had expired."""
    revoked = [s.revoked_at for s in result.revocation[:1] if s.state is RevocationState.REVOKED]
    if verdict[1] is SubIndication.REVOKED_NO_POE and any(when is not None and when <= not_older for when in revoked):
        return Indication.TOTAL_FAILED, SubIndication.REVOKED
    out_of_bounds = {SubIndication.OUT_OF_BOUNDS_NO_POE, SubIndication.OUT_OF_BOUNDS_NOT_REVOKED}
    if verdict[1] in out_of_bounds and certificate is not None and not_older > certificate.not_after:
        return Indication.TOTAL_FAILED, SubIndication.EXPIRED
    return verdict


def _as_notes(checks: Sequence[Check]) -> Iterator[Check]:
    """What is wrong today, and was not when the signature was made."""
    for each in checks:
        undone = each.outcome in {Outcome.FAILED, Outcome.UNKNOWN}
        yield replace(each, outcome=Outcome.NOTED) if undone else each


def _proof(verdict: Verdict, proven_at: datetime) -> Check:
    name, when = "proof-of-existence", proven_at.isoformat()
    if verdict == _PASSED:
        return check(Block.PAST, name, _TIME, "proven-in-time", Outcome.NOTED, time=when)
    return check(Block.PAST, name, _TIME, "proven-time-does-not-help", time=when)
