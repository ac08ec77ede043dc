"""PDF syntax with all its revisions: a strict, lazy, bounded reader (ISO 32000-2 §7).

>>> file = read(pdf)
>>> file.latest.entry(file.latest.root, "AcroForm")

`file` explains revisions and views, `objects` the Python values; nothing but `SyntaxProblem` is ever raised.
"""

from esign.syntax.file import File, Location, View, read
from esign.syntax.objects import Dict, Keyword, Name, Object, Ref, Stream, String, same
from esign.syntax.problems import DEFAULT, Limits, SyntaxProblem
from esign.syntax.revisions import Marker, Revision
from esign.syntax.source import Indirect
from esign.syntax.xref import Entry, EntryKind, SectionKind

__all__ = [
    "DEFAULT",
    "Dict",
    "Entry",
    "EntryKind",
    "File",
    "Indirect",
    "Keyword",
    "Limits",
    "Location",
    "Marker",
    "Name",
    "Object",
    "Ref",
    "Revision",
    "SectionKind",
    "Stream",
    "String",
    "SyntaxProblem",
    "View",
    "read",
    "same",
]
