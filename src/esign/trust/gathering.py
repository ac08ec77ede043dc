"""Fetch what a judgement lacks: issuers (AIA), OCSP answers, revocation lists.

Validation itself is offline; it says what it does not know, and here that is asked for, until nothing is missing or
nobody says more. What comes back counts only after validation has verified it.

RFC 5280 §4.2.1.13 (where lists lie), §4.2.2.1 (where issuers and responders are), RFC 6960 §4.1 (an OCSP request).
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from esign.cms import ber, der
from esign.errors import NetworkError
from esign.net import Client, Kind, Query
from esign.reasons import Reason
from esign.report import SubIndication
from esign.trust.certificate import Certificate, parse_certificate
from esign.trust.ocsp import read_ocsp
from esign.trust.policy import ValidationPolicy
from esign.trust.purpose import Purpose
from esign.trust.result import CertificateResult, Evidence, RevocationState
from esign.trust.store import TrustStore, certificates
from esign.trust.validation import validate_certificate

__all__ = ["Gathered", "Gatherer"]

_OCSP, _ISSUERS = "1.3.6.1.5.5.7.48.1", "1.3.6.1.5.5.7.48.2"
_URI = 0x86
_SHA1 = der.sequence(der.oid("1.3.14.3.2.26"), der.null())
_MOST_ROUNDS, _MOST_URLS = 8, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """A judgement, and all that it rests on."""

    result: CertificateResult
    """Of the certificate that was asked for."""
    evidence: Evidence
    """What was given and what was fetched."""
    problems: tuple[Reason, ...]
    """Servers that did not help, and why."""


class Gatherer:
    """Gathers evidence through the guarded client; one for a whole process, safe for threads."""

    def __init__(
        self,
        client: Client,
        *,
        trust: TrustStore,
        now: Callable[[], datetime],
        policy: ValidationPolicy | None = None,
    ) -> None:
        self._client = client
        self._trust = trust
        self._now = now
        self._policy = policy or ValidationPolicy()

    def gather(
        self,
        certificate: bytes,
        *,
        known: Evidence = Evidence(),  # noqa: B008  # a value
        purpose: Purpose = Purpose.DOCUMENT,
        since: datetime | None = None,
    ) -> Gathered:
        """Judge `certificate` as of now, fetching what is missing.

        `since` asks for revocation information that was issued then or later: what was issued before a signature
        cannot know that its key was stolen in between (EN 319 102-1 §5.2.5; a grace period).
        """
        work = _Work(self, known, purpose, since)
        for _ in range(_MOST_ROUNDS):
            result = work.judge(certificate)
            if not work.fetch(certificate, result):
                break
        return Gathered(result=work.judge(certificate), evidence=work.evidence, problems=tuple(work.problems))

    def ask(self, query: Query, *, newer_than: datetime | None) -> bytes:
        """One answer of the network, whatever it says.

        Raises:
            NetworkError: None that looks like one.
        """
        return self._client.fetch(query, newer_than=newer_than).body

    def judge(self, certificate: bytes, evidence: Evidence, purpose: Purpose) -> CertificateResult:
        """Validation with what is at hand."""
        return validate_certificate(
            certificate, trust=self._trust, at=self._now(), evidence=evidence, purpose=purpose, policy=self._policy
        )


class _Work:
    """One gathering: what is known so far, and what was asked already."""

    def __init__(self, gatherer: Gatherer, known: Evidence, purpose: Purpose, since: datetime | None) -> None:
        self.evidence = known
        self.problems: list[Reason] = []
        self._gatherer, self._purpose, self._since = gatherer, purpose, since
        self._asked: set[tuple[str, bytes]] = set()

    def judge(self, certificate: bytes) -> CertificateResult:
        result = self._gatherer.judge(certificate, self.evidence, self._purpose)
        return result if self._since is None else _not_before(result, self._since)

    def fetch(self, certificate: bytes, result: CertificateResult) -> bool:
        """Ask for what `result` says is missing; whether anything new came."""
        before = self.evidence
        if not result.chain:
            self._issuers_of([certificate, *self.evidence.certificates])
        for i, status in enumerate(result.revocation):
            if status.state in {RevocationState.UNKNOWN, RevocationState.STALE}:
                subject, issuer = (parse_certificate(c) for c in result.chain[i : i + 2])
                self._revocation_of(subject, issuer)
        return self.evidence != before

    def _issuers_of(self, ders: Sequence[bytes]) -> None:
        for one in ders:
            try:
                urls = parse_certificate(one).access(_ISSUERS)
            except ber.Malformed:
                continue
            for answer in self._answers([Query(kind=Kind.CERTIFICATES, url=url) for url in urls[:_MOST_URLS]]):
                self.evidence |= Evidence(certificates=tuple(certificates(answer)))

    def _revocation_of(self, subject: Certificate, issuer: Certificate) -> None:
        request = ocsp_request(subject, issuer)
        queries = [Query(kind=Kind.OCSP, url=url, body=request) for url in subject.access(_OCSP)[:_MOST_URLS]]
        for answer in self._answers(queries):
            self.evidence |= Evidence(ocsps=(answer,))
            self._responders_of(answer, issuer)
            return  # one that answers is enough for this round; validation says whether it was
        lists = [Query(kind=Kind.CRL, url=url) for url in _list_urls(subject)[:_MOST_URLS]]
        for answer in self._answers(lists):
            self.evidence |= Evidence(crls=(answer,))

    def _responders_of(self, answer: bytes, issuer: Certificate) -> None:
        """A delegated responder may itself be revoked, unless its certificate says that nobody asks."""
        try:
            responders = [parse_certificate(c) for c in read_ocsp(answer).certificates[:_MOST_URLS]]
        except ber.Malformed:
            return
        for responder in responders:
            if responder.der != issuer.der and not responder.has_nocheck:
                queries = [Query(kind=Kind.CRL, url=url) for url in _list_urls(responder)[:_MOST_URLS]]
                for found in self._answers(queries):
                    self.evidence |= Evidence(crls=(found,))

    def _answers(self, queries: Sequence[Query]) -> Iterator[bytes]:
        """What servers answer that were not asked before; what they do not is noted."""
        for query in queries:
            key = query.url, query.body
            if key in self._asked:
                continue
            self._asked.add(key)
            try:
                yield self._gatherer.ask(query, newer_than=self._since)
            except NetworkError as e:
                self.problems.append(e.reason)


def ocsp_request(subject: Certificate, issuer: Certificate) -> bytes:
    """An OCSPRequest for one certificate (RFC 6960 §4.1.1); SHA-1 names it, as RFC 5019 §2.1.1 asks."""
    identity = der.sequence(
        _SHA1,
        der.octets(hashlib.sha1(issuer.subject.der, usedforsecurity=False).digest()),
        der.octets(hashlib.sha1(issuer.key_bits, usedforsecurity=False).digest()),
        der.integer(subject.serial),
    )
    # No nonce: answers are kept and shared, and their own times say how fresh they are.
    return der.sequence(der.sequence(der.sequence(der.sequence(identity))))


def _list_urls(certificate: Certificate) -> list[str]:
    names = (value for tag, value in certificate.distribution_points() if tag == _URI)
    return [url.decode("ascii", "replace") for url in names]


def _not_before(result: CertificateResult, since: datetime) -> CertificateResult:
    """`result` where good news of before `since` is no news."""
    statuses = tuple(
        replace(status, state=RevocationState.STALE)
        if status.state is RevocationState.GOOD and status.issued_at is not None and status.issued_at < since
        else status
        for status in result.revocation[:1]
    )
    if statuses == result.revocation[:1]:
        return result
    return replace(
        result,
        sub_indication=SubIndication.TRY_LATER,
        revocation=(*statuses, *result.revocation[1:]),
    )
