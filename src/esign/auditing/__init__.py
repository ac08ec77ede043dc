"""The audit chain, held against its own hashes and against anchors: signatures of the agency's key over how far it was.

>>> Anchoring(registry.audit, key=key, mechanism=mechanism, folder=folder, now=now).anchor()
>>> report = verify_chain(registry.audit.all(), stored=registry.audit.anchors(), kept=read_folder(folder), judge=judge)
>>> report.first_bad
"""

from esign.auditing.anchors import Anchoring, AnchorText, SignerJudge, read_folder, trusted_by
from esign.auditing.verification import AuditReport, BadEntry, Walk, verify_chain

__all__ = [
    "AnchorText",
    "Anchoring",
    "AuditReport",
    "BadEntry",
    "SignerJudge",
    "Walk",
    "read_folder",
    "trusted_by",
    "verify_chain",
]
