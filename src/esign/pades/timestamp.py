"""Document time-stamps: a proof that everything before them existed (ISO 32000-2 §12.8.5, EN 319 142-1 §5.4.3).

A signature that is out cannot get a time-stamp of its own any more: that would stand inside its `/Contents`, and a
signed byte is never rewritten. A document time-stamp is appended, and makes a B-B a B-T as well (§6.3 table 1).
"""

import hashlib
import io
from dataclasses import dataclass, field
from typing import Any

from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.sign.fields import ensure_sig_flags, enumerate_sig_fields, prepare_sig_field
from pyhanko.sign.signers.pdf_byterange import DocumentTimestamp

from esign.errors import SigningError
from esign.pades._writer import open_update, wrapped
from esign.pades.fields import hidden

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
    document, start, end = _with_empty_timestamp(pdf, room)
    imprint = hashlib.new(digest, document[:start])
    imprint.update(document[end:])
    return PreparedTimestamp(document=document, imprint=imprint.digest(), digest=digest, contents=(start + 1, end - 1))


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


@wrapped
def _with_empty_timestamp(pdf: bytes, room: int) -> tuple[bytes, int, int]:
    """The updated file, and where `<…>` of its `/Contents` starts and ends."""
    update = open_update(pdf)
    fields = {name: value for name, value, _ in enumerate_sig_fields(update)}
    name = next(n for n in (TIMESTAMP_FIELD, *(f"{TIMESTAMP_FIELD}{i}" for i in range(2, 10_000))) if n not in fields)
    page, _ = update.find_page_for_modification(0)
    made: Any
    _, made = prepare_sig_field(name, update.root, update, box=None, include_on_page=page, invis_settings=hidden())
    if not any(fields.values()):
        ensure_sig_flags(update)
    placeholder = DocumentTimestamp(bytes_reserved=2 * room)
    made.get_object()[pdf_name("/V")] = update.add_object(placeholder)
    update.mark_update(made)
    ranges, output = next(placeholder.fill(update, "sha256"))
    assert isinstance(output, io.BytesIO)
    return output.getvalue(), ranges.reserved_region_start, ranges.reserved_region_end
