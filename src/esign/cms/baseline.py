"""The CMS signature of a PAdES B-B or B-T: what is signed, and the container around the signature.

`signed_attributes` makes the bytes that a key signs (EN 319 142-1 §6.3: content-type, message-digest,
signing-certificate-v2, no signing-time), `signed_data` the `ContentInfo` that goes into `/Contents`.
The fields are written in the order of RFC 5652 §5, so the code reads beside it.

RFC 5652: https://www.rfc-editor.org/rfc/rfc5652
"""

import hashlib
from binascii import hexlify
from collections.abc import Sequence
from functools import lru_cache
from hashlib import shake_256

from asn1crypto import x509

from esign.cms.der import context, integer, null, octets, oid, sequence, set_of
from esign.keys import KeyType, Mechanism

__all__ = ["MAX_SIGNATURE", "ContainerTemplate", "signed_attributes", "signed_data"]

_DATA = oid("1.2.840.113549.1.7.1")
_SIGNED_DATA = oid("1.2.840.113549.1.7.2")
_CONTENT_TYPE = oid("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = oid("1.2.840.113549.1.9.4")
_SIGNING_CERTIFICATE_V2 = oid("1.2.840.113549.1.9.16.2.47")
_ALGORITHM_PROTECTION = oid("1.2.840.113549.1.9.52")
_SIGNATURE_TIMESTAMP = oid("1.2.840.113549.1.9.16.2.14")

_DIGESTS = {
    "sha256": oid("2.16.840.1.101.3.4.2.1"),
    "sha384": oid("2.16.840.1.101.3.4.2.2"),
    "sha512": oid("2.16.840.1.101.3.4.2.3"),
}
_RSA_PKCS1 = {
    "sha256": oid("1.2.840.113549.1.1.11"),
    "sha384": oid("1.2.840.113549.1.1.12"),
    "sha512": oid("1.2.840.113549.1.1.13"),
}
_RSA_PSS = oid("1.2.840.113549.1.1.10")
_MGF1 = oid("1.2.840.113549.1.1.8")
_OTHERS = {
    Mechanism.ECDSA_P256_SHA256: oid("1.2.840.10045.4.3.2"),
    Mechanism.ECDSA_P384_SHA384: oid("1.2.840.10045.4.3.3"),
    Mechanism.ED25519: oid("1.3.101.112"),
}

MAX_SIGNATURE = {KeyType.P256: 72, KeyType.P384: 104, KeyType.ED25519: 64}
"""The longest signature of keys other than RSA, in bytes: an `Ecdsa-Sig-Value` varies by a few."""


def _digest_algorithm(mechanism: Mechanism) -> bytes:
    # RFC 5754 §2: parameters are left out.
    return sequence(_DIGESTS[mechanism.digest])


@lru_cache
def _signature_algorithm(mechanism: Mechanism) -> bytes:
    if mechanism in _OTHERS:
        return sequence(_OTHERS[mechanism])
    if "pss" not in mechanism.value:
        return sequence(_RSA_PKCS1[mechanism.digest], null())
    # RFC 4055 §3.1: hash, MGF1 with the same hash, a salt as long as the digest, trailer 1 by default.
    digest = sequence(_DIGESTS[mechanism.digest], null())
    salt = hashlib.new(mechanism.digest).digest_size
    return sequence(
        _RSA_PSS,
        sequence(context(0, digest), context(1, sequence(_MGF1, digest)), context(2, integer(salt))),
    )


@lru_cache
def _issuer_and_serial(certificate: bytes) -> tuple[bytes, bytes]:
    parsed = x509.Certificate.load(certificate)
    return parsed.issuer.dump(), integer(parsed.serial_number)


def _attribute(kind: bytes, value: bytes) -> bytes:
    return sequence(kind, set_of([value]))


@lru_cache
def _constant_attributes(certificate: bytes, mechanism: Mechanism) -> tuple[bytes, ...]:
    issuer, serial = _issuer_and_serial(certificate)
    # RFC 5035 §4: SHA-256 is the default and left out; issuerSerial holds one directoryName.
    identifier = sequence(octets(hashlib.sha256(certificate).digest()), sequence(sequence(context(4, issuer)), serial))
    # RFC 6211 §2: [1] signatureAlgorithm, IMPLICIT, so its own SEQUENCE tag becomes A1.
    protected = _digest_algorithm(mechanism) + b"\xa1" + _signature_algorithm(mechanism)[1:]
    return (
        _attribute(_CONTENT_TYPE, _DATA),
        _attribute(_SIGNING_CERTIFICATE_V2, sequence(sequence(identifier))),
        _attribute(_ALGORITHM_PROTECTION, sequence(protected)),
    )


def signed_attributes(digest: bytes, *, certificate: bytes, mechanism: Mechanism) -> bytes:
    """The `SET OF Attribute` that the key signs (RFC 5652 §5.4).

    `digest` is the digest of the byte range with the mechanism's digest; `certificate` the signer's, DER.
    """
    constant = _constant_attributes(certificate, mechanism)
    return set_of([*constant, _attribute(_MESSAGE_DIGEST, octets(digest))])


def signed_data(
    attributes: bytes,
    signature: bytes,
    *,
    certificates: Sequence[bytes],
    mechanism: Mechanism,
    timestamp: bytes | None = None,
) -> bytes:
    """The `ContentInfo` with one signer; `certificates` are the signer's, then its issuers, DER.

    `timestamp` is a token for `signature` (RFC 3161 appendix A): the one thing that is added after signing.
    """
    issuer, serial = _issuer_and_serial(certificates[0])
    digest_algorithm = _digest_algorithm(mechanism)
    signer_info = sequence(
        integer(1),  # version: the signer is named by issuer and serial number
        sequence(issuer, serial),
        digest_algorithm,
        b"\xa0" + attributes[1:],  # [0] IMPLICIT: the same SET under another tag
        _signature_algorithm(mechanism),
        octets(signature),
        # [1] IMPLICIT: a SET of the one unsigned attribute.
        context(1, _attribute(_SIGNATURE_TIMESTAMP, timestamp)) if timestamp is not None else b"",
    )
    content = sequence(
        integer(1),  # version: only X.509 certificates and id-data
        set_of([digest_algorithm]),
        sequence(_DATA),  # the content is the PDF, outside
        context(0, b"".join(sorted(set(certificates)))),
        set_of([signer_info]),
    )
    return sequence(_SIGNED_DATA, context(0, content))


class ContainerTemplate:
    """The containers of one certificate and mechanism: all of them are the same but for the digest and the signature.

    The template is what `signed_attributes` and `signed_data` make, cut where those two stand; so nothing here can say
    anything else than they do. An `Ecdsa-Sig-Value` varies in length, and with it the lengths around it: there is a
    template for each.
    """

    def __init__(self, certificates: Sequence[bytes], mechanism: Mechanism) -> None:
        self._certificates = tuple(certificates)
        self._mechanism = mechanism
        self._placeholder = _unlike_anything(hashlib.new(mechanism.digest).digest_size)
        sample = signed_attributes(self._placeholder, certificate=certificates[0], mechanism=mechanism)
        self._before_digest, self._after_digest = sample.split(self._placeholder)
        self._sample = sample
        self._cut: dict[int, tuple[bytes, bytes, bytes]] = {}
        self._size_without: int | None = None

    def attributes(self, digest: bytes) -> bytes:
        """What `signed_attributes` gives."""
        return self._before_digest + digest + self._after_digest

    def hexadecimal(self, digest: bytes, signature: bytes) -> bytes:
        """What `signed_data` gives for the attributes with `digest`, in the digits that /Contents takes."""
        cut = self._cut.get(len(signature))
        if cut is None:
            cut = self._cut[len(signature)] = self._cut_for(len(signature))
        return b"".join((cut[0], hexlify(digest), cut[1], hexlify(signature), cut[2]))

    def signature_in(self, digits: bytes, digest: bytes) -> bytes | None:
        """The signature in `digits`, where these are `hexadecimal(digest, signature)` and zeros; else None.

        Such a container ends with the signature (RFC 5652 §5.3, without unsigned attributes), so how long that is
        follows from how long the container is.
        """
        longest = MAX_SIGNATURE.get(self._mechanism.key_type, 256)  # any of RSA has a header as long
        if self._size_without is None:
            self._size_without = len(self.hexadecimal(digest, bytes(longest))) - 2 * longest
        size = _size_of(digits)
        start = self._size_without
        try:
            signature = bytes.fromhex(digits[start:size].decode("ascii"))
        except ValueError:
            return None
        if not signature or self.hexadecimal(digest, signature).ljust(len(digits), b"0") != digits:
            return None
        return signature

    def _cut_for(self, length: int) -> tuple[bytes, bytes, bytes]:
        signature = _unlike_anything(length)[::-1]
        whole = signed_data(self._sample, signature, certificates=self._certificates, mechanism=self._mechanism)
        before, rest = whole.split(self._placeholder)
        between, behind = rest.split(signature)
        return hexlify(before), hexlify(between), hexlify(behind)


def _size_of(digits: bytes) -> int:
    """How many digits the DER value takes that they begin with (ITU-T X.690 §8.1.3); 0 where that cannot be read."""
    try:
        header = bytes.fromhex(digits[:12].decode("ascii"))
    except ValueError:
        return 0
    if len(header) < 2:
        return 0
    more = header[1] - 0x80 if header[1] > 0x80 else 0
    length = int.from_bytes(header[2 : 2 + more], "big") if more else header[1]
    return 2 * (2 + more + length)


def _unlike_anything(length: int) -> bytes:
    """Bytes that no certificate holds."""
    return shake_256(b"a place in a template").digest(length)
