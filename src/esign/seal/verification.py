"""Whether a seal is genuine: offline, without side effects, and never raising for a bad seal.

What a genuine seal stands for may have been withdrawn since; that is the status lists' to say. Their answer stands
beside the checks (DESIGN law 4), and `esign.seal.judge` makes one word of both.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn

from esign.errors import SealError
from esign.reasons import Reason
from esign.report import Check, Indication, Outcome
from esign.seal.keys import SealKey, SealKeys
from esign.seal.status import StatusAnswer, StatusFiles
from esign.seal.token import SealToken, split_url
from esign.seal.trust_list import TrustList

__all__ = ["SealReport", "verify"]

_SPEC = "docs/spec/seal.md"
_CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealReport:
    """What was found about one seal; a report has no truth value (DESIGN law 5)."""

    token: SealToken | None
    """What it says; None where it cannot be read. Unproven unless `authentic`."""
    key: SealKey | None
    """The key that it names; None where the key is not known."""
    at: datetime
    """The time of validation."""
    checks: tuple[Check, ...]
    """`seal-format`, `seal-key`, `seal-signature`, `seal-host`, `seal-key-validity`, `seal-time`, `seal-expiry`."""
    status: StatusAnswer | None = None
    """What the status lists say; None where they were not asked, or the seal is not authentic."""

    def __bool__(self) -> NoReturn:
        message = "a report is not a verdict: look at its indication"
        raise TypeError(message)

    @property
    def authentic(self) -> bool:
        """Whether the agency's key made it while that key was good, whether or not it has expired since."""
        return all(c.outcome is Outcome.PASSED for c in self.checks if c.name != "seal-expiry")

    @property
    def indication(self) -> Indication:
        """TOTAL-PASSED only if every check passed; INDETERMINATE if none failed and something is not known."""
        outcomes = {c.outcome for c in self.checks}
        if Outcome.FAILED in outcomes:
            return Indication.TOTAL_FAILED
        return Indication.INDETERMINATE if Outcome.UNKNOWN in outcomes else Indication.TOTAL_PASSED

    @property
    def findings(self) -> tuple[Reason, ...]:
        """Why it does not simply pass, in the order of the checks; then what the status lists add."""
        added = self.status.finding if self.status else None
        return tuple(r for r in (*(c.reason for c in self.checks), added) if r is not None)


def verify(
    seal: SealToken | str,
    *,
    keys: SealKeys | TrustList,
    at: datetime,
    host: str | None = None,
    status: StatusFiles | None = None,
) -> SealReport:
    """Check `seal`: a token, the URL that a symbol holds, or its digits (docs/spec/seal.md §6).

    `host` is where a token that was read otherwise was found; a URL brings its own. `status` is asked about a seal
    that is authentic; it reads the files that it is given and opens no connection.
    """
    if isinstance(seal, str):
        try:
            if not seal.isdigit():
                host, seal = split_url(seal)
            token = SealToken.from_digits(seal)
        except SealError as e:
            # A newer version is not a forgery: this verifier cannot tell.
            outcome = Outcome.UNKNOWN if e.code == "seal-version-unknown" else Outcome.FAILED
            return SealReport(token=None, key=None, at=at, checks=(_check("seal-format", "§4", e.reason, outcome),))
    else:
        token = seal
    passed = _check("seal-format", "§4", None)
    key = keys.get(token.kid)
    if key is None:
        reason = Reason("unknown-seal-key", {"kid": str(token.kid)})
        return SealReport(
            token=token, key=None, at=at, checks=(passed, _check("seal-key", "§6", reason, Outcome.UNKNOWN))
        )
    checks = [passed, _check("seal-key", "§6", None), _signature(token, key)]
    if host is not None:
        checks.append(_host(host, key))
    checks += [_key_validity(token, key), _time(token, at), _expiry(token, at)]
    report = SealReport(token=token, key=key, at=at, checks=tuple(checks))
    return replace(report, status=status.look_up(token, at)) if status is not None and report.authentic else report


def _signature(token: SealToken, key: SealKey) -> Check:
    try:
        token.check(key.public_key)
    except SealError as e:
        return _check("seal-signature", "§6", e.reason)
    return _check("seal-signature", "§6", None)


def _host(host: str, key: SealKey) -> Check:
    reason = Reason("seal-host-unexpected", {"host": host, "expected": key.host}) if host != key.host else None
    return _check("seal-host", "§6", reason)


def _key_validity(token: SealToken, key: SealKey) -> Check:
    """The key was good when the seal says that it was made."""
    issued, facts = token.claims.issued_at, {"kid": str(key.kid), "issued_at": token.claims.issued_at.isoformat()}
    if issued < key.not_before:
        reason, outcome = Reason("seal-key-not-yet-valid", facts), Outcome.FAILED
    elif issued > key.not_after:
        reason, outcome = Reason("seal-key-expired", facts), Outcome.FAILED
    elif key.revoked_after is not None and issued > key.revoked_after:
        reason, outcome = Reason("seal-key-revoked", facts), Outcome.FAILED
    elif key.revoked_after is not None:
        # A thief writes any date: that it is older needs a proof from outside the seal.
        reason, outcome = Reason("seal-key-revoked-since", facts), Outcome.UNKNOWN
    else:
        return _check("seal-key-validity", "§6", None)
    return _check("seal-key-validity", "§6", reason, outcome)


def _time(token: SealToken, at: datetime) -> Check:
    issued = token.claims.issued_at
    if issued <= at + _CLOCK_SKEW:
        return _check("seal-time", "§6", None)
    facts = {"issued_at": issued.isoformat(), "at": at.isoformat(timespec="seconds")}
    return _check("seal-time", "§6", Reason("seal-from-future", facts))


def _expiry(token: SealToken, at: datetime) -> Check:
    expires = token.claims.expires
    # RFC 8392 §3.1.4: not accepted on or after exp.
    if expires is None or at < expires:
        return _check("seal-expiry", "§6", None)
    return _check("seal-expiry", "§6", Reason("seal-expired", {"expires": expires.isoformat()}))


def _check(name: str, clause: str, reason: Reason | None, outcome: Outcome = Outcome.FAILED) -> Check:
    return Check(
        name=name,
        outcome=Outcome.PASSED if reason is None else outcome,
        clause=f"{_SPEC} {clause}",
        reason=reason,
    )
