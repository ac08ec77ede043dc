"""The sealing revision: draw a mark on a page, with a link over it, as one incremental update.

The mark becomes page content, so every reader prints it; the link makes the symbol clickable for people who read
the document on the phone that they would scan it with, and says in words what the symbol is.
"""

import re

from esign.document import Box, Mark
from esign.pades.drawing import import_mark, placement
from esign.pades.updating import add_annotation, numbers, open_update, page_of, text, updating
from esign.syntax import Dict, Name, Object, Ref, String, SyntaxProblem, read
from esign.syntax.update import Update
from esign.syntax.writing import Data, Raw, object_text

__all__ = ["ends_revision", "stamp"]

_SAVED = Raw(b"".join(object_text(Data(Dict(), b"q\n"))))
"""What stands before all that the page draws, on every page."""


@updating
def stamp(pdf: bytes, mark: Mark, box: Box, *, url: str) -> bytes:
    """`pdf` with one more revision that draws `mark` into `box` and links it to `url`.

    The result starts with `pdf`, byte for byte.

    Raises:
        InputError: `pdf-not-updatable`.
    """
    update = open_update(pdf)
    ref, inherited = page_of(update, box.page)
    page = update.change(ref)
    page.setdefault("Resources", inherited.get("Resources"))
    name = _add_xobject(update, page, import_mark(update, mark, rotate=box.rotate))
    # What is there may leave its graphics state changed: q … Q around it gives ours the page's own (§8.4.2).
    before = update.add(_SAVED)
    matrix = b" ".join(b"%.4f" % v for v in placement(mark, box))
    after = update.add(Data(Dict(), b"\nQ\n/Artifact BMC q %s cm /%s Do Q EMC\n" % (matrix, name.encode())))
    page["Contents"] = [before, *_streams(update, page), after]
    add_annotation(update, ref, update.add(_link(box, url, mark.alt, ref)))
    return update.write().data


# The end of a revision with the salt line that a seal's digest ends with (docs/spec/seal.md §7).
_END = re.compile(rb"startxref\s+(\d{1,19})\s+%%EOF\s*?\n%esign-salt [0-9a-f]{32}\n\Z")


def ends_revision(pdf: bytes, offset: int) -> bool:
    """Whether a revision of `pdf` ends, with its salt line, at `offset`, and another one begins there.

    The cross-reference section that these bytes name must be one that the whole file still goes back to.
    """
    end = _END.search(pdf[max(0, offset - 2048) : offset])
    if end is None or offset >= len(pdf):
        return False
    try:
        revisions = read(pdf).revisions
    except SyntaxProblem:
        return False
    return int(end[1]) in {revision.startxref for revision in revisions}


def _add_xobject(update: Update, page: Dict, form: Ref) -> str:
    """Give the page its own resources: the ones it had, which other pages may share, and `form`."""
    own = Dict(update.dictionary(page, "Resources"))
    xobjects = Dict(update.dictionary(own, "XObject"))
    name = next(n for n in (f"EsignSeal{i}" for i in range(1 + len(xobjects))) if n not in xobjects)
    xobjects[name] = form
    own["XObject"] = xobjects
    page["Resources"] = own
    return name


def _streams(update: Update, page: Dict) -> list[Object]:
    if "Contents" not in page:
        return []
    held = update.array(page["Contents"])
    return [page["Contents"]] if held is None else held


def _link(box: Box, url: str, alt: str, page: Ref) -> Dict:
    right, top = box.left + box.width, box.bottom + box.height
    return Dict(
        {
            "Type": Name("Annot"),
            "Subtype": Name("Link"),
            "Rect": numbers(box.left, box.bottom, right, top),
            "P": page,
            "F": 4,  # Print, which PDF/A asks for (ISO 19005-2 §6.3.2)
            "Border": numbers(0, 0, 0),
            "Contents": text(alt),
            "A": Dict({"S": Name("URI"), "URI": String(url.encode("ascii"))}),
        }
    )
