"""CMS signers of any kind, put together piece by piece: what other software writes, also where it is wrong."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from esign.cms import der
from esign.cms.algorithms import AlgorithmIdentifier, digest, digest_name
from tests.support.pki import PKI, name
from tests.support.pki import der as encoded

PKI_ = PKI.create()
DATA = der.oid("1.2.840.113549.1.7.1")
CONTENT = b"%PDF-1.7 what was signed"


@dataclass(kw_only=True)
class Maker:
    """Writes one signer; each field is a way to be different."""

    key: Any
    digest_oid: str = "2.16.840.1.101.3.4.2.1"
    signature_oid: str
    signature_parameters: bytes = b""
    content: bytes = CONTENT
    content_type: bytes = DATA
    attributes: bool = True
    extra: Sequence[bytes] = ()
    order: bool = True
    """Whether the attributes are sorted."""
    sign_sorted: bool = True
    """Whether the sorted form is signed."""
    encapsulated: bytes | None = None
    unsigned: Sequence[bytes] = ()
    certificate: bytes = b""
    certificates: Sequence[bytes] | None = None
    crls: bytes = b""
    signers: int = 1
    version: int = 1
    listed: str = ""
    """What digestAlgorithms says; `digest_oid`."""
    identified: bytes = b""
    """The certificate that the identifier names; `certificate`."""
    container_type: bytes = b""
    """The type beside the content; `content_type`."""
    behind: bytes = b""
    """What stands behind the content of ContentInfo."""
    signed_digest: str = ""
    """With which digest the value is made; that of `digest_oid`."""
    signature: bytes | None = field(default=None)

    def __post_init__(self) -> None:
        if not self.certificate:
            self.certificate = certificate(self.key.public_key())

    @property
    def _name(self) -> str:
        return digest_name(AlgorithmIdentifier(self.digest_oid))

    def signed_attributes(self) -> list[bytes]:
        """content-type, message-digest and `extra`."""
        content = self.content if self.encapsulated is None else self.encapsulated
        return [
            attribute("1.2.840.113549.1.9.3", self.content_type),
            attribute("1.2.840.113549.1.9.4", der.octets(digest(self._name, content))),
            *self.extra,
        ]

    def to_be_signed(self) -> bytes:
        """What the key signs."""
        if not self.attributes:
            return self.content if self.encapsulated is None else self.encapsulated
        items = self.signed_attributes()
        return b"\x31" + der.sequence(*(sorted(items) if self.sign_sorted else items))[1:]

    def value(self) -> bytes:
        """The signature value."""
        if self.signature is not None:
            return self.signature
        return raw_signature(self.key, self.to_be_signed(), self.signed_digest or self._name, self.signature_oid)

    def signer(self) -> bytes:
        """SignerInfo."""
        parsed = asn1_x509.Certificate.load(self.identified or self.certificate)
        items = self.signed_attributes()
        attributes = der.sequence(*(sorted(items) if self.order else items))[1:]
        return der.sequence(
            der.integer(1),
            der.sequence(parsed.issuer.dump(), der.integer(parsed.serial_number)),
            der.sequence(der.oid(self.digest_oid)),
            b"\xa0" + attributes if self.attributes else b"",
            der.sequence(der.oid(self.signature_oid), self.signature_parameters),
            der.octets(self.value()),
            b"\xa1" + der.set_of(self.unsigned)[1:] if self.unsigned else b"",
        )

    def container(self) -> bytes:
        """ContentInfo."""
        certificates = [self.certificate] if self.certificates is None else self.certificates
        inside = der.context(0, der.octets(self.encapsulated)) if self.encapsulated is not None else b""
        signed = der.sequence(
            der.integer(self.version),
            der.set_of([der.sequence(der.oid(self.listed or self.digest_oid))]),
            der.sequence(self.container_type or self.content_type, inside),
            der.context(0, b"".join(certificates)) if certificates else b"",
            der.context(1, self.crls) if self.crls else b"",
            b"\x31" + der.sequence(*[self.signer()] * self.signers)[1:],
        )
        return der.sequence(der.oid("1.2.840.113549.1.7.2"), der.context(0, signed), self.behind)


def attribute(kind: str, *values: bytes) -> bytes:
    """An Attribute."""
    return der.sequence(der.oid(kind), der.set_of(values))


def certificate(public_key: Any) -> bytes:
    """A certificate of the test authority."""
    return encoded(PKI_.issuing.certify(public_key, name("Người ký mẫu")))


_HASHES: dict[str, hashes.HashAlgorithm] = {
    "md5": hashes.MD5(),
    "sha1": hashes.SHA1(),
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "sha3_224": hashes.SHA3_224(),
    "sha3_256": hashes.SHA3_256(),
    "sha3_384": hashes.SHA3_384(),
    "sha3_512": hashes.SHA3_512(),
}


def raw_signature(key: Any, data: bytes, hashed: str, oid: str) -> bytes:
    """What `key` makes of `data` under the scheme `oid`."""
    if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return key.sign(data)
    algorithm = _HASHES[hashed]
    if isinstance(key, rsa.RSAPrivateKey):
        if oid == "1.2.840.113549.1.1.10":
            length = hashlib.new(hashed).digest_size
            return key.sign(data, padding.PSS(mgf=padding.MGF1(algorithm), salt_length=length), algorithm)
        return key.sign(data, padding.PKCS1v15(), algorithm)
    if isinstance(key, dsa.DSAPrivateKey):
        return key.sign(data, algorithm)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    made = key.sign(data, ec.ECDSA(algorithm))
    if oid.startswith("0.4.0.127"):
        size = (key.curve.key_size + 7) // 8
        r, s = utils.decode_dss_signature(made)
        return r.to_bytes(size) + s.to_bytes(size)
    return made


def pss(hashed: str, *, mask: str = "", salt: int | None = None, trailer: int | None = None) -> bytes:
    """RSASSA-PSS-params."""
    oids = {
        "sha1": "1.3.14.3.2.26",
        "sha256": "2.16.840.1.101.3.4.2.1",
        "sha384": "2.16.840.1.101.3.4.2.2",
        "sha512": "2.16.840.1.101.3.4.2.3",
    }
    masking = der.sequence(der.oid("1.2.840.113549.1.1.8"), der.sequence(der.oid(oids[mask or hashed])))
    length = hashlib.new(hashed).digest_size if salt is None else salt
    return der.sequence(
        der.context(0, der.sequence(der.oid(oids[hashed]))),
        der.context(1, masking),
        der.context(2, der.integer(length)),
        der.context(3, der.integer(trailer)) if trailer is not None else b"",
    )


def token(
    imprint: bytes,
    *,
    time: datetime = datetime(2026, 11, 20, 3, 4, 5, tzinfo=UTC),
    extra: bytes = b"",
    key: Any = None,
    **maker: Any,
) -> bytes:
    """A time-stamp token over `imprint` (SHA-256)."""
    info = der.sequence(
        der.integer(1),
        der.oid("1.2.3.4"),
        der.sequence(der.sequence(der.oid("2.16.840.1.101.3.4.2.1")), der.octets(imprint)),
        der.integer(77),
        der.encode(b"\x18", time.strftime("%Y%m%d%H%M%SZ").encode()),
        extra,
    )
    return Maker(
        key=key or ec.generate_private_key(ec.SECP256R1()),
        signature_oid="1.2.840.10045.4.3.2",
        content_type=der.oid("1.2.840.113549.1.9.16.1.4"),
        encapsulated=info,
        **maker,
    ).container()


def spki(key: Any) -> bytes:
    """SubjectPublicKeyInfo."""
    encoded_key: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded_key
