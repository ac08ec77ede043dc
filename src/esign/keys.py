"""Keys as the library sees them: a reference, what it can do, and `sign(data)`.

The backends live elsewhere: tokens and HSMs in `esign_hsm`, PKCS#12 files in `esign.softkey`.

>>> KeyRef.parse("pkcs11:token=van-thu;object=con-dau").object
'con-dau'
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields
from enum import Enum
from functools import lru_cache
from typing import Any, Protocol, Self
from urllib.parse import quote, unquote_to_bytes

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from esign.errors import InputError

__all__ = [
    "DelegatedKey",
    "KeyInfo",
    "KeyRef",
    "KeyStore",
    "KeyType",
    "Mechanism",
    "PinAttempt",
    "PinGuard",
    "Protection",
    "SigningKey",
    "algorithm",
    "check_signature",
    "key_type_of",
    "sign_all",
]


class KeyType(Enum):
    """The keys that esign signs with; RSA keys have 2048 bits or more."""

    RSA = "RSA"
    P256 = "P-256"
    P384 = "P-384"
    ED25519 = "Ed25519"


class Mechanism(Enum):
    """A signature algorithm with its digest; signatures have the form that CMS carries.

    RSA: RFC 8017; ECDSA: `Ecdsa-Sig-Value` in DER (RFC 3279 §2.2.3); Ed25519: RFC 8032.
    """

    RSA_PKCS1_SHA256 = "rsa-pkcs1-sha256"
    RSA_PKCS1_SHA384 = "rsa-pkcs1-sha384"
    RSA_PKCS1_SHA512 = "rsa-pkcs1-sha512"
    RSA_PSS_SHA256 = "rsa-pss-sha256"
    RSA_PSS_SHA384 = "rsa-pss-sha384"
    RSA_PSS_SHA512 = "rsa-pss-sha512"
    ECDSA_P256_SHA256 = "ecdsa-p256-sha256"
    ECDSA_P384_SHA384 = "ecdsa-p384-sha384"
    ED25519 = "ed25519"

    @property
    def digest(self) -> str:
        """The digest of the document, as hashlib names it (Ed25519: SHA-512, RFC 8419 §2.3)."""
        return "sha512" if self is Mechanism.ED25519 else self.value.rpartition("-")[2]

    @property
    def key_type(self) -> KeyType:
        """The kind of key that can do it."""
        if self.value.startswith("rsa"):
            return KeyType.RSA
        return {"ecdsa-p256-sha256": KeyType.P256, "ecdsa-p384-sha384": KeyType.P384}.get(self.value, KeyType.ED25519)


class Protection(Enum):
    """Where the private key lives."""

    TOKEN = "token"  # noqa: S105
    """In a token or HSM; it cannot leave."""
    SOFTWARE = "software"
    """In memory, from a file: weaker, whoever reads the file has the key."""


# RFC 7512 §2.3: what identifies a key stands in the path, how to reach it in the query.
_PATH = ("token", "manufacturer", "model", "serial", "slot-id", "object", "type", "id")
_QUERY = ("pin-source", "module-name", "module-path")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRef:
    """A `pkcs11:` URI (RFC 7512): which token, which key, and how to reach them; never a PIN."""

    token: str | None = None
    """The token's label."""
    manufacturer: str | None = None
    """The token's manufacturer."""
    model: str | None = None
    """The token's model."""
    serial: str | None = None
    """The token's serial number."""
    slot_id: str | None = None
    """The slot's number; it changes from boot to boot, so prefer `token` or `serial`."""
    object: str | None = None
    """CKA_LABEL."""
    type: str | None = None
    """`private`, `public`, `cert`, or none."""
    id: bytes | None = None
    """CKA_ID."""
    pin_source: str | None = None
    """The path (or `file:` URI) of a file that holds the PIN."""
    module_name: str | None = None
    """A module of the table in `esign_hsm`, for instance `softhsm2`."""
    module_path: str | None = None
    """The PKCS#11 library itself."""

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Read `uri`.

        Raises:
            InputError: `key-uri-invalid`, or `key-uri-has-pin` (a PIN in a URI ends up in logs).
        """
        scheme, _, rest = uri.partition(":")
        if scheme.lower() != "pkcs11":
            raise InputError("key-uri-invalid", uri=_shown(uri), detail="expected it to start with pkcs11:")
        path, _, query = rest.partition("?")
        if re.search(r"(^|[&;?])pin-value=", rest):
            raise InputError("key-uri-has-pin")
        values: dict[str, str | bytes] = {}
        for part, separator, known in ((path, ";", _PATH), (query, "&", _QUERY)):
            for pair in filter(None, part.split(separator)):
                name, equals, value = pair.partition("=")
                if not equals or (name not in known and not name.startswith("x-")):
                    raise InputError("key-uri-invalid", uri=_shown(uri), detail=f"unknown attribute {name}")
                attribute = name.replace("-", "_")
                if attribute in values:
                    raise InputError("key-uri-invalid", uri=_shown(uri), detail=f"{name} stands twice")
                if name in known:
                    raw = unquote_to_bytes(value)
                    try:
                        values[attribute] = raw if name == "id" else raw.decode("utf-8")
                    except UnicodeDecodeError as e:
                        raise InputError("key-uri-invalid", uri=_shown(uri), detail=f"{name} is not UTF-8") from e
        return cls(**values)  # type: ignore[arg-type]  # `id` is bytes, all others are str

    def __str__(self) -> str:
        def spelled(names: tuple[str, ...]) -> list[str]:
            found = ((n, getattr(self, n.replace("-", "_"))) for n in names)
            return [f"{n}={_escaped(v)}" for n, v in found if v is not None]

        query = "&".join(spelled(_QUERY))
        return "pkcs11:" + ";".join(spelled(_PATH)) + (f"?{query}" if query else "")

    def filled(self, other: "KeyRef") -> "KeyRef":
        """This reference, with what it leaves open taken from `other`."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        return KeyRef(**{k: getattr(other, k) if v is None else v for k, v in own.items()})


def _escaped(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return "".join(f"%{b:02X}" for b in value)
    return quote(value, safe="-._~:[]@!$'()*+,/")


def _shown(uri: str) -> str:
    return re.sub(r"(pin-value=)[^&;]*", r"\1…", uri)[:200]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """A key in a store, as `esign key list` shows it."""

    ref: KeyRef
    """Enough to find it again: token, serial, label and id."""
    key_type: KeyType | None
    """None: a kind that esign does not sign with."""
    bits: int
    """The modulus' or the curve's size."""
    certificates: tuple[bytes, ...] = ()
    """DER, the key's own first, then its issuers as far as they are beside it."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What else the store says: `always-authenticate`, `extractable`, …"""


class SigningKey(Protocol):
    """A private key that can sign, wherever it is.

    An implementation is safe to use from several threads, checks each signature against `public_key` before it
    returns it, and raises `KeyStoreError` for whatever the backend throws.
    """

    @property
    def ref(self) -> KeyRef | None:
        """Where it is; None for a key without an address."""

    @property
    def protection(self) -> Protection:
        """In a token, or in software."""

    @property
    def key_type(self) -> KeyType:
        """The kind of key."""

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7)."""

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """DER, the key's own certificate first, then its issuers; empty where it has none."""

    @property
    def mechanisms(self) -> frozenset[Mechanism]:
        """What it can do here."""

    def sign(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        """Sign `data` itself, not a digest of it (Ed25519 and some modules need the whole).

        Raises:
            TokenUnavailable: The token is gone; later it may work.
            KeyStoreError: `mechanism-not-offered`, or the token refused.
        """


class _SignAll(Protocol):
    """`sign_all` of a key that takes many orders at a time, so that it never waits for the next."""

    def __call__(self, data: Sequence[bytes], *, mechanism: Mechanism) -> list[bytes]: ...


def sign_all(key: SigningKey, data: Sequence[bytes], *, mechanism: Mechanism) -> list[bytes]:
    """A signature over each of `data`; a key that can take them all at once gets them so.

    Raises:
        KeyStoreError: As `SigningKey.sign`; what was signed before the failure is lost.
    """
    # `isinstance` with a protocol takes 40,000 instructions, each time.
    many: _SignAll | None = getattr(key, "sign_all", None)
    if many is not None:
        return many(data, mechanism=mechanism)
    return [key.sign(each, mechanism=mechanism) for each in data]


class DelegatedKey:
    """Implements `SigningKey` with another one, `_key`; a subclass says which, and adds what it is for."""

    _key: SigningKey

    @property
    def ref(self) -> KeyRef | None:
        """The other key's, as all that follows."""
        return self._key.ref

    @property
    def protection(self) -> Protection:
        """See `SigningKey`."""
        return self._key.protection

    @property
    def key_type(self) -> KeyType:
        """See `SigningKey`."""
        return self._key.key_type

    @property
    def public_key(self) -> bytes:
        """See `SigningKey`."""
        return self._key.public_key

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """See `SigningKey`."""
        return self._key.certificates

    @property
    def mechanisms(self) -> frozenset[Mechanism]:
        """See `SigningKey`."""
        return self._key.mechanisms

    def sign(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        """See `SigningKey`."""
        return self.sign_all([data], mechanism=mechanism)[0]

    def sign_all(self, data: Sequence[bytes], *, mechanism: Mechanism) -> list[bytes]:
        """In one order, where the other key takes one."""
        return sign_all(self._key, data, mechanism=mechanism)


class KeyStore(Protocol):
    """Where signing keys are found: a token, an HSM, a file."""

    def key(self, ref: KeyRef) -> SigningKey:
        """The one private key that `ref` names.

        Raises:
            KeyNotFound: None matches, or several; the message names slot, token and label.
            PINError: No PIN, or one that must not be tried.
        """

    def keys(self) -> tuple[KeyInfo, ...]:
        """All keys that can be seen."""

    def close(self) -> None:
        """Give sessions back; keys of this store are dead afterwards."""


class PinAttempt(Protocol):
    """One `C_Login` that is about to happen; exactly one of these is called before the guard is left."""

    def accepted(self) -> None:
        """The token took the PIN."""

    def refused(self) -> None:
        """The token refused the PIN."""

    def not_sent(self) -> None:
        """The PIN did not reach the token (for instance: the token went away before)."""


class PinGuard(Protocol):
    """Lets a wrong PIN be sent at most once in a whole deployment, until a person clears it (DESIGN law 2).

    Keyed by the token's serial number, never by a PIN or its hash. An implementation guarantees: `attempt` is
    exclusive for a serial among all threads, processes and machines of the deployment; that a PIN is about to be
    tried is durable before `attempt` yields; leaving without `accepted` or `not_sent`, or dying, counts as a refusal.
    """

    def attempt(self, serial: str, *, attended: bool) -> AbstractContextManager[PinAttempt]:
        """Wait for the turn, and record that a PIN is about to be tried.

        `attended`: a person has just typed the PIN; a person may try again where an unattended source may not.

        Raises:
            PINError: `pin-blocked`: one was refused before, and nobody cleared it.
        """

    def blocked(self, serial: str) -> bool:
        """Whether unattended sources are refused for this token."""

    def clear(self, serial: str) -> None:
        """A person says: the PIN is right now."""


_SHORT = 4096
"""Bytes of what is signed; what is longer is not remembered."""


def check_signature(public_key: bytes, signature: bytes, data: bytes, *, mechanism: Mechanism) -> bool:
    """Whether `signature` over `data` was made by the private key of `public_key` (SubjectPublicKeyInfo, DER).

    False also where the key is of another kind than `mechanism` needs. Who issues asks this of the same bytes where
    they come from the key, where they are put into a file, and where that file is looked at: it is computed once.
    """
    is_made_by = _remembered if len(data) <= _SHORT else _is_made_by
    return is_made_by(public_key, signature, data, mechanism)


def _is_made_by(public_key: bytes, signature: bytes, data: bytes, mechanism: Mechanism) -> bool:
    key, key_type = _loaded(public_key)
    if key_type is not mechanism.key_type:
        return False
    try:
        key.verify(signature, data, *algorithm(mechanism))
    except InvalidSignature:
        return False
    return True


_remembered = lru_cache(maxsize=1024)(_is_made_by)


def key_type_of(public_key: bytes) -> KeyType | None:
    """The kind of a public key (SubjectPublicKeyInfo, DER); None for one that esign does not sign with."""
    return _loaded(public_key)[1]


@lru_cache
def algorithm(mechanism: Mechanism) -> tuple[Any, ...]:
    """`mechanism` for the keys of cryptography: what their `sign` and `verify` are told behind the data."""
    if mechanism is Mechanism.ED25519:
        return ()
    digest = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[mechanism.digest]
    if mechanism.key_type is not KeyType.RSA:
        return (ec.ECDSA(digest),)
    if "pss" in mechanism.value:
        # The salt is as long as the digest (RFC 4055 §3.1 recommends it).
        return padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size), digest
    return padding.PKCS1v15(), digest


@lru_cache(maxsize=256)
def _loaded(public_key: bytes) -> tuple[Any, KeyType | None]:
    """What cryptography makes of a public key, and of which kind it is."""
    match key := load_der_public_key(public_key):
        case rsa.RSAPublicKey():
            return key, KeyType.RSA
        case ec.EllipticCurvePublicKey(curve=curve):
            return key, {"secp256r1": KeyType.P256, "secp384r1": KeyType.P384}.get(curve.name)
        case ed25519.Ed25519PublicKey():
            return key, KeyType.ED25519
    return key, None
