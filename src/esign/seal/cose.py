"""COSE_Sign1 with one signer, read strictly (RFC 9052 §4.2): what is not exactly right is refused.

A scan of the raw bytes comes before cbor2 sees them, because a general decoder gives far more than a seal needs:
tags that build dates, regular expressions and huge numbers, duplicate keys that vanish, many spellings of one value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from esign.errors import SealError

__all__ = [
    "ALG",
    "CRIT",
    "ES256",
    "KID",
    "TYP",
    "Form",
    "Sign1",
    "decode",
    "der_signature",
    "loads",
    "raw_signature",
    "scan",
    "verify",
]

ALG, CRIT, KID, TYP = 1, 2, 4, 16
"""Header parameters (RFC 9052 §3.1, RFC 9596 §2)."""
ES256 = -7
"""ECDSA with SHA-256 (RFC 9053 §2.1)."""

# RFC 9053 §2.1: ES256, ES384, ES512.
_ECDSA: Mapping[int, hashes.HashAlgorithm] = {
    ES256: hashes.SHA256(),
    -35: hashes.SHA384(),
    -36: hashes.SHA512(),
}
# RFC 8230 §2: PS256, PS384, PS512, with a salt as long as the digest.
_RSA_PSS: Mapping[int, hashes.HashAlgorithm] = {
    -37: hashes.SHA256(),
    -38: hashes.SHA384(),
    -39: hashes.SHA512(),
}
_TAG = b"\xd2"  # 18, COSE_Sign1
_MAX_DEPTH = 4


class Form(Enum):
    """Which of the spellings of a message is accepted."""

    SEAL = "seal"
    """Untagged, deterministic CBOR (RFC 8949 §4.2.1), nothing in the unprotected header: one spelling only."""
    COSE = "cose"
    """Tag 18 is required; lengths and the order of keys are free, as RFC 9052 lets other issuers choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign1:
    """A COSE_Sign1 message; `verify` says whether its signature is right."""

    protected: bytes
    """The protected header as it stands in the message."""
    unprotected: Mapping[object, object] = field(default_factory=dict)
    """The unprotected header; empty in a seal."""
    payload: bytes
    """What is signed."""
    signature: bytes
    """r‖s (RFC 9053 §2.1)."""

    @property
    def signed_header(self) -> Mapping[object, object]:
        """The protected header alone: what the signer stands for."""
        return cast("dict[object, object]", cbor2.loads(self.protected)) if self.protected else {}

    @property
    def headers(self) -> Mapping[object, object]:
        """Both headers; no label stands in both."""
        return {**self.signed_header, **self.unprotected}

    def encoded(self, *, form: Form = Form.SEAL) -> bytes:
        """The message, deterministic if its headers are; tagged as `form` asks."""
        message = cbor2.dumps([self.protected, dict(self.unprotected), self.payload, self.signature])
        return _TAG + message if form is Form.COSE else message

    def to_be_signed(self, external_aad: bytes = b"") -> bytes:
        """Sig_structure (RFC 9052 §4.4); an empty protected map is signed as a zero-length string."""
        protected = b"" if self.protected == b"\xa0" else self.protected
        return cbor2.dumps(["Signature1", protected, external_aad, self.payload])


def decode(data: bytes, *, form: Form = Form.SEAL, limit: int = 400) -> Sign1:
    """Read a message of at most `limit` bytes.

    Raises:
        SealError: `seal-too-long`, `seal-cbor-invalid`, `seal-cbor-not-deterministic`, `seal-trailing-bytes`,
            `cose-tag-invalid`, `cose-structure-invalid`, `cose-header-invalid`.
    """
    if len(data) > limit:
        raise SealError("seal-too-long", length=len(data), limit=limit)
    if form is Form.COSE:
        if not data.startswith(_TAG):
            raise SealError("cose-tag-invalid")
        data = data[1:]
    strict = form is Form.SEAL
    match loads(data, strict=strict):
        case [bytes(protected), dict(unprotected), bytes(payload), bytes(signature)]:
            pass
        case _:
            raise SealError("cose-structure-invalid")
    header = loads(protected, strict=strict) if protected else {}
    if not isinstance(header, dict) or (strict and unprotected):
        raise SealError("cose-header-invalid")
    # RFC 9052 §3: a label stands in one map only; §3.1: what is critical must be understood, and nothing is here.
    if header.keys() & unprotected.keys() or CRIT in header or CRIT in unprotected:
        raise SealError("cose-header-invalid")
    return Sign1(protected=protected, unprotected=unprotected, payload=payload, signature=signature)


def verify(message: Sign1, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, *, external_aad: bytes = b"") -> None:
    """Return if `message` was signed with the private half of `key`.

    Seals and what hosts publish have ES256 alone; the other algorithms are those of other issuers' messages.

    Raises:
        SealError: `seal-signature-invalid`, also for an algorithm that is unknown or not for such a key.
    """
    algorithm, signature = message.headers.get(ALG), message.signature
    if type(algorithm) is not int:
        raise SealError("seal-signature-invalid")
    signed = message.to_be_signed(external_aad)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            digest = _RSA_PSS[algorithm]
            key.verify(signature, signed, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
            return
        half = (key.curve.key_size + 7) // 8
        if len(signature) != 2 * half:
            raise SealError("seal-signature-invalid")
        key.verify(der_signature(signature), signed, ec.ECDSA(_ECDSA[algorithm]))
    except (InvalidSignature, KeyError) as e:
        raise SealError("seal-signature-invalid") from e


def raw_signature(der: bytes, *, half: int = 32) -> bytes:
    """r‖s of an `Ecdsa-Sig-Value` in DER (RFC 3279 §2.2.3), each `half` bytes long.

    Raises:
        SealError: `seal-signature-form`.
    """
    try:
        r, s = decode_dss_signature(der)
        return r.to_bytes(half, "big") + s.to_bytes(half, "big")
    except (ValueError, OverflowError) as e:
        raise SealError("seal-signature-form") from e


def der_signature(raw: bytes) -> bytes:
    """The same in DER, of r‖s."""
    half = len(raw) // 2
    return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))


def loads(data: bytes, *, strict: bool = True, depth: int = _MAX_DEPTH) -> Any:
    """The one CBOR item that `data` is, nested at most `depth` deep, after `scan` let it pass.

    Raises:
        SealError: A code of `decode`.
    """
    end = scan(data, strict=strict, depth=depth)
    if end != len(data):
        raise SealError("seal-trailing-bytes", offset=end)
    try:
        return cbor2.loads(data)
    except (cbor2.CBORDecodeError, ValueError, TypeError) as e:
        # Text that is not UTF-8, or an array as a map's key: well-formed, and nothing that we use.
        raise SealError("seal-cbor-invalid", offset=0) from e


def scan(data: bytes, at: int = 0, *, strict: bool = True, depth: int = _MAX_DEPTH) -> int:
    """The end of the CBOR item that begins at `at`; refuses what no seal has.

    Accepted: integers, strings, arrays, maps, false, true and null, of definite length, nested at most `depth` deep;
    in maps no key twice. `strict` asks for RFC 8949 §4.2.1 as well: shortest heads, keys in bytewise order.
    """
    major, value, end = _head(data, at, strict=strict)
    if major in (0, 1):
        return end
    if major in (2, 3):
        if value > len(data) - end:
            raise SealError("seal-cbor-invalid", offset=at)
        return end + value
    if major == 7:
        if value not in (20, 21, 22) or end != at + 1:
            raise SealError("seal-cbor-invalid", offset=at)
        return end
    if major == 6 or depth == 0 or value > len(data) - end:
        raise SealError("seal-cbor-invalid", offset=at)
    if major == 4:
        for _ in range(value):
            end = scan(data, end, strict=strict, depth=depth - 1)
        return end
    return _scan_map(data, end, pairs=value, strict=strict, depth=depth - 1)


def _scan_map(data: bytes, at: int, *, pairs: int, strict: bool, depth: int) -> int:
    seen: set[tuple[int, int, bytes]] = set()
    previous = b""
    for _ in range(pairs):
        start, at = at, scan(data, at, strict=strict, depth=depth)
        key = data[start:at]
        # However its length is spelled, a key is the same key.
        major, value, end = _head(data, start, strict=strict)
        same = (major, value, data[end:at])
        if same in seen or major not in (0, 1, 2, 3):
            raise SealError("seal-cbor-invalid", offset=start)
        if strict and key <= previous:
            raise SealError("seal-cbor-not-deterministic", offset=start)
        seen.add(same)
        previous = key
        at = scan(data, at, strict=strict, depth=depth)
    return at


def _head(data: bytes, at: int, *, strict: bool) -> tuple[int, int, int]:
    """Major type, argument and end of the head at `at` (RFC 8949 §3)."""
    if at >= len(data):
        raise SealError("seal-cbor-invalid", offset=at)
    major, short = divmod(data[at], 32)
    if short < 24:
        return major, short, at + 1
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(short)  # 31 is an indefinite length.
    if size is None or at + 1 + size > len(data):
        raise SealError("seal-cbor-invalid", offset=at)
    value = int.from_bytes(data[at + 1 : at + 1 + size], "big")
    smallest = 24 if size == 1 else 1 << 4 * size  # What the next shorter head cannot hold.
    if strict and value < smallest:
        raise SealError("seal-cbor-not-deterministic", offset=at)
    return major, value, at + 1 + size
