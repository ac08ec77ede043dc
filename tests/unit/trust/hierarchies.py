"""Random hierarchies of authorities, most of them with something wrong: food for comparisons with other validators."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.authority import NOW
from tests.support.pki import EPOCH, YEAR, key_usage, name

__all__ = ["Hierarchy", "Piece", "hierarchy", "pem_of"]

KEYS = [ec.generate_private_key(ec.SECP256R1()) for _ in range(12)]
POLICIES = [x509.ObjectIdentifier(f"1.3.6.1.4.1.99999.{n}") for n in (1, 2, 3)]
ANY = x509.ObjectIdentifier("2.5.29.32.0")
ORGANISATIONS = ["Cơ quan MẪU (specimen)", "Cơ quan khác MẪU"]
HOUR = timedelta(hours=1)
Piece = x509.Certificate | x509.CertificateRevocationList


@dataclass
class Entity:
    """Somebody with a key and one certificate."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    revoked: list[tuple[int, datetime, x509.ReasonFlags | None]] = field(default_factory=list)


@dataclass(kw_only=True)
class Hierarchy:
    """What a validator is given."""

    leaf: x509.Certificate
    others: list[x509.Certificate]
    root: x509.Certificate
    crls: list[x509.CertificateRevocationList]
    explicit: bool
    """Whether `POLICIES[0]` is required."""
    faults: list[str]
    """What was made wrong, or odd."""


def hierarchy(seed: int) -> Hierarchy:
    """The same one for the same seed."""
    return _Maker(random.Random(seed)).make()


class _Maker:
    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.faults: list[str] = []
        self.keys = iter(dice.sample(KEYS, len(KEYS)))

    def chance(self, one_in: int, fault: str) -> bool:
        if self.dice.randrange(one_in):
            return False
        self.faults.append(fault)
        return True

    def make(self) -> Hierarchy:
        root = self.entity(None, "Gốc MẪU", ca=True)
        chain = [root]
        for level in range(self.dice.choice([0, 1, 1, 2, 2, 3])):
            parent = chain[-1]
            title = f"CA {level} MẪU"
            if level and self.chance(12, "self-issued"):
                title = str(parent.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)
            chain.append(self.entity(parent, title, ca=True))
        leaf = self.entity(chain[-1], "Nguyễn Văn Mẫu", ca=False)
        for parent, child in zip(chain, [*chain[1:], leaf], strict=True):
            self.revoke(parent, child.certificate)
        others = [e.certificate for e in chain[1:]]
        if others and self.chance(15, "issuer missing"):
            others.pop(self.dice.randrange(len(others)))
        self.dice.shuffle(others)
        return Hierarchy(
            leaf=leaf.certificate,
            others=others,
            root=root.certificate,
            crls=[crl for entity in chain for crl in self.lists(entity)],
            explicit=self.chance(3, "explicit policy"),
            faults=self.faults,
        )

    def entity(self, parent: Entity | None, title: str, *, ca: bool) -> Entity:
        key = next(self.keys)
        signer = parent.key if parent else key
        if parent and self.chance(25, "signed by another key"):
            signer = self.dice.choice(KEYS)
        subject = name(title, organisation=self.dice.choice([*ORGANISATIONS[:1] * 4, ORGANISATIONS[1]]))
        if ca:
            subject = name(title)
        since, until = EPOCH, EPOCH + 20 * YEAR
        if parent and self.chance(20, "expired"):
            until = NOW - HOUR
        elif parent and self.chance(20, "not yet valid"):
            since = NOW + HOUR
        builder = (
            x509.CertificateBuilder()
            .issuer_name(parent.certificate.subject if parent else subject)
            .subject_name(subject)
            .public_key(key.public_key())
            .serial_number(self.dice.randrange(1, 1 << 100))
            .not_valid_before(since)
            .not_valid_after(until)
        )
        for extension, critical in self.extensions(ca=ca, root=parent is None):
            builder = builder.add_extension(extension, critical=critical)
        if self.chance(3, "no key identifiers") or parent is None:
            return Entity(builder.sign(signer, hashes.SHA256()), key)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(parent.key.public_key())
        builder = builder.add_extension(authority, critical=False)
        return Entity(builder.sign(signer, hashes.SHA256()), key)

    def extensions(self, *, ca: bool, root: bool) -> Iterator[tuple[x509.ExtensionType, bool]]:
        if not (ca and not root and self.chance(20, "no basic constraints")):
            length = self.dice.choice([None, None, 0, 1, 2]) if ca and not root else None
            is_ca = ca and not (not root and self.chance(20, "not an authority"))
            yield x509.BasicConstraints(ca=is_ca, path_length=length if is_ca else None), True
        wrong = not root and self.chance(20, "wrong key usage")
        yield key_usage(ca=ca is not wrong), True
        if not root and self.chance(25, "unknown critical extension"):
            yield x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.9"), b"\x05\x00"), True
        if self.dice.randrange(4):
            chosen = self.dice.sample([*POLICIES, ANY], self.dice.choice([1, 1, 2]))
            yield x509.CertificatePolicies([x509.PolicyInformation(p, None) for p in chosen]), False
        if ca and not root and self.chance(8, "policy constraints"):
            explicit, mapping = self.dice.choice([(0, None), (1, None), (None, 0), (2, 0), (0, 1)])
            yield x509.PolicyConstraints(explicit, mapping), True
        if ca and not root and self.chance(10, "inhibit any policy"):
            yield x509.InhibitAnyPolicy(self.dice.choice([0, 1])), True
        if ca and not root and self.chance(8, "name constraints"):
            within = x509.DirectoryName(
                x509.Name(list(reversed(list(name("x", organisation=self.dice.choice(ORGANISATIONS)))))[:1])
            )
            mail = x509.RFC822Name(self.dice.choice([".gov.vn", "gov.vn", "mau@gov.vn"]))
            yield (
                self.dice.choice(
                    [
                        x509.NameConstraints([within, mail], None),
                        x509.NameConstraints(None, [mail]),
                        x509.NameConstraints([mail], [x509.RFC822Name("cam.gov.vn")]),
                    ]
                ),
                True,
            )
        if not ca and self.dice.randrange(2):
            found = self.dice.choice(["mau@gov.vn", "mau@hanoi.gov.vn", "mau@example.com", "mau@cam.gov.vn"])
            yield x509.SubjectAlternativeName([x509.RFC822Name(found)]), False

    def revoke(self, issuer: Entity, certificate: x509.Certificate) -> None:
        if self.chance(12, "revoked"):
            at = self.dice.choice([NOW - timedelta(days=30), NOW - HOUR])
            reason = self.dice.choice([None, x509.ReasonFlags.key_compromise, x509.ReasonFlags.superseded])
            issuer.revoked.append((certificate.serial_number, at, reason))

    def lists(self, entity: Entity) -> Iterator[x509.CertificateRevocationList]:
        if self.chance(15, "no list"):
            return
        start, end = NOW - HOUR / 2, NOW + timedelta(days=7)
        if self.chance(15, "stale list"):
            start, end = NOW - timedelta(days=20), NOW - timedelta(days=10)
        elif self.chance(25, "list of the future"):
            start = NOW + HOUR
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(entity.certificate.subject)
            .last_update(start)
            .next_update(end)
        )
        for serial, at, reason in entity.revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
            if reason is not None:
                entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        key = entity.key
        if self.chance(25, "list signed by another key"):
            key = self.dice.choice(KEYS)
        if self.chance(25, "list with an unknown critical extension"):
            odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.9"), b"\x05\x00")
            builder = builder.add_extension(odd, critical=True)
        yield builder.sign(key, hashes.SHA256())


def pem_of(*items: Piece) -> bytes:
    """One bundle."""
    return b"".join(item.public_bytes(Encoding.PEM) for item in items)
