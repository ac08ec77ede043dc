"""Decades later: what proofs of existence keep alive, and which sub-indication is left where the keeper did not run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from esign.report import Indication, SubIndication
from esign.trust import (
    AlgorithmPolicy,
    Evidence,
    ProofsOfExistence,
    Purpose,
    Suite,
    TrustStore,
    ValidationPolicy,
    settle_past_signature,
    validate_certificate,
    validate_past_certificate,
)
from tests.support.pki import EPOCH, YEAR, Authority, der, key_usage, name, pem

P256, P384 = (ec.generate_private_key(curve) for curve in (ec.SECP256R1(), ec.SECP384R1()))
SUITE_256, SUITE_384 = Suite("sha256", "ecdsa", "P-256"), Suite("sha384", "ecdsa", "P-384")
SIGNED = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)

ROOT = Authority.root("Gốc MẪU", years=60)
ISSUING = ROOT.authority("CA MẪU", years=10)
STAMPING = ROOT.authority("CA dấu thời gian MẪU", years=50)
SIGNER = ISSUING.certify(P256.public_key(), name("Nguyễn Văn Mẫu"))


def strong_root() -> Authority:
    """A root of a later time, on a longer curve."""
    key = ec.generate_private_key(ec.SECP384R1())
    builder = (
        x509.CertificateBuilder()
        .issuer_name(name("Gốc đời sau MẪU"))
        .subject_name(name("Gốc đời sau MẪU"))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(EPOCH)
        .not_valid_after(EPOCH + 40 * YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(key_usage(ca=True), critical=True)
    )
    return Authority(certificate=builder.sign(key, hashes.SHA384()), key=key)


STRONG = strong_root()
TRUST = TrustStore.from_pem(pem([ROOT.certificate, STRONG.certificate]))
SIGNATURE = b"the signature value"


def year(number: int, month: int = 6) -> datetime:
    return datetime(number, month, 1, tzinfo=UTC)


def tsa(
    key: ec.EllipticCurvePrivateKey, since: datetime, until: datetime, by: Authority = STAMPING
) -> x509.Certificate:
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    return (
        x509.CertificateBuilder()
        .issuer_name(by.certificate.subject)
        .subject_name(name("TSA MẪU"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(key_usage(ca=False), critical=True)
        .add_extension(purpose, critical=True)
        .sign(by.key, hashes.SHA256())
    )


def lists(at: datetime) -> tuple[bytes, ...]:
    return tuple(authority.crl(at=at - timedelta(hours=1)) for authority in (ROOT, ISSUING, STAMPING, STRONG))


@dataclass(frozen=True)
class Stamp:
    """A document time-stamp: it covers everything that was in the file before it."""

    time: datetime
    certificate: x509.Certificate
    suite: Suite = SUITE_256

    @property
    def token(self) -> bytes:
        return b"token of " + self.time.isoformat().encode()


FIRST = Stamp(SIGNED, tsa(P256, EPOCH, year(2036)))
SECOND = Stamp(year(2035), tsa(P256, year(2034), year(2045)))
THIRD = Stamp(year(2044), tsa(P256, year(2043), year(2060)))
EARLIER_THIRD = Stamp(year(2039), tsa(P384, year(2038), year(2060), by=STRONG), SUITE_384)

Verdict = tuple[Indication, SubIndication | None]


def verify(
    stamps: Sequence[Stamp], at: datetime, policy: ValidationPolicy | None = None, *, fresh: bool = True
) -> Verdict:
    """EN 319 102-1 §5.6.3 in small: time-stamps from the outermost in, then the signature."""
    policy = policy or ValidationPolicy()
    kept = [(stamp, lists(stamp.time)) for stamp in stamps]
    certificates = tuple(
        map(der, (SIGNER, ISSUING.certificate, STAMPING.certificate, *(s.certificate for s in stamps)))
    )
    crls = tuple(c for _, found in kept for c in found)
    evidence = Evidence(certificates=certificates, crls=crls + (lists(at) if fresh else ()))
    poe = ProofsOfExistence.at(at)
    for number, (stamp, _) in reversed(list(enumerate(kept))):
        verdict = judge(der(stamp.certificate), stamp.token, stamp.suite, evidence, poe, policy, Purpose.TIMESTAMP)
        if verdict[0] is Indication.TOTAL_PASSED:
            inside = [c for _, found in kept[: number + 1] for c in found]
            tokens = [s.token for s in stamps[:number]]
            poe = poe.with_proof(stamp.time, SIGNATURE, *certificates, *inside, *tokens)
    return judge(der(SIGNER), SIGNATURE, SUITE_256, evidence, poe, policy, Purpose.DOCUMENT)


def judge(
    certificate: bytes,
    value: bytes,
    suite: Suite,
    evidence: Evidence,
    poe: ProofsOfExistence,
    policy: ValidationPolicy,
    purpose: Purpose,
) -> Verdict:
    now = validate_certificate(certificate, trust=TRUST, at=poe.now, evidence=evidence, purpose=purpose, policy=policy)
    sub = now.sub_indication
    if now.passed and policy.algorithms.weakness(suite, at=poe.now):
        sub = SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE
    if sub is None:
        return Indication.TOTAL_PASSED, None
    past = validate_past_certificate(
        certificate, trust=TRUST, poe=poe, evidence=evidence, purpose=purpose, policy=policy
    )
    return settle_past_signature(sub, past, proven_at=poe.of(value), suites=[suite], algorithms=policy.algorithms)


PASSED: Verdict = (Indication.TOTAL_PASSED, None)
EXPIRED: Verdict = (Indication.INDETERMINATE, SubIndication.OUT_OF_BOUNDS_NO_POE)
WEAK: Verdict = (Indication.INDETERMINATE, SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE)
KEPT = [FIRST, SECOND, THIRD]


@pytest.mark.parametrize(
    ("stamps", "at", "expected"),
    [
        ([], SIGNED + DAY, PASSED),
        ([], year(2036, 7), EXPIRED),
        ([FIRST], year(2030), PASSED),
        ([FIRST], year(2036, 5), PASSED),
        ([FIRST], year(2036, 7), EXPIRED),
        ([FIRST, SECOND], year(2036, 7), PASSED),
        ([FIRST, SECOND], year(2045, 7), EXPIRED),
        ([FIRST, SECOND], year(2046), EXPIRED),
        (KEPT, year(2036, 7), PASSED),
        (KEPT, year(2046), PASSED),
        (KEPT, year(2056), PASSED),
        (KEPT, year(2061), EXPIRED),
        ([SECOND, THIRD], year(2056), EXPIRED),  # the first was lost: nothing proves 2026
        ([FIRST, THIRD], year(2056), EXPIRED),  # renewed too late: the first had expired
    ],
)
def test_with_the_years(stamps: list[Stamp], at: datetime, expected: Verdict) -> None:
    stamps = [s for s in stamps if s.time <= at]
    assert verify(stamps, at) == expected


def test_offline_in_2056_the_newest_stamp_is_taken_as_of_its_own_list() -> None:
    """Without current lists the outermost stamp cannot be validated, so nothing is proven."""
    assert verify(KEPT, year(2056), fresh=False) == EXPIRED


def sunset(until: str) -> ValidationPolicy:
    """P-256 gives out."""
    policy = AlgorithmPolicy.default()
    when = datetime.fromisoformat(until).replace(tzinfo=UTC)
    return ValidationPolicy(algorithms=replace(policy, curves={**policy.curves, "P-256": when}))


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([FIRST, SECOND], EXPIRED),
        ([FIRST, SECOND, THIRD], EXPIRED),  # made in 2044 with a curve that gave out in 2040
        ([FIRST, SECOND, EARLIER_THIRD], PASSED),
    ],
)
def test_an_algorithm_gave_out_in_2040(stamps: list[Stamp], expected: Verdict) -> None:
    assert verify(stamps, year(2046), sunset("2040-01-01")) == expected


def test_without_renewal_an_algorithm_ends_what_it_signed() -> None:
    assert verify([], SIGNED + DAY, sunset("2026-01-01")) == WEAK
    assert verify([FIRST], year(2027, 1), sunset("2027-01-01")) == WEAK  # its only time-stamp is as weak


def test_signed_before_a_revocation() -> None:
    """The archive proves the signature; a key that is stolen later cannot touch it, one stolen earlier could."""
    authority = Authority(certificate=ISSUING.certificate, key=ISSUING.key)
    for stolen, expected in ((SIGNED + 30 * DAY, PASSED), (SIGNED - DAY, Indication.INDETERMINATE)):
        authority.revoke(SIGNER, at=stolen)
        at = SIGNED + 60 * DAY
        evidence = Evidence(
            certificates=(der(ISSUING.certificate),),
            crls=(ROOT.crl(at=at - DAY), authority.crl(at=at - DAY)),
        )
        poe = ProofsOfExistence.at(at).with_proof(SIGNED, SIGNATURE, der(SIGNER))
        verdict = judge(der(SIGNER), SIGNATURE, SUITE_256, evidence, poe, ValidationPolicy(), Purpose.DOCUMENT)
        if expected is PASSED:
            assert verdict == PASSED
        else:
            assert verdict == (Indication.INDETERMINATE, SubIndication.REVOKED_NO_POE)


def test_the_control_time_is_the_latest_that_is_beyond_doubt() -> None:
    at = year(2030)
    kept = lists(SIGNED)
    evidence = Evidence(certificates=(der(ISSUING.certificate),), crls=kept + lists(at))
    poe = ProofsOfExistence.at(at).with_proof(SIGNED, der(SIGNER), *kept)
    past = validate_past_certificate(der(SIGNER), trust=TRUST, poe=poe, evidence=evidence)
    assert past.passed
    assert past.time == SIGNED - timedelta(hours=1) + 30 * DAY  # nextUpdate of the list that was kept
    assert [s.issued_at for s in past.revocation] == [SIGNED - timedelta(hours=1), at - timedelta(hours=1)]
    nothing = validate_past_certificate(
        der(SIGNER), trust=TRUST, poe=ProofsOfExistence.at(at), evidence=Evidence(certificates=evidence.certificates)
    )
    assert nothing.sub_indication is SubIndication.NO_POE
