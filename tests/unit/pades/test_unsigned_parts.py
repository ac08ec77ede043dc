"""The parts of a container that nobody signs: they have to agree with what is signed (RFC 5652 §5)."""

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from esign.cms import der
from esign.pades.inspect import inspect_signatures
from esign.report import Integrity, Outcome
from esign.trust import TrustStore
from tests.support.office import NOW
from tests.unit.cms.making import Maker, attribute, certificate
from tests.unit.pades.containers import SignedPDF

KEY = ec.generate_private_key(ec.SECP256R1())
OWN, OTHER = (certificate(KEY.public_key()) for _ in range(2))
NAMED = der.sequence(der.sequence(der.sequence(der.octets(hashlib.sha256(OWN).digest()))))
REFERENCE = attribute("1.2.840.113549.1.9.16.2.47", NAMED)


def said_of(**changes: Any) -> tuple[Integrity, set[str]]:
    """The integrity, and the codes that fail."""

    def make(content: bytes) -> bytes:
        maker = Maker(
            key=KEY,
            signature_oid="1.2.840.10045.4.3.2",
            content=content,
            certificate=OWN,
            extra=[REFERENCE],
            **changes,
        )
        return maker.container()

    found = inspect_signatures(bytes(SignedPDF().sign(make)), trust=TrustStore(), at=NOW)
    failed = {c.reason.code for c in found.signatures[0].checks if c.reason and c.outcome is Outcome.FAILED}
    return found.integrity, failed


@pytest.mark.parametrize("version", [1, 3])
def test_what_agrees_is_intact(version: int) -> None:
    integrity, failed = said_of(version=version)
    assert integrity is Integrity.INTACT
    assert not failed, failed


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"container_type": der.oid("1.2.840.113549.1.7.5")}, "content-type-differs"),
        ({"listed": "2.16.840.1.101.3.4.2.3"}, "digest-algorithm-unlisted"),
        ({"version": 5}, "signature-unreadable"),
        ({"version": 0}, "signature-unreadable"),
        ({"behind": b"\0\0"}, "signature-unreadable"),
        ({"behind": der.null()}, "signature-unreadable"),
    ],
)
def test_what_does_not_agree_is_altered(changes: dict[str, Any], code: str) -> None:
    integrity, failed = said_of(**changes)
    assert integrity is Integrity.ALTERED
    assert code in failed


def test_the_identifier_is_that_of_the_certificate_that_verifies() -> None:
    _, failed = said_of(identified=OTHER)
    assert "signing-certificate-identifier-differs" in failed
