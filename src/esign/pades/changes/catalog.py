"""What the document says of itself beside pages and form: the catalog and the trailer (ISO 32000-2 §7.7.2, §7.5.5)."""

from collections.abc import Iterator
from typing import Final

from esign.pades.changes.difference import Difference, Right
from esign.pades.changes.step import Step
from esign.pades.reading import Reader
from esign.reasons import Reason
from esign.report import ChangeKind
from esign.syntax import Dict, Object

__all__ = ["compare_catalog", "compare_trailer"]

_ELSEWHERE: Final = frozenset({"Pages", "AcroForm", "DSS", "StructTreeRoot"})
_UNSEEN: Final = frozenset({"Metadata", "PieceInfo", "SpiderInfo", "Legal"})
"""What no page shows and no reader acts on."""
_ACTIONS: Final = frozenset({"OpenAction", "AA"})
_FILES: Final = frozenset({"AF", "Collection"})
_VISIBILITY: Final = frozenset({"OCProperties"})
_WRITERS_OWN: Final = frozenset({"ModDate", "Producer"})
"""When and with what a file was written: whoever appends to it notes that, and no reader shows it as the document's."""


def compare_trailer(step: Step) -> Iterator[Difference]:
    """/Info and /Encrypt; /ID and /Size change with every update."""
    one, other = step.before.reader.view.trailer, step.after.reader.view.trailer
    if not step.is_kept(one.get("Encrypt"), other.get("Encrypt")):
        yield _never(ChangeKind.STRUCTURE, Reason("encryption-changed"))
    if "Info" in other and not step.is_kept(one.get("Info"), other.get("Info")):
        then, now = step.before.reader.dictionary(one, "Info"), step.after.reader.dictionary(other, "Info")
        dated = set(step.unlike(then, now)) <= _WRITERS_OWN
        code = Reason("info-dated") if dated else Reason("info-changed")
        yield Difference(kind=ChangeKind.METADATA, reason=code, right=Right.ALWAYS)


def compare_catalog(step: Step) -> Iterator[Difference]:
    """Every entry of the catalog that has no module of its own."""
    one, other = step.before.root, step.after.root
    for key in step.unlike(one, other, without=_ELSEWHERE):
        if key == "Version":
            yield from _compare_version(step, one, other)
        elif key == "Extensions":
            yield from _compare_extensions(step, one, other)
        elif key == "Perms":
            yield from _compare_permissions(step, one, other)
        elif key == "Names":
            yield from _compare_names(step, one, other)
        elif key in _UNSEEN and (key != "Legal" or key not in one):
            yield Difference(
                kind=ChangeKind.METADATA, reason=Reason("metadata-changed", {"key": key}), right=Right.ALWAYS
            )
        else:
            yield _never(_kind(key), Reason("catalog-changed", {"key": key}))


def _kind(key: str) -> ChangeKind:
    if key in _ACTIONS:
        return ChangeKind.ACTION
    if key in _FILES:
        return ChangeKind.ATTACHMENT
    return ChangeKind.PAGE if key in _VISIBILITY else ChangeKind.OTHER


def _compare_version(step: Step, one: Dict, other: Dict) -> Iterator[Difference]:
    """A later version of PDF may be named, not an earlier one (Table 29)."""
    if _number(step.after.reader.name(other, "Version")) < _number(step.before.reader.name(one, "Version")):
        yield _never(ChangeKind.STRUCTURE, Reason("version-lowered"))
    else:
        yield Difference(
            kind=ChangeKind.METADATA, reason=Reason("metadata-changed", {"key": "Version"}), right=Right.ALWAYS
        )


def _compare_extensions(step: Step, one: Dict, other: Dict) -> Iterator[Difference]:
    """Extensions of PDF may be added and raised; a reader that no longer knows of one shows something else (§7.12)."""
    then, now = step.before.reader.dictionary(one, "Extensions"), step.after.reader.dictionary(other, "Extensions")
    for prefix in sorted(then.keys() - {"Type"}):
        had = list(_levels(step.before.reader, then.get(prefix)))
        has = list(_levels(step.after.reader, now.get(prefix)))
        if not all(any(level <= given for given in has) for level in had):
            yield _never(ChangeKind.STRUCTURE, Reason("extension-lowered", {"extension": prefix}))
            return
    yield Difference(
        kind=ChangeKind.METADATA, reason=Reason("metadata-changed", {"key": "Extensions"}), right=Right.ALWAYS
    )


def _levels(reader: Reader, value: Object) -> Iterator[tuple[tuple[int, ...], int]]:
    """Base version and level of a developer's extension, or of several (PDF 2.0)."""
    found = reader.resolve(value)
    for item in found if isinstance(found, list) else [found]:
        node = reader.resolve(item)
        if isinstance(node, Dict):
            yield _number(reader.name(node, "BaseVersion")), reader.number(node, "ExtensionLevel")


def _number(version: str) -> tuple[int, ...]:
    """A version as something to compare; what is no version is the lowest."""
    parts = version.split(".")
    return tuple(int(p) for p in parts) if all(p.isdecimal() and len(p) < 6 for p in parts) else ()


def _compare_permissions(step: Step, one: Dict, other: Dict) -> Iterator[Difference]:
    """What the certification permits stands in it; nobody takes it back (§12.8.6)."""
    then, now = step.before.reader.dictionary(one, "Perms"), step.after.reader.dictionary(other, "Perms")
    if any(not step.is_kept(then[key], now.get(key)) for key in then):
        yield _never(ChangeKind.SIGNATURE, Reason("permissions-removed"))
    else:
        yield Difference(kind=ChangeKind.SIGNATURE, reason=Reason("permissions-added"), right=Right.FILL)


def _compare_names(step: Step, one: Dict, other: Dict) -> Iterator[Difference]:
    then, now = step.before.reader.dictionary(one, "Names"), step.after.reader.dictionary(other, "Names")
    for key in step.unlike(then, now):
        if key == "EmbeddedFiles":
            yield _never(ChangeKind.ATTACHMENT, Reason("attachments-changed"))
        elif key == "JavaScript":
            yield _never(ChangeKind.ACTION, Reason("scripts-changed"))
        else:
            yield _never(ChangeKind.OTHER, Reason("catalog-changed", {"key": key}))


def _never(kind: ChangeKind, reason: Reason) -> Difference:
    return Difference(kind=kind, reason=reason, right=Right.NEVER)
