"""Make a signature in two halves: `prepare` fixes every byte that will be signed, `complete` puts the signature in.

Between the two stands the key, wherever it is: here, on another machine, in a drawer. What `prepare` returns is
plain data that can be stored, so a crash between the halves is repaired by signing the same bytes again.

A signature that is to have a time-stamp of its own (level B-T) gets it between the two as well, because it stands in
`/Contents` beside the signature; what is stamped later is stamped as a document (`esign.pades.augment`).

EN 319 142-1 §6.3 (baseline levels B-B and B-T); ISO 32000-1 §12.8.
"""

import base64
import hashlib
import json
import re
from binascii import hexlify
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Self

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from esign.cms.baseline import MAX_SIGNATURE, ContainerTemplate, signed_attributes, signed_data
from esign.errors import SigningError
from esign.keys import KeyType, Mechanism, SigningKey, check_signature, key_type_of
from esign.pades.fields import FilledField
from esign.pades.placeholder import WithRoom
from esign.pades.plain_revision import PlainRevision, plain_revision
from esign.pades.signing_revision import Appearance, SigningRevision, add_signing_revision
from esign.profile import SignatureProfile
from esign.syntax.outline import Buffer, NotPlain
from esign.trust.certificate import parse_certificate

__all__ = [
    "Appearance",
    "PreparedSignature",
    "Way",
    "check_prepared",
    "choose_mechanism",
    "complete",
    "completes",
    "container_size",
    "is_made_for",
    "mechanism_for",
    "prepare",
    "public_key_of",
    "sign",
    "to_be_stamped",
    "with_room",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSignature:
    """A document with an empty signature, and the bytes that a key has to sign."""

    document: bytes = field(repr=False)
    """The whole file; `/Contents` is all zeros."""
    to_be_signed: bytes = field(repr=False)
    """The signed attributes in DER: hand exactly these to `SigningKey.sign`."""
    mechanism: Mechanism
    """How to sign them."""
    certificates: tuple[bytes, ...] = field(repr=False)
    """The signer's certificate and its issuers, DER."""
    contents: tuple[int, int]
    """Where the hexadecimal digits of `/Contents` start and end in `document`."""
    timestamp_room: int = 0
    """Bytes that wait for a time-stamp of the signature; 0 where it gets none."""
    digest: bytes = field(default=b"", repr=False, compare=False)
    """Of everything but `/Contents`, as `prepare` took it; empty where this was stored in between, and may be another
    document by now."""
    sha256: str = field(default="", repr=False, compare=False)
    """Of the whole document, hex, likewise."""

    def to_json(self, *, document_sha256: str = "") -> str:
        """Everything but the document, to be stored beside it; the document's digest, where it is known already."""
        return json.dumps(
            {
                "version": 1,
                "document_sha256": document_sha256 or hashlib.sha256(self.document).hexdigest(),
                "to_be_signed": base64.b64encode(self.to_be_signed).decode(),
                "mechanism": self.mechanism.value,
                "certificates": [base64.b64encode(c).decode() for c in self.certificates],
                "contents": list(self.contents),
                "timestamp_room": self.timestamp_room,
            }
        )

    @classmethod
    def from_json(cls, text: str, document: bytes) -> Self:
        """Put the two parts together again.

        Raises:
            SigningError: `prepared-damaged`: they do not belong together.
        """
        try:
            stored = json.loads(text)
            prepared = cls(
                document=document,
                to_be_signed=base64.b64decode(stored["to_be_signed"], validate=True),
                mechanism=Mechanism(stored["mechanism"]),
                certificates=tuple(base64.b64decode(c, validate=True) for c in stored["certificates"]),
                contents=(int(stored["contents"][0]), int(stored["contents"][1])),
                timestamp_room=int(stored.get("timestamp_room", 0)),
            )
            expected = stored["document_sha256"]
        except (ValueError, KeyError, TypeError, IndexError) as e:
            raise SigningError("prepared-damaged", problem=type(e).__name__) from e
        if hashlib.sha256(document).hexdigest() != expected:
            raise SigningError("prepared-damaged", problem="document digest")
        return prepared


def choose_mechanism(profile: SignatureProfile, key: SigningKey) -> Mechanism:
    """How `key` signs under `profile`; checked before anything is recorded.

    Raises:
        SigningError: `no-certificate`, `mechanism-not-allowed`.
    """
    if not key.certificates:
        raise SigningError("no-certificate", key=key.ref or "-")
    mechanism = profile.mechanism(key.key_type, key.mechanisms)
    if mechanism is None:
        offered = ", ".join(sorted(m.value for m in key.mechanisms)) or "-"
        raise SigningError("mechanism-not-allowed", profile=profile.name, offered=offered)
    return mechanism


def mechanism_for(profile: SignatureProfile, certificate: bytes) -> Mechanism:
    """How a key that is elsewhere signs under `profile`: of it only the certificate is known.

    Raises:
        SigningError: `mechanism-not-allowed`.
    """
    kind = key_type_of(public_key_of(certificate))
    mechanism = next((m for m in profile.mechanisms if m.key_type is kind), None)
    if mechanism is None:
        raise SigningError("mechanism-not-allowed", profile=profile.name, offered="-")
    return mechanism


def prepare(  # noqa: PLR0913 - all of one revision is fixed here, and nothing of it later
    pdf: bytes,
    *,
    certificates: tuple[bytes, ...],
    mechanism: Mechanism,
    signing_time: datetime,
    field_name: str,
    appearance: Appearance | None = None,
    reason: str = "",
    fill: Sequence[FilledField] = (),
    lock: Sequence[str] = (),
    seal_url: str | None = None,
    timestamp_room: int = 0,
) -> PreparedSignature:
    """Add a revision with an empty signature to `pdf` and compute what has to be signed.

    Nothing of `pdf` changes; `signing_time` goes into `/M` in +07:00. Without `appearance` the field is hidden. An
    empty field of that name in that place is signed; else a field is made, under another name where it is taken.

    The same revision fills release fields (`fill`), forbids any change to the fields `lock` from then on (FieldMDP,
    ISO 32000-1 §12.8.2.4), and carries the URL of a seal that is drawn in it (`/EsignSeal`, docs/spec/release.md).
    With `timestamp_room` the signature is to have a time-stamp, for which so many bytes are kept free.

    Raises:
        InputError: `pdf-not-updatable`, `release-field-missing`, `release-field-filled`, `release-field-elsewhere`,
            `release-lock-differs`.
    """
    revision = SigningRevision(
        room=container_size(certificates, mechanism) + timestamp_room,
        field_name=field_name,
        appearance=appearance,
        reason=reason,
        fill=tuple(fill),
        lock=tuple(lock),
        seal_url=seal_url,
    )
    made, _ = with_room(pdf, revision, signing_time)
    digest, sha256 = made.digests(mechanism.digest)
    return PreparedSignature(
        document=made.document,
        to_be_signed=_template(certificates, mechanism).attributes(digest),
        digest=digest,
        sha256=sha256,
        mechanism=mechanism,
        certificates=certificates,
        contents=(made.start + 1, made.end - 1),
        timestamp_room=timestamp_room,
    )


class Way(Enum):
    """How a document got its revision; what it says is the same."""

    PLAIN = "plain"
    """By its bytes: `esign.pades.plain_revision`."""
    GENERAL = "general"
    """By reading it: `esign.pades.signing_revision`."""


def with_room(
    pdf: Buffer, revision: SigningRevision, signing_time: datetime, *, plain: PlainRevision | None = None
) -> tuple[WithRoom, Way]:
    """`pdf` with `revision`, by its bytes where it is written plainly, else by reading it; and which it was.

    Raises:
        InputError: As `prepare`.
    """
    try:
        return (plain or plain_revision(revision)).behind(pdf, signing_time), Way.PLAIN
    except NotPlain:
        return add_signing_revision(pdf[:], revision, signing_time), Way.GENERAL


def is_made_for(prepared: PreparedSignature, signature: bytes) -> bool:
    """Whether `signature` was made with the expected key over `to_be_signed`."""
    return check_signature(
        public_key_of(prepared.certificates[0]), signature, prepared.to_be_signed, mechanism=prepared.mechanism
    )


def to_be_stamped(prepared: PreparedSignature, signature: bytes) -> bytes:
    """The digest of the signature's value, with the mechanism's digest: what its time-stamp is for (RFC 3161 app. A).

    Raises:
        SigningError: `signature-mismatch`: nobody should wait for a time-stamp of that.
    """
    check_prepared(prepared)
    if not is_made_for(prepared, signature):
        raise SigningError("signature-mismatch")
    return hashlib.new(prepared.mechanism.digest, signature).digest()


def complete(prepared: PreparedSignature, signature: bytes, *, timestamp: bytes | None = None) -> bytes:
    """The signed document; `timestamp` is a token for `to_be_stamped`, where there is to be one.

    The signature is checked first, and so is that `to_be_signed` still speaks of this document: a signature may
    come from far away, and after a long time.

    Raises:
        SigningError: `signature-mismatch`: it was made by another key or over something else. `timestamp-missing`: it
            was prepared for a level that this would not reach. `signature-too-long`.
    """
    digest = _digest_checked(prepared)
    if not is_made_for(prepared, signature):
        raise SigningError("signature-mismatch")
    if (timestamp is None) != (prepared.timestamp_room == 0):
        raise SigningError("timestamp-missing")
    if timestamp is None:
        digits = _template(prepared.certificates, prepared.mechanism).hexadecimal(digest, signature)
    else:
        digits = hexlify(
            signed_data(
                prepared.to_be_signed,
                signature,
                certificates=prepared.certificates,
                mechanism=prepared.mechanism,
                timestamp=timestamp,
            )
        )
    start, end = prepared.contents
    if len(digits) > end - start:
        raise SigningError("signature-too-long", size=len(digits) // 2, reserved=(end - start) // 2)
    document = memoryview(prepared.document)
    return b"".join((document[:start], digits.ljust(end - start, b"0"), document[end:]))


def completes(prepared: PreparedSignature, signed: bytes) -> str | None:
    """The SHA-256 of `signed`, hex, where it is `prepared` with a signature of its key in it; else None.

    Everything is taken from the bytes of `signed`: but for the digits of `/Contents` they are the prepared document,
    `/ByteRange` names exactly all the rest (ISO 32000-2 §12.8.1), and the digits are those of the one container that
    holds the digest of that rest and a signature, which is verified (RFC 5652 §5.6).
    """
    document, (start, end) = prepared.document, prepared.contents
    if len(signed) != len(document) or signed[:start] != document[:start] or signed[end:] != document[end:]:
        return None
    if not _covers(document, start, end):
        return None
    view = memoryview(signed)
    hashed = hashlib.new(prepared.mechanism.digest, view[: start - 1])
    whole = hashed.copy() if hashed.name == "sha256" else hashlib.sha256(view[: start - 1])
    hashed.update(view[end + 1 :])
    whole.update(view[start - 1 :])
    template, digest = _template(prepared.certificates, prepared.mechanism), hashed.digest()
    signature = template.signature_in(signed[start:end], digest)
    if signature is None or template.attributes(digest) != prepared.to_be_signed:
        return None
    return whole.hexdigest() if is_made_for(prepared, signature) else None


_BYTE_RANGE = re.compile(rb"/ByteRange \[0 (\d+) (\d+) (\d+) *\] */Contents <\Z")


def _covers(document: bytes, start: int, end: int) -> bool:
    """Whether the byte range before `start` is over everything but the value of /Contents, whose digits stand there."""
    found = _BYTE_RANGE.search(document[max(0, start - 100) : start])
    return found is not None and tuple(map(int, found.groups())) == (start - 1, end + 1, len(document) - end - 1)


def check_prepared(prepared: PreparedSignature) -> None:
    """Make sure that `to_be_signed` speaks of `document`: else somebody shows one document and has another signed.

    Raises:
        SigningError: `signature-mismatch`.
    """
    _digest_checked(prepared)


def _digest_checked(prepared: PreparedSignature) -> bytes:
    """The digest of everything but `/Contents`, of which `to_be_signed` speaks."""
    digest = prepared.digest or _digest(prepared)
    if _template(prepared.certificates, prepared.mechanism).attributes(digest) != prepared.to_be_signed:
        raise SigningError("signature-mismatch")
    return digest


def _digest(prepared: PreparedSignature) -> bytes:
    start, end = prepared.contents
    document = memoryview(prepared.document)
    hashed = hashlib.new(prepared.mechanism.digest, document[: start - 1])
    hashed.update(document[end + 1 :])
    return hashed.digest()


@lru_cache(maxsize=256)
def _template(certificates: tuple[bytes, ...], mechanism: Mechanism) -> ContainerTemplate:
    return ContainerTemplate(certificates, mechanism)


def sign(prepared: PreparedSignature, key: SigningKey) -> bytes:
    """`complete` with a key that is at hand, without a time-stamp."""
    return complete(prepared, key.sign(prepared.to_be_signed, mechanism=prepared.mechanism))


def public_key_of(certificate: bytes) -> bytes:
    """SubjectPublicKeyInfo, DER."""
    return parse_certificate(certificate).public_key


@lru_cache(maxsize=256)
def container_size(certificates: tuple[bytes, ...], mechanism: Mechanism) -> int:
    """The CMS container's size in bytes: exact for RSA and Ed25519, the maximum for ECDSA."""
    if mechanism.key_type is KeyType.RSA:
        key = load_der_public_key(public_key_of(certificates[0]))
        assert isinstance(key, rsa.RSAPublicKey)
        longest = (key.key_size + 7) // 8
    else:
        longest = MAX_SIGNATURE[mechanism.key_type]
    digest = bytes(hashlib.new(mechanism.digest).digest_size)
    attributes = signed_attributes(digest, certificate=certificates[0], mechanism=mechanism)
    return len(signed_data(attributes, bytes(longest), certificates=certificates, mechanism=mechanism))
