"""Paths are found whatever the order and the spelling, and a hostile heap of certificates is not worth its while."""

import random
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from esign.report import SubIndication
from esign.trust import Evidence, Purpose, TrustAnchor, TrustStore, validate_certificate
from esign.trust.building import Pool, build_paths
from esign.trust.certificate import parse_certificate
from tests.support.authority import NOW
from tests.support.pki import EPOCH, PKI, YEAR, Authority, der, key_usage, name, pem
from tests.support.stopwatch import cpu_seconds_of, shortest

PKI_ = PKI.create()
LEAF = PKI_.issuing.certify(ec.generate_private_key(ec.SECP256R1()).public_key(), name("Nguyễn Văn Mẫu"))
LISTS = PKI_.crls(at=NOW - timedelta(hours=1))
TRUST = TrustStore.from_pem(pem([PKI_.root.certificate]), crls=LISTS)


def authority(title: str, key: ec.EllipticCurvePrivateKey, issuer: str, by: ec.EllipticCurvePrivateKey) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .issuer_name(name(issuer))
        .subject_name(name(title))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(EPOCH)
        .not_valid_after(EPOCH + YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(key_usage(ca=True), critical=True)
    )
    return der(builder.sign(by, hashes.SHA256()))


def test_a_heap_of_authorities_that_certify_one_another() -> None:
    """One name, thirty keys, each certified by every other: 30! paths, none of them to an anchor."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(18)]
    heap = [authority("CA đống MẪU", key, "CA đống MẪU", by) for key in keys for by in keys if key is not by]
    leaf = Authority(certificate=x509.load_der_x509_certificate(heap[0]), key=keys[0]).certify(
        keys[1].public_key(), name("Nguyễn Văn Mẫu")
    )
    evidence = Evidence(certificates=tuple(heap))

    def look() -> None:
        found = validate_certificate(der(leaf), trust=TRUST, at=NOW, evidence=evidence)
        assert found.sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND

    assert shortest(lambda: cpu_seconds_of(look), enough=1) < 1


def test_more_certificates_than_anybody_needs() -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    heap = [authority(f"CA {n} MẪU", keys[0], f"CA {n + 1} MẪU", keys[0]) for n in range(500)]
    leaf = Authority(certificate=x509.load_der_x509_certificate(heap[0]), key=keys[0]).certify(
        keys[1].public_key(), name("Nguyễn Văn Mẫu")
    )
    evidence = Evidence(certificates=tuple(heap))

    def look() -> None:
        found = validate_certificate(der(leaf), trust=TRUST, at=NOW, evidence=evidence)
        assert found.sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND

    assert shortest(lambda: cpu_seconds_of(look), enough=1) < 1


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_certificates_does_not_matter(seed: int) -> None:
    impostors = [der(PKI.create().issuing.certificate) for _ in range(8)]
    pool = [*impostors, der(PKI_.issuing.certificate), der(PKI_.root.certificate), der(LEAF)]
    random.Random(seed).shuffle(pool)
    found = validate_certificate(der(LEAF), trust=TRUST, at=NOW, evidence=Evidence(certificates=tuple(pool)))
    assert found.passed
    assert found.chain == (der(LEAF), der(PKI_.issuing.certificate), der(PKI_.root.certificate))


def test_the_root_is_not_believed_because_it_came_along() -> None:
    found = validate_certificate(
        der(LEAF),
        trust=TrustStore.from_pem(pem([PKI.create().root.certificate])),
        at=NOW,
        evidence=Evidence(certificates=(der(PKI_.issuing.certificate), der(PKI_.root.certificate)), crls=LISTS),
    )
    assert found.sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND


def test_the_shortest_way_to_an_anchor_comes_first() -> None:
    anchors = [der(PKI_.root.certificate), der(PKI_.issuing.certificate)]
    pool = Pool(anchors=anchors, others=[])
    first, *more = build_paths(parse_certificate(der(LEAF)), pool, NOW)
    assert [c.der for c in first] == [der(LEAF), der(PKI_.issuing.certificate)]
    assert more == []


def test_an_anchor_counts_for_its_purpose_alone() -> None:
    root = der(PKI_.root.certificate)
    stamping = TrustStore(anchors=(TrustAnchor(root, frozenset({Purpose.TIMESTAMP})),), crls=LISTS)
    evidence = Evidence(certificates=(der(PKI_.issuing.certificate),))
    found = validate_certificate(der(LEAF), trust=stamping, at=NOW, evidence=evidence)
    assert found.sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND
    assert TrustStore.from_pem(authorities=[root]).anchors == stamping.anchors
    assert TrustStore.from_pem(root, authorities=[root]).anchors == (TrustAnchor(root),)


def test_when_the_chain_gives_out_is_told() -> None:
    evidence = Evidence(certificates=(der(PKI_.issuing.certificate),))
    found = validate_certificate(der(LEAF), trust=TRUST, at=NOW, evidence=evidence)
    assert found.algorithms_until is None  # P-256 and SHA-256 have no end that is known today
    assert [s.source for s in found.revocation] == ["crl", "crl"]
    assert [s.evidence for s in found.revocation] == [LISTS[1], LISTS[0]]


def test_a_heap_of_lists_of_one_name_is_not_worth_its_while() -> None:
    """Each names our authority and is signed by somebody else; the operator's own list is still found."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(30)]
    title = PKI_.issuing.certificate.subject
    impostors = [Authority(certificate=PKI_.issuing.certificate, key=key) for key in keys]
    heap = [i.crl(at=NOW - timedelta(hours=n + 2)) for i in impostors for n in range(20)]
    twins = [authority("CA MẪU (test issuing CA)", key, "CA MẪU (test issuing CA)", key) for key in keys]
    assert parse_certificate(twins[0]).subject == parse_certificate(der(PKI_.issuing.certificate)).subject, title
    evidence = Evidence(certificates=(*twins, der(PKI_.issuing.certificate)), crls=tuple(heap))

    def look() -> None:
        assert validate_certificate(der(LEAF), trust=TRUST, at=NOW, evidence=evidence).passed

    assert shortest(lambda: cpu_seconds_of(look), enough=2) < 2
