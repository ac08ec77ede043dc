"""Find the QR seal of a document: the links that lie over seal symbols, and their pages."""

import io
import re
from dataclasses import dataclass, field

import pikepdf

__all__ = ["SealLink", "seal_links"]

# The shortest seal has some 300 digits (docs/spec/seal.md §4); `https://…/2024#12` is a link like others.
_SEAL_URL = re.compile(r"https://[a-z0-9.-]+/[0-9]+#[0-9]{100,}")
_MAX_PAGES = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class SealLink:
    """A link annotation whose target has the form of a seal's URL."""

    url: str = field(repr=False)
    """Its target."""
    page: int
    """The page that it is on, from 0."""


def seal_links(pdf: bytes) -> tuple[SealLink, ...]:
    """All seal links of `pdf`, in the order of the pages; none where it cannot be read."""
    try:
        with pikepdf.open(io.BytesIO(pdf)) as document:
            return tuple(
                link
                for number, page in enumerate(document.pages)
                if number < _MAX_PAGES
                for link in _on_page(page, number)
            )
    except (pikepdf.PdfError, ValueError, TypeError, RecursionError, AttributeError, KeyError):
        return ()


def _on_page(page: pikepdf.Page, number: int) -> list[SealLink]:
    found = []
    annotations = page.obj.get("/Annots")
    for annotation in annotations if isinstance(annotations, pikepdf.Array) else ():
        if not isinstance(annotation, pikepdf.Dictionary) or annotation.get("/Subtype") != "/Link":
            continue
        action = annotation.get("/A")
        url = str(action.get("/URI", "")) if isinstance(action, pikepdf.Dictionary) else ""
        if _SEAL_URL.fullmatch(url):
            found.append(SealLink(url=url, page=number))
    return found
