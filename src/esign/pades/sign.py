"""Make a signature in two halves: `prepare` fixes every byte that will be signed, `complete` puts the signature in.

Between the two stands the key, wherever it is: here, on another machine, in a drawer. What `prepare` returns is
plain data that can be stored, so a crash between the halves is repaired by signing the same bytes again.

EN 319 142-1 §6.3 (baseline level B-B); ISO 32000-1 §12.8.
"""

import base64
import hashlib
import io
import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from asn1crypto import x509
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.sign.fields import InvisSigSettings, SigFieldSpec, SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import SignatureObject

from esign.document import Box, Mark
from esign.errors import SigningError
from esign.keys import KeyType, Mechanism, SigningKey, check_signature
from esign.pades._writer import Update, import_mark, open_update, wrapped
from esign.pades.cms import MAX_SIGNATURE, signed_attributes, signed_data
from esign.profile import VIETNAM, Level, SignatureProfile

__all__ = ["Appearance", "PreparedSignature", "choose_mechanism", "complete", "prepare", "sign"]


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
        SigningError: `level-not-available`, `no-certificate`, `mechanism-not-allowed`.
    """
    if profile.level is not Level.B_B:
        raise SigningError("level-not-available", level=profile.level.value, available=Level.B_B.value)
    if not key.certificates:
        raise SigningError("no-certificate", key=key.ref or "-")
    mechanism = profile.mechanism(key.key_type, key.mechanisms)
    if mechanism is None:
        offered = ", ".join(sorted(m.value for m in key.mechanisms)) or "-"
        raise SigningError("mechanism-not-allowed", profile=profile.name, offered=offered)
    return mechanism


def prepare(
    pdf: bytes,
    *,
    certificates: tuple[bytes, ...],
    mechanism: Mechanism,
    signing_time: datetime,
    field_name: str,
    appearance: Appearance | None = None,
    reason: str = "",
) -> PreparedSignature:
    """Add a revision with an empty signature to `pdf` and compute what has to be signed.

    Nothing of `pdf` changes; `signing_time` goes into `/M` in +07:00. Without `appearance` the field is hidden.

    Raises:
        InputError: `pdf-not-updatable`.
    """
    document, start, end = _with_empty_signature(
        pdf,
        size=_container_size(certificates, mechanism),
        signing_time=signing_time,
        field_name=field_name,
        appearance=appearance,
        reason=reason,
    )
    digest = hashlib.new(mechanism.digest, document[:start])
    digest.update(document[end:])
    attributes = signed_attributes(digest.digest(), certificate=certificates[0], mechanism=mechanism)
    return PreparedSignature(
        document=document,
        to_be_signed=attributes,
        mechanism=mechanism,
        certificates=certificates,
        contents=(start + 1, end - 1),
    )


def complete(prepared: PreparedSignature, signature: bytes) -> bytes:
    """The signed document.

    The signature is checked first, and so is that `to_be_signed` still speaks of this document: a signature may
    come from far away, and after a long time.

    Raises:
        SigningError: `signature-mismatch`: it was made by another key or over something else.
    """
    start, end = prepared.contents
    digest = hashlib.new(prepared.mechanism.digest, prepared.document[: start - 1])
    digest.update(prepared.document[end + 1 :])
    public_key = x509.Certificate.load(prepared.certificates[0]).public_key.dump()
    expected = signed_attributes(digest.digest(), certificate=prepared.certificates[0], mechanism=prepared.mechanism)
    if expected != prepared.to_be_signed or not check_signature(
        public_key, signature, prepared.to_be_signed, mechanism=prepared.mechanism
    ):
        raise SigningError("signature-mismatch")
    container = signed_data(
        prepared.to_be_signed, signature, certificates=prepared.certificates, mechanism=prepared.mechanism
    )
    digits = container.hex().encode()
    if len(digits) > end - start:
        raise SigningError("signature-too-long", size=len(container), reserved=(end - start) // 2)
    return prepared.document[:start] + digits.ljust(end - start, b"0") + prepared.document[end:]


def sign(prepared: PreparedSignature, key: SigningKey) -> bytes:
    """`complete` with a key that is at hand."""
    return complete(prepared, key.sign(prepared.to_be_signed, mechanism=prepared.mechanism))


def _container_size(certificates: tuple[bytes, ...], mechanism: Mechanism) -> int:
    """The CMS container's size in bytes: exact for RSA and Ed25519, the maximum for ECDSA."""
    if mechanism.key_type is KeyType.RSA:
        longest = x509.Certificate.load(certificates[0]).public_key.byte_size
    else:
        longest = MAX_SIGNATURE[mechanism.key_type]
    digest = bytes(hashlib.new(mechanism.digest).digest_size)
    attributes = signed_attributes(digest, certificate=certificates[0], mechanism=mechanism)
    return len(signed_data(attributes, bytes(longest), certificates=certificates, mechanism=mechanism))


@wrapped
def _with_empty_signature(
    pdf: bytes,
    *,
    size: int,
    signing_time: datetime,
    field_name: str,
    appearance: Appearance | None,
    reason: str,
) -> tuple[bytes, int, int]:
    """The updated file, and where `<…>` of its `/Contents` starts and ends."""
    update = open_update(pdf)
    name = _free_name(update, field_name)
    steps = PdfCMSEmbedder(_field(name, appearance)).write_cms(name, update)
    field_ref = next(steps)
    if appearance is not None:
        form = import_mark(update, appearance.mark, rotate=appearance.box.rotate)
        widget = field_ref.get_object()
        widget[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): form})
        # Print and Locked: a reader must neither leave the seal out nor offer to move it (§12.5.3).
        widget[pdf_name("/F")] = generic.NumberObject(4 | 128)
        update.update_container(widget)
    placeholder = SignatureObject(
        timestamp=signing_time.astimezone(VIETNAM).replace(microsecond=0),
        subfilter=SigSeedSubFilter.PADES,
        reason=reason or None,
        bytes_reserved=2 * size,
    )
    steps.send(SigObjSetup(sig_placeholder=placeholder))
    ranges, output = steps.send(SigIOSetup(md_algorithm="sha256"))
    return _bytes(output), ranges.reserved_region_start, ranges.reserved_region_end


def _bytes(output: Any) -> bytes:
    assert isinstance(output, io.BytesIO)
    return output.getvalue()


def _field(name: str, appearance: Appearance | None) -> SigFieldSpec:
    hidden = InvisSigSettings(set_print_flag=True, set_hidden_flag=False, box_out_of_bounds=False)
    spec = SigFieldSpec(sig_field_name=name, invis_sig_settings=hidden)
    if appearance is None:
        return spec
    box = appearance.box
    # pyHanko asks for whole points; a seal at its real size needs the fractions, and gets them.
    corners: Any = (box.left, box.bottom, box.left + box.width, box.bottom + box.height)
    # The text says the same as the picture, for screen readers (/TU, §12.7.3.1).
    return replace(spec, on_page=box.page, box=corners, readable_field_name=appearance.mark.alt)


def _free_name(update: Update, wanted: str) -> str:
    taken = {name for name, _, _ in enumerate_sig_fields(update)}
    return next(n for n in (wanted, *(f"{wanted}{i}" for i in range(2, 1000))) if n not in taken)
