"""What statements about one certificate add up to, and what proofs of existence remember."""

from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from esign.trust import ProofsOfExistence, RevocationState, ValidationPolicy
from esign.trust.certificate import parse_certificate
from esign.trust.revocation import Statement, judge
from tests.support.authority import NOW
from tests.support.pki import PKI, der, name

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CERTIFICATE = parse_certificate(
    der(PKI.create().issuing.certify(ec.generate_private_key(ec.SECP256R1()).public_key(), name("Mẫu")))
)
GOOD, REVOKED, HOLD, STALE, UNKNOWN = (
    RevocationState.GOOD,
    RevocationState.REVOKED,
    RevocationState.ON_HOLD,
    RevocationState.STALE,
    RevocationState.UNKNOWN,
)


def said(
    ago: timedelta,
    *,
    revoked: datetime | None = None,
    reason: str = "",
    lasts: timedelta | None = 2 * DAY,
    vouched: bool = True,
) -> Statement:
    issued = NOW - ago
    return Statement(
        source="ocsp",
        evidence=b"",
        issued_at=issued,
        next_update=None if lasts is None else issued + lasts,
        revoked_at=revoked,
        reason=reason,
        is_vouched=vouched,
    )


LONG_AGO, SOON = NOW - 100 * DAY, NOW + DAY


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], UNKNOWN),
        ([said(HOUR)], GOOD),
        ([said(3 * DAY)], STALE),
        ([said(3 * DAY), said(HOUR)], GOOD),
        ([said(HOUR), said(3 * DAY)], GOOD),
        ([said(HOUR, revoked=LONG_AGO)], REVOKED),
        ([said(30 * DAY, revoked=LONG_AGO)], REVOKED),  # old bad news
        ([said(30 * DAY, revoked=LONG_AGO), said(HOUR)], REVOKED),  # never taken back
        ([said(HOUR, revoked=LONG_AGO, reason="certificateHold")], HOLD),
        ([said(30 * DAY, revoked=LONG_AGO, reason="certificateHold"), said(HOUR)], GOOD),  # released
        ([said(HOUR, revoked=LONG_AGO, reason="certificateHold"), said(3 * DAY)], HOLD),
        ([said(2 * DAY, revoked=LONG_AGO, reason="certificateHold"), said(HOUR, revoked=LONG_AGO)], REVOKED),
        ([said(HOUR, revoked=SOON)], GOOD),  # announced for tomorrow
        ([said(-HOUR)], UNKNOWN),  # from the future
        ([said(-HOUR, revoked=LONG_AGO)], UNKNOWN),
        ([said(-timedelta(seconds=30))], GOOD),  # their clock is a little ahead
        ([said(HOUR, vouched=False)], UNKNOWN),
        ([said(HOUR, vouched=False, revoked=LONG_AGO)], REVOKED),  # bad news needs no voucher
        ([said(HOUR, vouched=False), said(3 * DAY)], STALE),
        ([said(HOUR, lasts=None)], STALE),  # newer information is there all the time
        ([said(timedelta(seconds=30), lasts=None)], GOOD),
    ],
)
def test_what_statements_add_up_to(statements: list[Statement], expected: RevocationState) -> None:
    for order in (statements, statements[::-1]):
        assert judge(CERTIFICATE, order, at=NOW, policy=ValidationPolicy()).state is expected


def test_an_operators_freshness_takes_the_place_of_next_update() -> None:
    policy = ValidationPolicy(freshness=10 * DAY)
    assert judge(CERTIFICATE, [said(3 * DAY)], at=NOW, policy=policy).state is GOOD
    strict = ValidationPolicy(freshness=HOUR / 2)
    assert judge(CERTIFICATE, [said(HOUR)], at=NOW, policy=strict).state is STALE


def test_the_first_revocation_is_told() -> None:
    found = judge(
        CERTIFICATE,
        [
            said(HOUR, revoked=LONG_AGO + DAY, reason="superseded"),
            said(2 * DAY, revoked=LONG_AGO, reason="keyCompromise"),
        ],
        at=NOW,
        policy=ValidationPolicy(),
    )
    assert (found.revoked_at, found.reason) == (LONG_AGO, "keyCompromise")


def test_proofs_of_existence_are_values() -> None:
    none = ProofsOfExistence.at(NOW)
    assert none.of(b"x") == NOW
    some = none.with_proof(LONG_AGO, b"x", b"y").with_proof(LONG_AGO + DAY, b"x").with_proof(SOON, b"z")
    assert (some.of(b"x"), some.of(b"y"), some.of(b"z")) == (LONG_AGO, LONG_AGO, NOW)  # the earliest counts
    assert some.proves(b"x", by=LONG_AGO)
    assert not some.proves(b"x", by=LONG_AGO - HOUR)
    assert none.of(b"x") == NOW
