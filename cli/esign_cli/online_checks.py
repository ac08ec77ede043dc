"""What `esign doctor --online` asks of others: each step of each chain, each time-stamping server, and their clocks."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from esign.reasons import Reason
from esign_cli.checks import Check, Finding, Severity

if TYPE_CHECKING:
    from esign.trust.gathering import Gathered
    from esign_cli.session import Session
    from esign_cli.wiring import Workplace

__all__ = ["ONLINE_CHECKS"]

_SECONDS_OFF = 60


def _finding(severity: Severity, area: str, code: str, **facts: object) -> Finding:
    return Finding(severity, area, Reason(code, facts))


def _chains(run: "Session", workplace: "Workplace") -> Iterator[Finding]:
    """Every certificate of the agency's chain, as the authorities speak of it today."""
    from esign.trust import Evidence
    from esign.trust.gathering import gather

    certificates = workplace.key().certificates
    if not certificates:
        return  # the offline checks say so
    found = gather(
        certificates[0],
        network=workplace.network,
        trust=workplace.trust,
        at=run.now(),
        evidence=Evidence(certificates=certificates[1:]),
    )
    yield from _steps(found, run.now())
    for problem in found.problems:
        yield Finding(Severity.WARNING, "chain", problem)
    if found.result.passed:
        yield _finding(Severity.FINE, "chain", "doctor-online-chain", steps=len(found.result.chain))
    for check in found.result.checks:
        if check.reason is not None and not found.result.passed:
            yield Finding(Severity.FAULT, "chain", check.reason)


def _steps(found: "Gathered", now: datetime) -> Iterator[Finding]:
    """One line a certificate: who, days left, what its issuer says of it and how fresh that is."""
    from esign.cms.certificate import EmbeddedCertificate
    from esign.trust.certificate import parse_certificate

    chain = [parse_certificate(der) for der in found.result.chain]
    for (certificate, _), status in zip(pairwise(chain), found.result.revocation, strict=False):
        good = status.state.value == "good"
        yield _finding(
            Severity.FINE if good else Severity.FAULT,
            "certificate",
            "doctor-online-step" if good else "doctor-online-step-bad",
            name=EmbeddedCertificate.read(certificate.der).common_name or "—",
            days=(certificate.not_after - now).days,
            state=status.state.value,
            source=status.source.upper() or "—",
            issued=f"{status.issued_at:%Y-%m-%d %H:%M} UTC" if status.issued_at else "—",
        )


def _time(run: "Session", workplace: "Workplace") -> Iterator[Finding]:
    """Each time-stamping authority: whether it answers, how fast, and how far its clock is from ours."""
    if workplace.timestamper is None:
        yield _finding(Severity.WARNING, "clock", "doctor-online-no-tsa")
        return
    for one in workplace.timestamper.check():
        if one.timestamp is None:
            if one.problem is not None:
                yield Finding(Severity.FAULT, "clock", one.problem)
            continue
        off = (one.timestamp.time - run.now()).total_seconds()
        apart = abs(off) > _SECONDS_OFF
        yield _finding(
            Severity.FAULT if apart else Severity.FINE,
            "clock",
            "doctor-online-clock-off" if apart else "doctor-online-tsa",
            authority=one.authority.name,
            seconds=f"{one.timestamp.elapsed.total_seconds():.1f}",
            off=f"{off:+.0f}",
        )


ONLINE_CHECKS = (Check("chain", _chains, needs_pin=True), Check("clock", _time))
"""In the order of looking."""
