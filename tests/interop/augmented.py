"""Documents at B-T, B-LT and B-LTA, of an office whose certificates say where to ask about them.

The authorities answer on 127.0.0.1 while documents are made. Who judges them afterwards gets anchors only for B-LT and
B-LTA: what else is needed has to lie in the document; for B-T, which carries no evidence, revocation lists as well.
"""

import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509 import load_der_x509_certificate

from esign.keys import KeyType
from esign.profile import Level, Numbering, TimestampPolicy
from tests.interop.made import MECHANISMS, TEMPLATES, Made, one_official, two_officials
from tests.support.authority import Authorities
from tests.support.office import NOW, PASSPHRASE, Office, stamped
from tests.support.pki import pem

__all__ = ["EXPIRED_AT", "JUDGED_AT", "augmented"]

JUDGED_AT = NOW + timedelta(minutes=1)
"""Evidence is from the very second of signing; a judge looks later."""
EXPIRED_AT = datetime(2030, 1, 1, tzinfo=UTC)
"""The signers' certificates ended a year ago; those of the time-stamping authority did not."""

_DESCRIPTION = Path(__file__).parents[1] / "support" / "authority" / "pki.yml"
_LEVELS = (Level.B_T, Level.B_LT, Level.B_LTA)
_ENDS = {KeyType.RSA: "-rsa", KeyType.P256: ""}


def augmented(folder: Path) -> Iterator[Made]:
    """Every mechanism at every level; signatures, PDF/A parts and ways to the level alternate, and meet all levels."""
    folder.mkdir()
    with Authorities.start(folder / "authorities", now=NOW, description=_with_rsa(folder / "pki.yml")) as pki:
        offices = {kind: _office(folder / f"office-{kind.value}", pki, end) for kind, end in _ENDS.items()}
        lists = tuple(urllib.request.urlopen(pki.crl(label)).read() for label in ("root", "issuing", "stamping"))
        for number, mechanism in enumerate(MECHANISMS):
            for step, level in enumerate(_LEVELS):
                two, attached, policy = _variant(number, step)
                office = Office.copied(
                    offices[mechanism.key_type],
                    folder / f"{number}-{step}",
                    signature=replace(
                        stamped(policy, level=level), name=f"{mechanism.value} {level.value}", mechanisms=(mechanism,)
                    ),
                    person=two,
                    numbering=Numbering.AT_RELEASE if attached else Numbering.RESERVED,
                    attach_data=attached,
                )
                template = TEMPLATES[(number + step) % len(TEMPLATES)]
                pdf = two_officials(office, template) if two else one_official(office, template)
                seal = office.verifier().inspect(pdf).seal
                people, part = "two" if two else "one", "3b" if attached else "2b"
                name = f"{mechanism.value} {part} {level.value} {people} {policy.value}"
                file = folder / f"{name.replace(' ', '-')}.pdf"
                file.write_bytes(pdf)
                anchors = pki.trust("root")
                yield Made(
                    name=name,
                    file=file,
                    pdf=pdf,
                    level=level,
                    signatures=2 if two else 1,
                    # At signing it is the signatures that get theirs; B-LTA ends in one in any case.
                    timestamps=(policy is TimestampPolicy.QUEUE) + (level is Level.B_LTA),
                    url=seal.url if seal is not None else "",
                    root=office.folder / "root.pem",
                    trust=replace(anchors, crls=lists) if level is Level.B_T else anchors,
                )


def _variant(number: int, step: int) -> tuple[bool, bool, TimestampPolicy]:
    """Two officials? Data attached, which makes it PDF/A-3b? At signing, or from the queue?"""
    policy = TimestampPolicy.QUEUE if (number + step) % 3 == 0 else TimestampPolicy.WAIT
    return number % 2 == 1, (number // 2 + step) % 2 == 1, policy


def _with_rsa(file: Path) -> Path:
    """The description of the test PKI, and RSA keys for the agency and the competent person."""
    description = yaml.safe_load(_DESCRIPTION.read_text("utf-8"))
    office = description["pki-architectures"]["office"]
    for label in ("agency", "signer"):
        office["entities"][f"{label}-rsa"] = office["entities"][label]
        office["certs"][f"{label}-rsa"] = office["certs"][label]
    file.write_text(yaml.safe_dump(description), "utf-8")
    return file


def _office(folder: Path, pki: Authorities, end: str) -> Path:
    """An office with keys that these authorities certified."""
    Office.create(folder, kind="p256")
    for file, label in (("key.p12", f"agency{end}"), ("person.p12", f"signer{end}")):
        certificate, *issuers = (load_der_x509_certificate(c) for c in pki.chain(label))
        encryption = BestAvailableEncryption(PASSPHRASE.encode())
        (folder / file).write_bytes(
            pkcs12.serialize_key_and_certificates(None, pki.key(label), certificate, issuers, encryption)
        )
    for crl in folder.glob("*.crl"):
        crl.unlink()
    (folder / "root.pem").write_bytes(pem([load_der_x509_certificate(pki.certificate("root"))]))
    Office.name_authority(folder, pki.tsa("tsa"), pki.certificate("root"))
    return folder
