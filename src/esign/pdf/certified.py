"""A certified electronic copy: the scan of an original, and behind it the page that says so (lời chứng).

The template `certification` sets the page; certifier and agency sign it all (NĐ 45/2020/NĐ-CP Đ.10, NĐ 23/2015).
This is the one place where a given file is rewritten, and only because nobody has signed it yet.

statement = renderer.render(certification(), data, agency=agency, number=number, issued=today, at=now, person=True)
certified = append_statement(scan, statement)
"""

import io
import re
from dataclasses import replace

import pikepdf

from esign.document import Box
from esign.errors import InputError
from esign.pdf._objects import survey
from esign.pdf._structure import open_pdf
from esign.pdf.render import Rendered

__all__ = ["append_statement"]

_BYTE_RANGE = re.compile(rb"/ByteRange\s*\[\s*\d")
# What the scan says of itself as a whole is no longer true of scan and statement together.
_CLAIMS = ("/Metadata", "/OutputIntents", "/MarkInfo", "/StructTreeRoot", "/PageLabels", "/Lang")


def append_statement(scan: bytes, statement: Rendered) -> Rendered:
    """`scan` (after preflight and `check_scan`) with the pages of `statement` behind it, and its places moved along.

    The result claims no PDF/A: a scanner's pages do not become archivable by ours.

    Raises:
        InputError: `already-signed`, `pdf-encrypted`, `pdf-damaged`.
    """
    with open_pdf(scan) as whole, pikepdf.open(io.BytesIO(statement.pdf)) as behind:
        if whole.is_encrypted:
            raise InputError("pdf-encrypted")
        signatures = survey(whole).signatures
        if signatures or _BYTE_RANGE.search(scan):  # DESIGN law 3: a signed byte is never rewritten
            raise InputError("already-signed", count=max(1, signatures))
        before = len(whole.pages)
        whole.pages.extend(behind.pages)
        for page in list(whole.pages):
            for key in ("/StructParents", "/Tabs"):
                if key in page.obj:
                    del page.obj[key]
        for claim in _CLAIMS:
            if claim in whole.Root:
                del whole.Root[claim]
        out = io.BytesIO()
        whole.save(out, deterministic_id=True, min_version="1.7")
    return replace(
        statement,
        pdf=out.getvalue(),
        pages=before + statement.pages,
        pdfa=None,
        seal=_behind(statement.seal, before) if statement.seal else None,
        signature=_behind(statement.signature, before),
        person=_behind(statement.person, before) if statement.person else None,
        release={name: _behind(box, before) for name, box in statement.release.items()},
    )


def _behind(box: Box, pages: int) -> Box:
    return replace(box, page=box.page + pages)
