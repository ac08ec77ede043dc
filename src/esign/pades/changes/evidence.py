"""Validation data: the document security store (EN 319 142-1 §5.4, ISO 32000-2 §12.8.4.3).

Software replaces stores, entries and arrays as it likes, under new numbers and with freed old ones. Evidence proves
itself, so all of it is permitted, as long as there is a store where one was and it is made as the standard says.
"""

from collections.abc import Iterator
from typing import Final

from esign.pades.changes.difference import Difference, Right
from esign.pades.changes.step import Step
from esign.pades.reading import Reader
from esign.reasons import Reason
from esign.report import ChangeKind
from esign.syntax import Dict, Object, Stream

__all__ = ["compare_evidence"]

_STORE: Final = ("Certs", "CRLs", "OCSPs")
_ENTRY: Final = ("Cert", "CRL", "OCSP")


def compare_evidence(step: Step) -> Iterator[Difference]:
    """/DSS of both revisions."""
    one, other = step.before.root.get("DSS"), step.after.root.get("DSS")
    if step.is_kept(one, other):
        return
    store = step.after.reader.resolve(other)
    if store is None:
        yield Difference(kind=ChangeKind.EVIDENCE, reason=Reason("evidence-removed"), right=Right.NEVER)
    elif not _is_store(step.after.reader, store):
        yield Difference(kind=ChangeKind.EVIDENCE, reason=Reason("evidence-malformed"), right=Right.NEVER)
    else:
        code = Reason("evidence-added") if one is None else Reason("evidence-changed")
        yield Difference(kind=ChangeKind.EVIDENCE, reason=code, right=Right.ALWAYS)


def _is_store(reader: Reader, store: Object) -> bool:
    """Whether it holds nothing but streams where evidence belongs (Tables 261 and 262)."""
    if not isinstance(store, Dict) or not _holds_streams(reader, store, _STORE):
        return False
    entries = reader.entry(store, "VRI")
    if entries is None:
        return True
    if not isinstance(entries, Dict):
        return False
    found = [reader.resolve(entry) for key, entry in entries.items() if key != "Type"]
    return all(isinstance(entry, Dict) and _holds_streams(reader, entry, _ENTRY) for entry in found)


def _holds_streams(reader: Reader, node: Dict, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if key in node:
            items = reader.entry(node, key)
            if not isinstance(items, list) or not all(isinstance(reader.resolve(i), Stream) for i in items):
                return False
    return True
