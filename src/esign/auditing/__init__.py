"""The audit chain, held against its own hashes and against anchors: signatures of the agency's key over how far it was.

>>> Anchoring(registry.audit, key=key, mechanism=mechanism, folder=folder, now=now).anchor()
>>> report = verify_chain(registry.audit.all(), stored=registry.audit.anchors(), kept=read_folder(folder), judge=judge)
>>> report.first_bad
"""

from typing import TYPE_CHECKING

from esign import lazy

if TYPE_CHECKING:
    from esign.auditing.anchor_text import AnchorText
    from esign.auditing.anchors import Anchoring, SignerJudge, read_folder, trusted_by
    from esign.auditing.elsewhere import kept_anchor, refuse_lost, settle
    from esign.auditing.verification import AuditReport, BadEntry, Walk, verify_chain

__all__ = [
    "AnchorText",
    "Anchoring",
    "AuditReport",
    "BadEntry",
    "SignerJudge",
    "Walk",
    "kept_anchor",
    "read_folder",
    "refuse_lost",
    "settle",
    "trusted_by",
    "verify_chain",
]

if not TYPE_CHECKING:
    __getattr__ = lazy.loader(
        __name__,
        {
            "anchor_text": "AnchorText",
            "anchors": "Anchoring SignerJudge read_folder trusted_by",
            "elsewhere": "kept_anchor refuse_lost settle",
            "verification": "AuditReport BadEntry Walk verify_chain",
        },
    )
