"""Backup and restore: comparing the register with its files, and catching up after an old copy was restored.

The second copy of the register is what it led to: signed files in the archive, status lists at the public host, anchors
of the audit chain in other hands. What the register should know and does not, they tell (docs/adr/0026-recovery.md).

>>> for finding in check(registry, archive=archive, spool=spool): print(finding.reason)
>>> for step in Recovering(registry, archive=archive, ...).run(): print(step.reason)
"""

from esign.recovery.checking import Finding, check
from esign.recovery.copying import copy_database
from esign.recovery.issued_file import Reader
from esign.recovery.published import PublishedStatus, read_published
from esign.recovery.recovering import Recovering, Step
from esign.recovery.witnesses import Witness, newest_anchor, refuse_older

__all__ = [
    "Finding",
    "PublishedStatus",
    "Reader",
    "Recovering",
    "Step",
    "Witness",
    "check",
    "copy_database",
    "newest_anchor",
    "read_published",
    "refuse_older",
]
