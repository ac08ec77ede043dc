"""Before the first revision is fixed: pages from templates, given PDFs examined, marks made, room for them found.

The only package that imports pikepdf, typst and pypdfium2; nothing here touches a key or a signed file.
`esign.pdf.preflight`, `esign.pdf.print_copy` and `esign.pdf.templates` are asked for by their modules.
"""

from typing import TYPE_CHECKING

from esign import lazy

if TYPE_CHECKING:
    from esign.pdf.adopted import AdoptedParts, AdoptedPlace, adopted_mark, adopted_parts, find_adopted
    from esign.pdf.certified import append_statement
    from esign.pdf.fonts import FontSet
    from esign.pdf.layout import Places, find_places, find_top_right
    from esign.pdf.marks import (
        PERSON_MM,
        agency_mark,
        agency_mark_size,
        person_mark,
        person_top,
        red_seal_mark,
    )
    from esign.pdf.raster import page_count, page_image, page_text
    from esign.pdf.release_marks import Blank, field_mark, release_texts
    from esign.pdf.render import PDFA, Rendered, Renderer
    from esign.pdf.scan import LEAST_DPI, ScannedPage, ScanReport, check_scan
    from esign.pdf.seal_marks import qr_mark, seal_mark, seal_mark_size
    from esign.pdf.specimen import specimen_seal, specimen_signature
    from esign.pdf.templates import Template, certification, load
    from esign.pdf.text_marks import CopyForm, attachment_text, copy_text, text_line_mark, text_line_mark_size

__all__ = [
    "LEAST_DPI",
    "PDFA",
    "PERSON_MM",
    "AdoptedParts",
    "AdoptedPlace",
    "Blank",
    "CopyForm",
    "FontSet",
    "Places",
    "Rendered",
    "Renderer",
    "ScanReport",
    "ScannedPage",
    "Template",
    "adopted_mark",
    "adopted_parts",
    "agency_mark",
    "agency_mark_size",
    "append_statement",
    "attachment_text",
    "certification",
    "check_scan",
    "copy_text",
    "field_mark",
    "find_adopted",
    "find_places",
    "find_top_right",
    "load",
    "page_count",
    "page_image",
    "page_text",
    "person_mark",
    "person_top",
    "qr_mark",
    "red_seal_mark",
    "release_texts",
    "seal_mark",
    "seal_mark_size",
    "specimen_seal",
    "specimen_signature",
    "text_line_mark",
    "text_line_mark_size",
]

if not TYPE_CHECKING:
    __getattr__ = lazy.loader(
        __name__,
        {
            "adopted": "AdoptedParts AdoptedPlace adopted_mark adopted_parts find_adopted",
            "certified": "append_statement",
            "fonts": "FontSet",
            "layout": "Places find_places find_top_right",
            "marks": "PERSON_MM agency_mark agency_mark_size person_mark person_top red_seal_mark",
            "raster": "page_count page_image page_text",
            "release_marks": "Blank field_mark release_texts",
            "render": "PDFA Rendered Renderer",
            "scan": "LEAST_DPI ScannedPage ScanReport check_scan",
            "seal_marks": "qr_mark seal_mark seal_mark_size",
            "specimen": "specimen_seal specimen_signature",
            "templates": "Template certification load",
            "text_marks": "CopyForm attachment_text copy_text text_line_mark text_line_mark_size",
        },
    )
