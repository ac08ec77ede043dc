"""Where the signatures of a PDF stand: reading only, a signed file is never written here."""

import io

import pikepdf

from esign.document import Box
from esign.errors import InputError

__all__ = ["signature_boxes"]

_MAX_PAGES = 5000


def signature_boxes(pdf: bytes) -> dict[str, Box]:
    """The visible signature fields by their fully qualified names.

    Raises:
        InputError: `pdf-damaged`.
    """
    try:
        with pikepdf.open(io.BytesIO(pdf)) as document:
            found: dict[str, Box] = {}
            for index, page in enumerate(document.pages[:_MAX_PAGES]):
                found |= _on_page(page, index)
            return found
    except (pikepdf.PdfError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise InputError("pdf-damaged", problem=type(e).__name__) from e


def _on_page(page: pikepdf.Page, index: int) -> dict[str, Box]:
    found: dict[str, Box] = {}
    annotations = page.obj.get("/Annots")
    for annotation in annotations if isinstance(annotations, pikepdf.Array) else ():
        if not isinstance(annotation, pikepdf.Dictionary) or annotation.get("/Subtype") != "/Widget":
            continue
        name, kind = _field(annotation)
        x1, y1, x2, y2 = (float(v) for v in annotation.get("/Rect", (0, 0, 0, 0)))
        if kind == "/Sig" and x1 != x2 and y1 != y2:
            rotate = int(page.get("/Rotate", 0)) % 360
            size = {"width": abs(x2 - x1), "height": abs(y2 - y1)}
            found[name] = Box(page=index, left=min(x1, x2), bottom=min(y1, y2), rotate=rotate, **size)
    return found


def _field(annotation: pikepdf.Object) -> tuple[str, str]:
    """The qualified name and the kind, which a widget may inherit from the fields above it."""
    names: list[str] = []
    kind, node = "", annotation
    for _ in range(32):
        if "/T" in node:
            names.append(str(node["/T"]))
        kind = kind or str(node.get("/FT", ""))
        if "/Parent" not in node:
            break
        node = node["/Parent"]
    return ".".join(reversed(names)), kind
