"""The seal itself: what it says, its one spelling in bytes and digits, and its URL (docs/spec/seal.md §2–4).

A `SealToken` that exists is well-formed; whether its signature is right, and by whom, says `esign.seal.verify`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Self, TypeVar

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from esign.codes import DocumentNumber, ProcedureCode, ResultId
from esign.errors import InputError, SealError
from esign.keys import KeyType, Mechanism, SigningKey, check_signature
from esign.seal import cose
from esign.seal.digest import DIGEST_BYTES
from esign.seal.digits import from_digits, to_digits
from esign.seal.mask import MaskedHolder

__all__ = [
    "UNDISCLOSED",
    "Kid",
    "SealClaims",
    "SealToken",
    "assemble",
    "assemble_checked",
    "check_host",
    "make",
    "p256",
    "split_url",
    "to_be_signed",
]

# CWT claims (RFC 8392 §3.1), and a private one for what only a seal has.
_EXP, _IAT, _CTI, _SEAL = 4, 6, 7, -65537
_VERSION = 1
_U16, _U32 = 0xFFFF, 0xFFFF_FFFF
_SHARD_BITS = 17
_SIGNATURE_BYTES = 64

UNDISCLOSED = ProcedureCode("0.000000")
"""Stands in seals that do not say what kind of result they are on (docs/spec/trust-list.md §2)."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, order=True)
class Kid:
    """Which key made a seal: four bytes that the trust list assigns."""

    agency: int
    """u16: the agency's number."""
    sequence: int
    """u16: which of its keys."""

    def __post_init__(self) -> None:
        for name, value in (("agency number", self.agency), ("key sequence", self.sequence)):
            if not 0 <= value <= _U16:
                raise SealError("seal-claim-invalid", field=name)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read eight small hex digits.

        Raises:
            SealError: `seal-claim-invalid`.
        """
        if not re.fullmatch(r"[0-9a-f]{8}", text):
            raise SealError("seal-claim-invalid", field="kid")
        return cls(int(text[:4], 16), int(text[4:], 16))

    def __str__(self) -> str:
        return bytes(self).hex()

    def __bytes__(self) -> bytes:
        return self.agency.to_bytes(2, "big") + self.sequence.to_bytes(2, "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealClaims:
    """What a seal says about a result."""

    issued_at: datetime
    """When it was issued; kept in UTC, without fractions of a second."""
    result_id: ResultId
    """The random id that is printed below the symbol."""
    status_number: int
    """u32: where the result's status stands in the status lists."""
    digest: bytes
    """SHA-256/128 of the bytes before the sealing revision (`esign.seal.digest`)."""
    procedure: ProcedureCode
    """The administrative procedure; kept in its short form."""
    number: DocumentNumber
    """Số, ký hiệu: what a person compares with the paper."""
    holder: MaskedHolder | None = None
    """The masked holder; None for organisations, and where the profile leaves it out."""
    expires: datetime | None = None
    """From when on the result is no longer in force; None for results that do not expire."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "issued_at", _whole_second(self.issued_at, "issued_at"))
        object.__setattr__(self, "procedure", self.procedure.short)
        if self.expires is not None:
            object.__setattr__(self, "expires", _whole_second(self.expires, "expires"))
            if self.expires <= self.issued_at:
                raise SealError("seal-claim-invalid", field="expires")
        if not 0 <= self.status_number <= _U32:
            raise SealError("seal-claim-invalid", field="status_number")
        if len(self.digest) != DIGEST_BYTES:
            raise SealError("seal-claim-invalid", field="digest")

    @property
    def status_shard(self) -> int:
        """Which status list."""
        return self.status_number >> _SHARD_BITS

    @property
    def status_index(self) -> int:
        """Which entry of that list."""
        return self.status_number & (1 << _SHARD_BITS) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SealToken:
    """A whole seal: claims, key id and signature. Equal tokens have equal bytes."""

    claims: SealClaims
    """What it says."""
    kid: Kid
    """Which key signed, as it says itself."""
    signature: bytes = field(repr=False)
    """r‖s, 64 bytes; not checked here."""
    _message: cose.Sign1 = field(init=False, repr=False, compare=False)
    """The same as a COSE message, encoded once for all that is asked of it."""

    def __post_init__(self) -> None:
        if len(self.signature) != _SIGNATURE_BYTES:
            raise SealError("seal-signature-form")
        object.__setattr__(self, "_message", _message(self.claims, self.kid, self.signature))

    @classmethod
    def parse(cls, data: bytes) -> "SealToken":
        """Read a token's bytes; only its one spelling is accepted.

        Raises:
            SealError: Its code says which rule of docs/spec/seal.md §4 is broken.
        """
        return _parsed(data)

    @classmethod
    def from_digits(cls, digits: str) -> "SealToken":
        """Read the digits of a seal's URL.

        Raises:
            SealError: `seal-digits-invalid`, or a code of `parse`.
        """
        return cls.parse(from_digits(digits))

    @classmethod
    def from_url(cls, url: str) -> "SealToken":
        """Read a seal's URL. Whether the host is the right one says `verify(…, host=…)`.

        Raises:
            SealError: `seal-url-invalid`, `seal-host-invalid`, or a code of `from_digits`.
        """
        return cls.from_digits(split_url(url)[1])

    def __bytes__(self) -> bytes:
        return self._message.encoded()

    @property
    def digits(self) -> str:
        """The token as decimal digits."""
        return to_digits(bytes(self))

    def url(self, host: str) -> str:
        """What the symbol holds.

        Raises:
            SealError: `seal-host-invalid`.
        """
        return f"https://{check_host(host)}/1#{self.digits}"

    def check(self, public_key: bytes) -> None:
        """Return if the private half of `public_key` (SubjectPublicKeyInfo, P-256) made this token.

        Raises:
            SealError: `seal-key-unsuitable`, or `seal-signature-invalid`.
        """
        p256(public_key)
        signed, signature = self._message.to_be_signed(), cose.der_signature(self.signature)
        if not check_signature(public_key, signature, signed, mechanism=Mechanism.ECDSA_P256_SHA256):
            raise SealError("seal-signature-invalid")


@lru_cache(maxsize=512)
def _parsed(data: bytes) -> SealToken:
    """What the bytes say; a seal that is being made is read when it is assembled, and again in its file."""
    message = cose.decode(data)
    token = SealToken(claims=_claims(message.payload), kid=_kid(message), signature=message.signature)
    if bytes(token) != data:
        # Nothing that was read may be spelled otherwise: a procedure or number that prints differently.
        raise SealError("seal-not-canonical")
    return token


def to_be_signed(claims: SealClaims, kid: Kid) -> bytes:
    """The bytes that the seal key signs with ES256, wherever it is."""
    return _message(claims, kid, b"").to_be_signed()


def assemble(claims: SealClaims, kid: Kid, signature: bytes) -> SealToken:
    """The token, from a signature over `to_be_signed`: r‖s, or DER as a `SigningKey` gives it.

    Raises:
        SealError: `seal-signature-form`, or `seal-too-long`.
    """
    raw = signature if len(signature) == _SIGNATURE_BYTES else cose.raw_signature(signature)
    token = SealToken(claims=claims, kid=kid, signature=raw)
    return SealToken.parse(bytes(token))


def make(claims: SealClaims, kid: Kid, key: SigningKey) -> SealToken:
    """Sign `claims` with `key`, which must be a P-256 key made for seals alone.

    Raises:
        SealError: `seal-key-unsuitable`.
        KeyStoreError: What the key's backend says.
    """
    if key.key_type is not KeyType.P256:
        raise SealError("seal-key-unsuitable", found=key.key_type.value)
    signature = key.sign(to_be_signed(claims, kid), mechanism=Mechanism.ECDSA_P256_SHA256)
    return assemble_checked(claims, kid, signature, public_key=key.public_key)


def assemble_checked(claims: SealClaims, kid: Kid, signature: bytes, *, public_key: bytes) -> SealToken:
    """The token, from a signature over `to_be_signed` as a `SigningKey` gives it, which must be `public_key`'s.

    Raises:
        SealError: `seal-key-unsuitable`, `seal-signature-invalid`.
    """
    token = assemble(claims, kid, cose.raw_signature(signature))
    token.check(public_key)
    return token


_URL = re.compile(r"https://(?P<host>[^/?#@:]*)/1#(?P<digits>[0-9]+)")
_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?=[a-z0-9-]*[a-z]){_LABEL}")
_MAX_HOST = 253


def split_url(url: str) -> tuple[str, str]:
    """The host and the digits of a seal's URL, which has exactly one spelling.

    Raises:
        SealError: `seal-url-invalid` or `seal-host-invalid`.
    """
    match = _URL.fullmatch(url)
    if not match:
        raise SealError("seal-url-invalid")
    return check_host(match["host"]), match["digits"]


@lru_cache(maxsize=1024)
def p256(public_key: bytes) -> ec.EllipticCurvePublicKey:
    """The P-256 key in a SubjectPublicKeyInfo.

    Raises:
        SealError: `seal-key-unsuitable`.
    """
    try:
        key = load_der_public_key(public_key)
    except Exception as e:  # ValueError, UnsupportedAlgorithm, and what OpenSSL may add.
        raise SealError("seal-key-unsuitable", found="?") from e
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SealError("seal-key-unsuitable", found=type(key).__name__)
    return key


def check_host(host: str) -> str:
    """`host`, if it is a name of two labels or more in small letters (RFC 1123 §2.1); no port, no address."""
    if len(host) > _MAX_HOST or not _HOST.fullmatch(host):
        raise SealError("seal-host-invalid", host=host[:80])
    return host


def _message(claims: SealClaims, kid: Kid, signature: bytes) -> cose.Sign1:
    # cbor2 writes keys in the order given; the order below is bytewise (RFC 8949 §4.2.1): 04 06 07 3A….
    protected = cbor2.dumps({cose.ALG: cose.ES256, cose.KID: bytes(kid)})
    seal: list[Any] = [
        _VERSION,
        claims.status_number,
        claims.digest,
        claims.procedure.number,
        str(claims.number),
    ]
    if claims.holder is not None:
        seal.append(str(claims.holder))
    payload: dict[int, Any] = {} if claims.expires is None else {_EXP: int(claims.expires.timestamp())}
    payload |= {_IAT: int(claims.issued_at.timestamp()), _CTI: claims.result_id.value, _SEAL: seal}
    return cose.Sign1(protected=protected, payload=cbor2.dumps(payload), signature=signature)


def _kid(message: cose.Sign1) -> Kid:
    match message.headers:
        case {cose.ALG: cose.ES256, cose.KID: bytes(kid), **rest} if len(kid) == 4 and not rest:
            return Kid(int.from_bytes(kid[:2], "big"), int.from_bytes(kid[2:], "big"))
    raise SealError("cose-header-invalid")


def _claims(payload: bytes) -> SealClaims:
    claims = cose.loads(payload)
    if not isinstance(claims, dict):
        raise SealError("seal-claim-invalid", field="claims")
    match claims.get(_SEAL):
        case [int(version), *_] if version > _VERSION:
            # Said before anything else is looked at: the paper may be right and the verifier too old.
            raise SealError("seal-version-unknown", version=version)
        case [int(version), status_number, bytes(digest), procedure, str(number), *rest] if (
            version == _VERSION and version is not True and len(rest) <= 1
        ):
            pass
        case _:
            raise SealError("seal-claim-invalid", field="seal")
    if claims.keys() - {_EXP} != {_IAT, _CTI, _SEAL}:
        raise SealError("seal-claim-invalid", field="claims")
    try:
        return SealClaims(
            issued_at=_time(claims, _IAT, "iat"),
            result_id=ResultId(_exactly(bytes, claims[_CTI], "cti")),
            status_number=_exactly(int, status_number, "status_number"),
            digest=digest,
            procedure=ProcedureCode.from_number(_exactly(int, procedure, "procedure")),
            number=DocumentNumber.parse(number),
            holder=MaskedHolder(_exactly(str, rest[0], "holder")) if rest else None,
            expires=_time(claims, _EXP, "exp") if _EXP in claims else None,
        )
    except InputError as e:
        raise SealError("seal-claim-invalid", field=e.code) from e


def _exactly(kind: type[_T], value: object, name: str) -> _T:
    if type(value) is not kind:  # bool is an int to isinstance.
        raise SealError("seal-claim-invalid", field=name)
    return value


def _time(claims: Mapping[int, object], label: int, name: str) -> datetime:
    seconds = _exactly(int, claims[label], name)
    if not 0 <= seconds <= _U32:
        raise SealError("seal-claim-invalid", field=name)
    return datetime.fromtimestamp(seconds, UTC)


def _whole_second(time: datetime, name: str) -> datetime:
    """`time` in UTC without its fraction; refused where CBOR would not hold it in a u32."""
    if time.tzinfo is None or not timedelta(0) <= time - datetime.fromtimestamp(0, UTC) <= timedelta(seconds=_U32):
        raise SealError("seal-claim-invalid", field=name)
    return time.astimezone(UTC).replace(microsecond=0)
