"""Whether a certificate is revoked: which statements of authorities count, and what they add up to.

RFC 5280 §6.3, RFC 6960 §3.2 and §4.2.2, EN 319 102-1 §5.2.5 and §5.2.6. Bad news beats no news, also old bad news;
good news counts only from who is entitled, and while it is fresh.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypeVar

from esign.cms import ber
from esign.reasons import Reason
from esign.trust.building import Pool, build_paths
from esign.trust.certificate import Certificate, KeyUsage, parse_certificate
from esign.trust.crl import CertificateList, read_crl
from esign.trust.ocsp import OCSPAnswer, read_ocsp
from esign.trust.path import ANYTHING, check_structure
from esign.trust.policy import ValidationPolicy
from esign.trust.purpose import Purpose, misuse
from esign.trust.result import Evidence, RevocationState, RevocationStatus
from esign.trust.signatures import Suite, is_signed_by, suite_of

__all__ = ["Revocation", "Statement", "Statements", "fresh_until", "judge", "status_of"]

T = TypeVar("T")
_MOST_PIECES, _MOST_SIGNERS = 400, 8
_HOLD, _RELEASED = "certificateHold", "removeFromCRL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a verified revocation list or OCSP response says of one certificate."""

    source: str
    """`crl` or `ocsp`."""
    evidence: bytes = field(repr=False)
    """The list or response, DER."""
    issued_at: datetime
    """thisUpdate."""
    next_update: datetime | None
    """nextUpdate."""
    revoked_at: datetime | None
    """None: good."""
    reason: str = ""
    """CRLReason."""
    is_vouched: bool = True
    """Whether good news counts: the responder itself is known not to be revoked."""
    suites: tuple[Suite, ...] = ()
    """The algorithms that it rests on."""

    @property
    def is_hold(self) -> bool:
        """Suspended, not revoked."""
        return self.revoked_at is not None and self.reason == _HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What was found for one certificate."""

    usable: tuple[Statement, ...]
    """Verified and in scope, in no order."""
    unusable: tuple[Reason, ...]
    """Why others, which speak of its issuer, do not count."""


class Revocation:
    """All revocation information at hand, asked for one certificate at a time."""

    def __init__(self, evidence: Evidence, pool: Pool, policy: ValidationPolicy) -> None:
        self._pool, self._policy = pool, policy
        self._lists = list(_readable(evidence.crls, read_crl))
        self._answers = list(_readable(evidence.ocsps, read_ocsp))

    def statements(self, certificate: Certificate, issuer: Certificate, *, at: datetime) -> Statements:
        """Everything that entitled authorities say of `certificate`, whenever they said it."""
        return self._statements(certificate, issuer, at=at, asked=frozenset())

    def _statements(
        self, certificate: Certificate, issuer: Certificate, *, at: datetime, asked: frozenset[bytes]
    ) -> Statements:
        found = [
            *self._of_lists(certificate, issuer, at=at),
            *self._of_answers(certificate, issuer, at=at, asked=asked | {certificate.der}),
        ]
        return Statements(
            usable=tuple(f for f in found if isinstance(f, Statement)),
            unusable=tuple({f.code: f for f in found if isinstance(f, Reason)}.values()),
        )

    # Revocation lists (RFC 5280 §6.3.3)

    def _of_lists(self, certificate: Certificate, issuer: Certificate, *, at: datetime) -> Iterator[Statement | Reason]:
        for found in self._lists:
            if found.issuer != certificate.issuer:
                continue
            if found.scope.indirect:
                yield Reason("crl-indirect")
            elif found.is_delta:
                yield Reason("crl-delta")
            elif not found.scope.covers(certificate):
                yield Reason("crl-other-scope")
            elif (key := self._signer_of(found, issuer, at)) is None:
                yield Reason("crl-not-of-issuer")
            else:
                yield self._of_list(found, certificate, key)

    def _of_list(self, found: CertificateList, certificate: Certificate, key: bytes) -> Statement | Reason:
        try:
            entry = found.entry(certificate.serial)
        except ber.Malformed:
            return Reason("crl-entry-unreadable")
        revoked = entry is not None and entry.reason != _RELEASED
        if not revoked and not found.scope.all_reasons:
            return Reason("crl-some-reasons")
        if not revoked and _forgot(certificate, issued_at=found.this_update, remembers=found.expired_since):
            return Reason("revocation-after-expiry")
        return Statement(
            source="crl",
            evidence=found.der,
            issued_at=found.this_update,
            next_update=found.next_update,
            revoked_at=entry.revoked_at if entry and revoked else None,
            reason=entry.reason if entry and revoked else "",
            suites=(suite_of(found.algorithm, key),),
        )

    def _signer_of(self, found: CertificateList, issuer: Certificate, at: datetime) -> bytes | None:
        """The key that signed a list: the issuer's, or another one of the same authority (§6.3.3 f)."""
        if _signed(found, issuer) and issuer.may(KeyUsage.CRL_SIGN):
            return issuer.public_key
        for other in self._pool.named(issuer.subject)[:_MOST_SIGNERS]:
            if other.der != issuer.der and other.may(KeyUsage.CRL_SIGN) and _signed(found, other):
                paths = build_paths(other, self._pool, at)
                if any(not check_structure(p, policies=ANYTHING, explicit=False) for p in paths):
                    return other.public_key
        return None

    # OCSP responses (RFC 6960 §3.2)

    def _of_answers(
        self, certificate: Certificate, issuer: Certificate, *, at: datetime, asked: frozenset[bytes]
    ) -> Iterator[Statement | Reason]:
        for answer in self._answers:
            for response in answer.responses:
                if not response.speaks_of(certificate, issuer):
                    continue
                responder = self._responder_of(answer, issuer)
                if responder is None:
                    yield Reason("ocsp-not-entitled")
                    continue
                if not response.known:
                    yield Reason("ocsp-unknown")
                    continue
                vouched = self._vouches(responder, issuer, answer, at=at, asked=asked)
                if vouched is None:
                    yield Reason("ocsp-responder-revoked")
                    continue
                revoked = response.revoked if response.revoked and response.revoked.reason != _RELEASED else None
                remembers = response.archive_cutoff
                if revoked is None and _forgot(certificate, issued_at=response.this_update, remembers=remembers):
                    yield Reason("revocation-after-expiry")
                    continue
                suites = [suite_of(answer.algorithm, responder.public_key)]
                if responder.der != issuer.der:
                    suites.append(suite_of(responder.algorithm, issuer.public_key))
                yield Statement(
                    source="ocsp",
                    evidence=answer.der,
                    issued_at=response.this_update,
                    next_update=response.next_update,
                    revoked_at=revoked.revoked_at if revoked else None,
                    reason=revoked.reason if revoked else "",
                    is_vouched=vouched,
                    suites=tuple(suites),
                )

    def _responder_of(self, answer: OCSPAnswer, issuer: Certificate) -> Certificate | None:
        """Who signed an answer, if entitled: the issuer, or whom it delegated (RFC 6960 §4.2.2.2)."""
        if answer.is_from(issuer) and _signed(answer, issuer):
            return issuer
        brought = _readable(answer.certificates[:_MOST_SIGNERS], parse_certificate)
        known = self._pool.named(answer.responder_name)[:_MOST_SIGNERS] if answer.responder_name else []
        for responder in [*brought, *known]:
            if (
                answer.is_from(responder)
                and responder.issuer == issuer.subject
                and responder.is_valid_at(answer.produced_at)
                and not misuse(responder, Purpose.OCSP)
                and _signed(answer, responder)
                and _signed(responder, issuer)
            ):
                return responder
        return None

    def _vouches(
        self, responder: Certificate, issuer: Certificate, answer: OCSPAnswer, *, at: datetime, asked: frozenset[bytes]
    ) -> bool | None:
        """Whether good news of `responder` counts; None where it was revoked before, and nothing of it counts."""
        if responder.der == issuer.der or responder.has_nocheck:
            return True
        if responder.der in asked:
            return False  # nobody vouches for himself
        known = self._statements(responder, issuer, at=at, asked=asked).usable
        revoked = [s.revoked_at for s in known if s.revoked_at is not None]
        if any(when <= answer.produced_at for when in revoked):
            return None
        if revoked:
            return False  # whoever stole the key later can write any date
        return any(
            s.is_vouched and (s.issued_at >= answer.produced_at or fresh_until(s, self._policy) >= answer.produced_at)
            for s in known
        )


def judge(
    certificate: Certificate, statements: Iterable[Statement], *, at: datetime, policy: ValidationPolicy
) -> RevocationStatus:
    """What the statements add up to at `at`: revoked for good, else what the newest says, if it is fresh."""
    known = [s for s in statements if s.issued_at <= at + policy.tolerance]
    revoked = [s for s in known if s.revoked_at is not None and s.revoked_at <= at and not s.is_hold]
    if revoked:
        # An authority never takes back a revocation (RFC 5280 §5.3.1), but its lists forget expired certificates.
        earliest = min(revoked, key=lambda s: s.revoked_at or at)
        return _status(certificate, RevocationState.REVOKED, earliest)
    trusted = [s for s in known if s.is_vouched or s.revoked_at is not None]
    newest = max(trusted, key=lambda s: s.issued_at, default=None)
    if newest is None:
        state = RevocationState.NOT_NEEDED if certificate.is_never_revoked else RevocationState.UNKNOWN
        return RevocationStatus(certificate_sha256=certificate.sha256, state=state)
    if newest.is_hold and newest.revoked_at is not None and newest.revoked_at <= at:
        return _status(certificate, RevocationState.ON_HOLD, newest)
    fresh = at <= fresh_until(newest, policy)
    return _status(certificate, RevocationState.GOOD if fresh else RevocationState.STALE, newest)


def fresh_until(statement: Statement, policy: ValidationPolicy) -> datetime:
    """Until when good news counts: the revocation freshness checker as a date (EN 319 102-1 §5.2.5.4)."""
    if policy.freshness is not None:
        return statement.issued_at + policy.freshness
    # Without nextUpdate newer information is there all the time (RFC 6960 §4.2.2.1), so nothing is fresh for long.
    return statement.next_update or statement.issued_at + policy.tolerance


def _status(certificate: Certificate, state: RevocationState, statement: Statement) -> RevocationStatus:
    return RevocationStatus(
        certificate_sha256=certificate.sha256,
        state=state,
        source=statement.source,
        issued_at=statement.issued_at,
        next_update=statement.next_update,
        revoked_at=statement.revoked_at,
        reason=statement.reason,
        evidence=statement.evidence,
        suites=statement.suites,
    )


def status_of(certificate: Certificate, statement: Statement) -> RevocationStatus:
    """One statement as a status, whenever it was made."""
    state = RevocationState.GOOD
    if statement.revoked_at is not None:
        state = RevocationState.ON_HOLD if statement.is_hold else RevocationState.REVOKED
    return _status(certificate, state, statement)


def _forgot(certificate: Certificate, *, issued_at: datetime, remembers: datetime | None) -> bool:
    """Good news from after its expiry is none: authorities forget expired certificates, unless they say otherwise."""
    if issued_at <= certificate.not_after:
        return False
    return remembers is None or remembers > certificate.not_after


def _signed(what: CertificateList | OCSPAnswer | Certificate, by: Certificate) -> bool:
    return is_signed_by(by.public_key, signed=what.signed, algorithm=what.algorithm, signature=what.signature)


def _readable(pieces: Iterable[bytes], read: Callable[[bytes], T]) -> Iterator[T]:
    """Those that can be read: malformed ones say nothing."""
    for piece in islice(pieces, _MOST_PIECES):
        with suppress(ber.Malformed):
            yield read(piece)
