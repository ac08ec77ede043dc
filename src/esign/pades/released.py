"""The check of release fields (docs/spec/release.md §5), for files that have any: it still reads with pyHanko."""

import io
import logging
from collections.abc import Sequence

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from esign.pades._quiet import quiet
from esign.pades.form_tree import read_form
from esign.pades.reading import Reader
from esign.pades.release import Signed, check_release_fields
from esign.pades.signed_fields import SignedField
from esign.reasons import Reason
from esign.report import Check, Outcome
from esign.syntax import File

__all__ = ["release_checks"]

_logger = logging.getLogger(__name__)
_PREFIX = "esign.release."


def release_checks(file: File, signed: Sequence[tuple[SignedField, int]]) -> tuple[Check, ...]:
    """Whether number, date and seal that were filled in at release are locked and as they were.

    `signed` are the signatures with the revisions that they end, in the order of signing.
    """
    if not _concerns(file, signed):
        return ()
    try:
        with quiet():
            return _checks(file.data, {s.name: revision for s, revision in signed})
    except Exception:
        # Hostile structure makes pyHanko raise anything; what cannot be compared is not permitted.
        _logger.debug("release fields not comparable", exc_info=True)
        reason = Reason("changes-not-comparable")
        return (Check(name="release-fields", outcome=Outcome.FAILED, clause="docs/spec/release.md §5", reason=reason),)


def _concerns(file: File, signed: Sequence[tuple[SignedField, int]]) -> bool:
    if any("EsignSeal" in s.value for s, _ in signed):
        return True
    # Fields that went away in between are for the comparison of revisions to refuse.
    ends = {min(revision for _, revision in signed), len(file.revisions) - 1} if signed else set()
    readers = [Reader(file.at(index)) for index in ends]
    return any(f.name.startswith(_PREFIX) for reader in readers for f in read_form(reader, reader.root).fields)


def _checks(pdf: bytes, revisions: dict[str, int]) -> tuple[Check, ...]:
    reader = PdfFileReader(io.BytesIO(pdf), strict=False)
    if reader.encrypted:
        reader.decrypt("")
    found = [s for s in reader.embedded_signatures if s.field_name in revisions]
    ordered = sorted(found, key=lambda s: revisions[s.field_name])
    return check_release_fields(reader, [_signed(s) for s in ordered])


def _signed(signature: EmbeddedPdfSignature) -> Signed:
    return Signed(signature.field_name, signature.signed_revision, signature)
