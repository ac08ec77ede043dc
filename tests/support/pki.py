"""A test PKI that behaves: a root, an issuing authority, certificates on request, and their revocation lists.

It certifies keys that live elsewhere (a token's, through its request) as well as its own, at any time given.
Everything in it says that it is a specimen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)


def name(common_name: str, *, organisation: str = "Cơ quan MẪU (specimen)", locality: str = "") -> x509.Name:
    """A distinguished name in the order that Vietnamese certificates use."""
    parts = [(NameOID.COMMON_NAME, common_name), (NameOID.ORGANIZATION_NAME, organisation)]
    parts += [(NameOID.LOCALITY_NAME, locality)] if locality else []
    return x509.Name([x509.NameAttribute(o, v) for o, v in [*parts, (NameOID.COUNTRY_NAME, "VN")]])


def key_usage(*, ca: bool) -> x509.KeyUsage:
    """What authorities and signers may do (RFC 5280 §4.2.1.3)."""
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=not ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass(kw_only=True)
class Authority:
    """A certification authority with its key in memory."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    revoked: dict[int, datetime] = field(default_factory=dict)

    @classmethod
    def root(cls, common_name: str, *, since: datetime = EPOCH, years: int = 25) -> Self:
        """A self-signed root."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = name(common_name)
        builder = _builder(subject, subject, key.public_key(), key.public_key(), since, since + years * YEAR, ca=True)
        return cls(certificate=builder.sign(key, hashes.SHA256()), key=key)

    def authority(self, common_name: str, *, since: datetime = EPOCH, years: int = 10) -> "Authority":
        """An authority below this one."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.certify(
            key.public_key(), name(common_name), since=since, until=since + years * YEAR, ca=True
        )
        return Authority(certificate=certificate, key=key)

    def certify(
        self,
        public_key: PublicKey,
        subject: x509.Name,
        *,
        since: datetime = EPOCH,
        until: datetime | None = None,
        ca: bool = False,
    ) -> x509.Certificate:
        """A certificate for `public_key`."""
        issuer = self.certificate
        end = until or since + 3 * YEAR
        issuer_key = self.key.public_key()
        builder = _builder(issuer.subject, subject, public_key, issuer_key, since, end, ca=ca)
        return builder.sign(self.key, hashes.SHA256())

    def certify_request(self, request: bytes, *, since: datetime = EPOCH) -> x509.Certificate:
        """A certificate as a PKCS#10 request (PEM or DER) asks; the request's own signature is checked."""
        load = x509.load_pem_x509_csr if request.startswith(b"-----") else x509.load_der_x509_csr
        asked = load(request)
        assert asked.is_signature_valid
        public_key = asked.public_key()
        assert isinstance(public_key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey)
        return self.certify(public_key, asked.subject, since=since)

    def revoke(self, certificate: x509.Certificate, *, at: datetime) -> None:
        """From the next list on it is revoked."""
        self.revoked[certificate.serial_number] = at

    def crl(self, *, at: datetime, lifetime: timedelta = timedelta(days=30)) -> bytes:
        """The revocation list as of `at`, DER."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(at)
            .next_update(at + lifetime)
            .add_extension(x509.CRLNumber(int(at.timestamp())), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        for serial, when in self.revoked.items():
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)


def _builder(
    issuer: x509.Name,
    subject: x509.Name,
    public_key: PublicKey,
    issuer_key: PublicKey,
    since: datetime,
    until: datetime,
    *,
    ca: bool,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(key_usage(ca=ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


@dataclass(kw_only=True)
class PKI:
    """Root and issuing authority, ready to certify."""

    root: Authority
    issuing: Authority

    @classmethod
    def create(cls, *, since: datetime = EPOCH) -> Self:
        """A fresh one; its keys exist only in memory."""
        root = Authority.root("Gốc MẪU (test root)", since=since)
        return cls(root=root, issuing=root.authority("CA MẪU (test issuing CA)", since=since))

    def chain(self, certificate: x509.Certificate) -> tuple[bytes, ...]:
        """`certificate` and its issuer, DER; the root is the verifier's business."""
        return (der(certificate), der(self.issuing.certificate))

    def crls(self, *, at: datetime) -> tuple[bytes, ...]:
        """The current lists of both authorities."""
        return (self.root.crl(at=at), self.issuing.crl(at=at))


def der(certificate: x509.Certificate) -> bytes:
    """The certificate's bytes."""
    return certificate.public_bytes(Encoding.DER)


def pem(certificates: Sequence[x509.Certificate]) -> bytes:
    """A PEM bundle."""
    return b"".join(c.public_bytes(Encoding.PEM) for c in certificates)


def spki(public_key: PublicKey) -> bytes:
    """SubjectPublicKeyInfo in DER."""
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
