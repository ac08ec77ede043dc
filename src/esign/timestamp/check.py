"""Whether a token is the answer to our request, from somebody who may give it (RFC 3161 §2.2, RFC 5816).

A token that is not looked at today is found to be worthless years later, when nothing can be repaired.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from esign.cms import TimestampToken, parse_token
from esign.cms.algorithms import digest_name
from esign.errors import InputError, TimestampError
from esign.reasons import Reason
from esign.report import Outcome, SubIndication
from esign.timestamp.request import TimestampRequest
from esign.trust import Evidence, Purpose, TrustStore, validate_certificate

__all__ = ["CheckedToken", "check_token"]

_ACCURACY = timedelta(minutes=1)
"""An authority that promises less says nothing that a judge could use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedToken:
    """A token that can be relied on."""

    token: TimestampToken
    """What it says."""
    notices: tuple[Reason, ...]
    """What could not be checked, for the record."""


def check_token(
    der: bytes,
    request: TimestampRequest,
    *,
    trust: TrustStore,
    sent: datetime,
    received: datetime,
    tolerance: timedelta,
) -> CheckedToken:
    """Look at everything that makes a token one to rely on.

    Its time must lie between `sent` and `received`, by clocks that may differ by `tolerance`.

    Raises:
        TimestampError: What is wrong with it.
    """
    try:
        token = parse_token(der)
    except InputError as e:
        raise TimestampError("timestamp-unreadable", problem=e.reason.facts["problem"]) from e
    for problem in _problems(token, request, sent - tolerance, received + tolerance):
        raise problem
    return CheckedToken(token=token, notices=_check_certificate(token, trust))


def _problems(
    token: TimestampToken, request: TimestampRequest, earliest: datetime, latest: datetime
) -> Iterator[TimestampError]:
    """What is wrong, the first first."""
    if (token.imprint_algorithm, token.imprint) != (request.digest, request.imprint):
        yield TimestampError("timestamp-other-imprint")
    if token.nonce != request.nonce:
        yield TimestampError("timestamp-other-nonce")
    if request.policy not in {None, token.policy}:
        yield TimestampError("timestamp-other-policy", expected=request.policy, found=token.policy)
    if not earliest <= token.time <= latest:
        yield TimestampError(
            "timestamp-time-off",
            found=token.time.isoformat(),
            earliest=earliest.isoformat(),
            latest=latest.isoformat(),
        )
    if token.accuracy > _ACCURACY:
        yield TimestampError("timestamp-inaccurate", seconds=f"{token.accuracy.total_seconds():g}")
    if token.certificate is None:
        yield TimestampError("timestamp-certificate-missing")
    elif not token.names_its_certificate:
        yield TimestampError("timestamp-certificate-unnamed")
    value = token.verify()
    if not value.valid or value.problems:
        algorithm = value.unsupported or digest_name(token.signer.digest_algorithm)
        yield TimestampError("timestamp-signature-bad", algorithm=algorithm)


def _check_certificate(token: TimestampToken, trust: TrustStore) -> tuple[Reason, ...]:
    """The authority's certificate is for time-stamps and leads to an anchor; what is not known of it is a notice."""
    assert token.certificate is not None
    result = validate_certificate(
        token.certificate.der,
        evidence=Evidence(certificates=tuple(c.der for c in token.signed.certificates)),
        trust=trust,
        at=token.time,
        purpose=Purpose.TIMESTAMP,
    )
    reasons = [c.reason for c in result.checks if c.reason is not None and c.outcome is not Outcome.PASSED]
    if result.passed:
        return ()
    if result.sub_indication is SubIndication.TRY_LATER:
        # Only revocation is unknown; that is gathered for B-LT, and a later verifier needs it anyway.
        return tuple(reasons)
    raise TimestampError("timestamp-authority-untrusted", why=reasons[0] if reasons else "-")
