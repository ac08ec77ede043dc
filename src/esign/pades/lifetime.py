"""Until when a document's outermost proof holds, and why not longer (EN 319 102-1 §5.6.3, EN 319 142-1 §5.5).

What stands outermost protects everything below it: the last document time-stamp, or, where there is none, the
signatures themselves. It lives as long as the certificates above it are valid and its algorithms are acceptable;
whoever adds another time-stamp before then keeps the document alive.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from esign.cms import parse_token
from esign.cms.ber import Malformed
from esign.cms.keys import key_name, load_public_key
from esign.errors import InputError
from esign.pades.augment import level_reached
from esign.pades.inspect import Inspection
from esign.pades.signed_fields import signed_fields
from esign.reasons import Reason
from esign.report import Integrity, SignatureKind, SignatureReport
from esign.syntax import SyntaxProblem, read
from esign.trust import AlgorithmPolicy, Suite
from esign.trust.certificate import Certificate, parse_certificate
from esign.trust.validation import chain_suites

__all__ = ["Lifetime", "lifetime_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """How long a document can be proven."""

    level: str
    """The lowest level among its signatures: `PAdES-B-LTA`; empty where one has none, or nothing is to be kept."""
    until: datetime | None
    """When the first part of the outermost proof gives out; None where no end is known, or nothing is to be kept."""
    reason: Reason
    """What gives out then, or why there is nothing to keep."""


def lifetime_of(pdf: bytes, found: Inspection) -> Lifetime:
    """The lifetime of `pdf`, of which inspection said `found`."""
    policy = AlgorithmPolicy.default()
    if found.integrity is not Integrity.INTACT:
        return Lifetime(level="", until=None, reason=Reason("proof-nothing-to-keep", {"what": found.integrity.value}))
    last = found.signatures[-1]
    if last.kind is SignatureKind.TIMESTAMP:
        ends = [*_ends([last], policy, "timestamp"), *_imprint_end(pdf, policy)]
        none = Reason("proof-ends-timestamp-never")
    else:
        ends = list(_ends(found.signatures, policy, "certificate"))
        none = Reason("proof-ends-never")
    until, reason = min(ends, key=lambda end: end[0], default=(None, none))
    return Lifetime(level=_level(found), until=until, reason=reason)


def _level(found: Inspection) -> str:
    """A file of time-stamps alone, or with a signature of a form that has no levels, is kept all the same."""
    try:
        return level_reached(found)
    except InputError:
        return ""


def _ends(
    signatures: Sequence[SignatureReport], policy: AlgorithmPolicy, what: str
) -> Iterator[tuple[datetime, Reason]]:
    """When each certificate of the chains ends, and each algorithm that they rest on."""
    for signature in signatures:
        chain = list(_chain(signature.certificates))
        # The anchor is trusted as long as somebody names it; what lies below ends by itself.
        for certificate in chain[:-1] or chain:
            yield certificate.not_after, Reason(f"proof-ends-{what}", {"what": signature.field_name})
        for suite in (*chain_suites(tuple(chain)), *_own_suite(signature, chain)):
            until = policy.until(suite)
            if until is not None:
                yield until, Reason(f"proof-ends-{what}-algorithm", {"what": _named(suite, policy, until)})


def _chain(certificates: Sequence[bytes]) -> Iterator[Certificate]:
    for der in certificates:
        with suppress(Malformed):
            yield parse_certificate(der)


def _own_suite(signature: SignatureReport, chain: Sequence[Certificate]) -> Iterator[Suite]:
    """The algorithm of the signature itself, as its report names it: `ecdsa-p256-sha256`."""
    scheme, _, digest = signature.mechanism.rpartition("-")
    if chain and digest:
        with suppress(Malformed, ValueError):
            key = key_name(load_public_key(chain[0].public_key))
            yield Suite(digest, scheme if scheme.startswith("rsa") else scheme.partition("-")[0], key)


def _imprint_end(pdf: bytes, policy: AlgorithmPolicy) -> Iterator[tuple[datetime, Reason]]:
    """When the digest over the document gives out: what it stands for could be exchanged from then on."""
    with suppress(InputError, SyntaxProblem):
        last = signed_fields(read(pdf))[-1]
        digest = parse_token(bytes(last.contents or b"")).imprint_algorithm
        until = policy.digests.get(digest)
        if until is not None:
            yield until, Reason("proof-ends-timestamp-algorithm", {"what": digest})


def _named(suite: Suite, policy: AlgorithmPolicy, until: datetime) -> str:
    weakness = policy.weakness(suite, at=until)
    return weakness.algorithm if weakness else suite.scheme
