"""Before the first revision is fixed: pages from templates, given PDFs examined, marks made, room for them found.

The only package that imports pikepdf, typst and pypdfium2; nothing here touches a key or a signed file.
"""

from esign.pdf.fonts import FontSet
from esign.pdf.layout import Places, find_places
from esign.pdf.marks import agency_mark, agency_mark_size, seal_mark, seal_mark_size
from esign.pdf.preflight import Preflight, preflight
from esign.pdf.raster import page_count, page_image, page_text
from esign.pdf.render import PDFA, Rendered, Renderer
from esign.pdf.specimen import specimen_seal
from esign.pdf.templates import Template, load, templates

__all__ = [
    "PDFA",
    "FontSet",
    "Places",
    "Preflight",
    "Rendered",
    "Renderer",
    "Template",
    "agency_mark",
    "agency_mark_size",
    "find_places",
    "load",
    "page_count",
    "page_image",
    "page_text",
    "preflight",
    "seal_mark",
    "seal_mark_size",
    "specimen_seal",
    "templates",
]
