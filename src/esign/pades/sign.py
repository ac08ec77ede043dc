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
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Self

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from esign.cms.baseline import MAX_SIGNATURE, signed_attributes, signed_data
from esign.document import Box, Mark
from esign.errors import InputError, SigningError
from esign.keys import KeyType, Mechanism, SigningKey, check_signature, key_type_of
from esign.pades.drawing import import_mark
from esign.pades.fields import (
    FilledField,
    add_signature_field,
    corners,
    fill_field,
    lock_of,
    rectangle,
    set_signature_flags,
    signature_fields,
)
from esign.pades.form_tree import Field
from esign.pades.placeholder import WithRoom, add_placeholder, finish
from esign.pades.reading import Reader
from esign.pades.updating import open_update, page_of, text, updating
from esign.profile import VIETNAM, SignatureProfile
from esign.syntax import Dict, Name, Ref, String
from esign.syntax.update import Update
from esign.trust.certificate import parse_certificate

_SAME_PLACE = 0.01
"""Points: numbers in a PDF are rounded."""

__all__ = [
    "Appearance",
    "PreparedSignature",
    "check_prepared",
    "choose_mechanism",
    "complete",
    "is_made_for",
    "mechanism_for",
    "prepare",
    "sign",
    "to_be_stamped",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """What a signature shows: a mark and its place; it lives in the widget, never in the page's own text."""

    mark: Mark
    """The red seal and its text block."""
    box: Box
    """Where."""


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

    def to_json(self) -> str:
        """Everything but the document, to be stored beside it."""
        return json.dumps(
            {
                "version": 1,
                "document_sha256": hashlib.sha256(self.document).hexdigest(),
                "to_be_signed": base64.b64encode(self.to_be_signed).decode(),
                "mechanism": self.mechanism.value,
                "certificates": [base64.b64encode(c).decode() for c in self.certificates],
                "contents": list(self.contents),
                "timestamp_room": self.timestamp_room,
            },
            indent=1,
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
    kind = key_type_of(_public_key(certificate))
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
    made = _with_empty_signature(
        pdf,
        _Revision(
            size=_container_size(certificates, mechanism) + timestamp_room,
            signing_time=signing_time,
            field_name=field_name,
            appearance=appearance,
            reason=reason,
            fill=tuple(fill),
            lock=tuple(lock),
            seal_url=seal_url,
        ),
    )
    attributes = signed_attributes(made.digest(mechanism.digest), certificate=certificates[0], mechanism=mechanism)
    return PreparedSignature(
        document=made.document,
        to_be_signed=attributes,
        mechanism=mechanism,
        certificates=certificates,
        contents=(made.start + 1, made.end - 1),
        timestamp_room=timestamp_room,
    )


def is_made_for(prepared: PreparedSignature, signature: bytes) -> bool:
    """Whether `signature` was made with the expected key over `to_be_signed`."""
    return check_signature(
        _public_key(prepared.certificates[0]), signature, prepared.to_be_signed, mechanism=prepared.mechanism
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
    check_prepared(prepared)
    if not is_made_for(prepared, signature):
        raise SigningError("signature-mismatch")
    if (timestamp is None) != (prepared.timestamp_room == 0):
        raise SigningError("timestamp-missing")
    start, end = prepared.contents
    container = signed_data(
        prepared.to_be_signed,
        signature,
        certificates=prepared.certificates,
        mechanism=prepared.mechanism,
        timestamp=timestamp,
    )
    digits = container.hex().encode()
    if len(digits) > end - start:
        raise SigningError("signature-too-long", size=len(container), reserved=(end - start) // 2)
    return prepared.document[:start] + digits.ljust(end - start, b"0") + prepared.document[end:]


def check_prepared(prepared: PreparedSignature) -> None:
    """Make sure that `to_be_signed` speaks of `document`: else somebody shows one document and has another signed.

    Raises:
        SigningError: `signature-mismatch`.
    """
    start, end = prepared.contents
    digest = hashlib.new(prepared.mechanism.digest, prepared.document[: start - 1])
    digest.update(prepared.document[end + 1 :])
    expected = signed_attributes(digest.digest(), certificate=prepared.certificates[0], mechanism=prepared.mechanism)
    if expected != prepared.to_be_signed:
        raise SigningError("signature-mismatch")


def sign(prepared: PreparedSignature, key: SigningKey) -> bytes:
    """`complete` with a key that is at hand, without a time-stamp."""
    return complete(prepared, key.sign(prepared.to_be_signed, mechanism=prepared.mechanism))


def _public_key(certificate: bytes) -> bytes:
    """SubjectPublicKeyInfo, DER."""
    return parse_certificate(certificate).public_key


@lru_cache(maxsize=256)
def _container_size(certificates: tuple[bytes, ...], mechanism: Mechanism) -> int:
    """The CMS container's size in bytes: exact for RSA and Ed25519, the maximum for ECDSA."""
    if mechanism.key_type is KeyType.RSA:
        key = load_der_public_key(_public_key(certificates[0]))
        assert isinstance(key, rsa.RSAPublicKey)
        longest = (key.key_size + 7) // 8
    else:
        longest = MAX_SIGNATURE[mechanism.key_type]
    digest = bytes(hashlib.new(mechanism.digest).digest_size)
    attributes = signed_attributes(digest, certificate=certificates[0], mechanism=mechanism)
    return len(signed_data(attributes, bytes(longest), certificates=certificates, mechanism=mechanism))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Revision:
    """What one signing revision holds."""

    size: int
    """Of the CMS container, in bytes."""
    signing_time: datetime
    field_name: str
    appearance: Appearance | None
    reason: str
    fill: tuple[FilledField, ...]
    lock: tuple[str, ...]
    seal_url: str | None


@updating
def _with_empty_signature(pdf: bytes, revision: _Revision) -> WithRoom:
    """The updated file, with room for the CMS container."""
    update = open_update(pdf)
    for filled in revision.fill:
        fill_field(update, filled)
    place, lock = _signature_field(update, revision)
    widget = update.change(place)
    if revision.appearance is not None:
        form = import_mark(update, revision.appearance.mark, rotate=revision.appearance.box.rotate)
        widget["AP"] = Dict({"N": form})
        # Print and Locked: a reader must neither leave the seal out nor offer to move it (§12.5.3).
        widget["F"] = 4 | 128
    local = revision.signing_time.astimezone(VIETNAM)
    signature = Dict(
        {
            "Type": Name("Sig"),
            "Filter": Name("Adobe.PPKLite"),
            "SubFilter": Name("ETSI.CAdES.detached"),
            "M": String(local.strftime("D:%Y%m%d%H%M%S+07'00'").encode()),
        }
    )
    if revision.reason:
        signature["Reason"] = text(revision.reason)
    if lock:
        signature["Reference"] = [_fieldmdp(lock, update.root_ref)]
    if revision.seal_url is not None:
        signature["EsignSeal"] = text(revision.seal_url)
    value = add_placeholder(update, signature, room=revision.size)
    widget["V"] = value
    return finish(update, value, room=revision.size)


def _fieldmdp(lock: Sequence[str], root: Ref) -> Dict:
    """The signature reference that forbids changes to the fields `lock` (§12.8.2.4)."""
    parameters = Dict({"Type": Name("TransformParams"), "V": Name("1.2"), **lock_of(lock)})
    return Dict(
        {
            "Type": Name("SigRef"),
            "TransformMethod": Name("FieldMDP"),
            "TransformParams": parameters,
            "Data": root,
        }
    )


def _signature_field(update: Update, revision: _Revision) -> tuple[Ref, tuple[str, ...]]:
    """The field to sign, there already or made, and the fields that its signature locks."""
    fields = signature_fields(update)
    appearance, wanted = revision.appearance, revision.field_name
    existing = fields.get(wanted)
    if existing is not None and existing.ref is not None and not existing.is_signed:
        if _stands_at(update, existing, appearance):
            return existing.ref, _agreed_lock(update, existing.node, revision.lock)
        if revision.fill or revision.lock:
            raise InputError("release-field-elsewhere", field=wanted)
    name = next(n for n in (wanted, *(f"{wanted}{i}" for i in range(2, 1000))) if n not in fields)
    made = add_signature_field(
        update, name, appearance.box if appearance else None, alt=appearance.mark.alt if appearance else ""
    )
    if not any(field.is_signed for field in fields.values()):
        # Once somebody has signed, other entries of the form dictionary than its fields must not change.
        set_signature_flags(update)
    if revision.lock:
        update.change(made)["Lock"] = update.add(Dict({"Type": Name("SigFieldLock"), **lock_of(revision.lock)}))
    return made, revision.lock


def _stands_at(update: Update, field: Field, appearance: Appearance | None) -> bool:
    """Whether an empty field is where `appearance` goes; one with several widgets, or turned parts, is not."""
    if "Kids" in field.node or "Rect" not in field.node:
        return False
    found = rectangle(update, field.node)
    if appearance is None:
        return found[0] == found[2] or found[1] == found[3]
    page, _ = page_of(update, appearance.box.page)
    same = all(abs(a - b) < _SAME_PLACE for a, b in zip(found, corners(appearance.box), strict=True))
    return same and field.node.get("P") == page


def _agreed_lock(update: Update, field: Dict, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """What a field that is there says of locking (/Lock, §12.7.5.5) and what is wanted must be the same."""
    if "Lock" not in field:
        return wanted
    lock = update.dictionary(field, "Lock")
    reader = Reader(update.view)
    include = reader.name(lock, "Action") == "Include"
    named = tuple(reader.text(name) for name in reader.items(lock, "Fields")) if include else ()
    if not named or (wanted and set(wanted) != set(named)):
        raise InputError("release-lock-differs")
    return named
