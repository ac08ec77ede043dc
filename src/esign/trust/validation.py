"""X.509 certificate validation at a given time, offline: EN 319 102-1 §5.2.6 over RFC 5280 §6.

Certificates and revocation information are given. What is not known is never a silent pass (DESIGN law 7).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from esign.cms import ber
from esign.reasons import Reason
from esign.report import Block, Check, Indication, Outcome, SubIndication
from esign.trust.building import Pool, build_paths
from esign.trust.certificate import Certificate, parse_certificate
from esign.trust.path import Failure, Path, check_structure, check_validity
from esign.trust.policy import ValidationPolicy
from esign.trust.purpose import Purpose, misuse
from esign.trust.result import CertificateResult, Evidence, RevocationState, RevocationStatus
from esign.trust.revocation import Revocation, Statements, judge
from esign.trust.signatures import Suite, suite_of
from esign.trust.store import TrustStore

__all__ = ["Context", "chain_suites", "failed", "most_telling", "validate_certificate"]

_CLAUSE = "EN 319 102-1 §5.2.6.4"

# Which failure says most, where several paths lead to anchors and none of them is good (§5.2.6.4 tries each): a
# revoked signer is so on every path; else the path that may yet become good.
_TELLING = (
    SubIndication.REVOKED_NO_POE,
    SubIndication.TRY_LATER,
    SubIndication.OUT_OF_BOUNDS_NOT_REVOKED,
    SubIndication.OUT_OF_BOUNDS_NO_POE,
    SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
    SubIndication.REVOKED_CA_NO_POE,
    SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What one certificate is validated with; shared by present and past validation."""

    certificate: Certificate
    """The one in question."""
    pool: Pool
    """Certificates to build paths with."""
    revocation: Revocation
    """What is known of revocations."""
    policy: ValidationPolicy
    """The constraints."""
    notes: tuple[Check, ...]
    """Facts that decide nothing."""

    @classmethod
    def prepare(
        cls,
        der: bytes,
        *,
        evidence: Evidence,
        trust: TrustStore,
        at: datetime,
        purpose: Purpose,
        policy: ValidationPolicy,
    ) -> "Context | CertificateResult":
        """Read everything; a result where the certificate itself ends the matter."""
        try:
            certificate = parse_certificate(der)
        except ber.Malformed:
            return failed(SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE, Reason("certificate-malformed"), at)
        misused = misuse(certificate, purpose)
        if misused:
            return failed(SubIndication.CHAIN_CONSTRAINTS_FAILURE, Reason(misused), at)
        if not trust.anchors_for(purpose):
            return failed(SubIndication.NO_CERTIFICATE_CHAIN_FOUND, Reason("no-anchors"), at)
        everything = evidence.with_store(trust)
        pool = Pool(anchors=trust.anchors_for(purpose), others=everything.certificates)
        return cls(
            certificate=certificate,
            pool=pool,
            revocation=Revocation(everything, pool, policy),
            policy=policy,
            notes=tuple(_notes(certificate)),
        )


def validate_certificate(
    der: bytes,
    *,
    trust: TrustStore,
    at: datetime,
    evidence: Evidence = Evidence(),  # noqa: B008  # a value
    purpose: Purpose = Purpose.DOCUMENT,
    policy: ValidationPolicy | None = None,
) -> CertificateResult:
    """Find and validate a path from a certificate to an anchor of `trust`, as of `at`; never raises for bad input.

    `evidence` is what came along; the store's own intermediates and revocation information are used as well.
    """
    context = Context.prepare(
        der, evidence=evidence, trust=trust, at=at, purpose=purpose, policy=policy or ValidationPolicy()
    )
    if isinstance(context, CertificateResult):
        return context
    results = []
    for path in build_paths(context.certificate, context.pool, at):
        result = _validate_path(path, context, at)
        if result.passed:
            return result
        results.append(result)
    if not results:
        return failed(SubIndication.NO_CERTIFICATE_CHAIN_FOUND, Reason("no-path-to-anchor"), at)
    return most_telling(results)


def most_telling(results: Sequence[CertificateResult]) -> CertificateResult:
    """Of the outcomes of several paths, none good, the one to report."""
    return min(
        results, key=lambda r: _TELLING.index(r.sub_indication) if r.sub_indication in _TELLING else len(_TELLING)
    )


def _validate_path(path: Path, context: Context, at: datetime) -> CertificateResult:
    policy = context.policy
    broken = check_structure(path, policies=policy.certificate_policies, explicit=policy.explicit_policy)
    if broken:
        return failed(broken.sub_indication, broken.reason, at, chain=path)
    found = [context.revocation.statements(c, issuer, at=at) for c, issuer in pairwise(path)]
    statuses = tuple(
        judge(c, statements.usable, at=at, policy=policy) for c, statements in zip(path, found, strict=False)
    )
    suites = (*chain_suites(path), *(suite for status in statuses for suite in status.suites))
    failure = next(_failures(path, statuses, suites, at, policy), None)
    if failure:
        result = failed(failure.sub_indication, failure.reason, at, chain=path, revocation=statuses)
        return replace(result, checks=(*result.checks, *_unusable(found, statuses)))
    ends = [end for end in map(policy.algorithms.until, suites) if end is not None]
    return CertificateResult(
        indication=Indication.TOTAL_PASSED,
        sub_indication=None,
        checks=(Check(name="chain", outcome=Outcome.PASSED, clause=_CLAUSE, block=Block.X509), *context.notes),
        chain=tuple(c.der for c in path),
        revocation=statuses,
        time=at,
        algorithms_until=min(ends, default=None),
    )


def _failures(
    path: Path, statuses: Sequence[RevocationStatus], suites: Sequence[Suite], at: datetime, policy: ValidationPolicy
) -> Iterator[Failure]:
    """What is wrong with a path at `at`, the worst first."""
    states = [status.state for status in statuses]
    if RevocationState.REVOKED in states:
        signer = states[0] is RevocationState.REVOKED
        sub = SubIndication.REVOKED_NO_POE if signer else SubIndication.REVOKED_CA_NO_POE
        yield Failure(sub, Reason("certificate-revoked"))
    bounds = check_validity(path[:-1] or path, at)
    if bounds:
        # The authority still speaks of it after it expired (expiredCertsOnCRL, archiveCutoff), and well.
        known = states[:1] == [RevocationState.GOOD] and not path[0].is_valid_at(at)
        sub = SubIndication.OUT_OF_BOUNDS_NOT_REVOKED if known else bounds.sub_indication
        yield Failure(sub, bounds.reason)
    if RevocationState.ON_HOLD in states:
        yield Failure(SubIndication.TRY_LATER, Reason("certificate-on-hold"))
    if policy.revocation and not _ANSWERED.issuperset(states):
        yield Failure(SubIndication.TRY_LATER, Reason("revocation-unknown"))
    for suite in suites:
        weakness = policy.algorithms.weakness(suite, at=at)
        if weakness:
            reason = Reason("algorithm-weak", {"algorithm": weakness.algorithm})
            yield Failure(SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE, reason)


_ANSWERED = frozenset({RevocationState.GOOD, RevocationState.NOT_NEEDED})


def chain_suites(path: Path) -> tuple[Suite, ...]:
    """The algorithms of the signatures under the certificates of a path; an anchor's own proves nothing."""
    return tuple(suite_of(c.algorithm, issuer.public_key) for c, issuer in pairwise(path))


def _notes(certificate: Certificate) -> Iterator[Check]:
    # RFC 5280 §4.2.1.3 asks authorities for it in their own certificates alone: without it every use is open.
    if certificate.key_usage is None:
        yield _note("key-usage", Reason("key-usage-missing"), "RFC 5280 §4.2.1.3")


def _unusable(found: Sequence[Statements], statuses: Sequence[RevocationStatus]) -> Iterator[Check]:
    """Why information that is there does not count, for certificates of which nothing else is known."""
    clause = "EN 319 102-1 §5.2.5, RFC 5280 §6.3, RFC 6960 §3.2"
    reasons: dict[str, Reason] = {}
    for statements, status in zip(found, statuses, strict=False):
        if status.state is RevocationState.STALE and status.issued_at is not None:
            reasons["revocation-stale"] = Reason(
                "revocation-stale", {"issued": f"{status.issued_at:%Y-%m-%d %H:%M} UTC"}
            )
        if status.state is RevocationState.UNKNOWN:
            reasons.update((reason.code, reason) for reason in statements.unusable)
            if any(statement.is_vouched for statement in statements.usable):
                reasons["revocation-from-future"] = Reason("revocation-from-future")
    yield from (_note("revocation", reason, clause) for reason in reasons.values())


def _note(name: str, reason: Reason, clause: str) -> Check:
    return Check(name=name, outcome=Outcome.NOTED, clause=clause, reason=reason, block=Block.X509)


_UNKNOWN = frozenset({"revocation-unknown", "no-path-to-anchor", "no-anchors", "no-proof-of-existence"})


def failed(
    sub: SubIndication,
    reason: Reason,
    at: datetime,
    *,
    chain: Path = (),
    revocation: tuple[RevocationStatus, ...] = (),
) -> CertificateResult:
    """INDETERMINATE, and why; what is only not known is no failed check."""
    outcome = Outcome.UNKNOWN if reason.code in _UNKNOWN else Outcome.FAILED
    return CertificateResult(
        indication=Indication.INDETERMINATE,
        sub_indication=sub,
        checks=(Check(name="chain", outcome=outcome, clause=_CLAUSE, reason=reason, block=Block.X509),),
        chain=tuple(c.der for c in chain),
        revocation=revocation,
        time=at,
    )
