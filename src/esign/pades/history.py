"""The history that a PDF carries in itself: which bytes each signature speaks for, and what came after some byte.

An update only adds to a file, so every earlier state is a prefix of it (ISO 32000-2 §7.5.6).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from esign.cms import parse
from esign.cms.attributes import signing_time
from esign.cms.ber import Malformed
from esign.errors import InputError
from esign.pades.changes import Difference, Right, ambiguities, differences
from esign.pades.coverage import coverage
from esign.pades.signature_dictionary import SignatureDictionary
from esign.pades.signed_fields import SignedField, signed_fields
from esign.report import ChangeKind as Kind
from esign.syntax import File, SyntaxProblem, read

__all__ = ["ChangeKind", "Changes", "SignedRevision", "changes_since", "revision_of", "signed_revisions"]


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
    filled: frozenset[str] = frozenset()
    """Those of them that are not for signatures."""


def signed_revisions(pdf: bytes) -> tuple[SignedRevision, ...]:
    """The signatures whose extent can be read, in the order of signing; never raises for a bad document."""
    try:
        file = read(pdf)
        return tuple(r for signed in signed_fields(file) for r in _revisions(file, signed))
    except SyntaxProblem:
        return ()


def _revisions(file: File, signed: SignedField) -> Iterator[SignedRevision]:
    """One for each field that holds the signature."""
    end = coverage(file, signed).end
    dictionary = SignatureDictionary.read(signed.reader, signed.value)
    for name in signed.names if end else ():
        yield SignedRevision(
            field_name=name,
            end=end,
            dictionary_time=dictionary.time,
            attribute_time=_attribute_time(dictionary.contents),
        )


def _attribute_time(contents: bytes) -> datetime | None:
    try:
        signer = parse(contents).signers[0]
        found = signing_time(signer.signed) if signer.signed is not None else None
    except (InputError, Malformed, IndexError):
        return None
    return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None


def changes_since(pdf: bytes, length: int) -> Changes:
    """What was done to the document that the first `length` bytes of `pdf` are; never raises for a bad document."""
    try:
        file = read(pdf)
        revision = revision_of(file, length)
        if revision is None or file.rebuilt:
            return Changes(kind=ChangeKind.OTHER)
        found = [d for step in differences(file, revision) for d in step]
        found += ambiguities(file, end=length, revision=revision)
        if not found and revision == len(file.revisions) - 1:
            return Changes(kind=ChangeKind.OTHER if pdf[length:].strip() else ChangeKind.NONE)
    except SyntaxProblem:
        return Changes(kind=ChangeKind.OTHER)
    return Changes(
        kind=_most(found),
        fields=frozenset(d.field for d in found if d.field),
        filled=frozenset(d.field for d in found if d.field and d.reason.code in _FILLING),
    )


def revision_of(file: File, length: int) -> int | None:
    """The revision that the first `length` bytes of `file` end with; None where the file goes on from another one."""
    index = max((r.index for r in file.revisions if r.end <= length), default=None)
    try:
        before = read(file.data[:length])
    except SyntaxProblem:
        return None
    same = index is not None and len(before.revisions) == index + 1 and not before.rebuilt
    return index if same and before.revisions[-1].startxref == file.revisions[index or 0].startxref else None


_FILLING = frozenset({"field-filled", "field-redrawn", "field-changed"})


def _most(found: list[Difference]) -> ChangeKind:
    if any(d.right is Right.NEVER or d.kind in {Kind.ANNOTATION, Kind.ATTACHMENT} for d in found):
        return ChangeKind.OTHER
    return ChangeKind.FORM if any(d.right is not Right.ALWAYS for d in found) else ChangeKind.ARCHIVAL
