"""Before the first revision is fixed: pages from templates, given PDFs examined, marks made, room for them found.

The only package that imports pikepdf, typst and pypdfium2; nothing here touches a key or a signed file.
"""

from esign.pdf.fonts import FontSet
from esign.pdf.layout import Places, find_places
from esign.pdf.marks import (
    PERSON_MM,
    agency_mark,
    agency_mark_size,
    person_mark,
    person_top,
    qr_mark,
    seal_mark,
    seal_mark_size,
)
from esign.pdf.preflight import Preflight, preflight
from esign.pdf.raster import page_count, page_image, page_text
from esign.pdf.release_marks import Blank, field_mark, release_texts
from esign.pdf.render import PDFA, Rendered, Renderer
from esign.pdf.specimen import specimen_seal, specimen_signature
from esign.pdf.templates import Template, load, templates

__all__ = [
    "PDFA",
    "PERSON_MM",
    "Blank",
    "FontSet",
    "Places",
    "Preflight",
    "Rendered",
    "Renderer",
    "Template",
    "agency_mark",
    "agency_mark_size",
    "field_mark",
    "find_places",
    "load",
    "page_count",
    "page_image",
    "page_text",
    "person_mark",
    "person_top",
    "preflight",
    "qr_mark",
    "release_texts",
    "seal_mark",
    "seal_mark_size",
    "specimen_seal",
    "specimen_signature",
    "templates",
]
