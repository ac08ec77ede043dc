"""The envelope of every published file: a tagged COSE_Sign1 with kid and type signed (docs/spec/status.md §2).

The type keeps a signature that was made for one kind of file from counting for another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec

from esign.errors import SealError
from esign.keys import KeyType, Mechanism, SigningKey
from esign.seal import cose, labels

__all__ = ["SignedFile", "point_of", "public_key_of", "sign_file", "spki_of"]

_MAX_CHAIN = 4
# SubjectPublicKeyInfo of a P-256 key (RFC 5480 §2.1.1) is this and the uncompressed point.
_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
_POINT_BYTES = 65


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFile:
    """A file that was read and whose signature is not checked yet."""

    kid: bytes
    """Which key signed, as the signed header says."""
    payload: bytes = field(repr=False)
    """The claims, as they stand."""
    chain: tuple[bytes, ...] = field(repr=False)
    """Certificates of the key, its own first; only files of the trust list have them."""
    message: cose.Sign1 = field(repr=False)
    """The whole."""

    @classmethod
    def read(cls, data: bytes, *, typ: str, limit: int) -> Self:
        """Read a file of the type `typ` and of at most `limit` bytes.

        Raises:
            SealError: A code of `cose.decode`; `cose-header-invalid` where kid, type or algorithm are not signed.
        """
        message = cose.decode(data, form=cose.Form.COSE, limit=limit)
        match message.signed_header:
            case {cose.ALG: cose.ES256, cose.KID: bytes(kid), cose.TYP: str(found), **rest} if (
                found == typ and rest.keys() <= {labels.CHAIN} and not message.unprotected
            ):
                chain = _chain(rest[labels.CHAIN]) if rest else ()
            case _:
                raise SealError("cose-header-invalid")
        return cls(kid=kid, payload=message.payload, chain=chain, message=message)

    def claims(self, *, depth: int = 4) -> Mapping[object, object]:
        """The claims, which are a map.

        Raises:
            SealError: `seal-cbor-invalid`, `seal-trailing-bytes` or `seal-claim-invalid`.
        """
        claims = cose.loads(self.payload, strict=False, depth=depth)
        if not isinstance(claims, dict):
            raise SealError("seal-claim-invalid", field="claims")
        return claims

    def check(self, public_key: bytes) -> None:
        """Return if the private half of `public_key` (an uncompressed point) signed it.

        Raises:
            SealError: `seal-key-unsuitable` or `seal-signature-invalid`.
        """
        cose.verify(self.message, public_key_of(public_key))


def _chain(value: object) -> tuple[bytes, ...]:
    match value:
        case [*found] if 1 <= len(found) <= _MAX_CHAIN:
            certificates = tuple(c for c in found if isinstance(c, bytes))
            if len(certificates) == len(found):
                return certificates
    raise SealError("cose-header-invalid")


def sign_file(
    claims: Mapping[int, Any], *, typ: str, kid: bytes, key: SigningKey, chain: Sequence[bytes] = ()
) -> bytes:
    """The file with these claims, in deterministic CBOR whatever their order.

    Raises:
        SealError: `seal-key-unsuitable`: not a P-256 key.
        KeyStoreError: What the key's backend says.
    """
    if key.key_type is not KeyType.P256:
        raise SealError("seal-key-unsuitable", found=key.key_type.value)
    header: dict[int, Any] = {cose.ALG: cose.ES256, cose.KID: kid, cose.TYP: typ}
    if chain:
        header[labels.CHAIN] = list(chain)
    message = cose.Sign1(protected=_dumps(header), payload=_dumps(dict(claims)), signature=b"")
    signature = key.sign(message.to_be_signed(), mechanism=Mechanism.ECDSA_P256_SHA256)
    signed = cose.Sign1(protected=message.protected, payload=message.payload, signature=cose.raw_signature(signature))
    cose.verify(signed, public_key_of(point_of(key.public_key)))
    return signed.encoded(form=cose.Form.COSE)


def point_of(spki: bytes) -> bytes:
    """The uncompressed point in a SubjectPublicKeyInfo of P-256.

    Raises:
        SealError: `seal-key-unsuitable`.
    """
    if len(spki) != len(_SPKI) + _POINT_BYTES or not spki.startswith(_SPKI) or spki[len(_SPKI)] != 4:
        raise SealError("seal-key-unsuitable", found="?")
    return spki[len(_SPKI) :]


def public_key_of(point: bytes) -> ec.EllipticCurvePublicKey:
    """The P-256 key that an uncompressed point is.

    Raises:
        SealError: `seal-key-unsuitable`, also for a point that is not on the curve.
    """
    try:
        if len(point) != _POINT_BYTES:
            raise SealError("seal-key-unsuitable", found="?")
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError as e:
        raise SealError("seal-key-unsuitable", found="?") from e


def spki_of(point: bytes) -> bytes:
    """SubjectPublicKeyInfo of a P-256 point; `SealKey` keeps keys so."""
    return _SPKI + point


def _dumps(value: object) -> bytes:
    # canonical=True sorts keys by length first (RFC 7049 §3.9); RFC 8949 §4.2.1 sorts by bytes alone.
    return cbor2.dumps(_sorted(value))


def _sorted(value: object) -> object:
    if isinstance(value, Mapping):
        return {k: _sorted(value[k]) for k in sorted(value, key=cbor2.dumps)}
    return [_sorted(v) for v in value] if isinstance(value, list | tuple) else value
