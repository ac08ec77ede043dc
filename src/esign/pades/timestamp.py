"""Document time-stamps: a proof that everything before them existed (ISO 32000-2 §12.8.5, EN 319 142-1 §5.4.3).

A signature that is out cannot get a time-stamp of its own any more: that would stand inside its `/Contents`, and a
signed byte is never rewritten. A document time-stamp is appended, and makes a B-B a B-T as well (§6.3 table 1).
"""

from dataclasses import dataclass, field

from esign.errors import SigningError
from esign.pades.fields import add_signature_field, set_signature_flags, signature_fields
from esign.pades.placeholder import WithRoom, add_placeholder, finish
from esign.pades.signing_revision import free_name
from esign.pades.updating import open_update, updating
from esign.syntax import Dict, Name

__all__ = ["TIMESTAMP_FIELD", "PreparedTimestamp", "complete_timestamp", "prepare_timestamp"]

TIMESTAMP_FIELD = "Timestamp"
"""The first one's name; later ones are numbered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedTimestamp:
    """A document with an empty document time-stamp, and the digest that an authority is to stamp."""

    document: bytes = field(repr=False)
    """The whole file; `/Contents` is all zeros."""
    imprint: bytes
    """The digest of everything but `/Contents`."""
    digest: str
    """Its algorithm, as hashlib names it."""
    contents: tuple[int, int]
    """Where the hexadecimal digits of `/Contents` start and end in `document`."""


def prepare_timestamp(pdf: bytes, *, digest: str, room: int) -> PreparedTimestamp:
    """Add a revision with an empty document time-stamp, which has `room` bytes for its token.

    Raises:
        InputError: `pdf-not-updatable`.
    """
    made = _with_empty_timestamp(pdf, room)
    return PreparedTimestamp(
        document=made.document, imprint=made.digest(digest), digest=digest, contents=(made.start + 1, made.end - 1)
    )


def complete_timestamp(prepared: PreparedTimestamp, token: bytes) -> bytes:
    """The document with its time-stamp; that `token` is for it was checked when it came.

    Raises:
        SigningError: `signature-too-long`.
    """
    start, end = prepared.contents
    digits = token.hex().encode()
    if len(digits) > end - start:
        raise SigningError("signature-too-long", size=len(token), reserved=(end - start) // 2)
    return prepared.document[:start] + digits.ljust(end - start, b"0") + prepared.document[end:]


@updating
def _with_empty_timestamp(pdf: bytes, room: int) -> WithRoom:
    """The updated file, with room for the token."""
    update = open_update(pdf)
    fields = signature_fields(update)
    made = add_signature_field(update, free_name(TIMESTAMP_FIELD, fields), None, alt="")
    if not any(field.is_signed for field in fields.values()):
        set_signature_flags(update)
    stamp = {"Type": Name("DocTimeStamp"), "Filter": Name("Adobe.PPKLite"), "SubFilter": Name("ETSI.RFC3161")}
    value = add_placeholder(update, Dict(stamp), room=room)
    update.change(made)["V"] = value
    return finish(update, value, room=room)
