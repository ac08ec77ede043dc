"""What became of a document since it was signed: every difference between two revisions, and who permits it.

`timeline` walks through the revisions, the other modules know one part of a document each. They report what became
different and what a signer must have left open for it (`Right`); what a signer did leave open is read by
`esign.pades.permissions`.
"""

from esign.pades.changes.difference import Difference, Right
from esign.pades.changes.structure import ambiguities
from esign.pades.changes.timeline import differences

__all__ = ["Difference", "Right", "ambiguities", "differences"]
