"""The folder of anchors elsewhere: the register remembers it, so it cannot vanish unnoticed (docs/spec/audit.md §4).

An entry `audit.kept` names an anchor that lies there. Where that anchor is not, the folder is another one, an empty
mount point, or nobody says any more where it is; then a register that is older than its anchors would look like any
other. What counts is what lies in the folder, not its path: hosts may mount it in different places.
"""

from esign.auditing.anchor_text import CONTENT, SIGNATURE, AnchorText
from esign.errors import RegistryError
from esign.files import Folder
from esign.registry import Anchor
from esign.registry.audit_log import AuditLog

__all__ = ["KEPT", "export_anchors", "kept_anchor", "refuse_lost", "settle"]

KEPT = "audit.kept"
"""The act."""
_OBJECT = "anchors"
"""Of every such entry, so that the newest is found at once."""


def kept_anchor(log: AuditLog) -> Anchor | None:
    """An anchor that lies elsewhere, as the register remembers; None where none was, or none is any more."""
    said = log.latest(KEPT, object=_OBJECT)
    if said is None or not said.digest:
        return None
    return log.last_anchor(before=said)


def refuse_lost(log: AuditLog, folder: Folder | None) -> None:
    """Return if `folder` is the one where anchors are kept, or none were kept anywhere yet.

    Raises:
        RegistryError: `audit-anchors-nowhere`: they were kept in a folder, and none is named any more;
            `audit-anchors-gone`: `folder` has not the one that must be there; `disk-not-readable`.
    """
    anchor = kept_anchor(log)
    if anchor is None:
        return
    name = AnchorText.read(anchor.content).name
    if folder is None:
        raise RegistryError("audit-anchors-nowhere", name=name)
    if folder.get(f"{name}{CONTENT}") != anchor.content.encode():
        raise RegistryError("audit-anchors-gone", folder=folder.path.name, name=name)


def export_anchors(log: AuditLog, folder: Folder | None) -> int:
    """Put into the folder what is not there yet, and say how many that were; the first time it is remembered.

    Raises:
        RegistryError: As `refuse_lost`; `audit-anchors-other`: anchors of a chain that went on otherwise lie there.
    """
    refuse_lost(log, folder)
    if folder is None:
        return 0
    copied = _copy(log, folder)
    if kept_anchor(log) is None:
        _remember(log)
    return copied


def settle(log: AuditLog, folder: Folder | None) -> int:
    """Keep anchors in `folder` from now on, whatever was before; None keeps them nowhere else.

    For people: whoever moves to another folder, or gives one up, says so, and that stays in the chain.

    Raises:
        RegistryError: `audit-anchors-other`, `disk-not-writable`.
    """
    copied = _copy(log, folder) if folder is not None else 0
    if folder is not None:
        _remember(log)
    elif kept_anchor(log) is not None:
        log.record(KEPT, object=_OBJECT)
    return copied


def _copy(log: AuditLog, folder: Folder) -> int:
    there = set(folder.names())
    anchors = log.anchors()
    if anchors:
        newest = anchors[-1]
        stored = folder.get(f"{AnchorText.read(newest.content).name}{CONTENT}")
        if stored is not None and stored != newest.content.encode():
            raise RegistryError("audit-anchors-other", folder=folder.path.name)
    missing = [(AnchorText.read(a.content).name, a) for a in anchors]
    missing = [(name, a) for name, a in missing if f"{name}{SIGNATURE}" not in there]
    for name, anchor in missing:
        folder.put(f"{name}{CONTENT}", anchor.content.encode())
        folder.put(f"{name}{SIGNATURE}", anchor.signature)
    return len(missing)


def _remember(log: AuditLog) -> None:
    newest = log.last_anchor()
    if newest is not None:
        log.record(KEPT, object=_OBJECT, digest=AnchorText.read(newest.content).hash)
