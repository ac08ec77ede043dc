"""The history that a PDF carries in itself: which bytes each signature speaks for, and what came after some byte.

An update only adds to a file, so every earlier state is a prefix of it (ISO 32000-1 §7.5.6).
"""

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from asn1crypto import cms
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DEFAULT_DIFF_POLICY, DiffResult, ModificationLevel, StandardDiffPolicy
from pyhanko.sign.diff_analysis.constants import ACROFORM_EXEMPT_STRICT_COMPARISON
from pyhanko.sign.diff_analysis.form_rules_api import FormUpdatingRule
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation.generic_cms import extract_self_reported_ts

from esign.pades._quiet import quiet

__all__ = ["ChangeKind", "Changes", "SignedRevision", "changes_since", "signed_revisions"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRevision:
    """What one signature speaks for, as the file tells it; whether it is true is for the inspection to say."""

    field_name: str
    """The fully qualified name of its field."""
    end: int
    """How many bytes from the start of the file it speaks for: where its /ByteRange ends."""
    dictionary_time: datetime | None
    """/M of the signature dictionary."""
    attribute_time: datetime | None
    """The signing-time attribute of the CMS (RFC 5652 §11.3), which PAdES leaves out and older software writes."""


class ChangeKind(Enum):
    """The most that was done to a document."""

    NONE = "none"
    """Nothing."""
    ARCHIVAL = "archival"
    """Validation data and time-stamps (ISO 32000-2 §12.8.4.3, §12.8.5), metadata."""
    FORM = "form"
    """Fields were filled in, signed or added."""
    OTHER = "other"
    """Something else, or something that cannot be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What was done to a document since an earlier state."""

    kind: ChangeKind
    """The most that was done."""
    fields: frozenset[str] = frozenset()
    """The form fields that were filled in, signed or added."""


@quiet()
def signed_revisions(pdf: bytes) -> tuple[SignedRevision, ...]:
    """The signatures whose extent can be read, in the order of the form; never raises for a bad document."""
    try:
        return tuple(_revisions(PdfFileReader(io.BytesIO(pdf), strict=False)))
    except Exception:
        _logger.debug("signatures not readable", exc_info=True)
        return ()


def _revisions(reader: PdfFileReader) -> Iterator[SignedRevision]:
    for name, value, _ in enumerate_sig_fields(reader, filled_status=True):
        signature = value.get_object()
        _, _, start, length = (int(v) for v in signature["/ByteRange"])
        yield SignedRevision(
            field_name=name,
            end=start + length,
            dictionary_time=_dictionary_time(signature),
            attribute_time=_attribute_time(signature),
        )


def _dictionary_time(signature: Any) -> datetime | None:
    try:
        return _aware(generic.parse_pdf_date(signature["/M"], strict=False))
    except Exception:  # noqa: BLE001 - /M may be of any type, and absent
        return None


def _attribute_time(signature: Any) -> datetime | None:
    try:
        container = cms.ContentInfo.load(bytes(signature.raw_get("/Contents")))
        return _aware(extract_self_reported_ts(container["content"]["signer_infos"][0]))
    except Exception:  # noqa: BLE001 - asn1crypto raises anything for malformed containers
        return None


def _aware(time: datetime | None) -> datetime | None:
    """A time without a zone names no moment."""
    return time if time is not None and time.tzinfo is not None else None


@quiet()
def changes_since(pdf: bytes, length: int) -> Changes:
    """What was done to the document that the first `length` bytes of `pdf` are; never raises for a bad document."""
    try:
        return _changes(pdf, length)
    except Exception:
        # The comparison of revisions meets what it does not know; what cannot be compared is not permitted.
        _logger.debug("revisions not comparable", exc_info=True)
        return Changes(kind=ChangeKind.OTHER)


# pyHanko compares with a state that is signed. Ours may be a state before the first signature, which sets /SigFlags
# (ISO 32000-1 §12.7.2) and, where the document had no form, makes one.
_form_rule = DEFAULT_DIFF_POLICY.form_rule
assert _form_rule is not None
_POLICY = StandardDiffPolicy(
    global_rules=DEFAULT_DIFF_POLICY.global_rules,
    form_rule=FormUpdatingRule(
        field_rules=_form_rule.field_rules,
        ignored_acroform_keys=ACROFORM_EXEMPT_STRICT_COMPARISON | {"/SigFlags"},
    ),
)
_KINDS = {
    ModificationLevel.NONE: ChangeKind.NONE,
    ModificationLevel.LTA_UPDATES: ChangeKind.ARCHIVAL,
    ModificationLevel.FORM_FILLING: ChangeKind.FORM,
}


def _changes(pdf: bytes, length: int) -> Changes:
    before = PdfFileReader(io.BytesIO(pdf[:length]), strict=False)
    after = PdfFileReader(io.BytesIO(pdf), strict=False)
    last = before.xrefs.total_revisions - 1
    if after.xrefs.get_startxref_for_revision(last) != before.xrefs.get_startxref_for_revision(last):
        return Changes(kind=ChangeKind.OTHER)  # the file as a whole goes back to another beginning
    if after.xrefs.total_revisions == before.xrefs.total_revisions:
        return Changes(kind=ChangeKind.OTHER if pdf[length:].strip() else ChangeKind.NONE)
    base = after.get_historical_resolver(last)
    if _entry(base.root, "/AcroForm") is None:
        empty = {generic.pdf_name("/Fields"): generic.ArrayObject()}
        base.root[generic.pdf_name("/AcroForm")] = generic.DictionaryObject(empty)
    result = _POLICY.review_file(after, base)
    if not isinstance(result, DiffResult) or result.modification_level not in _KINDS:
        return Changes(kind=ChangeKind.OTHER)
    # pyHanko calls a new, empty signature field archival; whatever it shows, nobody signed it yet.
    added = _field_names(after) - _field_names(before)
    kind = _KINDS[result.modification_level]
    return Changes(kind=ChangeKind.FORM if added else kind, fields=frozenset(result.changed_form_fields | added))


def _field_names(reader: PdfFileReader) -> set[str]:
    """The full names of all form fields (ISO 32000-1 §12.7.3.2)."""
    names: set[str] = set()
    seen: set[Any] = set()
    stack = [(field, "") for field in _entry(_entry(reader.root, "/AcroForm"), "/Fields") or ()]
    while stack:
        reference, prefix = stack.pop()
        key = getattr(reference, "reference", None) or id(reference)
        if key in seen:  # a form of hostile hands may turn in circles
            continue
        seen.add(key)
        field = reference.get_object()
        name = ".".join(filter(None, (prefix, str(_entry(field, "/T") or ""))))
        names.add(name)
        stack += [(kid, name) for kid in _entry(field, "/Kids") or ()]
    return names


def _entry(dictionary: Any, key: str) -> Any:
    return dictionary[key] if isinstance(dictionary, generic.DictionaryObject) and key in dictionary else None
