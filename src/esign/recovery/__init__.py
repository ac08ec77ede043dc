"""Backup and restore: comparing the register with its files, and catching up after an old copy was restored.

The second copy of the register is what it led to: signed files in the archive, status lists at the public host, anchors
of the audit chain in other hands. What the register should know and does not, they tell (docs/adr/0026-recovery.md).

>>> for finding in check(registry, archive=archive, spool=spool): print(finding.reason)
>>> for step in Recovering(registry, archive=archive, ...).run(): print(step.reason)
"""

from typing import TYPE_CHECKING

from esign import lazy

if TYPE_CHECKING:
    from esign.recovery.behind import refuse_behind_archive, refuse_behind_status
    from esign.recovery.checking import Finding, check
    from esign.recovery.copying import copy_database
    from esign.recovery.issued_file import Reader
    from esign.recovery.orphans import sweep_orphans
    from esign.recovery.published import PublishedStatus, published_counters, read_published
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
    "published_counters",
    "read_published",
    "refuse_behind_archive",
    "refuse_behind_status",
    "refuse_older",
    "sweep_orphans",
]

# Whoever issues asks whether the register is behind its files, and recovers nothing.
if not TYPE_CHECKING:
    __getattr__ = lazy.loader(
        __name__,
        {
            "behind": "refuse_behind_archive refuse_behind_status",
            "checking": "Finding check",
            "copying": "copy_database",
            "issued_file": "Reader",
            "orphans": "sweep_orphans",
            "published": "PublishedStatus published_counters read_published",
            "recovering": "Recovering Step",
            "witnesses": "Witness newest_anchor refuse_older",
        },
    )
