"""Looks after tokens: lists and initialises them, makes keys in them, and puts certificates beside the keys."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11 import Attribute, CertificateType, ObjectClass
from pkcs11 import KeyType as P11KeyType
from pkcs11 import exceptions as p11
from pkcs11.constants import TokenFlag
from pkcs11.mechanisms import Mechanism as P11Mechanism
from pkcs11.types import Session

from esign.errors import InputError, KeyStoreError, PINError, TokenUnavailable
from esign.keys import KeyRef, PinGuard
from esign_hsm._faults import NOT_SENT, refuse
from esign_hsm._library import Module, UserType, load
from esign_hsm._objects import all_certificates, find
from esign_hsm.keystore import TokenKey, TokenKeyStore
from esign_hsm.modules import module_named
from esign_hsm.pin import PinSource, wipe
from esign_hsm.token import Visible, visible

__all__ = ["KeyKind", "TokenInfo", "generate_key", "import_certificates", "init_token", "tokens"]

_LABEL_BYTES = 32
_ID_BYTES = 20


class KeyKind(Enum):
    """The keys that esign makes."""

    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    P256 = "p-256"
    P384 = "p-384"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """A token as `esign token list` shows it; no PIN is needed to see it."""

    module: Path
    """The PKCS#11 library that shows it."""
    slot_id: int
    """Its slot's number, now."""
    label: str
    """Its label; empty before it is initialised."""
    serial: str
    """Its serial number."""
    manufacturer: str
    """Who made it."""
    model: str
    """What it is."""
    firmware: str
    """Its firmware's version."""
    flags: frozenset[str]
    """CK_TOKEN_INFO.flags in words, for instance `user-pin-count-low`."""
    mechanisms: tuple[str, ...] = ()
    """What its slot offers, as PKCS#11 names it."""

    @property
    def initialised(self) -> bool:
        """Whether it can hold keys."""
        return "token-initialized" in self.flags


def tokens(module: str | Path) -> tuple[TokenInfo, ...]:
    """The tokens that `module` (a path, or a name of the table) shows now."""
    loaded = load(module_named(str(module)))
    try:
        return tuple(_info(loaded, v) for v in visible(loaded))
    except p11.PKCS11Error as e:
        raise TokenUnavailable("module-unavailable", module=loaded.path, error=type(e).__name__) from e


def _info(module: Module, seen: Visible) -> TokenInfo:
    major, minor = seen.handle.firmware_version
    with module.calls:
        mechanisms = sorted(getattr(m, "name", f"0x{m:X}") for m in seen.handle.slot.get_mechanisms())
    return TokenInfo(
        module=module.path,
        slot_id=seen.slot_id,
        label=seen.label,
        serial=seen.serial,
        manufacturer=seen.manufacturer,
        model=seen.model,
        firmware=f"{major}.{minor}",
        flags=frozenset(f.name.lower().replace("_", "-") for f in TokenFlag if f.name and f in seen.flags),
        mechanisms=tuple(mechanisms),
    )


def init_token(
    module: str | Path,
    *,
    label: str,
    so_pin: PinSource,
    user_pin: PinSource,
    guard: PinGuard,
    slot_id: int | None = None,
    erase: bool = False,
) -> TokenInfo:
    """Make an empty token with this label, SO PIN and user PIN (C_InitToken, C_InitPIN).

    `slot_id`: None takes the first slot whose token is not initialised. A token that is initialised loses all its
    keys, so it is touched only where `erase` is set, and only with its present SO PIN.

    Raises:
        KeyStoreError: `token-initialised`, `no-free-slot`, `token-label-taken`.
        InputError: `token-label-long`.
        PINError: The SO PIN was refused.
    """
    if not label or len(label.encode()) > _LABEL_BYTES:
        raise InputError("token-label-long", label=label, most=_LABEL_BYTES)
    loaded = load(module_named(str(module)))
    new_so, new_user = so_pin.read(label), user_pin.read(label)
    try:
        with loaded.exclusive(), loaded.calls:
            before = visible(loaded)
            chosen = _slot(before, slot_id, erase=erase)
            others = [v for v in before if v.slot_id != chosen.slot_id and v.flags & TokenFlag.TOKEN_INITIALIZED]
            if any(v.label == label for v in others):
                raise KeyStoreError("token-label-taken", label=label)
            serial = f"so:{chosen.serial or chosen.slot_id}"
            with guard.attempt(serial, attended=so_pin.attended) as attempt:
                so = new_so.buffer()
                try:
                    loaded.init_token(chosen.slot_id, so, label)
                except (p11.PinIncorrect, p11.PinLocked, p11.PinInvalid, p11.PinLenRange) as e:
                    attempt.refused()
                    raise PINError("so-pin-refused", token=chosen.label or label) from e
                except (*NOT_SENT, p11.SessionExists):
                    attempt.not_sent()
                    raise
                finally:
                    wipe(so)
                attempt.accepted()
            known = {v.identity for v in others}
            made = next(v for v in visible(loaded) if v.label == label and v.identity not in known)
            so, user = new_so.buffer(), new_user.buffer()
            session = made.handle.open(rw=True)
            try:
                loaded.login(session, UserType.SO, so)
                loaded.init_pin(session, user)
            except (p11.PinInvalid, p11.PinLenRange, p11.PinTooWeak) as e:
                raise PINError("pin-not-accepted", token=label) from e
            finally:
                wipe(so)
                wipe(user)
                session.close()
            return next(_info(loaded, v) for v in visible(loaded) if v.identity == made.identity)
    except p11.PKCS11Error as e:
        refuse(e, token=label, doing="C_InitToken")


def _slot(seen: Sequence[Visible], slot_id: int | None, *, erase: bool) -> Visible:
    if slot_id is None:
        chosen = next((v for v in seen if not v.flags & TokenFlag.TOKEN_INITIALIZED), None)
    else:
        chosen = next((v for v in seen if v.slot_id == slot_id), None)
    if chosen is None:
        raise KeyStoreError("no-free-slot", found="; ".join(map(str, seen)) or "—")
    if chosen.flags & TokenFlag.TOKEN_INITIALIZED and not erase:
        raise KeyStoreError("token-initialised", slot=chosen.slot_id, token=chosen.label, serial=chosen.serial)
    return chosen


_EC_PARAMS = {
    KeyKind.P256: (bytes.fromhex("06082a8648ce3d030107"),),
    KeyKind.P384: (bytes.fromhex("06052b81040022"),),
    # PKCS#11 v3.0 §2.3.5 takes the OID or the name; modules know one or the other.
    KeyKind.ED25519: (bytes.fromhex("06032b6570"), b"\x13\x0cedwards25519"),
}


def generate_key(
    store: TokenKeyStore,
    *,
    kind: KeyKind,
    label: str,
    token: KeyRef | None = None,
    key_id: bytes | None = None,
) -> KeyRef:
    """Make a key pair in the token that `token` names: sensitive, not extractable, for signing only.

    `key_id`: CKA_ID; 20 random bytes where None.

    Raises:
        KeyStoreError: `key-label-taken`, `key-id-taken`, `mechanism-refused`.
    """
    there = store.token(token or KeyRef())
    key_id = key_id or secrets.token_bytes(_ID_BYTES)
    try:
        with there.writable() as session:
            _refuse_taken(session, label=label, key_id=key_id, token=there.label)
            for params in _EC_PARAMS.get(kind, (b"",)):
                try:
                    _generate(session, kind, params, label=label, key_id=key_id)
                    break
                except (p11.DomainParamsInvalid, p11.AttributeValueInvalid, p11.FunctionFailed, p11.GeneralError):
                    if params == _EC_PARAMS.get(kind, (b"",))[-1]:
                        raise
    except p11.PKCS11Error as e:
        refuse(e, token=there.label, doing="C_GenerateKeyPair")
    return KeyRef(token=there.label, serial=there.serial, object=label, id=key_id, type="private")


def _refuse_taken(session: Session, *, label: str, key_id: bytes, token: str) -> None:
    for attribute, value, code in (
        (Attribute.LABEL, label, "key-label-taken"),
        (Attribute.ID, key_id, "key-id-taken"),
    ):
        if find(session, {Attribute.CLASS: ObjectClass.PRIVATE_KEY, attribute: value}):
            raise KeyStoreError(code, label=label, id=key_id.hex(), token=token)


def _generate(session: Session, kind: KeyKind, params: bytes, *, label: str, key_id: bytes) -> None:
    common = {Attribute.TOKEN: True, Attribute.ID: key_id, Attribute.LABEL: label}
    public: dict[Attribute, object] = {**common, Attribute.PRIVATE: False, Attribute.VERIFY: True}
    private: dict[Attribute, object] = {
        **common,
        Attribute.PRIVATE: True,
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.SIGN: True,
        Attribute.DECRYPT: False,
        Attribute.UNWRAP: False,
    }
    if params:
        public[Attribute.EC_PARAMS] = params
        del private[Attribute.DECRYPT], private[Attribute.UNWRAP]
        key_type = P11KeyType.EC_EDWARDS if kind is KeyKind.ED25519 else P11KeyType.EC
        mechanism = P11Mechanism.EC_EDWARDS_KEY_PAIR_GEN if kind is KeyKind.ED25519 else P11Mechanism.EC_KEY_PAIR_GEN
        size = None
    else:
        key_type, mechanism, size = (
            P11KeyType.RSA,
            P11Mechanism.RSA_PKCS_KEY_PAIR_GEN,
            int(kind.value.removeprefix("rsa-")),
        )
    session.generate_keypair(
        key_type,
        size,
        capabilities=0,
        mechanism=mechanism,
        public_template=public,
        private_template=private,
    )


def import_certificates(store: TokenKeyStore, ref: KeyRef, *, certificates: Sequence[bytes]) -> TokenKey:
    """Put the certificate of the key that `ref` names, and its issuers, beside it; gives the key as it is then.

    `certificates`: DER, in any order; exactly one is the key's. What is on the token already is left alone.

    Raises:
        KeyStoreError: `certificate-not-for-key`: none has the key's public key, or several have.
        InputError: `certificate-invalid`.
    """
    key = store.key(ref)
    parsed = [_parsed(der) for der in certificates]
    own = [
        c
        for c in parsed
        if c.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == key.public_key
    ]
    if len(own) != 1:
        subjects = "; ".join(c.subject.rfc4514_string() for c in parsed) or "—"
        raise KeyStoreError("certificate-not-for-key", label=key.ref.object, token=key.ref.token, found=subjects)
    there = store.token(ref)
    try:
        with there.writable() as session:
            have = set(all_certificates(session))
            for certificate in parsed:
                if certificate not in have:
                    mine = certificate is own[0]
                    label = (key.ref.object if mine else _common_name(certificate)) or ""
                    _store(session, certificate, label=label, key_id=(key.ref.id if mine else None) or b"")
    except p11.PKCS11Error as e:
        refuse(e, token=there.label, doing="C_CreateObject")
    return store.key(ref)


def _parsed(der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as e:
        raise InputError("certificate-invalid", detail=str(e)[:80]) from e


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _store(session: Session, certificate: x509.Certificate, *, label: str, key_id: bytes) -> None:
    start: date = certificate.not_valid_before_utc.date()
    end: date = certificate.not_valid_after_utc.date()
    attributes: dict[Attribute, object] = {
        Attribute.CLASS: ObjectClass.CERTIFICATE,
        Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
        Attribute.TOKEN: True,
        Attribute.PRIVATE: False,
        Attribute.LABEL: label,
        Attribute.SUBJECT: certificate.subject.public_bytes(),
        Attribute.ISSUER: certificate.issuer.public_bytes(),
        # CKA_SERIAL_NUMBER is the DER INTEGER (PKCS#11 §4.6.3).
        Attribute.SERIAL_NUMBER: _der_integer(certificate.serial_number),
        Attribute.VALUE: certificate.public_bytes(Encoding.DER),
        Attribute.START_DATE: start,
        Attribute.END_DATE: end,
    }
    if key_id:
        attributes[Attribute.ID] = key_id
    session.create_object(attributes)


def _der_integer(value: int) -> bytes:
    content = value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
    return bytes((0x02, len(content))) + content
