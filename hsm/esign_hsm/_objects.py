"""Reads keys and certificates of a token into our own values."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from pkcs11 import Attribute, Mechanism, ObjectClass, _pkcs11
from pkcs11 import KeyType as P11KeyType
from pkcs11 import exceptions as p11
from pkcs11.attributes import AttributeMapper
from pkcs11.types import Session

from esign.errors import KeyStoreError
from esign.keys import KeyType

__all__ = ["PrivateKeyObject", "certificates_for", "find", "key_type_of", "mapper", "private_keys", "public_key_of"]

_OCTET_STRING = 0x04
_CURVES: dict[bytes, tuple[KeyType, ec.EllipticCurve | None]] = {
    bytes.fromhex("06082a8648ce3d030107"): (KeyType.P256, ec.SECP256R1()),
    bytes.fromhex("06052b81040022"): (KeyType.P384, ec.SECP384R1()),
    bytes.fromhex("06032b6570"): (KeyType.ED25519, None),
    # PKCS#11 v3.0 §2.3.5 also allows the name; SoftHSM writes this one.
    b"\x13\x0cedwards25519": (KeyType.ED25519, None),
}
_BITS = {KeyType.P256: 256, KeyType.P384: 384, KeyType.ED25519: 256}
_MIN_RSA_BITS = 2048


def mapper() -> AttributeMapper:
    """python-pkcs11's attribute mapper, which survives labels that are not UTF-8 (older Vietnamese tokens)."""
    result = AttributeMapper()
    result.register_handler(Attribute.LABEL, lambda s: s.encode(), lambda b: b.rstrip(b"\0").decode("utf-8", "replace"))
    return result


class _Search(_pkcs11.SearchIter):  # type: ignore[name-defined,misc]  # missing from the stubs
    """python-pkcs11's search, which keeps its lock and writes to stderr when the session died before it began."""

    def _initiate(self) -> None:
        try:
            super()._initiate()
        except p11.PKCS11Error:
            with contextlib.suppress(p11.PKCS11Error):
                self._finalize()
            raise


class TokenObject:
    """An object on a token, of one session.

    It stands between us and python-pkcs11's object, whose `repr` asks the token for its label: a crash reporter that
    prints local variables would call into a session that has just died, and fail itself.
    """

    __slots__ = ("_object",)

    def __init__(self, found: Any) -> None:
        self._object = found

    def __getitem__(self, attribute: Attribute) -> Any:
        return self._object[attribute]

    def sign(self, data: bytes, *, mechanism: Mechanism, parameter: object) -> bytes:
        """C_SignInit and C_Sign."""
        # Not `sign`, whose Python frame would show python-pkcs11's object again.
        if not hasattr(self._object, "_sign"):  # python-pkcs11 leaves it out where CKA_SIGN is not set
            raise p11.FunctionNotSupported
        signed: bytes = self._object._sign(data, mechanism=mechanism, mechanism_param=parameter)  # noqa: SLF001
        return signed

    def destroy(self) -> None:
        """C_DestroyObject."""
        self._object.destroy()


def find(session: Session, template: Mapping[Attribute, object]) -> list[TokenObject]:
    """All objects that match `template`."""
    with _Search(session, dict(template), 32) as batches:
        return [TokenObject(found) for batch in batches for found in batch]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateKeyObject:
    """A private key as its token shows it."""

    handle: TokenObject
    """The key itself, in one session."""
    id: bytes
    """CKA_ID; empty where it has none."""
    label: str
    """CKA_LABEL; empty where it has none."""
    key_type: KeyType | None
    """None: a kind that esign does not sign with, or an RSA key that is too short."""
    bits: int
    """The size of the modulus or the curve."""
    always_authenticate: bool
    """CKA_ALWAYS_AUTHENTICATE: the token wants the PIN for each signature."""
    extractable: bool
    """CKA_EXTRACTABLE: it could leave the token."""
    signs: bool
    """CKA_SIGN."""


def private_keys(session: Session, *, key_id: bytes | None = None, label: str | None = None) -> list[PrivateKeyObject]:
    """The private keys of the session's token that have this id and label."""
    template: dict[Attribute, object] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
    if key_id is not None:
        template[Attribute.ID] = key_id
    if label is not None:
        template[Attribute.LABEL] = label
    return [_private_key(found) for found in find(session, template)]


def _private_key(found: TokenObject) -> PrivateKeyObject:
    key_type, bits = key_type_of(found)
    return PrivateKeyObject(
        handle=found,
        id=_attribute(found, Attribute.ID, b""),
        label=_attribute(found, Attribute.LABEL, ""),
        key_type=key_type,
        bits=bits,
        always_authenticate=_attribute(found, Attribute.ALWAYS_AUTHENTICATE, False),
        extractable=_attribute(found, Attribute.EXTRACTABLE, False),
        signs=_attribute(found, Attribute.SIGN, True),
    )


def key_type_of(found: TokenObject) -> tuple[KeyType | None, int]:
    """The kind and size of a key object; (None, size) for one that esign does not sign with."""
    match _attribute(found, Attribute.KEY_TYPE, None):
        case P11KeyType.RSA:
            bits = int.from_bytes(_attribute(found, Attribute.MODULUS, b"")).bit_length()
            return (KeyType.RSA if bits >= _MIN_RSA_BITS else None), bits
        case P11KeyType.EC | P11KeyType.EC_EDWARDS:
            curve = _CURVES.get(_attribute(found, Attribute.EC_PARAMS, b""))
            return (curve[0], _BITS[curve[0]]) if curve else (None, 0)
        case _:
            return None, 0


def public_key_of(session: Session, key: PrivateKeyObject, *, certificates: Sequence[x509.Certificate]) -> bytes:
    """The SubjectPublicKeyInfo of `key`: from its public key object, its certificate, or the private key's own.

    Raises:
        KeyStoreError: `public-key-missing`.
    """
    for candidate in _public_keys(session, key, certificates):
        return candidate
    raise KeyStoreError("public-key-missing", label=key.label, id=key.id.hex(), token=session.token.label)


def _public_keys(session: Session, key: PrivateKeyObject, certificates: Sequence[x509.Certificate]) -> Iterator[bytes]:
    same: dict[Attribute, object] = {Attribute.CLASS: ObjectClass.PUBLIC_KEY}
    same |= {Attribute.ID: key.id} if key.id else {Attribute.LABEL: key.label}
    spki = {s for s in map(_spki, find(session, same)) if s is not None and _kind(s) is key.key_type}
    own = _spki(key.handle)  # an RSA key shows modulus and exponent itself; others may have CKA_EC_POINT
    if own is not None:
        yield own
    if len(spki) == 1:  # two different ones under one CKA_ID: neither is believed
        yield from spki
    if key.id:
        ids = {_attribute(c, Attribute.VALUE, b"") for c in _certificate_objects(session, key.id)}
        for certificate in certificates:
            if certificate.public_bytes(Encoding.DER) in ids and _kind(_certificate_key(certificate)) is key.key_type:
                yield _certificate_key(certificate)


def _spki(found: TokenObject) -> bytes | None:
    """SubjectPublicKeyInfo from the attributes of a public or private key object; None where they do not suffice."""
    key_type, _bits = key_type_of(found)
    try:
        if key_type is KeyType.RSA:
            modulus = int.from_bytes(_attribute(found, Attribute.MODULUS, b""))
            exponent = int.from_bytes(_attribute(found, Attribute.PUBLIC_EXPONENT, b""))
            return _der(rsa.RSAPublicNumbers(exponent, modulus).public_key())
        point = _attribute(found, Attribute.EC_POINT, b"")
        curve = _CURVES.get(_attribute(found, Attribute.EC_PARAMS, b""))
        if not point or curve is None:
            return None
        if curve[1] is None:
            return _der(ed25519.Ed25519PublicKey.from_public_bytes(_raw_point(point, 32)))
        size = 1 + 2 * (curve[1].key_size // 8)
        return _der(ec.EllipticCurvePublicKey.from_encoded_point(curve[1], _raw_point(point, size)))
    except ValueError:
        return None


def _raw_point(point: bytes, size: int) -> bytes:
    """CKA_EC_POINT is a DER OCTET STRING (PKCS#11 §2.3.3); some modules give the point itself."""
    wrapped = len(point) == size + 2 and point[0] == _OCTET_STRING and point[1] == size
    return point[2:] if wrapped else point


def _der(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _kind(spki: bytes) -> KeyType | None:
    match load_der_public_key(spki):
        case rsa.RSAPublicKey():
            return KeyType.RSA
        case ec.EllipticCurvePublicKey() as key:
            return {"secp256r1": KeyType.P256, "secp384r1": KeyType.P384}.get(key.curve.name)
        case ed25519.Ed25519PublicKey():
            return KeyType.ED25519
        case _:
            return None


def _certificate_key(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _certificate_objects(session: Session, key_id: bytes | None = None) -> list[TokenObject]:
    template: dict[Attribute, object] = {Attribute.CLASS: ObjectClass.CERTIFICATE}
    if key_id:
        template[Attribute.ID] = key_id
    return find(session, template)


def all_certificates(session: Session) -> list[x509.Certificate]:
    """The X.509 certificates on the token; what cannot be parsed is not one."""
    found = []
    for candidate in _certificate_objects(session):
        with contextlib.suppress(ValueError):
            found.append(x509.load_der_x509_certificate(_attribute(candidate, Attribute.VALUE, b"")))
    return found


def certificates_for(public_key: bytes, certificates: Sequence[x509.Certificate]) -> tuple[bytes, ...]:
    """The certificate of `public_key` and its issuers, DER, as far as they are among `certificates`.

    Of several for the same key (a renewed one) the one that ends last is taken.
    """
    own = [c for c in certificates if _certificate_key_or_none(c) == public_key]
    if not own:
        return ()
    chain = [max(own, key=lambda c: c.not_valid_after_utc)]
    while issuer := next((c for c in certificates if c not in chain and _issued(c, chain[-1])), None):
        chain.append(issuer)
    return tuple(c.public_bytes(Encoding.DER) for c in chain)


def _certificate_key_or_none(certificate: x509.Certificate) -> bytes | None:
    try:
        return _certificate_key(certificate)
    except (ValueError, TypeError):  # a kind of key that cryptography does not know
        return None


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _attribute(found: TokenObject, attribute: Attribute, default: Any) -> Any:
    """The value of `attribute`, or `default` where the object has none or does not show it."""
    try:
        return found[attribute]
    except (p11.AttributeTypeInvalid, p11.AttributeSensitive, p11.FunctionFailed, p11.AttributeValueInvalid):
        return default
    except (IndexError, ValueError):
        # Nothing was returned; or a vendor's own enum value.
        return default
