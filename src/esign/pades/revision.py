"""The sealing revision: draw a mark on a page, with a link over it, as one incremental update.

The mark becomes page content, so every reader prints it; the link makes the symbol clickable for people who read
the document on the phone that they would scan it with, and says in words what the symbol is.
"""

import io
import re
from typing import Any

from pyhanko.pdf_utils import generic, misc
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.reader import PdfFileReader

from esign.document import Box, Mark
from esign.pades._writer import import_mark, numbers, open_update, placement, wrapped

__all__ = ["ends_revision", "stamp"]


@wrapped
def stamp(pdf: bytes, mark: Mark, box: Box, *, url: str) -> bytes:
    """`pdf` with one more revision that draws `mark` into `box` and links it to `url`.

    The result starts with `pdf`, byte for byte.

    Raises:
        InputError: `pdf-not-updatable`.
    """
    update = open_update(pdf)
    page_ref, resources = update.find_page_for_modification(box.page)
    page = page_ref.get_object()
    name = _add_xobject(page, _inherited(resources), import_mark(update, mark, rotate=box.rotate))
    # What is there may leave its graphics state changed: q … Q around it gives ours the page's own (§8.4.2).
    before = update.add_object(generic.StreamObject(stream_data=b"q\n"))
    matrix = b" ".join(b"%.4f" % v for v in placement(mark, box))
    drawing = b"\nQ\n/Artifact BMC q %s cm %s Do Q EMC\n" % (matrix, name.encode())
    after = update.add_object(generic.StreamObject(stream_data=drawing))
    page[pdf_name("/Contents")] = generic.ArrayObject([before, *_streams(page), after])
    update.register_annotation(page_ref, update.add_object(_link(box, url, mark.alt, page_ref)))
    update.mark_update(page_ref)
    output = io.BytesIO()
    update.write(output)
    return output.getvalue()


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
        xrefs = PdfFileReader(io.BytesIO(pdf), strict=False).xrefs
        known = {xrefs.get_startxref_for_revision(i) for i in range(xrefs.total_revisions)}
    except (misc.PdfError, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return False
    return int(end[1]) in known


def _inherited(resources: Any) -> generic.DictionaryObject:
    found = resources.get_object() if isinstance(resources, generic.IndirectObject) else resources
    return generic.DictionaryObject(found or {})


def _add_xobject(page: Any, resources: generic.DictionaryObject, form: Any) -> str:
    """Give the page its own resources: the ones it had, which other pages may share, and `form`."""
    known = resources.get("/XObject", generic.DictionaryObject())
    xobjects = generic.DictionaryObject({k: known.raw_get(k) for k in known})
    name = next(n for n in (f"/EsignSeal{i}" for i in range(1 + len(xobjects))) if n not in xobjects)
    xobjects[pdf_name(name)] = form
    own = generic.DictionaryObject({k: resources.raw_get(k) for k in resources})
    own[pdf_name("/XObject")] = xobjects
    page[pdf_name("/Resources")] = own
    return name


def _streams(page: Any) -> list[Any]:
    if "/Contents" not in page:
        return []
    reference = page.raw_get("/Contents")
    contents = reference.get_object()
    return list(contents) if isinstance(contents, generic.ArrayObject) else [reference]


def _link(box: Box, url: str, alt: str, page: Any) -> generic.DictionaryObject:
    right, top = box.left + box.width, box.bottom + box.height
    return generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Annot"),
            pdf_name("/Subtype"): pdf_name("/Link"),
            pdf_name("/Rect"): numbers(box.left, box.bottom, right, top),
            pdf_name("/P"): page,
            pdf_name("/F"): generic.NumberObject(4),  # Print, which PDF/A asks for (ISO 19005-2 §6.3.2)
            pdf_name("/Border"): numbers(0, 0, 0),
            pdf_name("/Contents"): pdf_string(alt),
            pdf_name("/A"): generic.DictionaryObject(
                {
                    pdf_name("/S"): pdf_name("/URI"),
                    pdf_name("/URI"): generic.ByteStringObject(url.encode("ascii")),
                }
            ),
        }
    )
