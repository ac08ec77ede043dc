"""Time, trust and proofs: what a signature is worth years later (EN 319 102-1 §5.5, §5.6), case by case."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from esign.pades.inspect import Inspection, inspect_signatures
from esign.report import Block, Indication, Integrity, SignatureReport, SubIndication, TimestampKind
from esign.trust import AlgorithmPolicy, TrustAnchor, TrustStore, ValidationPolicy
from tests.support.pki import PKI, PrivateKey, der, name
from tests.unit.cms.making import Maker, attribute, token
from tests.unit.pades.containers import SignedPDF, said
from tests.unit.pades.test_forms import reference

ES256 = "1.2.840.10045.4.3.2"
START = datetime(2026, 1, 1, tzinfo=UTC)
SIGNED = datetime(2026, 11, 20, 3, 4, 5, tzinfo=UTC)
DAY, YEAR = timedelta(days=1), timedelta(days=365)
SHORT = timedelta(days=7)

Tokens = Sequence[tuple[str, datetime]]
"""By which authority, and when."""


@dataclass
class World:
    """A signer, two time-stamping authorities, and their roots."""

    pki: PKI = field(default_factory=lambda: PKI.create(since=START))
    keys: dict[str, PrivateKey] = field(default_factory=dict)
    certificates: dict[str, x509.Certificate] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._add("signer", until=START + 2 * YEAR)
        self._add("tsa", until=START + 5 * YEAR, stamps=True)
        self._add("tsa2", until=START + 9 * YEAR, stamps=True)
        self._add("no-tsa", until=START + 9 * YEAR)

    def _add(self, label: str, *, until: datetime, stamps: bool = False) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        plain = self.pki.issuing.certify(key.public_key(), name(label), since=START, until=until)
        self.keys[label], self.certificates[label] = key, self._stamping(plain) if stamps else plain

    def _stamping(self, plain: x509.Certificate) -> x509.Certificate:
        builder = x509.CertificateBuilder(
            issuer_name=plain.issuer,
            subject_name=plain.subject,
            public_key=plain.public_key(),
            serial_number=plain.serial_number,
            not_valid_before=plain.not_valid_before_utc,
            not_valid_after=plain.not_valid_after_utc,
            extensions=list(plain.extensions),
        ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        return builder.sign(self.pki.issuing.key, hashes.SHA256())

    @property
    def issuer(self) -> bytes:
        return der(self.pki.issuing.certificate)

    def lists(self, at: datetime, lifetime: timedelta = SHORT) -> list[bytes]:
        return [a.crl(at=at, lifetime=lifetime) for a in (self.pki.root, self.pki.issuing)]

    def trust(self, *crls: bytes) -> TrustStore:
        return TrustStore(anchors=(TrustAnchor(der(self.pki.root.certificate)),), crls=crls)

    def token(self, data: bytes, label: str, time: datetime) -> bytes:
        return token(
            hashlib.sha256(data).digest(),
            time=time,
            key=self.keys[label],
            certificate=der(self.certificates[label]),
            certificates=[der(self.certificates[label]), self.issuer],
        )

    def sign(self, pdf: SignedPDF, *, stamps: Tokens = (), before: Tokens = ()) -> SignedPDF:
        """Add a signature with time-stamps in it: `before` over the content, `stamps` over the value."""
        own = der(self.certificates["signer"])

        def make(content: bytes) -> bytes:
            earlier = [attribute("1.2.840.113549.1.9.16.2.20", self.token(content, *t)) for t in before]
            maker = Maker(
                key=self.keys["signer"],
                signature_oid=ES256,
                certificate=own,
                certificates=[own, self.issuer],
                content=content,
                extra=[reference(own), *earlier],
            )
            maker.signature = maker.value()
            maker.unsigned = [attribute("1.2.840.113549.1.9.16.2.14", self.token(maker.signature, *t)) for t in stamps]
            return maker.container()

        return pdf.sign(make)

    def stamp(self, pdf: SignedPDF, label: str, time: datetime) -> SignedPDF:
        """Add a document time-stamp."""
        return pdf.sign(lambda c: self.token(c, label, time), subfilter="ETSI.RFC3161", kind="DocTimeStamp")

    def revoke(self, label: str, at: datetime) -> None:
        self.pki.issuing.revoke(self.certificates[label], at=at)


@pytest.fixture
def world() -> World:
    return World()


def look(pdf: SignedPDF, trust: TrustStore, at: datetime, policy: ValidationPolicy | None = None) -> Inspection:
    found = inspect_signatures(bytes(pdf), trust=trust, at=at, policy=policy)
    assert found.integrity is Integrity.INTACT, [s.checks for s in found.signatures]
    return found


def verdict(report: SignatureReport) -> SubIndication | Indication:
    return report.sub_indication or report.indication


PASSED = Indication.TOTAL_PASSED


def test_while_everything_is_good(world: World) -> None:
    pdf = world.sign(SignedPDF())
    (report,) = look(pdf, world.trust(*world.lists(SIGNED)), SIGNED + DAY).signatures
    assert verdict(report) is PASSED
    assert report.best_time == SIGNED + DAY


def test_without_a_proof_the_end_of_the_certificate_is_the_end(world: World) -> None:
    pdf = world.sign(SignedPDF())
    late = START + 3 * YEAR
    (report,) = look(pdf, world.trust(*world.lists(late)), late).signatures
    assert verdict(report) is SubIndication.OUT_OF_BOUNDS_NO_POE


def test_a_time_stamp_is_the_time_of_the_signature(world: World) -> None:
    pdf = world.sign(SignedPDF(), stamps=[("tsa", SIGNED), ("tsa", SIGNED + DAY)])
    (report,) = look(pdf, world.trust(*world.lists(SIGNED)), SIGNED + 2 * DAY).signatures
    assert verdict(report) is PASSED
    assert report.best_time == SIGNED
    assert [(t.kind, t.indication, t.authority) for t in report.timestamps] == [
        (TimestampKind.SIGNATURE, PASSED, "tsa")
    ] * 2
    assert said(Inspection(integrity=Integrity.INTACT, signatures=(report,)))["timestamp"] == "passed"


@pytest.mark.parametrize(
    ("revoked", "stamped", "expected"),
    [
        (SIGNED + 30 * DAY, True, PASSED),
        (SIGNED - DAY, True, SubIndication.REVOKED_NO_POE),
        (SIGNED + 30 * DAY, False, SubIndication.REVOKED_NO_POE),
    ],
)
def test_revoked_later_is_no_harm_to_what_is_proven(
    world: World, revoked: datetime, expected: SubIndication | Indication, *, stamped: bool
) -> None:
    pdf = world.sign(SignedPDF(), stamps=[("tsa", SIGNED)] if stamped else [])
    world.revoke("signer", revoked)
    at = SIGNED + 60 * DAY
    found = look(pdf, world.trust(*world.lists(at - DAY)), at)
    assert verdict(found.signatures[0]) is expected
    if expected is PASSED:
        # What is wrong today is told, and is no reason against it.
        assert not [c for c in found.signatures[0].checks if c.outcome.value in {"failed", "unknown"}]
        assert said(found)["chain"] == "certificate-revoked"
        assert said(found)["proof-of-existence"] == "proven-in-time"


def test_certainly_signed_after_the_revocation(world: World) -> None:
    """A content time-stamp is older than the signature: this one was made by whoever had the key then."""
    pdf = world.sign(SignedPDF(), before=[("tsa", SIGNED)])
    world.revoke("signer", SIGNED - DAY)
    (report,) = look(pdf, world.trust(*world.lists(SIGNED)), SIGNED + DAY).signatures
    assert (report.indication, report.sub_indication) == (Indication.TOTAL_FAILED, SubIndication.REVOKED)


def test_certainly_signed_after_the_certificate_expired(world: World) -> None:
    late = START + 2 * YEAR + DAY
    pdf = world.sign(SignedPDF(), before=[("tsa", late)])
    (report,) = look(pdf, world.trust(*world.lists(late)), late + DAY).signatures
    assert (report.indication, report.sub_indication) == (Indication.TOTAL_FAILED, SubIndication.EXPIRED)


def test_a_value_older_than_its_certificate(world: World) -> None:
    world.certificates["signer"] = world.pki.issuing.certify(
        world.keys["signer"].public_key(), name("signer"), since=SIGNED + DAY, until=SIGNED + YEAR
    )
    pdf = world.sign(SignedPDF(), stamps=[("tsa", SIGNED)])
    at = SIGNED + 2 * DAY
    (report,) = look(pdf, world.trust(*world.lists(at)), at).signatures
    assert (report.indication, report.sub_indication) == (Indication.TOTAL_FAILED, SubIndication.NOT_YET_VALID)


def test_time_stamps_in_the_wrong_order(world: World) -> None:
    pdf = world.sign(SignedPDF(), before=[("tsa", SIGNED + DAY)], stamps=[("tsa", SIGNED)])
    (report,) = look(pdf, world.trust(*world.lists(SIGNED + DAY)), SIGNED + 2 * DAY).signatures
    assert verdict(report) is SubIndication.TIMESTAMP_ORDER_FAILURE


def test_clocks_of_two_authorities_may_differ_a_little(world: World) -> None:
    pdf = world.sign(SignedPDF(), before=[("tsa", SIGNED + timedelta(seconds=20))], stamps=[("tsa2", SIGNED)])
    (report,) = look(pdf, world.trust(*world.lists(SIGNED)), SIGNED + 2 * DAY).signatures
    assert verdict(report) is PASSED


def test_who_may_not_stamp_proves_nothing(world: World) -> None:
    pdf = world.sign(SignedPDF(), stamps=[("no-tsa", SIGNED)])
    (report,) = look(pdf, world.trust(*world.lists(SIGNED)), SIGNED + DAY).signatures
    assert report.timestamps[0].sub_indication is SubIndication.CHAIN_CONSTRAINTS_FAILURE
    assert report.best_time == SIGNED + DAY


def test_what_the_document_brings_along_is_enough(world: World) -> None:
    pdf = world.sign(SignedPDF(), stamps=[("tsa", SIGNED)]).add_store(CRLs=world.lists(SIGNED))
    (report,) = look(pdf, world.trust(), SIGNED + DAY).signatures
    assert (verdict(report), report.level) == (PASSED, "PAdES-B-LT")
    without = world.sign(SignedPDF(), stamps=[("tsa", SIGNED)])
    assert verdict(look(without, world.trust(), SIGNED + DAY).signatures[0]) is SubIndication.TRY_LATER


def archived(world: World) -> SignedPDF:
    pdf = world.sign(SignedPDF(), stamps=[("tsa", SIGNED)])
    pdf.add_store(Certs=[world.issuer], CRLs=world.lists(SIGNED))
    return world.stamp(pdf, "tsa", SIGNED + DAY)


def test_an_archived_signature_outlives_its_certificate(world: World) -> None:
    pdf = archived(world)
    at = START + 4 * YEAR
    fresh = world.lists(at)
    found = look(pdf, world.trust(*fresh), at)
    assert [verdict(s) for s in found.signatures] == [PASSED, PASSED]
    assert found.signatures[0].level == "PAdES-B-LTA"
    assert found.signatures[0].best_time == SIGNED
    assert Block.PAST in {c.block for c in found.signatures[0].checks}


def test_and_no_longer_than_its_last_time_stamp(world: World) -> None:
    pdf = archived(world)
    at = START + 6 * YEAR  # the authority's own certificate is over
    found = look(pdf, world.trust(*world.lists(at)), at)
    assert verdict(found.signatures[0]) is not PASSED
    assert verdict(found.signatures[1]) is SubIndication.OUT_OF_BOUNDS_NO_POE
    assert found.signatures[0].best_time == at


def test_unless_it_is_stamped_again_in_time(world: World) -> None:
    pdf = archived(world)
    renewed = START + 4 * YEAR
    pdf.add_store(Certs=[world.issuer], CRLs=[*world.lists(SIGNED), *world.lists(renewed)])
    world.stamp(pdf, "tsa2", renewed + DAY)
    at = START + 7 * YEAR
    found = look(pdf, world.trust(*world.lists(at)), at)
    assert [verdict(s) for s in found.signatures] == [PASSED, PASSED, PASSED]
    assert found.signatures[0].best_time == SIGNED


def test_evidence_counts_without_a_time_stamp_over_it_while_its_authority_is_good(world: World) -> None:
    """§5.6.2.2: a list that is authentic today tells what was known then; a revoked authority's may be a forgery."""
    pdf = world.sign(SignedPDF(), stamps=[("tsa", SIGNED)])
    pdf.add_store(Certs=[world.issuer], CRLs=world.lists(SIGNED))
    at = START + 4 * YEAR
    assert verdict(look(pdf, world.trust(*world.lists(at)), at).signatures[0]) is PASSED
    world.pki.root.revoke(world.pki.issuing.certificate, at=at - DAY)
    assert verdict(look(pdf, world.trust(*world.lists(at)), at).signatures[0]) is SubIndication.REVOKED_CA_NO_POE


SUNSET = datetime(2028, 1, 1, tzinfo=UTC)


def policy(sunset: datetime) -> ValidationPolicy:
    """As if P-256 ended at `sunset`."""
    toml = f"""
        version = "test"
        [digests]
        sha256 = {{}}
        [schemes]
        ecdsa = {{}}
        [keys.RSA]
        [curves]
        P-256 = {{ until = {sunset.date()} }}
    """
    return ValidationPolicy(algorithms=AlgorithmPolicy.from_toml(toml.encode()))


def test_algorithms_end_and_proven_signatures_do_not(world: World) -> None:
    at = SIGNED + 30 * DAY
    trust = world.trust(*world.lists(at))
    bare, stamped = world.sign(SignedPDF()), world.sign(SignedPDF(), stamps=[("tsa", SIGNED)])
    assert verdict(look(bare, trust, at, policy(SUNSET)).signatures[0]) is PASSED
    over = policy(SIGNED - DAY)
    found = look(bare, trust, at, over)
    assert verdict(found.signatures[0]) is SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE
    # The authority's key is of the same kind here, so that the time-stamp proves nothing either.
    assert verdict(look(stamped, trust, at, over).signatures[0]) is not PASSED


def test_an_unknown_root_is_no_root(world: World) -> None:
    stranger = World()
    pdf = world.sign(SignedPDF(), stamps=[("tsa", SIGNED)])
    found = look(pdf, stranger.trust(*stranger.lists(SIGNED)), SIGNED + DAY)
    assert verdict(found.signatures[0]) is SubIndication.NO_CERTIFICATE_CHAIN_FOUND
    assert found.signatures[0].best_time == SIGNED + DAY


def test_one_time_stamp_serves_all_signatures_before_it(world: World) -> None:
    pdf = SignedPDF()
    for _ in range(3):
        world.sign(pdf)
    world.stamp(pdf, "tsa", SIGNED)
    world.revoke("signer", SIGNED + DAY)
    at = SIGNED + 3 * DAY
    found = look(pdf, world.trust(*world.lists(at - DAY)), at)
    assert [verdict(s) for s in found.signatures] == [PASSED] * 4
    assert {s.best_time for s in found.signatures[:3]} == {SIGNED}
    assert [s.level for s in found.signatures] == ["PAdES-B-T"] * 3 + ["document-time-stamp"]


def test_a_signature_after_the_time_stamp_is_not_proven_by_it(world: World) -> None:
    pdf = world.stamp(world.sign(SignedPDF()), "tsa", SIGNED)
    world.sign(pdf)
    at = SIGNED + DAY
    found = look(pdf, world.trust(*world.lists(SIGNED)), at)
    assert [s.best_time for s in found.signatures] == [SIGNED, at, at]
