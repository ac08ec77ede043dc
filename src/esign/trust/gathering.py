"""Gather what a validation lacks from where certificates say it is: issuers, OCSP answers, revocation lists.

RFC 5280 §4.2.1.13 and §4.2.2.1, RFC 6960 appendix A. One question after the other, and only what is still needed:
what is validated is always the same offline procedure, so a lying server can withhold an answer and no more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, pairwise
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from esign.cms import ber, der
from esign.cms.algorithms import digest, digest_oid
from esign.errors import InputError, NetworkError
from esign.net import Fetched, Kind, Query
from esign.reasons import Reason
from esign.trust.building import Pool
from esign.trust.certificate import Certificate, parse_certificate
from esign.trust.crl import read_crl
from esign.trust.ocsp import read_ocsp
from esign.trust.policy import ValidationPolicy
from esign.trust.purpose import OCSP_SIGNING, Purpose
from esign.trust.result import CertificateResult, Evidence, RevocationState
from esign.trust.store import TrustStore, certificates
from esign.trust.validation import validate_certificate

__all__ = ["Fetcher", "Gathered", "gather", "ocsp_request"]

_OCSP, _ISSUERS = "1.3.6.1.5.5.7.48.1", "1.3.6.1.5.5.7.48.2"
_URL = 6  # uniformResourceIdentifier
_MOST_QUESTIONS, _MOST_URLS, _HIGHEST = 24, 3, 8


class Fetcher(Protocol):
    """The guarded way to the network: `esign.net.Client`."""

    def fetch(
        self, query: Query, *, newer_than: datetime | None = None, check: Callable[[bytes], object] = ...
    ) -> Fetched:
        """The answer to `query`.

        Raises:
            NetworkError: There is none that can be used.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What was found, and what it amounts to."""

    result: CertificateResult
    """The validation with everything that was found."""
    evidence: Evidence = field(repr=False)
    """What was given and what was fetched."""
    problems: tuple[Reason, ...]
    """Which questions had no usable answer, and why."""


def gather(
    certificate: bytes,
    *,
    network: Fetcher,
    trust: TrustStore,
    at: datetime,
    evidence: Evidence = Evidence(),  # noqa: B008  # a value
    purpose: Purpose = Purpose.DOCUMENT,
    policy: ValidationPolicy | None = None,
    newer_than: datetime | None = None,
) -> Gathered:
    """Validate `certificate`, asking for what is missing until nothing is, or nobody is left to ask.

    With `newer_than` good news counts as missing until it was issued after then: the signature's time, for instance.
    """
    problems: list[Reason] = []
    asked: set[Query] = set()
    while True:
        result = validate_certificate(
            certificate, trust=trust, at=at, evidence=evidence, purpose=purpose, policy=policy
        )
        question = next(
            (q for q in _questions(certificate, result, evidence, trust, newer_than) if q not in asked), None
        )
        if question is None or len(asked) >= _MOST_QUESTIONS:
            return Gathered(result=result, evidence=evidence, problems=tuple(problems))
        asked.add(question)
        try:
            evidence |= _answer(network, question, newer_than)
        except NetworkError as e:
            problems.append(e.reason)


def _answer(network: Fetcher, question: Query, newer_than: datetime | None) -> Evidence:
    match question.kind:
        case Kind.OCSP:
            return Evidence(ocsps=(network.fetch(question, newer_than=newer_than, check=_check(read_ocsp)).body,))
        case Kind.CRL:
            body = network.fetch(question, newer_than=newer_than, check=_check(_list)).body
            return Evidence(crls=(_list(body),))
    return Evidence(certificates=certificates(network.fetch(question, check=_check(certificates)).body))


def _check(read: Callable[[bytes], object]) -> Callable[[bytes], None]:
    """For the client: an answer that cannot be read counts against who gave it."""

    def check(body: bytes) -> None:
        try:
            read(body)
        except (ber.Malformed, InputError) as e:
            raise NetworkError("answer-unreadable") from e

    return check


def _list(body: bytes) -> bytes:
    """A revocation list as DER; some servers send PEM."""
    try:
        found = x509.load_pem_x509_crl(body).public_bytes(Encoding.DER) if body[:1] == b"-" else body
    except ValueError as e:
        raise ber.Malformed("no list") from e
    read_crl(found)
    return found


def _questions(
    target: bytes, result: CertificateResult, evidence: Evidence, trust: TrustStore, newer_than: datetime | None
) -> Iterator[Query]:
    """What might help, the most promising first."""
    if not result.chain:
        yield from _issuers(target, evidence, trust)
        return
    chain = [parse_certificate(c) for c in result.chain]
    for (certificate, issuer), status in zip(pairwise(chain), result.revocation, strict=False):
        good = status.state is RevocationState.GOOD
        old = good and newer_than is not None and status.issued_at is not None and status.issued_at < newer_than
        if old or status.state in {RevocationState.UNKNOWN, RevocationState.STALE}:
            yield from _status(certificate, issuer)
            yield from _responders(issuer, evidence)


def _issuers(target: bytes, evidence: Evidence, trust: TrustStore) -> Iterator[Query]:
    """Where the issuers of the highest certificates that are known lie."""
    pool = Pool(anchors=(), others=(*evidence.certificates, *trust.intermediates))
    try:
        level = [parse_certificate(target)]
    except ber.Malformed:
        return
    for _ in range(_HIGHEST):
        above = []
        for certificate in level:
            found = [c for c in pool.named(certificate.issuer) if c.der != certificate.der]
            above += found
            if not found:
                yield from (Query(kind=Kind.CERTIFICATES, url=url) for url in certificate.access(_ISSUERS)[:_MOST_URLS])
        level = above


def _status(certificate: Certificate, issuer: Certificate) -> Iterator[Query]:
    for url in certificate.access(_OCSP)[:_MOST_URLS]:
        yield Query(kind=Kind.OCSP, url=url, body=ocsp_request(certificate, issuer))
    yield from _lists(certificate)


def _lists(certificate: Certificate) -> Iterator[Query]:
    names = [name for kind, name in certificate.distribution_points() if kind == _URL]
    urls = [name.decode("ascii", "replace") for name in names]
    yield from (Query(kind=Kind.CRL, url=u) for u in urls[:_MOST_URLS] if u.lower().startswith("http"))


def _responders(issuer: Certificate, evidence: Evidence) -> Iterator[Query]:
    """A responder without nocheck is itself a certificate that somebody has to vouch for (RFC 6960 §4.2.2.2.1)."""
    for answer in evidence.ocsps:
        try:
            brought = [parse_certificate(c) for c in islice(read_ocsp(answer).certificates, _MOST_URLS)]
        except ber.Malformed:
            continue
        for responder in brought:
            delegated = OCSP_SIGNING in (responder.purposes or ()) and responder.issuer == issuer.subject
            if delegated and not responder.has_nocheck:
                yield from _lists(responder)


def ocsp_request(certificate: Certificate, issuer: Certificate) -> bytes:
    """An OCSPRequest for one certificate, DER (RFC 6960 §4.1.1).

    SHA-1 identifies the issuer, as RFC 5019 §2.1.1 asks and every responder understands; it protects nothing here. No
    nonce: answers are judged by their dates, and can be kept.
    """
    identifier = der.sequence(
        der.sequence(digest_oid("sha1"), der.null()),
        der.octets(digest("sha1", certificate.issuer.der)),
        der.octets(digest("sha1", issuer.key_bits)),
        der.integer(certificate.serial),
    )
    return der.sequence(der.sequence(der.sequence(der.sequence(identifier))))
