"""Whether what was signed is what is there: coverage of each signature, what came after it, and the headline of it all.

Nothing here is about trust or cryptography: who calls says which signatures verify. DESIGN §6.

>>> examination = examine(read(pdf))
>>> examination.headline(sound=[...])                   # one for each of `examination.signatures`
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from esign.pades.changes import Difference, Right, ambiguities, differences
from esign.pades.coverage import Coverage, coverage
from esign.pades.form_tree import read_form
from esign.pades.permissions import Permissions, permissions_of
from esign.pades.reading import Reader
from esign.pades.signed_fields import SignedField, signed_fields, stray_signatures, stray_widgets
from esign.reasons import Reason
from esign.report import Change, ChangeKind, Check, Integrity, Outcome
from esign.syntax import File

__all__ = ["Examination", "SignatureIntegrity", "examine"]

_CLAUSE: Final = "ISO 32000-2 §12.8.2.2"
_MOST_DETAILS: Final = 20
_LONGEST_LABEL: Final = 80
_RELIED_ON: Final = frozenset({"field-filled", "form-data-changed", "info-changed"})
"""What people take for a part of the document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureIntegrity:
    """One signature, without its cryptography."""

    signed: SignedField
    """Where it is, and its dictionary."""
    coverage: Coverage
    """What it covers."""
    permissions: Permissions
    """What it, with those before it, leaves open."""
    changes: tuple[Change, ...]
    """What became different after it, in the order of the revisions."""
    modifications: tuple[Check, ...]
    """What that means."""

    @property
    def revision(self) -> int:
        """The revision that it ends; where it ends none, the one that it stands in."""
        return self.signed.revision if self.coverage.revision is None else self.coverage.revision

    @property
    def checks(self) -> tuple[Check, ...]:
        """`byte-range`, `contents`, `modifications`, and a `change` for each that is not permitted."""
        return (*self.coverage.checks, *self.modifications)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """A file."""

    signatures: tuple[SignatureIntegrity, ...]
    """In the order of signing."""
    checks: tuple[Check, ...]
    """Of the file as a whole."""

    def headline(self, *, sound: Sequence[bool]) -> Integrity:
        """The trust-independent headline; `sound` says of each signature whether digest and value are right."""
        if not self.signatures:
            return Integrity.UNSIGNED
        checks = (*self.checks, *(check for s in self.signatures for check in s.checks))
        intact = all(sound) and not any(check.outcome is Outcome.FAILED for check in checks)
        return Integrity.INTACT if intact else Integrity.ALTERED


def examine(file: File) -> Examination:
    """Find the signatures of `file`, what each covers, and what was done since.

    Raises:
        SyntaxProblem: `file` is too large or too deep to be looked at.
    """
    found = signed_fields(file)
    extents = [coverage(file, signed) for signed in found]
    ended = [s.revision if c.revision is None else c.revision for s, c in zip(found, extents, strict=True)]
    since = min(ended, default=len(file.revisions))
    steps = tuple(differences(file, since)) if found else ()
    odd: tuple[Difference, ...] = ()
    if not all(c.whole_file for c in extents):  # to look for it costs more than all the rest
        odd = ambiguities(file, end=min(c.end for c in extents), revision=since)
    last = len(file.revisions) - 1
    signatures: list[SignatureIntegrity] = []
    permissions = Permissions()
    for signed, extent, revision in zip(found, extents, ended, strict=True):
        permissions = permissions.with_(permissions_of(signed, revision))
        since_then = [(number, d) for number, step in enumerate(steps[revision - since :], revision + 1) for d in step]
        since_then += [] if extent.whole_file else [(last, difference) for difference in odd]
        changes = tuple(_change(difference, number, permissions) for number, difference in since_then)
        signatures.append(
            SignatureIntegrity(
                signed=signed,
                coverage=extent,
                permissions=permissions,
                changes=changes,
                modifications=_judged([difference for _, difference in since_then], changes),
            )
        )
    return Examination(signatures=tuple(signatures), checks=tuple(_file_checks(file, signatures, since)))


def _change(difference: Difference, revision: int, permissions: Permissions) -> Change:
    facts = {key: _label(value) if isinstance(value, str) else value for key, value in difference.reason.facts.items()}
    return Change(
        kind=difference.kind,
        reason=Reason(difference.reason.code, facts),
        permitted=permissions.permits(difference),
        revision=revision,
        page=difference.page,
        field=_label(difference.field),
    )


def _label(text: str) -> str:
    """A name out of a hostile file, as it may stand in a sentence."""
    shown = "".join(c if c.isprintable() else "?" for c in text[:_LONGEST_LABEL])
    return shown if len(text) <= _LONGEST_LABEL else f"{shown}…"


def _judged(differences_: Sequence[Difference], changes: Sequence[Change]) -> tuple[Check, ...]:
    """What the changes after a signature mean: one check, and one more for each sort of change that it refuses."""
    refused = [(d, change) for d, change in zip(differences_, changes, strict=True) if not change.permitted]
    if refused:
        forbidden = all(difference.right is not Right.NEVER for difference, _ in refused)
        code = Reason("change-not-permitted") if forbidden else Reason("changed-after-signing")
        sorts = {change.reason.code: change.reason for _, change in reversed(refused)}
        details = [_check("change", reason, Outcome.FAILED) for reason in reversed(sorts.values())]
        return (_check("modifications", code, Outcome.FAILED), *details[:_MOST_DETAILS])
    if not changes:
        return (Check(name="modifications", outcome=Outcome.PASSED, clause=_CLAUSE),)
    most = max(difference.right for difference in differences_)
    return (_check("modifications", Reason("permitted-change", {"kind": _KINDS[most]}), Outcome.NOTED),)


_KINDS: Final = {
    Right.ALWAYS: "lta-updates",
    Right.FILL: "form-filling",
    Right.ANNOTATE: "annotations",
    Right.DESIGN: "form-filling",
    Right.UNCOVER: "annotations",
}


def _file_checks(file: File, signatures: Sequence[SignatureIntegrity], since: int) -> Iterator[Check]:
    """What concerns no signature by itself; the first of them ends revision `since`."""
    reader = Reader(file.latest)
    if signatures and file.rebuilt:
        yield _check("structure", Reason("structure-rebuilt"), Outcome.FAILED)
    strays: list[object] = list(islice(stray_widgets(reader, read_form(reader, reader.root)), 1))
    if signatures:
        strays += islice(stray_signatures(reader, [s.signed for s in signatures], since), 1)
    unreached = file.data.count(b"/ByteRange") > len(signatures)
    if strays or (unreached and not signatures):
        yield _check("fields", Reason("signature-unreachable"), Outcome.FAILED if strays else Outcome.NOTED)
    for signed in (s.signed for s in signatures):
        if len(signed.names) > 1:
            facts = {"fields": ", ".join(signed.names)}
            yield _check("fields", Reason("signature-shared", facts), Outcome.NOTED)
    if signatures and not any(s.coverage.whole_file for s in signatures):
        last = signatures[-1].changes
        said = any(
            c.kind is ChangeKind.ANNOTATION
            or c.reason.code in _RELIED_ON
            or (c.reason.code == "metadata-changed" and c.reason.facts["key"] == "Metadata")
            for c in last
        )
        # What is only evidence needs no signature; what says something has none.
        yield _check("coverage", Reason("appended-after-signing"), Outcome.UNKNOWN if said else Outcome.NOTED)


def _check(name: str, reason: Reason, outcome: Outcome) -> Check:
    return Check(name=name, outcome=outcome, clause=_CLAUSE, reason=reason)
