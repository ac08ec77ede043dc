"""Keys in memory, from PKCS#12 files: for portals that have no token, and plainly weaker than one.

Whoever reads the file and its passphrase has the key. Nothing here shows it: not `repr`, not an error.
"""

from collections.abc import Sequence
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs12

from esign.errors import KeyStoreError
from esign.keys import KeyRef, KeyType, Mechanism, Protection, SigningKey, algorithm, check_signature

__all__ = ["SoftwareKey"]

_PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_MIN_RSA_BITS = 2048


class SoftwareKey(SigningKey):
    """A private key in this process's memory; safe to use from several threads."""

    def __init__(self, key: object, certificates: tuple[bytes, ...]) -> None:
        self._key, self._key_type = _supported(key)
        self._public_key = _spki(self._key.public_key())
        self._certificates = certificates

    @classmethod
    def from_pkcs12(cls, data: bytes, passphrase: str | None) -> Self:
        """The key of a PKCS#12 file (RFC 7292) with its certificate and chain.

        Raises:
            KeyStoreError: `pkcs12-unreadable`, `pkcs12-algorithm`, `pkcs12-without-key`,
                `pkcs12-without-certificate`, `key-too-weak` or `key-kind-unsupported`.
        """
        password = None if passphrase is None else passphrase.encode("utf-8")
        try:
            found = pkcs12.load_pkcs12(data, password)
        except UnsupportedAlgorithm as e:
            raise KeyStoreError("pkcs12-algorithm") from e
        except (ValueError, TypeError) as e:
            # The library cannot tell a wrong passphrase from damage.
            raise KeyStoreError("pkcs12-unreadable") from e
        if found.key is None:
            raise KeyStoreError("pkcs12-without-key")
        beside = [found.cert, *found.additional_certs] if found.cert else list(found.additional_certs)
        key, _ = _supported(found.key)
        return cls(key, _chain(_spki(key.public_key()), [c.certificate for c in beside]))

    @classmethod
    def from_private_key(cls, key: object, certificates: Sequence[bytes] = ()) -> Self:
        """A key of the `cryptography` package; `certificates` in DER, its own first.

        Raises:
            KeyStoreError: `key-too-weak`, `key-kind-unsupported` or `key-certificate-mismatch`.
        """
        made = cls(key, tuple(certificates))
        if certificates:
            try:
                own = x509.load_der_x509_certificate(certificates[0])
            except ValueError as e:
                raise KeyStoreError("key-certificate-mismatch") from e
            if _certified(own) != made.public_key:
                raise KeyStoreError("key-certificate-mismatch")
        return made

    def __repr__(self) -> str:
        return f"SoftwareKey({self._key_type.value})"

    def __reduce__(self) -> str | tuple[object, ...]:
        message = "a software key is not sent to other processes"
        raise TypeError(message)

    @property
    def ref(self) -> KeyRef | None:
        """None: it has no address."""
        return None

    @property
    def protection(self) -> Protection:
        """In software."""
        return Protection.SOFTWARE

    @property
    def key_type(self) -> KeyType:
        """The kind of key."""
        return self._key_type

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo in DER."""
        return self._public_key

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """DER, its own first, then its issuers as far as the file has them."""
        return self._certificates

    @property
    def mechanisms(self) -> frozenset[Mechanism]:
        """All that its kind can do."""
        return frozenset(m for m in Mechanism if m.key_type is self._key_type)

    def sign(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        """Sign `data`; the signature is checked before it is returned.

        Raises:
            KeyStoreError: `mechanism-not-offered`, or `signature-check-failed`.
        """
        if mechanism not in self.mechanisms:
            raise KeyStoreError("mechanism-not-offered", mechanism=mechanism.value, key=self._key_type.value)
        signature: bytes = self._key.sign(data, *algorithm(mechanism))
        if not check_signature(self._public_key, signature, data, mechanism=mechanism):
            # A fault while computing can give the key away (RSA-CRT), so a wrong signature never leaves.
            raise KeyStoreError("signature-check-failed")
        return signature


def _supported(key: object) -> tuple[_PrivateKey, KeyType]:
    """`key` and its kind, or a reason why esign does not sign with it."""
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < _MIN_RSA_BITS:
            raise KeyStoreError("key-too-weak", bits=key.key_size, expected=_MIN_RSA_BITS)
        return key, KeyType.RSA
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key, KeyType.ED25519
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if isinstance(key.curve, ec.SECP256R1):
            return key, KeyType.P256
        if isinstance(key.curve, ec.SECP384R1):
            return key, KeyType.P384
        raise KeyStoreError("key-kind-unsupported", found=key.curve.name)
    raise KeyStoreError("key-kind-unsupported", found=type(key).__name__)


def _spki(key: object) -> bytes:
    if not isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey)):
        return b""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _chain(public_key: bytes, found: Sequence[x509.Certificate]) -> tuple[bytes, ...]:
    """The certificate for `public_key`, then its issuers: files hold them in any order, with strangers."""
    own = next((c for c in found if _certified(c) == public_key), None)
    if own is None:
        raise KeyStoreError("pkcs12-without-certificate")
    chain = [own]
    while (issuer := _issuer(chain[-1], found)) is not None and issuer not in chain:
        chain.append(issuer)
    return tuple(c.public_bytes(Encoding.DER) for c in chain)


def _certified(certificate: x509.Certificate) -> bytes:
    try:
        return _spki(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return b""  # Somebody else's certificate, of a kind that cannot be ours.


def _issuer(of: x509.Certificate, found: Sequence[x509.Certificate]) -> x509.Certificate | None:
    for candidate in found:
        if candidate.subject == of.issuer:
            try:
                of.verify_directly_issued_by(candidate)
            except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
                continue  # Two CAs of one name: a renewed key, or a stranger.
            return candidate
    return None
